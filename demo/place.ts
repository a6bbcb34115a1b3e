/** The demo's folder: PostgreSQL, configuration, users and log of one shop, kept between starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomPassword, scramVerifier } from '../packages/server/dist/config/password.js';
import { type RunningPostgres, startPostgres } from './postgres.ts';
import { createShop, SHOP_DATABASE, SHOP_ROLE } from './shop.ts';

export const sealrailBin = fileURLToPath(
  new URL('../packages/server/bin/sealrail.js', import.meta.url),
);
const shippedPolicies = fileURLToPath(new URL('../packages/server/policies', import.meta.url));

/** Ends the start with one sentence and an exit code of DESIGN section 5. */
export class DemoError extends Error {
  readonly exit: number;
  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

export interface DemoUser {
  readonly name: string;
  readonly type: 'human' | 'service' | 'agent';
  readonly groups: readonly string[];
}

export const DEMO_USERS: readonly DemoUser[] = [
  { name: 'alice', type: 'human', groups: ['analysts', 'writers'] },
  { name: 'dba', type: 'human', groups: ['dba'] },
  { name: 'svc', type: 'service', groups: ['writers'] },
  { name: 'agent-1', type: 'agent', groups: ['agents'] },
];

/** As root PostgreSQL runs as nobody, who has to be able to reach its folder through every one above it. */
function postgresFolder(folder: string): string {
  if (process.getuid?.() !== 0) return join(folder, 'postgres');
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) {
      return join(
        tmpdir(),
        `sealrail-demo-${Buffer.from(folder).toString('base64url').slice(-40)}`,
      );
    }
    if (at === dirname(at)) return join(folder, 'postgres');
  }
}

export function writeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch {
    throw new DemoError(
      78,
      `${folder} cannot be written: give it to the user that starts the demo, or start it elsewhere`,
    );
  }
}

/** A running daemon as a process of its own, as it would run anywhere. */
export interface DaemonProcess {
  readonly child: ChildProcess;
  readonly ready: {
    readonly api: string;
    readonly vkey: string;
    readonly gateways: readonly {
      readonly target: string;
      readonly address: { readonly port: number };
    }[];
  };
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export async function startDaemonProcess(
  config: string,
  say: (line: string) => void,
): Promise<DaemonProcess> {
  const child = spawn(process.execPath, [sealrailBin, 'up', '-c', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => resolve(code)),
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-8_000);
    for (const line of text.split('\n')) if (line !== '') say(line);
  });
  let output = '';
  const ready = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('\n')) resolve(output);
    });
  });
  const first = await Promise.race([ready, ended]);
  if (typeof first !== 'string')
    throw new DemoError(
      first ?? 69,
      /error: ([\s\S]*)/.exec(errors)?.[1]?.trim() ?? 'the daemon ended at once',
    );
  return {
    child,
    ready: JSON.parse(first) as DaemonProcess['ready'],
    stop: (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}

function run(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [sealrailBin, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new DemoError(code ?? 69, said.trim())),
    );
  });
}

export interface FolderOptions {
  readonly folder: string;
  readonly target: string;
  readonly database: string;
  readonly role: string;
  readonly rolePassword: string;
  readonly upstreamPort: number;
  readonly gatewayPort: number;
  readonly apiPort: number;
  readonly env: 'dev' | 'test' | 'staging' | 'prod';
  readonly mode?: string;
  readonly users: readonly DemoUser[];
  readonly policies?: string;
  readonly accept?: readonly string[];
  readonly personal: readonly string[];
}

/** Writes configuration, users and passwords; `sealrail init` has made the key and the log. */
export async function writeConfiguration(options: FolderOptions): Promise<void> {
  const { folder, users } = options;
  const file = join(folder, 'sealrail.yaml');
  if (!existsSync(file)) await run(['init', folder]);
  const origin = /^ {2}origin: (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
  writeFileSync(join(folder, 'upstream-password'), options.rolePassword, { mode: 0o600 });
  writeFileSync(
    file,
    `log: { dir: ./data, state: ./state, origin: ${origin}, key: file:./log.key }
identity: { users: users.yaml }
targets:
  ${options.target}:
    kind: postgres
    env: ${options.env}
    mode: ${options.mode ?? 'enforce'}
    listen: 127.0.0.1:${options.gatewayPort}
    upstream:
      url: postgres://${options.role}@127.0.0.1:${options.upstreamPort}/${options.database}
      password: file:./upstream-password
      accept: [${(options.accept ?? []).join(', ')}]
    classes: { personal: [${options.personal.join(', ')}] }
policies: ${options.policies ?? shippedPolicies}
api: { listen: 127.0.0.1:${options.apiPort} }
`,
  );
  const secrets = join(folder, 'demo-passwords.json');
  if (existsSync(secrets)) return;
  const passwords = Object.fromEntries(users.map(({ name }) => [name, randomPassword()]));
  const lines = users.map(
    ({ name, type, groups }) =>
      `  ${name}: { type: ${type}, groups: [${groups.join(', ')}], scram: "${scramVerifier(passwords[name] ?? '')}" }`,
  );
  writeFileSync(join(folder, 'users.yaml'), `users:\n${lines.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(secrets, JSON.stringify(passwords), { mode: 0o600 });
  chmodSync(secrets, 0o600);
}

export interface Demo {
  readonly postgres: RunningPostgres;
  readonly config: string;
  readonly passwords: Readonly<Record<string, string>>;
}

/** PostgreSQL with the shop in it, and everything that the daemon needs; the daemon is the caller's to start. */
export async function prepareDemo(options: {
  folder: string;
  gatewayPort: number;
  apiPort: number;
  say: (line: string) => void;
}): Promise<Demo> {
  const { folder, say } = options;
  writeFolder(folder);
  const marker = join(folder, 'shop-role-password');
  if (!existsSync(marker)) rmSync(postgresFolder(folder), { recursive: true, force: true });
  const postgres = await startPostgres({ dir: postgresFolder(folder) });
  try {
    if (!existsSync(marker)) {
      say('filling the shop: customers, orders, payments…');
      const password = randomBytes(18).toString('base64url');
      await createShop(postgres.url, password);
      writeFileSync(marker, password, { mode: 0o600 });
    }
    await writeConfiguration({
      folder,
      target: 'shop',
      database: SHOP_DATABASE,
      role: SHOP_ROLE,
      rolePassword: readFileSync(marker, 'utf8'),
      upstreamPort: postgres.port,
      gatewayPort: options.gatewayPort,
      apiPort: options.apiPort,
      env: 'prod',
      users: DEMO_USERS,
      personal: ['customers.email', 'customers.phone', 'customers.national_id'],
    });
    const passwords = JSON.parse(
      readFileSync(join(folder, 'demo-passwords.json'), 'utf8'),
    ) as Record<string, string>;
    return { postgres, config: join(folder, 'sealrail.yaml'), passwords };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
