/** The whole system for tests: a real PostgreSQL, a daemon process as users run it, and a folder for both. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  type DaemonProcess,
  type DemoUser,
  startDaemonProcess,
  writeConfiguration,
} from '../demo/place.ts';
import { freePort, type RunningPostgres, startPostgres } from '../demo/postgres.ts';

export interface SystemOptions {
  readonly database: string;
  /** Run as superuser in the database before the daemon starts. */
  readonly setup?: string;
  /** Whatever else has to be there before the daemon starts. */
  readonly prepare?: (postgres: RunningPostgres) => Promise<void>;
  /** Role of the upstream connection; a plain one of this name is made unless it is the superuser. */
  readonly role?: string;
  readonly accept?: readonly string[];
  readonly policies?: string;
  readonly users: readonly DemoUser[];
  readonly env?: 'dev' | 'test' | 'staging' | 'prod';
  readonly mode?: string;
  readonly personal?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the server; with it TLS is offered. */
  readonly certificate?: { readonly cert: string; readonly key: string };
}

export interface System {
  readonly folder: string;
  readonly config: string;
  readonly gatewayPort: number;
  readonly api: string;
  readonly postgres: RunningPostgres;
  readonly vkeyFile: string;
  password(user: string): string;
  /** Connection string of a user, through the gateway. */
  url(user: string): string;
  /** What the daemon said on stderr. */
  readonly said: readonly string[];
  readonly daemon: DaemonProcess;
  startDaemon(): Promise<void>;
  stopDaemon(signal?: NodeJS.Signals): Promise<number | null>;
  stop(): Promise<void>;
}

/** A folder of its own, which a PostgreSQL under another uid can pass through. */
export function scratch(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `sealrail-${name}-`));
  chmodSync(folder, 0o711);
  return folder;
}

async function prepareDatabase(
  postgres: RunningPostgres,
  options: SystemOptions,
  role: string,
): Promise<void> {
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${options.database}`);
  if (role !== 'postgres')
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${postgres.password}'`);
  await admin.end();
  if (options.setup === undefined) return;
  const client = new pg.Client({ connectionString: postgres.url(options.database) });
  await client.connect();
  await client.query(options.setup);
  await client.end();
}

export async function startSystem(options: SystemOptions): Promise<System> {
  const folder = scratch('system');
  const role = options.role ?? 'postgres';
  mkdirSync(join(folder, 'sealrail'));
  const postgres = await startPostgres({
    dir: join(folder, 'postgres'),
    ...(options.settings ? { settings: options.settings } : {}),
    ...(options.certificate ? { certificate: options.certificate } : {}),
  });
  const home = join(folder, 'sealrail');
  const [gatewayPort, apiPort] = [await freePort(), await freePort()];
  const said: string[] = [];
  let daemon: DaemonProcess | undefined;
  const config = join(home, 'sealrail.yaml');
  const startDaemon = async () => {
    daemon = await startDaemonProcess(config, (line) => said.push(line));
  };
  try {
    await prepareDatabase(postgres, options, role);
    await writeConfiguration({
      folder: home,
      target: options.database,
      database: options.database,
      role,
      rolePassword: postgres.password,
      upstreamPort: postgres.port,
      gatewayPort,
      apiPort,
      env: options.env ?? 'prod',
      users: options.users,
      personal: options.personal ?? [],
      ...(options.mode === undefined ? {} : { mode: options.mode }),
      ...(options.policies === undefined ? {} : { policies: options.policies }),
      accept: options.accept ?? (role === 'postgres' ? ['superuser'] : []),
    });
    await options.prepare?.(postgres);
    await startDaemon();
  } catch (error) {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const passwords = JSON.parse(readFileSync(join(home, 'demo-passwords.json'), 'utf8')) as Record<
    string,
    string
  >;
  const password = (user: string): string => passwords[user] ?? '';
  return {
    folder: home,
    config,
    gatewayPort,
    api: `http://127.0.0.1:${apiPort}`,
    postgres,
    vkeyFile: join(home, 'log.vkey'),
    password,
    url: (user) =>
      `postgres://${user}:${password(user)}@127.0.0.1:${gatewayPort}/${options.database}`,
    said,
    get daemon() {
      if (!daemon) throw new Error('the daemon is not running');
      return daemon;
    },
    startDaemon,
    stopDaemon: async (signal) => daemon?.stop(signal) ?? null,
    stop: async () => {
      await daemon?.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Entries of the running log from an index on, oldest first. */
export async function entriesFrom<T>(api: string, from: number): Promise<T[]> {
  const found: T[] = [];
  let before: number | undefined;
  for (;;) {
    const query = new URLSearchParams({
      limit: '200',
      ...(before === undefined ? {} : { before: String(before) }),
    });
    const page = (await (await fetch(`${api}/api/entries?${query}`)).json()) as {
      entries: { index: number; entry: T }[];
      next?: number;
    };
    for (const { index, entry } of page.entries) {
      if (index < from) return found.reverse();
      found.push(entry);
    }
    if (page.next === undefined || page.next <= from) return found.reverse();
    before = page.next;
  }
}
