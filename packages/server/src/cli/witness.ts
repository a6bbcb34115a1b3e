/** `witness`: the other side. Somebody else runs it, on another machine, with one file. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  ED25519,
  formatSecretKey,
  formatVkey,
  isKeyName,
  MLDSA44,
  openCosigner,
  parseVkey,
  secretKeyFromSeed,
  sha256,
} from '@sealrail/tlog';
import { loadWitnessConfig } from '../witness/config.ts';
import { startWitness } from '../witness/server.ts';
import { createWitnessStore } from '../witness/store.ts';
import { CliError, type Command, EXIT, type Io, usage } from './io.ts';
import { parseOptions } from './options.ts';
import { commandOfVerbs } from './verbs.ts';

const initVerb: Command = {
  line: 'witness init NAME --log VKEY [DIR]',
  does: 'a new witness: its configuration, key and empty memory',
  help: `
Writes witness.yaml, witness.key, witness.vkey and witness.sqlite into DIR (here, if none is given),
and prints the line for the witness policy of the log.

  NAME          the witness's name, such as example.org/witness-1
  --log VKEY    the public key of a log to witness, or a file that holds it; may be given more than once
  --algorithm A ed25519, which everybody can check, or ml-dsa-44, which holds against quantum computers
  --json        one line: name, vkey, config`,
  run: async (args, io) => init(args, io),
};

const serveVerb: Command = {
  line: 'witness serve [-c FILE] [--init]',
  does: 'cosigns checkpoints that extend all it cosigned before',
  help: `
Answers c2sp.org/tlog-witness: POST /add-checkpoint, and GET /<sha256 of the origin>/checkpoint.

  -c FILE    the file that init wrote; witness.yaml, if none is given
  --init     begins with an empty memory, for a key that has never cosigned anything

When it is ready it prints one line of JSON: ready, url, vkey. SIGINT and SIGTERM stop it.
Its memory (witness.sqlite) is what a witness is for. Never put back an older copy, and never run two
witnesses with one key: either could cosign two histories, and the key is worth nothing from then on.
Exit codes: 0 stopped, 69 the address is taken, 78 configuration.`,
  run: serve,
};

export const witnessCommand: Command = commandOfVerbs(
  'witness',
  'be a witness of a log that somebody else runs',
  [initVerb, serveVerb],
);

const TYPES: Readonly<Record<string, typeof ED25519 | typeof MLDSA44>> = {
  ed25519: ED25519,
  'ml-dsa-44': MLDSA44,
};

const WRITTEN = ['witness.yaml', 'witness.key', 'witness.vkey', 'witness.sqlite'];

function init(args: readonly string[], io: Io): number {
  const { values, positionals } = parseOptions(args, {
    json: { type: 'boolean' },
    log: { type: 'string', multiple: true },
    algorithm: { type: 'string' },
  });
  const type = TYPES[values.algorithm ?? 'ed25519'];
  if (type === undefined) throw usage(`--algorithm is one of ${Object.keys(TYPES).join(', ')}`);
  const [name = '', folderName = '.', ...more] = positionals;
  const example = 'sealrail witness init example.org/witness-1 --log log.vkey';
  if (more.length > 0 || !isKeyName(name)) throw usage('witness init takes a name', example);
  const logs = (values.log ?? []).map((given) => readVkey(given, io));
  if (logs.length === 0) throw usage('--log says which log is witnessed', example);
  const folder = resolve(io.cwd, folderName);
  const there = WRITTEN.filter((file) => existsSync(join(folder, file)));
  if (there.length > 0)
    throw new CliError(
      EXIT.configuration,
      `${folder} holds ${there.join(', ')} already`,
      'init never overwrites: choose another folder',
    );
  const key = formatSecretKey(secretKeyFromSeed(name, randomBytes(32), type));
  const vkey = formatVkey(openCosigner(key).key);
  mkdirSync(folder, { recursive: true });
  const write = (file: string, text: string, mode = 0o644): void =>
    writeFileSync(join(folder, file), text, { mode, flag: 'wx' });
  write('witness.key', `${key}\n`, 0o600);
  write('witness.vkey', `${vkey}\n`);
  createWitnessStore(join(folder, 'witness.sqlite'), vkey);
  // Last, because with it the witness is there.
  write('witness.yaml', template(logs));
  const config = join(folder, 'witness.yaml');
  if (values.json) io.out(JSON.stringify({ name, vkey, config }));
  else {
    io.out(`witness ${name.replaceAll('/', '-')} ${vkey} http://HOST:7071`);
    io.say(`wrote ${config}; start it with: sealrail witness serve -c ${config}`);
    io.say('the line above goes into the policy of the log (log.witnesses in sealrail.yaml)');
  }
  return EXIT.ok;
}

function template(logs: readonly string[]): string {
  return `# A witness cosigns a log's checkpoints, as long as each extends all that it cosigned before.
key: file:witness.key
# Logs reach it here; put a TLS proxy in front of it where they come from other machines.
listen: 127.0.0.1:7071
# Its memory. Never restore an older copy of it: that would void every promise of this witness.
state: ./witness.sqlite
logs:
${logs.map((vkey) => `  - ${vkey}\n`).join('')}`;
}

function readVkey(given: string, io: Io): string {
  const path = resolve(io.cwd, given);
  const text = (existsSync(path) ? readFileSync(path, 'utf8') : given).trim();
  try {
    return formatVkey(parseVkey(text, sha256));
  } catch (error) {
    throw usage(`--log: ${error instanceof Error ? error.message : error}`);
  }
}

async function serve(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    json: { type: 'boolean' },
    config: { type: 'string', short: 'c' },
    init: { type: 'boolean' },
  });
  if (positionals.length > 0)
    throw usage('witness serve takes no words', 'sealrail witness serve -c FILE');
  const file = resolve(io.cwd, values.config ?? 'witness.yaml');
  const config = await loadWitnessConfig(file, io.env);
  const { name } = config.cosigner.key;
  if (values.init) createWitnessStore(config.state, formatVkey(config.cosigner.key));
  const running = await startWitness(config).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new CliError(EXIT.unavailable, `listen: the address is taken by another process`);
  });
  io.say(`${name} witnesses ${[...config.logs.keys()].join(', ')} on ${running.url}`);
  const vkey = formatVkey(config.cosigner.key);
  io.out(JSON.stringify({ ready: true, url: running.url, vkey }));
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
    if (process.connected) process.once('disconnect', () => resolve());
  });
  await running.close();
  return EXIT.ok;
}
