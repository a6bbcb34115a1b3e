/** Creating and opening a log; recovery, which is opening after anything but a clean stop. */
import { statfsSync } from 'node:fs';
import { encodeUtf8, equal, toHex } from './bytes.ts';
import { TlogError } from './errors.ts';
import { type Files, replaceDurably } from './files/files.ts';
import { nodeFiles } from './files/node.ts';
import {
  Journal,
  type JournalOptions,
  type JournalReading,
  readJournal,
} from './journal/journal.ts';
import { fileLastSigned, parseOwnCheckpoint, type SignedCheckpoint } from './last-signed.ts';
import { type Lock, takeLock } from './lock.ts';
import type { Log } from './log.ts';
import { emptyRoot } from './merkle.ts';
import { openSigner, sha256 } from './node.ts';
import { PACE, type Pace, RunningLog, signCheckpoint } from './running.ts';
import { Tree, type TreeOptions } from './tree/tree.ts';
import { formatVkey } from './vkey.ts';

export interface LogOptions {
  /** Data directory: `log/`, `journal/` and `private/` come to stand in it. */
  readonly dir: string;
  /** Folder for LastSigned, outside `dir`. */
  readonly stateDir: string;
  /** Go-style secret key text; its name is the log's origin. */
  readonly key: string;
  /** `none` skips flushes and takes any file system: for tests and throw-aways only. */
  readonly durability?: 'sync' | 'none';
  readonly segmentBytes?: number;
  /** For simulations. */
  readonly files?: Files;
  readonly lock?: (folder: string) => Lock;
  readonly now?: () => number;
  readonly pace?: Pace;
}

const NFS = 0x6969;
const TMPFS = 0x01021994;

function places(options: LogOptions) {
  const signer = openSigner(options.key);
  const files = options.files ?? nodeFiles;
  const flush = options.durability !== 'none';
  const journal: JournalOptions = {
    files,
    folder: `${options.dir}/journal`,
    logId: sha256(encodeUtf8(formatVkey(signer.key))),
    flush,
    ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
  };
  const tree: TreeOptions = {
    files,
    folder: `${options.dir}/log`,
    staging: `${options.dir}/private/staging`,
    sha256,
  };
  const state = `${options.stateDir}/${toHex(sha256(encodeUtf8(signer.key.name)))}`;
  return {
    signer,
    files,
    journal,
    tree,
    state,
    lastSigned: fileLastSigned(files, state, signer.key),
  };
}

/** A network or memory file system acknowledges flushes that it does not keep. */
function checkFilesystem(options: LogOptions): void {
  if (options.durability === 'none' || options.files) return;
  const { type } = statfsSync(options.dir);
  if (type !== NFS && type !== TMPFS) return;
  throw new TlogError(
    'LOG_FILESYSTEM',
    `${options.dir} is on ${type === NFS ? 'NFS' : 'tmpfs'}, which does not keep what it acknowledges`,
    {
      hint: 'put the data directory on a local disk, or set log.durability to none, which is logged',
    },
  );
}

/** Creates an empty log. Refuses a directory or a state folder that already holds one. */
export async function createLog(options: LogOptions): Promise<void> {
  const { signer, files, journal, tree, state, lastSigned } = places(options);
  const present = [...(await files.list(tree.folder)), ...(await files.list(journal.folder))];
  if (present.length > 0) throw new TlogError('LOG_EXISTS', `${options.dir} already holds a log`);
  if (await lastSigned.fetch()) {
    throw new TlogError(
      'LOG_EXISTS',
      `${state} already records a log of the origin ${signer.key.name}`,
      {
        hint: 'an origin is used once: a second log under one name would be two histories',
      },
    );
  }
  for (const folder of [tree.folder, journal.folder]) await files.makeDirectory(folder);
  await files.makeDirectory(`${options.dir}/private`, 0o700);
  await files.makeDirectory(tree.staging, 0o700);
  await files.makeDirectory(state, 0o700);
  checkFilesystem(options);
  await Journal.create(journal);
  for (const folder of [options.dir, `${options.dir}/private`]) await files.syncDirectory(folder);
  const first = signCheckpoint(
    { origin: signer.key.name, size: 0n, root: emptyRoot(sha256) },
    signer,
  );
  await lastSigned.replace(first);
  await replaceDurably(
    files,
    `${tree.folder}/checkpoint`,
    `${tree.staging}/checkpoint`,
    first.note,
  );
}

/** Opens an existing log, recovering whatever the last stop left. Throws TlogError and repairs nothing silently. */
export async function openLog(options: LogOptions): Promise<Log> {
  const place = places(options);
  const { files, journal, tree: treeOptions, signer } = place;
  if ((await files.list(journal.folder)).length === 0) {
    throw new TlogError('LOG_MISSING', `${options.dir} holds no log`, {
      hint: 'sealrail init creates one',
    });
  }
  checkFilesystem(options);
  const lock = (options.lock ?? takeLock)(`${options.dir}/private`);
  try {
    const last = await fetchLastSigned(place, options);
    const reading = await readJournal(journal);
    const tree = await recoverTree(treeOptions, reading, last, options);
    const published = await checkPublished(treeOptions, last, signer.key);
    const running = await Journal.reopen(journal, reading);
    if (published.size < last.size) await tree.publish(last.note);
    return new RunningLog({
      files,
      journalFolder: journal.folder,
      journal: running,
      tree,
      lastSigned: place.lastSigned,
      signed: last,
      signer,
      sha256,
      now: options.now ?? (() => performance.now()),
      pace: options.pace ?? PACE,
      release: () => lock.release(),
      recovery: {
        epoch: running.epoch,
        size: running.end,
        rewritten: running.end - reading.mark,
        ...(reading.cutTail
          ? { cutTail: { bytes: reading.cutTail.length, digest: toHex(sha256(reading.cutTail)) } }
          : {}),
      },
    });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function fetchLastSigned(
  place: ReturnType<typeof places>,
  options: LogOptions,
): Promise<SignedCheckpoint> {
  const last = await place.lastSigned.fetch();
  if (last) {
    // A process that was killed before its flush leaves a record in the page cache only: read back, acted
    // on and then lost by a power cut, it would contradict what was published on the strength of it.
    await place.lastSigned.replace(last);
    return last;
  }
  throw new TlogError(
    'LOG_LASTSIGNED',
    `${place.state} has no record of what the log in ${options.dir} has signed`,
    {
      hint: 'restore the state folder; without it nobody can tell whether the log was rolled back',
    },
  );
}

/** Tiles above the mark are written again from the journal, whether they are there or not. */
async function recoverTree(
  treeOptions: TreeOptions,
  reading: JournalReading,
  last: SignedCheckpoint,
  options: LogOptions,
): Promise<Tree> {
  const size = reading.firstIndex + reading.entries.length;
  if (BigInt(size) < last.size) {
    throw new TlogError(
      'LOG_LASTSIGNED',
      `${options.dir} holds ${size} entries, and ${last.size} were signed`,
      {
        hint: 'the data directory is older than the state folder: restore the newest copy, or succeed the log',
      },
    );
  }
  if (last.size < BigInt(reading.mark)) {
    throw new TlogError(
      'LOG_LASTSIGNED',
      `only ${last.size} entries are recorded as signed, and ${reading.mark} were published`,
      {
        hint: 'the state folder is older than the data directory: restore the newest copy',
      },
    );
  }
  const tree = await Tree.open(treeOptions, reading.mark);
  const signedAt = Number(last.size) - reading.firstIndex;
  await tree.add(reading.entries.slice(reading.mark - reading.firstIndex, signedAt));
  if (!equal(tree.edge.root(), last.root)) {
    throw new TlogError(
      'LOG_LASTSIGNED',
      `the ${last.size} entries in ${options.dir} have another root than the one that was signed`,
      {
        hint: 'entries were changed after they were signed; sealrail verify names them. Nothing was repaired',
      },
    );
  }
  // Those of the signed size, which is published; then on to what was acknowledged after it.
  await tree.writePartials();
  await tree.add(reading.entries.slice(signedAt));
  return tree;
}

async function checkPublished(
  treeOptions: TreeOptions,
  last: SignedCheckpoint,
  key: Parameters<typeof parseOwnCheckpoint>[1],
): Promise<SignedCheckpoint> {
  const path = `${treeOptions.folder}/checkpoint`;
  const bytes = await treeOptions.files.read(path);
  if (!bytes) return { ...last, size: -1n };
  const published = await parseOwnCheckpoint(Uint8Array.from(bytes), key, path);
  if (
    published.size > last.size ||
    (published.size === last.size && !equal(published.root, last.root))
  ) {
    throw new TlogError(
      'LOG_LASTSIGNED',
      `${path} publishes ${published.size} entries, and ${last.size} are recorded as signed`,
      {
        hint: 'the state folder is older than the data directory: restore the newest copy',
      },
    );
  }
  return published;
}
