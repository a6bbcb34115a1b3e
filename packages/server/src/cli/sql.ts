/** `sql`: one text through a gateway, as any client would send it, and what comes back. */
import pg from 'pg';
import { formatAddress } from '../config/address.ts';
import { passwordOf, targetOf, userOf } from './credentials.ts';
import { certificateProblem, reachable, tlsOf } from './gateway-tls.ts';
import { CliError, type Command, EXIT, type Io, paint, printable } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const sqlCommand: Command = {
  line: 'sql TEXT [--as USER] [--target T]',
  does: 'run one statement through a gateway',
  help: `
  TEXT         what to send, in quotes; a simple query, so that several statements may stand in it
  --as USER    as whom; SEALRAIL_USER, if not given
  --target T   the first one of the configuration, if not given
  --cert FILE  a certificate of one's own and its key, in PEM, where the gateway asks for one
  --key FILE
  -c FILE      the configuration
  --json       one line: results [{command, rowCount, fields, rows, more}], more being the rows left
               out; or error {severity, code, message, detail, hint}

The password is that of SEALRAIL_PASSWORD, or the one that npm start made, or is asked for. Over TLS only
the gateway is believed that shows the certificate which the configuration names.
Exit codes: 0 ok, 1 the server's own error, 69 no gateway, 75 pending approval, 77 denied.`,
  run: sql,
};

/** More rows than this are counted and not shown: a terminal is no place for them. */
export const ROWS_SHOWN_MAX = 1_000;
const CONNECT_MS_MAX = 10_000;

interface Result {
  readonly command: string;
  readonly rowCount: number | null;
  readonly fields: readonly string[];
  readonly rows: (readonly (string | null)[])[];
  /** Rows that were left out. */
  readonly more: number;
}

interface PgError {
  readonly severity?: string;
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

async function sql(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    as: { type: 'string' },
    target: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
  });
  const text = onlyOne(positionals, 'sql takes one text, in quotes', 'sealrail sql "SELECT 1"');
  const config = await configOf(values.config, io);
  const target = targetOf(values.target, config);
  const user = userOf(values.as, config, io);
  const ssl = tlsOf(target, { cert: values.cert, key: values.key });
  const byCertificate = target.tls?.clientCert === 'cert';
  const client = new pg.Client({
    ...reachable(target.listen),
    user,
    ...(byCertificate ? {} : { password: await passwordOf(user, config, io) }),
    ssl,
    enableChannelBinding: ssl !== false,
    database: target.upstream.database,
    application_name: 'sealrail sql',
    connectionTimeoutMillis: CONNECT_MS_MAX,
  });
  client.on('error', () => undefined);
  client.on('notice', ({ message }) => io.say(`NOTICE:  ${printable(message ?? '')}`));
  const json = values.json === true;
  try {
    await client.connect();
    const results = await query(client, text);
    if (json) io.out(JSON.stringify({ results }));
    else for (const result of results) showTable(result, io);
    return EXIT.ok;
  } catch (error) {
    if (isServerError(error)) return showError(error, json, io);
    const problem = certificateProblem(error);
    if (problem !== undefined)
      throw new CliError(
        EXIT.unavailable,
        `what answers at ${formatAddress(target.listen)} ${problem}`,
        'SIGHUP makes the daemon read its certificates again',
      );
    throw new CliError(
      EXIT.unavailable,
      `no gateway answers at ${formatAddress(target.listen)}`,
      `sealrail up -c ${config.file} starts it`,
    );
  } finally {
    // Not waited for: a connection that broke never says that it has ended.
    client.end().catch(() => undefined);
  }
}

const isServerError = (error: unknown): error is PgError =>
  typeof (error as PgError).severity === 'string';

/** Values as the server wrote them, not as JavaScript would round them. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

interface Kept {
  readonly rows: Result['rows'];
  more: number;
}

/** Keeps the first rows of each result and counts the rest, so that a large table does not fill memory. */
function query(client: pg.Client, text: string): Promise<Result[]> {
  return new Promise((resolve, reject) => {
    const kept = new Map<pg.ResultBuilder | undefined, Kept>();
    const keptOf = (result: pg.ResultBuilder | undefined): Kept => {
      const found = kept.get(result) ?? { rows: [], more: 0 };
      kept.set(result, found);
      return found;
    };
    const config: pg.QueryArrayConfig = { text, rowMode: 'array', types: AS_TEXT };
    const running = client.query(new pg.Query(config));
    running.on('row', (row: unknown, result) => {
      const into = keptOf(result);
      if (into.rows.length < ROWS_SHOWN_MAX) into.rows.push(row as (string | null)[]);
      else into.more++;
    });
    running.on('error', reject);
    running.on('end', (answer: pg.ResultBuilder | pg.ResultBuilder[]) => {
      const results = [answer].flat().map((result) => {
        const { command, rowCount, fields } = result;
        return { command, rowCount, fields: fields.map(({ name }) => name), ...keptOf(result) };
      });
      resolve(results);
    });
  });
}

function showTable({ command, rowCount, fields, rows, more }: Result, io: Io): void {
  if (fields.length === 0) {
    io.out(`${command}${rowCount === null ? '' : ` ${rowCount}`}`);
    return;
  }
  const cells = rows.map((row) => row.map((cell) => printable(cell ?? '')));
  const names = fields.map(printable);
  const widths = names.map((name, at) =>
    cells.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), name.length),
  );
  const line = (parts: readonly string[]): string =>
    parts
      .map((part, at) => part.padEnd(widths[at] ?? 0))
      .join(' | ')
      .trimEnd();
  io.out(line(names));
  io.out(widths.map((width) => '-'.repeat(width)).join('-+-'));
  for (const row of cells) io.out(line(row));
  const count = rows.length + more;
  io.out(`(${count} ${count === 1 ? 'row' : 'rows'})`);
  if (more > 0) io.say(`${more} of them are not shown: use psql for whole tables`);
}

function showError(error: PgError, json: boolean, io: Io): number {
  const { code = '', message, detail, hint, severity = 'ERROR' } = error;
  if (json) {
    const more = { ...(detail ? { detail } : {}), ...(hint ? { hint } : {}) };
    io.out(JSON.stringify({ error: { severity, code, message, ...more } }));
  } else {
    io.out(`${paint(io, 'red', `${severity}:`)}  ${printable(message)}`);
    for (const [label, text] of [
      ['DETAIL', detail],
      ['HINT', hint],
    ] as const)
      if (text) io.out(`${label}:  ${text.split('\n').map(printable).join('\n         ')}`);
  }
  return exitOf(code);
}

/** postgres-gateway.md, Codes: what the gateway refuses with, told from what the server itself says. */
function exitOf(code: string): number {
  if (code === 'SR001') return EXIT.pending;
  if (/^(42501|42601|54000|28...)$/.test(code)) return EXIT.denied;
  // The log or the database is not there at the moment.
  if (/^(57P0|53|58|08)/.test(code)) return EXIT.unavailable;
  return EXIT.failed;
}
