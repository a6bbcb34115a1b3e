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
import type { Config } from '../config/config.ts';
import { logOptions } from '../source.ts';
import { acceptLog } from './accept-log.ts';
import { CliError, type Command, EXIT, type Io, usage } from './io.ts';
import { CONFIG, onlyOne, parseOptions } from './options.ts';
import { configOf } from './place.ts';
import { configTemplate, IGNORED, USERS_TEMPLATE } from './templates.ts';

export const initCommand: Command = {
  line: 'init [DIR] [--origin NAME]',
  does: 'a commented sealrail.yaml, starter policies, a key and an empty log',
  help: `
Writes sealrail.yaml, users.yaml, policies/ (packs with their cases), log.key, log.vkey and an empty log
into DIR (here, if none is given). Never overwrites anything.

  --origin NAME   the log's name, for good: such as example.com/prod; a local one if none is given
  --log-only      only the empty log, for a configuration that is there already
  --accept-size N --accept-root ROOT
                  for a log whose state folder was lost: records anew that it has signed N entries
                  with this root (base64), as a checkpoint says that somebody else kept
  -c FILE         that configuration
  --json          one line: config, origin, vkey; with --accept-size: origin, size`,
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
    'accept-size': { type: 'string' },
    'accept-root': { type: 'string' },
  });
  if (positionals.length > 1) throw usage('init takes one folder', 'sealrail init [DIR]');
  const { config, 'accept-size': size, 'accept-root': root } = values;
  if (size !== undefined || root !== undefined)
    return acceptLog(await configOf(config, io), { size, root, json: values.json === true }, io);
  if (values['log-only']) return initLog(await configOf(config, io), values.json === true, io);
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
  sealrail policy test
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

async function initLog({ log, file }: Config, json: boolean, io: Io): Promise<number> {
  const { dir, key, origin } = log;
  await writing(dir, () => createLog(logOptions(log)));
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
