/** `log erase`, `log seal` and `log succeed`: what somebody does to a log in its life. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ChangeFields } from '@sealrail/sdk';
import {
  type Log,
  openLog,
  parseCheckpoint,
  parseVkey,
  sha256,
  toHex,
  verifyNote,
  verifySignature,
} from '@sealrail/tlog';
import type { LogConfig } from '../config/config.ts';
import { logOptions, openSource } from '../source.ts';
import { CliError, type Command, EXIT, type Io, usage } from './io.ts';
import { CONFIG, parseOptions } from './options.ts';
import { configOf } from './place.ts';

export const sealVerb: Command = {
  line: 'log seal --reason TEXT',
  does: 'ends the log for good: a last entry, a last signature',
  help: `
  --reason TEXT   why; it stands in the last entry
  -c FILE         the configuration
  --json          one line: origin, size

The daemon must not run. Afterwards nobody can append to this log, or sign for it with this
configuration; it is read and verified as before.
Exit codes: 0 sealed, 69 another process holds the log, 78 it cannot be opened.`,
  run: seal,
};

export const succeedVerb: Command = {
  line: 'log succeed --from DIR --key VKEY --reason TEXT',
  does: 'begins a new log that follows one that ended or was lost',
  help: `
  --from DIR      the old log, or what there is of it: a folder with its checkpoint
  --key VKEY      the old log's public key, or a file that holds it
  --reason TEXT   why a new one follows
  --missing W     whether entries of the old one are missing: no, yes or unknown (unknown)
  -c FILE         the configuration of the new log, which is empty: sealrail init makes one
  --json          one line: origin, succeeds {origin, size, root}

The first entry of the new log carries the old one's last known checkpoint;
sealrail verify --predecessor goes from one to the other.
Exit codes: 0 done, 65 the old checkpoint does not verify, 78 the new log is not empty.`,
  run: succeed,
};

export const eraseVerb: Command = {
  line: 'log erase --subject TYPE:ID --reason TEXT',
  does: 'destroys the clear values of somebody; every proof stays',
  help: `
  --subject S     whose statements' values: human:alice, service:billing, agent:bot
  --reason TEXT   why; it stands in the entry of the erasure
  -c FILE         the configuration
  --json          one line: origin, subject, erased (false where there was nothing)

The daemon must not run. The key that literals and bind values of this subject are encrypted with is
overwritten and removed: nobody can read them any more, and no hash, receipt or checkpoint changes.
Copies of DIR/private that somebody made have to be destroyed by whoever made them.
Exit codes: 0 erased, or nothing was there, 69 another process holds the log.`,
  run: erase,
};

async function erase(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, {
    ...CONFIG,
    subject: { type: 'string' },
    reason: { type: 'string' },
  });
  const example = 'sealrail log erase --subject human:alice --reason "request of 12 May"';
  const why = reasonOf(values.reason, example);
  const { subject } = values;
  if (subject === undefined || !/^(human|service|agent):[^\s\p{C}]{1,200}$/u.test(subject))
    throw usage('--subject is human:NAME, service:NAME or agent:NAME', example);
  const { log: config } = await configOf(values.config, io);
  const log = await openLog(logOptions(config));
  let erased = false;
  try {
    const { recorder, sideStore } = await openSource(config, log);
    // First the entry: an erasure that nobody is told of would be a loss.
    await recorder.record(
      { kind: 'change', what: 'erasure', subject, before: '', after: '', why },
      {},
    ).durable;
    erased = await sideStore.erase(subject);
    await sideStore.close();
  } finally {
    await log.close();
  }
  const { origin } = config;
  if (values.json) io.out(JSON.stringify({ origin, subject, erased }));
  else io.out(erased ? `values of ${subject} are erased` : `there was nothing of ${subject}`);
  return EXIT.ok;
}

async function seal(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, { ...CONFIG, reason: { type: 'string' } });
  const why = reasonOf(values.reason, 'sealrail log seal --reason "moved to another machine"');
  const { log: config } = await configOf(values.config, io);
  const log = await openLog(logOptions(config));
  const { origin } = config;
  await recorded(config, log, {
    kind: 'change',
    what: 'log',
    subject: origin,
    before: '',
    after: '',
    why: `sealed: ${why}`,
  });
  const { size } = log;
  await log.seal();
  if (values.json) io.out(JSON.stringify({ origin, size }));
  else io.out(`${origin} is sealed at ${size} entries`);
  return EXIT.ok;
}

const MISSING = ['no', 'yes', 'unknown'] as const;

async function succeed(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseOptions(args, {
    ...CONFIG,
    from: { type: 'string' },
    key: { type: 'string' },
    reason: { type: 'string' },
    missing: { type: 'string' },
  });
  const example = 'sealrail log succeed --from old/data/log --key old/log.vkey --reason "key lost"';
  const why = reasonOf(values.reason, example);
  if (values.from === undefined || values.key === undefined)
    throw usage('succeed takes --from and --key of the log before', example);
  const missing = MISSING.find((word) => word === (values.missing ?? 'unknown'));
  if (missing === undefined) throw usage(`--missing is one of ${MISSING.join(', ')}`, example);
  const old = await lastOf(resolve(io.cwd, values.from), values.key, io);
  const { log: config } = await configOf(values.config, io);
  const log = await openLog(logOptions(config));
  const { origin } = config;
  try {
    if (log.size > 0)
      throw new CliError(
        EXIT.configuration,
        `${config.dir} holds ${log.size} entries already`,
        'what a log succeeds stands in its first entry: sealrail init --log-only makes an empty one',
      );
    if (origin === old.origin)
      throw new CliError(
        EXIT.configuration,
        `both are called ${origin}`,
        'a new log has a new name',
      );
    await recorded(config, log, {
      kind: 'change',
      what: 'log',
      subject: origin,
      before: createHash('sha256').update(old.checkpoint).digest('hex'),
      after: '',
      why,
      succeeds: { ...old, missing },
    });
  } finally {
    await log.close();
  }
  const { size, root } = old;
  if (values.json) io.out(JSON.stringify({ origin, succeeds: { origin: old.origin, size, root } }));
  else io.out(`${origin} succeeds ${old.origin} at ${size} entries`);
  return EXIT.ok;
}

function reasonOf(reason: string | undefined, example: string): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw usage('--reason says why; it stands in the log for good', example);
}

type Last = Omit<NonNullable<ChangeFields['succeeds']>, 'missing'>;

/** What there is of the old log may be a single file: its checkpoint, under its key. */
async function lastOf(folder: string, given: string, io: Io): Promise<Last> {
  const keyFile = resolve(io.cwd, given);
  const vkey = (existsSync(keyFile) ? readFileSync(keyFile, 'utf8') : given).trim();
  const key = parseVkey(vkey, sha256);
  const file = [join(folder, 'checkpoint'), join(folder, 'log/checkpoint')].find(existsSync);
  if (file === undefined)
    throw new CliError(EXIT.unavailable, `there is no checkpoint in ${folder}`);
  const bytes = readFileSync(file);
  const { note, checkpoint } = parseCheckpoint(bytes);
  const signed = await verifyNote(note, [key], verifySignature);
  if (signed.length === 0 || checkpoint.origin !== key.name)
    throw new CliError(EXIT.verification, `${file} is not signed by ${key.name}+${key.id}`);
  return {
    origin: checkpoint.origin,
    vkey,
    size: String(checkpoint.size),
    root: toHex(checkpoint.root),
    checkpoint: bytes.toString(),
  };
}

async function recorded(config: LogConfig, log: Log, fields: ChangeFields): Promise<void> {
  const { recorder, sideStore } = await openSource(config, log);
  await recorder.record(fields, {}).durable;
  await sideStore.close();
}
