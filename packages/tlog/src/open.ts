/** Creating and opening a log. */
import { encodeUtf8, toHex } from './bytes.ts';
import { type Clock, systemClock } from './clock.ts';
import { TlogError } from './errors.ts';
import { type Files, makeDirectoryDurably, replaceDurably, withoutSync } from './files/files.ts';
import { nodeFiles } from './files/node.ts';
import { Journal } from './journal/journal.ts';
import { readJournal } from './journal/reading.ts';
import { fileLastSigned } from './last-signed.ts';
import { type Lock, takeLock } from './lock.ts';
import type { Log, LogFinding } from './log.ts';
import { signCheckpoint } from './loop.ts';
import { emptyRoot } from './merkle.ts';
import { openSigner, sha256 } from './node.ts';
import { examine, type Place, repair } from './recovery.ts';
import { RunningLog } from './running.ts';
import { fileTreeStore } from './tree/store.ts';
import { formatVkey } from './vkey.ts';
import type { Evidence, Witnesses } from './witness/witnessing.ts';

export interface LogOptions {
  /** Data directory: `log/`, `journal/` and `private/` come to stand in it. */
  readonly dir: string;
  /** Folder for LastSigned, outside `dir` and in none of its backups. */
  readonly stateDir: string;
  /** Go-style secret key text; its name is the log's origin. */
  readonly key: string;
  /**
   * `sync`: an append is answered when it is flushed. `async`: as soon as it has its place; a crash loses
   * what was answered last. `none`: nothing is ever flushed, any file system will do: for throw-aways.
   */
  readonly durability?: 'sync' | 'async' | 'none';
  readonly onFinding?: (finding: LogFinding) => void;
  /** Whose cosignatures a checkpoint needs before it is published; without, it needs none. */
  readonly witnesses?: Witnesses;
  /** Reads the published tree back in the background, at most this much of it a second; without, never. */
  readonly scrubBytesPerSecond?: number;
  /** For tests: smaller and more segments. */
  readonly segmentBytes?: number;
  readonly segmentsMax?: number;
  /** For simulations. */
  readonly files?: Files;
  readonly clock?: Clock;
  readonly lock?: (folder: string) => Lock;
}

function placeOf(options: LogOptions) {
  const signer = openSigner(options.key);
  const given = options.files ?? nodeFiles;
  const files = options.durability === 'none' ? withoutSync(given) : given;
  const clock = options.clock ?? systemClock;
  const { segmentBytes, segmentsMax } = options;
  const state = `${options.stateDir}/${toHex(sha256(encodeUtf8(signer.key.name)))}`;
  const folders = {
    tree: `${options.dir}/log`,
    journal: `${options.dir}/journal`,
    private: `${options.dir}/private`,
    staging: `${options.dir}/private/staging`,
    state,
    evidence: `${state}/contradiction`,
  };
  const place: Place = {
    dir: options.dir,
    state,
    key: signer.key,
    store: fileTreeStore({ files, folder: folders.tree, staging: folders.staging }),
    lastSigned: fileLastSigned(files, state, signer.key),
    journal: {
      files,
      clock,
      folder: folders.journal,
      logId: sha256(encodeUtf8(formatVkey(signer.key))),
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      ...(segmentsMax === undefined ? {} : { segmentsMax }),
    },
  };
  return { signer, files, clock, folders, place };
}

/** A network or memory file system acknowledges flushes that it does not keep. */
async function checkFilesystem(options: LogOptions, files: Files): Promise<void> {
  if (options.durability === 'none') return;
  for (const path of [options.dir, options.stateDir]) {
    const { forgets } = await files.disk(path);
    if (forgets === undefined) continue;
    const what = `${path} is on ${forgets}, which does not keep what it acknowledges`;
    throw new TlogError('LOG_FILESYSTEM', what, {
      hint: 'put it on a local disk, or set log.durability to none, which is logged',
    });
  }
}

/**
 * Creates an empty log, LastSigned for size 0 included. Refuses a directory that holds one and an origin
 * that was used before. What a crash left of an earlier try, which can hold no entry, is done anew.
 */
export async function createLog(options: LogOptions): Promise<void> {
  const { signer, files, folders, place } = placeOf(options);
  if (!(await isEmpty(options)))
    throw new TlogError('LOG_EXISTS', `${options.dir} already holds a log`, {
      hint: 'choose another directory; a log whose state folder is lost is not created anew but recreated',
    });
  if (await place.lastSigned.fetch()) {
    const what = `${place.state} already records a log of the origin ${signer.key.name}`;
    throw new TlogError('LOG_EXISTS', what, {
      hint: 'an origin is used once: a second log under one name would be two histories',
    });
  }
  await makeDirectoryDurably(files, folders.tree);
  await makeDirectoryDurably(files, folders.journal, 0o700);
  await makeDirectoryDurably(files, folders.staging, 0o700);
  await makeDirectoryDurably(files, place.state, 0o700);
  await checkFilesystem(options, files);
  await Journal.create(place.journal);
  // Last, because with it the log is there: whatever is missing before it is made anew.
  const empty = { origin: signer.key.name, size: 0n, root: emptyRoot(sha256) };
  const first = signCheckpoint(empty, signer);
  await place.lastSigned.create(first);
  await place.store.publish(first.note);
}

/** No file of a tree, and a journal without an entry if any. */
async function isEmpty(options: LogOptions): Promise<boolean> {
  const { files, folders, place } = placeOf(options);
  if (((await files.list(folders.tree)) ?? []).length > 0) return false;
  const names = (await files.list(folders.journal)) ?? [];
  if (!names.some((name) => name.endsWith('.seg'))) return true;
  const reading = await readJournal(files, folders.journal, place.journal.logId);
  return reading.mark === 0 && reading.entries.length === 0;
}

/**
 * Opens an existing log, recovering whatever the last stop left. Throws TlogError: LOG_MISSING, LOG_LOCKED,
 * LOG_FILESYSTEM, LOG_CORRUPT, LOG_LASTSIGNED or LOG_CONTRADICTED, with nothing signed.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { signer, files, clock, folders, place } = placeOf(options);
  if (((await files.list(folders.journal)) ?? []).length === 0) {
    const hint = 'sealrail init creates one';
    throw new TlogError('LOG_MISSING', `${options.dir} holds no log`, { hint });
  }
  await checkFilesystem(options, files);
  const lock = (options.lock ?? takeLock)(folders.private);
  let log: RunningLog;
  try {
    await files.remove(folders.staging);
    await files.makeDirectory(folders.staging, 0o700);
    const examined = await examine(place);
    await refuseContradicted(files, folders.evidence);
    await refuseSealed(files, folders.state);
    const { journal, recovery } = await repair(place, examined, options.witnesses !== undefined);
    log = new RunningLog({
      files,
      clock,
      journal,
      journalFolder: folders.journal,
      tree: examined.tree,
      lastSigned: place.lastSigned,
      signed: examined.last,
      published: (options.witnesses && examined.published) ?? examined.last,
      signer,
      recovery,
      ackEarly: options.durability === 'async',
      dir: options.dir,
      onFinding: options.onFinding ?? (() => undefined),
      release: () => lock.release(),
      ...(options.witnesses === undefined ? {} : { witnesses: options.witnesses }),
      ...(options.scrubBytesPerSecond === undefined
        ? {}
        : { scrubBytesPerSecond: options.scrubBytesPerSecond }),
      source: { get: (path) => place.store.get(path) },
      keepEvidence: (evidence) => keepEvidence(files, folders.evidence, evidence),
      markSealed: (last) => {
        const path = `${folders.state}/${SEALED}`;
        return replaceDurably(files, path, `${path}.new`, last.note, 0o600);
      },
    });
  } catch (error) {
    lock.release();
    throw error;
  }
  try {
    await log.greet();
    return log;
  } catch (error) {
    await log.close().catch(() => undefined);
    throw error;
  }
}

/** Beside LastSigned, outside the data directory: the last checkpoint that this log will ever sign. */
const SEALED = 'sealed';

async function refuseSealed(files: Files, state: string): Promise<void> {
  if (!(await files.read(`${state}/${SEALED}`))) return;
  throw new TlogError('LOG_SEALED', 'this log was sealed: nothing is appended to it any more', {
    hint: 'it can be read and verified as it is; sealrail log succeed begins the one that follows it',
  });
}

const EVIDENCE = { ours: 'ours', theirs: 'theirs' } as const;

/** Two checkpoints under one key that cannot both be true: kept for people to look at, and for every start. */
async function keepEvidence(files: Files, folder: string, evidence: Evidence): Promise<void> {
  await makeDirectoryDurably(files, folder, 0o700);
  for (const which of [EVIDENCE.ours, EVIDENCE.theirs]) {
    const path = `${folder}/${which}`;
    await replaceDurably(files, path, `${path}.new`, evidence[which], 0o600);
  }
}

/** Signing goes on for no restart: whoever finds out what happened moves the evidence away. */
async function refuseContradicted(files: Files, folder: string): Promise<void> {
  if (!(await files.read(`${folder}/${EVIDENCE.theirs}`))) return;
  throw new TlogError('LOG_CONTRADICTED', `a witness has seen another history of this log`, {
    hint: `both checkpoints are in ${folder}: find out which copy is the true one, then succeed the log`,
  });
}

/**
 * Records anew what a log has signed, after the state folder was lost: size and root come from somebody
 * who kept a checkpoint. Refuses where there is a record, where the files have another root at that size,
 * or where a larger size was published. The caller appends a `change` entry that says so.
 */
export async function recreateLastSigned(
  options: LogOptions,
  accepted: { readonly size: number; readonly root: Uint8Array },
): Promise<void> {
  const { signer, files, folders, place } = placeOf(options);
  await checkFilesystem(options, files);
  const lock = (options.lock ?? takeLock)(folders.private);
  try {
    const { size, root } = accepted;
    const first = signCheckpoint({ origin: signer.key.name, size: BigInt(size), root }, signer);
    await examine({ ...place, lastSigned: { ...place.lastSigned, fetch: async () => first } });
    await makeDirectoryDurably(files, place.state, 0o700);
    await place.lastSigned.create(first);
  } finally {
    lock.release();
  }
}
