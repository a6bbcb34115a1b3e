/** `up`, `status`, `sql`, `explain`: the daemon, and what one asks of it. */
import pg from 'pg';
import { ApiUnavailable } from '../api/api.ts';
import type { Explanation } from '../api/explain.ts';
import { ConfigError } from '../config/errors.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { GatewayRefused } from '../gateway/postgres/gateway.ts';
import { CliError, type Command, EXIT, type Io, paint, usage } from './io.ts';
import { parseOptions } from './options.ts';
import { askDaemon, configOf } from './place.ts';

/** Every way in which a start fails, as a sentence and an exit code. */
export function startFailure(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof ConfigError) return new CliError(EXIT.configuration, error.message);
  if (error instanceof GatewayRefused)
    return new CliError(
      error.kind === 'unavailable' ? EXIT.unavailable : EXIT.configuration,
      error.message,
    );
  if (error instanceof ApiUnavailable) return new CliError(EXIT.unavailable, error.message);
  const { code, message, hint } = error as { code?: string; message?: string; hint?: string };
  if (code === 'LOG_LOCKED') return new CliError(EXIT.unavailable, message ?? '', hint);
  if (code?.startsWith('LOG_') || code?.startsWith('KEY_'))
    return new CliError(EXIT.configuration, message ?? '', hint);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new CliError(EXIT.configuration, `the data directory cannot be written: ${message}`);
  return new CliError(EXIT.unavailable, message ?? String(error));
}

export const upCommand: Command = async (args, io) => {
  const { values } = parseOptions(args, { config: { type: 'string', short: 'c' } });
  let daemon: Daemon;
  try {
    daemon = await startDaemon(configOf(values.config as string | undefined, io));
  } catch (error) {
    throw startFailure(error);
  }
  const { recovery, size, vkey } = daemon.log;
  io.say(
    `log: ${size} entries, epoch ${recovery.epoch}${recovery.cutTail ? `, cut a torn tail of ${recovery.cutTail.bytes} bytes` : ''}`,
  );
  for (const { target, address } of daemon.gateways)
    io.say(`${target}: postgres gateway on ${address.host}:${address.port}`);
  io.say(`console: ${daemon.api.url}`);
  io.out(JSON.stringify({ ready: true, api: daemon.api.url, gateways: daemon.gateways, vkey }));
  return new Promise((resolve) => {
    process.on('SIGHUP', () => {
      void daemon
        .reload()
        .then(({ ok, message }) =>
          io.say(ok ? `reloaded: ${message}` : `kept the old configuration: ${message}`),
        );
    });
    let stopping = false;
    const stop = (exit: number) => {
      if (stopping) return;
      stopping = true;
      daemon.close().then(
        () => resolve(exit),
        (error: unknown) => {
          io.say(`error: ${error instanceof Error ? error.message : error}`);
          resolve(EXIT.unavailable);
        },
      );
    };
    process.on('SIGINT', () => stop(EXIT.ok));
    process.on('SIGTERM', () => stop(EXIT.ok));
    void daemon.failed.then((error) => {
      io.say(`error: ${error.message}`);
      stop(EXIT.unavailable);
    });
  });
};

export const statusCommand: Command = async (args, io) => {
  const { values } = parseOptions(args, { config: { type: 'string', short: 'c' } });
  const config = configOf(values.config as string | undefined, io);
  const status = (await (await askDaemon(config, '/api/status')).json()) as {
    origin: string;
    size: number;
    signedSize: number;
    durability: string;
    policySet: string;
    rollback: string;
    targets: { name: string; env: string; mode: unknown; listen: { host: string; port: number } }[];
  };
  if (values.json) {
    io.out(JSON.stringify(status));
    return EXIT.ok;
  }
  io.out(
    `log        ${status.origin}: ${status.size} entries durable, ${status.signedSize} signed (${status.durability})`,
  );
  io.out(`policies   ${status.policySet.slice(0, 12)}`);
  for (const { name, env, mode, listen } of status.targets)
    io.out(
      `target     ${name} (${env}, ${typeof mode === 'string' ? mode : JSON.stringify(mode)}) on ${listen.host}:${listen.port}`,
    );
  io.out(`note       ${status.rollback}`);
  return EXIT.ok;
};

interface PgError {
  readonly severity?: string;
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
}

function showTable(result: pg.QueryResult, io: Io): void {
  const names = result.fields.map(({ name }) => name);
  if (names.length === 0) {
    io.out(`${result.command ?? ''}${result.rowCount === null ? '' : ` ${result.rowCount}`}`);
    return;
  }
  const rows = result.rows.map((row: unknown) =>
    (row as unknown[]).map((cell) =>
      cell === null ? '' : cell instanceof Date ? cell.toISOString() : String(cell),
    ),
  );
  const widths = names.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join(' | ')
      .trimEnd();
  io.out(line(names));
  io.out(widths.map((width) => '-'.repeat(width)).join('-+-'));
  for (const row of rows) io.out(line(row));
  io.out(`(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`);
}

function showError(error: PgError, json: boolean, io: Io): number {
  const { code = '', message, detail, hint, severity = 'ERROR' } = error;
  if (json)
    io.out(
      JSON.stringify({
        error: {
          severity,
          code,
          message,
          ...(detail ? { detail } : {}),
          ...(hint ? { hint } : {}),
        },
      }),
    );
  else {
    io.out(`${paint(io, 'red', `${severity}:`)}  ${message}`);
    if (detail) io.out(`DETAIL:  ${detail}`);
    if (hint) io.out(`HINT:  ${hint}`);
  }
  if (code === 'SR001') return EXIT.pending;
  return code === '42501' || code === '42601' || code === '54000' ? EXIT.denied : 1;
}

export const sqlCommand: Command = async (args, io) => {
  const { values, positionals } = parseOptions(args, {
    config: { type: 'string', short: 'c' },
    as: { type: 'string' },
    target: { type: 'string' },
  });
  const [text] = positionals;
  if (text === undefined || positionals.length > 1)
    throw usage('sql takes one statement, in quotes', 'sealrail sql "SELECT 1" [--as USER]');
  const config = configOf(values.config as string | undefined, io);
  const target = config.targets.find(
    ({ name }) => values.target === undefined || name === values.target,
  );
  if (!target) throw usage(`there is no target ${values.target}`);
  const user = String(values.as ?? io.env.SEALRAIL_USER ?? io.env.SEALRAIL_DEMO_USER ?? 'alice');
  const { passwordOf } = await import('./credentials.ts');
  const client = new pg.Client({
    host: target.listen.host,
    port: target.listen.port,
    user,
    password: passwordOf(user, config, io),
    database: target.upstream.database,
    application_name: 'sealrail sql',
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined);
  client.on('notice', (notice) => io.say(`NOTICE:  ${notice.message}`));
  try {
    await client.connect();
  } catch (error) {
    if (typeof (error as PgError).severity === 'string')
      return showError(error as PgError, values.json === true, io);
    const { host, port } = target.listen;
    throw new CliError(
      EXIT.unavailable,
      `no gateway answers at ${host}:${port}`,
      `sealrail up -c ${config.file} starts it`,
    );
  }
  try {
    const answer = await client.query({ text, rowMode: 'array' });
    const results = (Array.isArray(answer) ? answer : [answer]) as pg.QueryResult[];
    if (values.json)
      io.out(
        JSON.stringify({
          results: results.map(({ command, rowCount, fields, rows }) => ({
            command,
            rowCount,
            fields: fields.map(({ name }) => name),
            rows,
          })),
        }),
      );
    else for (const result of results) showTable(result, io);
    return EXIT.ok;
  } catch (error) {
    return showError(error as PgError, values.json === true, io);
  } finally {
    await client.end().catch(() => undefined);
  }
};

export const explainCommand: Command = async (args, io) => {
  const { values, positionals } = parseOptions(args, {
    config: { type: 'string', short: 'c' },
    as: { type: 'string' },
    target: { type: 'string' },
  });
  const [text] = positionals;
  if (text === undefined || positionals.length > 1)
    throw usage(
      'explain takes one statement, in quotes',
      'sealrail explain "DELETE FROM customers" [--as USER]',
    );
  const config = configOf(values.config as string | undefined, io);
  const user = String(values.as ?? io.env.SEALRAIL_USER ?? 'alice');
  const body = JSON.stringify({
    text,
    user,
    ...(values.target === undefined ? {} : { target: values.target }),
  });
  const response = await askDaemon(config, '/api/explain', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  const found = (await response.json()) as Explanation;
  if (values.json) io.out(JSON.stringify(found));
  else showExplanation(found, io);
  return found.verdict === 'allow'
    ? EXIT.ok
    : found.verdict === 'hold'
      ? EXIT.pending
      : EXIT.denied;
};

function showExplanation(found: Explanation, io: Io): void {
  const { sql } = found.facts as { sql: Record<string, unknown> };
  const verdict =
    found.verdict === 'allow'
      ? paint(io, 'green', 'allow')
      : paint(io, found.verdict === 'hold' ? 'yellow' : 'red', found.verdict);
  io.out(
    `verdict     ${verdict} (${found.code}) for ${found.user} on ${found.target}${found.mode === 'observe' ? ', observed only' : ''}`,
  );
  if (found.determining.length > 0) io.out(`policies    ${found.determining.join(', ')}`);
  if (found.syntaxError)
    io.out(
      `syntax      ${found.syntaxError.message}${found.syntaxError.position === undefined ? '' : ` at character ${found.syntaxError.position}`}`,
    );
  if (found.denial) {
    io.out(`message     ${found.denial.message}`);
    io.out(`hint        ${found.denial.hint}`);
  }
  if (found.statement !== undefined) io.out(`statement   ${found.statement}`);
  for (const key of ['scope', 'kinds', 'risks', 'doubts', 'routines', 'readOnly']) {
    const value = sql[key];
    if (Array.isArray(value) ? value.length > 0 : value !== undefined)
      io.out(`${key.padEnd(11)} ${Array.isArray(value) ? value.join(', ') : value}`);
  }
  for (const { action, id } of found.resources as { action: string; id: string }[])
    io.out(`asks        ${action} on ${id}`);
}
