/** Reads sealrail.yaml and users.yaml. Unknown keys are errors; every error says file, line and column. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { encodeCanonical, type Json } from '@sealrail/sdk';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { parseVerifier } from '../gateway/postgres/scram.ts';
import type { Address, Config, LogConfig, PostgresTarget, User } from './config.ts';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { nearest } from './nearest.ts';
import { resolveSecret } from './secret.ts';

const ACCEPTABLE = [
  'superuser',
  'bypassrls',
  'createrole',
  'replication',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'pg_signal_backend',
  'create_in_search_path',
] as const;

const listen = z
  .string()
  .regex(/^(\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$/, 'must be HOST:PORT');
const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must be letters, digits, _ . or -');

const logShape = z.strictObject({
  dir: z.string().default('./data'),
  state: z.string().default('/var/lib/sealrail'),
  origin: z.string().min(1).max(255),
  key: z.string(),
  witnesses: z.unknown().optional(),
  durability: z.enum(['sync', 'async', 'none']).default('sync'),
  values: z.literal('commit').default('commit'),
});

const targetShape = z.strictObject({
  kind: z.literal('postgres'),
  env: z.enum(['dev', 'test', 'staging', 'prod']),
  mode: z
    .union([
      z.enum(['observe', 'enforce']),
      z.strictObject({ enforce: z.array(z.string()).min(1) }),
    ])
    .default('observe'),
  listen,
  upstream: z.strictObject({
    url: z.string(),
    password: z.string().optional(),
    tls: z.enum(['verify-full', 'disable']).optional(),
    role: z.unknown().optional(),
    accept: z.array(z.enum(ACCEPTABLE)).default([]),
  }),
  classes: z.record(z.string(), z.array(z.string())).default({}),
});

const configShape = z.strictObject({
  log: logShape,
  identity: z
    .strictObject({ oidc: z.unknown().optional(), users: z.string().default('users.yaml') })
    .default({ users: 'users.yaml' }),
  targets: z.record(name, targetShape),
  policies: z.string().default('./policies'),
  api: z.strictObject({ listen }).default({ listen: '127.0.0.1:7070' }),
});

const usersShape = z.strictObject({
  users: z.record(
    z.string().regex(/^[^\0\s,=]{1,63}$/, 'is no user name'),
    z.strictObject({
      type: z.enum(['human', 'service', 'agent']),
      groups: z.array(z.string()).default([]),
      roles: z.array(z.string()).default([]),
      scram: z.string(),
    }),
  ),
});

/** A YAML file that knows where each of its values stands. */
class Source {
  readonly file: string;
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly problems: ConfigProblem[] = [];

  constructor(file: string) {
    this.file = file;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new ConfigError([
        {
          file,
          message: code === 'ENOENT' ? 'there is no such file' : `cannot be read: ${code}`,
          hint: 'sealrail init writes one',
        },
      ]);
    }
    // Aliases could make a small file a large one; YAML 1.2 has no duplicate keys.
    this.#document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const error of this.#document.errors) {
      const { line, col } = this.#lines.linePos(error.pos[0]);
      this.problems.push({
        file,
        line,
        column: col,
        message: error.message.split('\n')[0] ?? 'is no YAML',
      });
    }
  }

  get value(): unknown {
    return this.#document.toJS({ maxAliasCount: 0 });
  }

  /** At the value of a path, or at the nearest thing above it that is there. */
  add(path: readonly PropertyKey[], message: string, hint?: string, atKey?: string): void {
    let depth = path.length;
    let node: unknown = this.#document.getIn(path.map(String), true);
    while (!isNode(node) && depth > 0)
      node = this.#document.getIn(path.slice(0, --depth).map(String), true);
    const pair =
      atKey !== undefined && isMap(node)
        ? node.items.find(({ key }) => isNode(key) && String(key) === atKey)
        : undefined;
    const at =
      pair && isNode(pair.key) ? pair.key.range?.[0] : isNode(node) ? node.range?.[0] : undefined;
    const { line, col } = this.#lines.linePos(at ?? 0);
    this.problems.push({
      file: this.file,
      line,
      column: col,
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['log', 'identity', 'targets', 'policies', 'api', 'users'],
  log: Object.keys(logShape.shape),
  identity: ['oidc', 'users'],
  target: Object.keys(targetShape.shape),
  upstream: ['url', 'password', 'tls', 'role', 'accept'],
  api: ['listen'],
  user: ['type', 'groups', 'roles', 'scram'],
};

function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const [top, , below] = path.map(String);
  if (path.length === 0) return KEYS[''] ?? [];
  if (top === 'targets') return (below === 'upstream' ? KEYS.upstream : KEYS.target) ?? [];
  if (top === 'users') return KEYS.user ?? [];
  return KEYS[top ?? ''] ?? [];
}

function check<T>(source: Source, shape: z.ZodType<T>): T | undefined {
  if (source.problems.length > 0) return undefined;
  const result = shape.safeParse(source.value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const meant = nearest(key, keysAt(issue.path));
        source.add(
          issue.path,
          `unknown key ${JSON.stringify(key)}`,
          meant === undefined
            ? `known here: ${keysAt(issue.path).join(', ')}`
            : `did you mean ${JSON.stringify(meant)}?`,
          key,
        );
      }
    } else {
      source.add(issue.path, `${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`);
    }
  }
  return undefined;
}

function parseAddress(text: string): Address {
  const cut = text.lastIndexOf(':');
  return { host: text.slice(0, cut).replace(/^\[|\]$/g, ''), port: Number(text.slice(cut + 1)) };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127\./.test(host);

function secret(source: Source, path: readonly PropertyKey[], reference: string): string {
  const found = resolveSecret(reference, dirname(source.file));
  if ('value' in found) return found.value;
  source.add(path, `${path.map(String).join('.')}: ${found.problem}`, found.hint);
  return '';
}

type RawTarget = z.infer<typeof targetShape>;

function upstreamOf(
  source: Source,
  path: readonly PropertyKey[],
  raw: RawTarget['upstream'],
): PostgresTarget['upstream'] {
  const refused = { host: '', port: 5432, user: '', database: '', accept: raw.accept };
  let url: URL;
  try {
    url = new URL(raw.url);
  } catch {
    source.add(
      [...path, 'url'],
      'upstream.url is no URL',
      'it looks like postgres://role@host:5432/database',
    );
    return refused;
  }
  if (!/^postgres(ql)?:$/.test(url.protocol))
    source.add(
      [...path, 'url'],
      `upstream.url has the scheme ${url.protocol}`,
      'it begins with postgres://',
    );
  if (url.password !== '')
    source.add(
      [...path, 'url'],
      'upstream.url holds a password in clear',
      'write it as password: env:NAME or file:PATH, and change it',
    );
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (raw.tls === 'verify-full')
    source.add(
      [...path, 'tls'],
      'tls: verify-full is not supported by this version',
      'tls: disable, on one machine or a private network',
    );
  else if (raw.tls === undefined && !isLoopback(host)) {
    source.add(
      [...path, 'url'],
      `${host} is another machine, and this version does not encrypt the upstream leg`,
      'say tls: disable if the network between is private',
    );
  }
  if (raw.role !== undefined)
    source.add(
      [...path, 'role'],
      'upstream.role is not supported by this version',
      'leave it out: every principal uses the role of upstream.url',
    );
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    database: decodeURIComponent(url.pathname.slice(1)),
    accept: raw.accept,
    ...(raw.password === undefined
      ? {}
      : { password: secret(source, [...path, 'password'], raw.password) }),
  };
}

/** `customers.email` is in the schema public, as it would be in SQL. */
function classesOf(
  source: Source,
  path: readonly PropertyKey[],
  raw: RawTarget['classes'],
): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(raw).map(([dataClass, columns]) => [
      dataClass,
      columns.map((column, at) => {
        const parts = column.split('.').length;
        if (parts !== 2 && parts !== 3)
          source.add(
            [...path, dataClass, at],
            `${JSON.stringify(column)} names no column`,
            'table.column or schema.table.column',
          );
        return parts === 2 ? `public.${column}` : column;
      }),
    ]),
  );
}

function targetOf(source: Source, name: string, raw: RawTarget): PostgresTarget {
  const path = ['targets', name];
  const address = parseAddress(raw.listen);
  if (!isLoopback(address.host)) {
    source.add(
      [...path, 'listen'],
      `${raw.listen} is reachable from other machines, and this version has no TLS for clients`,
      'listen on 127.0.0.1',
    );
  }
  return {
    kind: 'postgres',
    name,
    env: raw.env,
    mode: raw.mode,
    listen: address,
    upstream: upstreamOf(source, [...path, 'upstream'], raw.upstream),
    classes: classesOf(source, [...path, 'classes'], raw.classes),
  };
}

function logOf(source: Source, raw: z.infer<typeof logShape>): LogConfig {
  const folder = dirname(source.file);
  if (raw.witnesses !== undefined)
    source.add(
      ['log', 'witnesses'],
      'log.witnesses is not supported by this version',
      'leave it out, and keep checkpoints elsewhere',
    );
  if (raw.durability === 'async')
    source.add(
      ['log', 'durability'],
      'durability: async is not supported by this version',
      'sync is; none is for throw-aways',
    );
  const key = secret(source, ['log', 'key'], raw.key);
  const keyName = /^PRIVATE\+KEY\+([^+]+)\+/.exec(key)?.[1];
  if (key !== '' && keyName !== raw.origin)
    source.add(
      ['log', 'key'],
      `log.key is ${keyName === undefined ? 'no signing key' : `the key of ${keyName}`}, and log.origin is ${raw.origin}`,
      'a log and its key have one name: sealrail keygen ORIGIN',
    );
  return {
    dir: resolve(folder, raw.dir),
    state: resolve(folder, raw.state),
    origin: raw.origin,
    key,
    durability: raw.durability,
    values: raw.values,
  };
}

export function loadUsers(file: string): User[] {
  const source = new Source(file);
  const raw = check(source, usersShape);
  for (const [user, { scram }] of Object.entries(raw?.users ?? {})) {
    if (!parseVerifier(scram))
      source.add(
        ['users', user, 'scram'],
        `scram of ${user} is no SCRAM-SHA-256 verifier`,
        'sealrail users add NAME makes one',
      );
  }
  if (!raw || source.problems.length > 0) throw new ConfigError(source.problems);
  return Object.entries(raw.users).map(([user, rest]) => ({ name: user, ...rest }));
}

/** Throws ConfigError with everything that is wrong, not only the first of it. */
export function loadConfig(path: string): Config {
  const file = resolve(path);
  const source = new Source(file);
  const raw = check(source, configShape);
  if (!raw) throw new ConfigError(source.problems);
  if (raw.identity.oidc !== undefined)
    source.add(
      ['identity', 'oidc'],
      'identity.oidc is not supported by this version',
      'list users in users.yaml',
    );
  const log = logOf(source, raw.log);
  const targets = Object.entries(raw.targets).map(([target, one]) => targetOf(source, target, one));
  if (targets.length === 0)
    source.add(['targets'], 'there is no target', 'sealrail init shows one');
  const api = parseAddress(raw.api.listen);
  if (!isLoopback(api.host))
    source.add(
      ['api', 'listen'],
      'api.listen must be a loopback address: the console has no login yet',
      '127.0.0.1:7070, and an SSH tunnel',
    );
  let users: User[] = [];
  try {
    users = loadUsers(resolve(dirname(file), raw.identity.users));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    source.problems.push(...error.problems);
  }
  if (source.problems.length > 0) throw new ConfigError(source.problems);
  const shown = encodeCanonical({
    ...(raw as unknown as Record<string, Json>),
    users: users.map(({ scram: _, ...user }) => user) as unknown as Json,
  });
  return {
    file,
    log,
    users,
    targets,
    policies: resolve(dirname(file), raw.policies),
    api: { listen: api },
    digest: createHash('sha256').update(shown).digest('hex'),
  };
}
