/** `init`, `keygen`, `users add`, `config check`, `policy check`: what stands before a daemon runs. */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import {
  createLog,
  formatSecretKey,
  formatVkey,
  isKeyName,
  openSigner,
  secretKeyFromSeed,
} from '@sealrail/tlog';
import { parseDocument } from 'yaml';
import { loadConfig, loadUsers } from '../config/load.ts';
import { isUsablePassword, randomPassword, scramVerifier } from '../config/password.ts';
import { loadPolicies } from '../config/policies.ts';
import { CliError, type Command, EXIT, usage } from './io.ts';
import { parseOptions } from './options.ts';
import { configOf } from './place.ts';

const shipped = fileURLToPath(new URL('../../policies', import.meta.url));

/** A name that nobody else has, for a log that no witness knows yet. */
const localOrigin = (): string => `sealrail.invalid/${randomBytes(16).toString('hex')}`;

const newKey = (origin: string): string =>
  formatSecretKey(secretKeyFromSeed(origin, randomBytes(32)));

const configText = (
  origin: string,
): string => `# Sealrail's configuration. Unknown keys are errors; secrets stand here by reference only
# (env:NAME, file:PATH, exec:PROGRAM). \`sealrail config check\` says what is wrong; SIGHUP reads it again.
log:
  dir: ./data                      # log, journal and the private side store
  state: ./state                   # what was signed last: keep it on another disk, and out of backups of dir
  origin: ${origin}
  key: file:./log.key
  durability: sync                 # every decision is on disk before its effect
identity:
  users: users.yaml                # sealrail users add NAME --type human --group analysts
targets:
  shop:                            # the name by which policies and entries know it
    kind: postgres
    env: dev                       # dev | test | staging | prod: policies may be stricter in prod
    mode: observe                  # observe logs what would be denied; enforce denies; { enforce: [agents] } for some groups
    listen: 127.0.0.1:6432         # point your clients here
    upstream:
      url: postgres://sealrail@127.0.0.1:5432/shop
      password: env:SHOP_PASSWORD  # a plain role that owns nothing; the gateway alone knows it
      accept: []                   # privileges of that role that would otherwise refuse the start
    classes:
      personal: []                 # columns such as customers.email
policies: ./policies               # every *.cedar file in it
api:
  listen: 127.0.0.1:7070           # console and API, on this machine only
`;

const usersText = `# Who may connect. Passwords exist only as SCRAM verifiers: sealrail users add NAME --type human --group analysts
users: {}
`;

export const initCommand: Command = async (args, io) => {
  const { values, positionals } = parseOptions(args, { origin: { type: 'string' } });
  const folder = resolve(io.cwd, positionals[0] ?? '.');
  const file = join(folder, 'sealrail.yaml');
  if (existsSync(file))
    throw new CliError(
      EXIT.configuration,
      `${file} is there already`,
      'init never overwrites: choose another folder',
    );
  const origin = typeof values.origin === 'string' ? values.origin : localOrigin();
  if (!isKeyName(origin))
    throw usage(
      `${JSON.stringify(origin)} is no origin`,
      'such as example.com/prod: no scheme, no white space, no +',
    );
  mkdirSync(folder, { recursive: true });
  const key = newKey(origin);
  writeFileSync(join(folder, 'log.key'), `${key}\n`, { mode: 0o600, flag: 'wx' });
  writeFileSync(join(folder, 'log.vkey'), `${formatVkey(openSigner(key).key)}\n`);
  writeFileSync(file, configText(origin), { flag: 'wx' });
  writeFileSync(join(folder, 'users.yaml'), usersText, { mode: 0o600 });
  cpSync(shipped, join(folder, 'policies'), { recursive: true });
  await createLog({ dir: join(folder, 'data'), stateDir: join(folder, 'state'), key });
  if (values.json)
    io.out(JSON.stringify({ config: file, origin, vkey: formatVkey(openSigner(key).key) }));
  else {
    io.out(`wrote ${file}, users.yaml, policies/, and an empty log`);
    io.out(`public key, for auditors: ${formatVkey(openSigner(key).key)}`);
    io.say('next: edit sealrail.yaml, add users, then sealrail config check and sealrail up');
  }
  return EXIT.ok;
};

export const keygenCommand: Command = async (args, io) => {
  const { values, positionals } = parseOptions(args, { out: { type: 'string', short: 'o' } });
  const [origin] = positionals;
  if (origin === undefined || !isKeyName(origin))
    throw usage(
      'keygen takes the origin that the key is for',
      'sealrail keygen example.com/prod -o log.key',
    );
  const key = newKey(origin);
  const vkey = formatVkey(openSigner(key).key);
  if (typeof values.out === 'string')
    writeFileSync(values.out, `${key}\n`, { mode: 0o600, flag: 'wx' });
  else if (!values.json) io.out(key);
  if (values.json)
    io.out(
      JSON.stringify({
        origin,
        vkey,
        ...(values.out === undefined ? { key } : { file: values.out }),
      }),
    );
  else io.say(`public key: ${vkey}`);
  return EXIT.ok;
};

async function askPassword(io: Parameters<Command>[1], name: string): Promise<string> {
  const given = io.env.SEALRAIL_PASSWORD;
  if (given !== undefined) return given;
  if (!io.interactive) return randomPassword();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await lines.question(`password for ${name} (empty: a random one): `);
  lines.close();
  return typed === '' ? randomPassword() : typed;
}

export const usersCommand: Command = async (args, io) => {
  const [verb, ...rest] = args;
  const { values, positionals } = parseOptions(rest, {
    type: { type: 'string' },
    group: { type: 'string', multiple: true },
    role: { type: 'string', multiple: true },
    config: { type: 'string', short: 'c' },
  });
  const [name] = positionals;
  if (verb !== 'add' || name === undefined)
    throw usage('users add NAME --type human|service|agent [--group G]… [--role R]…');
  const type = values.type ?? 'human';
  if (!['human', 'service', 'agent'].includes(String(type)))
    throw usage(`--type ${type} is none of human, service, agent`);
  const config = configOf(values.config as string | undefined, io);
  const file = resolve(config.file, '..', 'users.yaml');
  if (loadUsers(file).some((user) => user.name === name))
    throw new CliError(EXIT.configuration, `${name} is in ${file} already`);
  const password = await askPassword(io, name);
  if (!isUsablePassword(password))
    throw usage('a password has 8 to 256 printable ASCII characters');
  const document = parseDocument(readFileSync(file, 'utf8'));
  const user = {
    type,
    groups: values.group ?? [],
    roles: values.role ?? [],
    scram: scramVerifier(password),
  };
  document.setIn(['users', name], document.createNode(user));
  writeFileSync(file, document.toString(), { mode: 0o600 });
  if (values.json)
    io.out(
      JSON.stringify({
        name,
        type,
        password: io.env.SEALRAIL_PASSWORD === undefined ? password : undefined,
      }),
    );
  else {
    io.out(`added ${name}`);
    if (io.env.SEALRAIL_PASSWORD === undefined) io.out(`password, shown this once: ${password}`);
    io.say('a running daemon takes it over with: kill -HUP PID');
  }
  return EXIT.ok;
};

export const configCommand: Command = async (args, io) => {
  const [verb, ...rest] = args;
  const { values } = parseOptions(rest, { config: { type: 'string', short: 'c' } });
  if (verb !== 'check') throw usage('config check [-c FILE]');
  const config = configOf(values.config as string | undefined, io);
  const policies = loadPolicies(config.policies);
  const summary = {
    file: config.file,
    targets: config.targets.length,
    users: config.users.length,
    policies: policies.policies.length,
    policySet: policies.digest,
  };
  if (values.json) io.out(JSON.stringify(summary));
  else
    io.out(
      `${config.file}: ${summary.targets} targets, ${summary.users} users, ${summary.policies} policies (set ${policies.digest.slice(0, 12)}): nothing is wrong`,
    );
  return EXIT.ok;
};

export const policyCommand: Command = async (args, io) => {
  const [verb, ...rest] = args;
  const { values, positionals } = parseOptions(rest, { config: { type: 'string', short: 'c' } });
  if (verb !== 'check')
    throw usage(
      'policy check [FOLDER]',
      'fmt, test, diff, apply, replay, report and except are not part of this version',
    );
  const folder =
    positionals[0] === undefined
      ? loadConfig(configOf(values.config as string | undefined, io).file).policies
      : resolve(io.cwd, positionals[0]);
  const { policies, digest } = loadPolicies(folder);
  if (values.json)
    io.out(JSON.stringify({ folder, policies: policies.map(({ id }) => id), policySet: digest }));
  else
    io.out(
      `${folder}: ${policies.length} policies parse and validate (set ${digest.slice(0, 12)})`,
    );
  return EXIT.ok;
};
