/** `init` and `keygen`: what has to stand before a daemon can run. */
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createLog,
  formatSecretKey,
  formatVkey,
  isKeyName,
  openSigner,
  secretKeyFromSeed,
} from '@sealrail/tlog';
import { CliError, type Command, EXIT, type Io, usage } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';
import { configTemplate, IGNORED, USERS_TEMPLATE } from './templates.ts';

export const initCommand: Command = {
  line: 'init [DIR] [--origin NAME]',
  does: 'a commented sealrail.yaml, starter policies, a key and an empty log',
  help: `
Writes sealrail.yaml, users.yaml, policies/, log.key, log.vkey and an empty log into DIR (here, if
none is given). Never overwrites anything.

  --origin NAME   the log's name, for good: such as example.com/prod; a local one if none is given
  --log-only      only the empty log, for a configuration that is there already
  -c FILE         with --log-only: that configuration
  --json          one line: config, origin, vkey`,
  run: init,
};

export const keygenCommand: Command = {
  line: 'keygen ORIGIN [-o FILE]',
  does: 'a signing key for a log',
  help: `
  ORIGIN     the name of the log that the key is for
  -o FILE    writes the key there (mode 0600) instead of to stdout; never overwrites
  --json     one line: origin, vkey, and key or file`,
  run: keygen,
};

const shippedPolicies = fileURLToPath(new URL('../../policies', import.meta.url));
const WRITTEN = ['sealrail.yaml', 'users.yaml', 'policies', 'log.key', 'log.vkey', 'data', 'state'];

/** A name that nobody else has, for a log that no witness knows yet (log-design.md, Identity). */
const localOrigin = (): string => `sealrail.invalid/${randomBytes(16).toString('hex')}`;

const newKey = (origin: string): string =>
  formatSecretKey(secretKeyFromSeed(origin, randomBytes(32)));
const vkeyOf = (key: string): string => formatVkey(openSigner(key).key);

function checkOrigin(origin: string): string {
  if (isKeyName(origin)) return origin;
  throw usage(
    `${JSON.stringify(origin)} is no origin`,
    'such as example.com/prod: no scheme, no white space, no +',
  );
}

async function init(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    ...CONFIG,
    origin: { type: 'string' },
    'log-only': { type: 'boolean' },
  });
  if (positionals.length > 1) throw usage('init takes one folder', 'sealrail init [DIR]');
  if (values['log-only']) return initLog(values.config, values.json === true, io);
  const folder = resolve(io.cwd, positionals[0] ?? '.');
  const origin = checkOrigin(values.origin ?? localOrigin());
  const there = WRITTEN.filter((name) => existsSync(join(folder, name)));
  if (there.length > 0)
    throw new CliError(
      EXIT.configuration,
      `${folder} holds ${there.join(', ')} already`,
      'init never overwrites: choose another folder',
    );
  const key = newKey(origin);
  await writing(folder, async () => {
    writeAll(folder, origin, key);
    await createLog({ dir: join(folder, 'data'), stateDir: join(folder, 'state'), key });
  });
  const file = join(folder, 'sealrail.yaml');
  const vkey = vkeyOf(key);
  if (values.json) io.out(JSON.stringify({ config: file, origin, vkey }));
  else {
    io.out(`wrote ${file}, users.yaml, policies/, a key and an empty log`);
    io.out(`public key, for auditors: ${vkey}`);
    io.say(`next: edit sealrail.yaml, then in ${folder}
  sealrail users add NAME --type human --group analysts
  sealrail config check
  sealrail up`);
  }
  return EXIT.ok;
}

function writeAll(folder: string, origin: string, key: string): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string, mode?: number): void =>
    writeFileSync(join(folder, name), text, {
      flag: 'wx',
      ...(mode === undefined ? {} : { mode }),
    });
  write('log.key', `${key}\n`, 0o600);
  write('log.vkey', `${vkeyOf(key)}\n`);
  write('users.yaml', USERS_TEMPLATE, 0o600);
  cpSync(shippedPolicies, join(folder, 'policies'), { recursive: true });
  if (!existsSync(join(folder, '.gitignore'))) write('.gitignore', IGNORED);
  // Last: what looks finished is finished.
  write('sealrail.yaml', configTemplate(origin));
}

/** What the disk refuses is a sentence, not a stack. */
async function writing(folder: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('LOG_')) throw error;
    throw new CliError(EXIT.configuration, `couldn't write into ${folder}: ${message}`);
  }
}

async function initLog(given: string | undefined, json: boolean, io: Io): Promise<number> {
  const { log, file } = await configOf(given, io);
  const { dir, state: stateDir, key, origin, durability } = log;
  await writing(dir, () =>
    createLog({ dir, stateDir, key, durability: durability === 'none' ? 'none' : 'sync' }),
  );
  if (json) io.out(JSON.stringify({ config: file, origin, vkey: vkeyOf(key) }));
  else {
    io.out(`created an empty log of ${origin} in ${dir}`);
    io.out(`public key, for auditors: ${vkeyOf(key)}`);
  }
  return EXIT.ok;
}

async function keygen(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { out: { type: 'string', short: 'o' } });
  const example = 'sealrail keygen example.com/prod -o log.key';
  const origin = checkOrigin(onlyOne(positionals, 'keygen takes the origin of a log', example));
  const key = newKey(origin);
  const vkey = vkeyOf(key);
  const file = values.out === undefined ? undefined : resolve(io.cwd, values.out);
  if (file !== undefined) writeKey(file, key);
  if (values.json) io.out(JSON.stringify({ origin, vkey, ...(file ? { file } : { key }) }));
  else {
    if (file === undefined) io.out(key);
    io.say(`public key: ${vkey}`);
  }
  return EXIT.ok;
}

function writeKey(file: string, key: string): void {
  try {
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'EEXIST'
      ? new CliError(EXIT.configuration, `${file} is there already`, 'a key is never overwritten')
      : new CliError(EXIT.configuration, `couldn't write ${file}: ${message}`);
  }
}
