/** The demo's folder: PostgreSQL, configuration, users and log of one shop, kept between starts. */
import { createHash, randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomPassword, scramVerifier } from '../packages/server/dist/config/password.js';
import { runSealrail } from './daemon.ts';
import { CONFIGURATION, DemoError } from './error.ts';
import { freePort, isFree } from './port.ts';
import { isOurs, type RunningPostgres, startPostgres, stopLeftover } from './postgres.ts';
import { createShop, SHOP_DATABASE, SHOP_ROLE } from './shop.ts';

export { type DaemonProcess, sealrailBin, startDaemonProcess } from './daemon.ts';
export { DemoError } from './error.ts';

const shippedPolicies = fileURLToPath(new URL('../packages/server/policies', import.meta.url));

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
const PERSONAL = ['customers.email', 'customers.phone', 'customers.national_id'];

export interface Demo {
  readonly postgres: RunningPostgres;
  readonly config: string;
  readonly passwords: Readonly<Record<string, string>>;
}

/** PostgreSQL with the shop in it, and all that the daemon needs; the daemon is the caller's to start. */
export async function prepareDemo(options: {
  folder: string;
  gatewayPort: number;
  apiPort: number;
  say: (line: string) => void;
}): Promise<Demo> {
  const { folder, say } = options;
  claimFolder(folder);
  const dir = postgresFolder(folder);
  const role = join(folder, 'shop-role-password');
  if (!existsSync(role)) {
    // A first start that was cut off: half a shop is none.
    stopLeftover(dir);
    rmSync(dir, { recursive: true, force: true });
  }
  const postgres = await startPostgres({
    dir,
    port: await keptPort(join(folder, 'postgres-port')),
  });
  try {
    if (!existsSync(role)) {
      say('filling the shop: customers, orders, payments…');
      const password = randomBytes(18).toString('base64url');
      await createShop(postgres.url, password);
      writeWhole(role, password);
    }
    await writeConfiguration({
      folder,
      target: 'shop',
      database: SHOP_DATABASE,
      role: SHOP_ROLE,
      rolePassword: readFileSync(role, 'utf8'),
      upstreamPort: postgres.port,
      gatewayPort: options.gatewayPort,
      apiPort: options.apiPort,
      env: 'prod',
      users: DEMO_USERS,
      personal: PERSONAL,
    });
    return { postgres, config: join(folder, 'sealrail.yaml'), passwords: readPasswords(folder) };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** The one of the last start where it is free: else every start would be a change of configuration. */
async function keptPort(file: string): Promise<number> {
  const kept = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const port = kept > 0 && (await isFree(kept)) ? kept : await freePort();
  writeWhole(file, String(port));
  return port;
}

const ELSEWHERE = 'set SEALRAIL_DEMO_DIR to another place';

/** Makes the folder, for its owner and for PostgreSQL's way through it. */
export function claimFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    accessSync(folder, constants.W_OK);
  } catch {
    throw new DemoError(
      CONFIGURATION,
      `${folder} cannot be written: give it to the user that starts the demo, or ${ELSEWHERE}`,
    );
  }
  // Root could write it; but then its owner could not start the demo any more.
  const { uid } = statSync(folder);
  if (process.getuid !== undefined && uid !== process.getuid())
    throw new DemoError(
      CONFIGURATION,
      `${folder} belongs to another user (uid ${uid}): start the demo as that user, or ${ELSEWHERE}`,
    );
}

/** As root PostgreSQL runs as nobody, who has to be able to reach its folder through every one above it. */
function postgresFolder(folder: string): string {
  const own = join(folder, 'postgres');
  if (process.getuid?.() !== 0) return own;
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) break;
    if (at === dirname(at)) return own;
  }
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const elsewhere = join(tmpdir(), `sealrail-demo-${name}`);
  if (isOurs(elsewhere)) return elsewhere;
  throw new DemoError(CONFIGURATION, `${elsewhere} belongs to somebody else: remove it`);
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

/** Key and log by `sealrail init`, once; then configuration, users and passwords. */
export async function writeConfiguration(options: FolderOptions): Promise<void> {
  const { folder } = options;
  const file = join(folder, 'sealrail.yaml');
  if (!existsSync(file)) await initialise(folder);
  const vkey = readFileSync(join(folder, 'log.vkey'), 'utf8');
  // A key is named like its log: NAME+ID+KEY.
  const origin = vkey.slice(0, vkey.indexOf('+'));
  writeWhole(join(folder, 'upstream-password'), options.rolePassword);
  writeWhole(file, configText(options, origin));
  writeUsers(folder, options.users);
}

/** What an `init` that was cut off left behind goes first: the configuration is the last that it writes. */
async function initialise(folder: string): Promise<void> {
  for (const name of ['users.yaml', 'policies', 'log.key', 'log.vkey', 'data', 'state'])
    rmSync(join(folder, name), { recursive: true, force: true });
  const { code, stderr } = await runSealrail(['init', folder]);
  if (code !== 0) throw new DemoError(code, stderr.trim());
}

const configText = (options: FolderOptions, origin: string): string =>
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
`;

const PASSWORDS = 'demo-passwords.json';

/** Passwords are written last: without them the users are made anew, with passwords that somebody knows. */
function writeUsers(folder: string, users: readonly DemoUser[]): void {
  if (existsSync(join(folder, PASSWORDS))) return;
  const passwords = Object.fromEntries(users.map(({ name }) => [name, randomPassword()]));
  const lines = users.map(({ name, type, groups }) => {
    const scram = scramVerifier(passwords[name] ?? '');
    return `  ${name}: { type: ${type}, groups: [${groups.join(', ')}], scram: "${scram}" }`;
  });
  writeWhole(join(folder, 'users.yaml'), `users:\n${lines.join('\n')}\n`);
  writeWhole(join(folder, PASSWORDS), JSON.stringify(passwords));
}

export const readPasswords = (folder: string): Record<string, string> =>
  JSON.parse(readFileSync(join(folder, PASSWORDS), 'utf8')) as Record<string, string>;

/** Whole or not at all, for its owner only. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.next`, text, { mode: 0o600 });
  renameSync(`${path}.next`, path);
}
