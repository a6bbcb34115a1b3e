/**
 * Starting after anything, a clean stop included. First looks, and refuses before a byte is written where
 * data and LastSigned do not fit together; then writes again whatever it found only in the page cache.
 */
import { equal, toHex } from './bytes.ts';
import { TlogError } from './errors.ts';
import { Journal, type JournalOptions } from './journal/journal.ts';
import { type JournalReading, readJournal } from './journal/reading.ts';
import { type LastSigned, parseOwnCheckpoint, type SignedCheckpoint } from './last-signed.ts';
import type { Recovery } from './log.ts';
import { hashing, sha256 } from './node.ts';
import type { EdgeTile } from './tree/partials.ts';
import type { TreeStore } from './tree/store.ts';
import { Tree } from './tree/tree.ts';
import type { VerifierKey } from './vkey.ts';

export interface Place {
  /** For messages. */
  readonly dir: string;
  readonly state: string;
  readonly journal: JournalOptions;
  readonly store: TreeStore;
  readonly lastSigned: LastSigned;
  readonly key: VerifierKey;
}

/** What the files hold, checked against what was signed; the tree grown in memory to all entries. */
export interface Examined {
  readonly reading: JournalReading;
  readonly tree: Tree;
  readonly last: SignedCheckpoint;
  readonly published: SignedCheckpoint | undefined;
  /** Edge tiles of `last`. */
  readonly signed: readonly EdgeTile[];
}

/**
 * Reads and hashes every frame above the durable-tiles mark, and of the rest only the right edge: the cost
 * is bounded by the unretired segments, not by the log. Writes nothing.
 */
export async function examine(place: Place): Promise<Examined> {
  const last = await place.lastSigned.fetch();
  if (!last) {
    const what = `${place.state} has no record of what the log in ${place.dir} has signed`;
    throw refusal(
      what,
      'restore the state folder; without it nobody can tell whether the log was rolled back',
    );
  }
  const { folder, files, logId } = place.journal;
  const reading = await readJournal(files, folder, logId);
  const published = await readPublished(place, last);
  const size = reading.firstIndex + reading.entries.length;
  checkSizes(place, { size, last, published, mark: reading.mark });
  const tree = await Tree.open(place.store, reading.mark, hashing);
  for (const checkpoint of published && published !== last ? [published, last] : [last]) {
    growTo(tree, reading, Number(checkpoint.size));
    if (equal(await tree.rootOf(Number(checkpoint.size)), checkpoint.root)) continue;
    const what = `the ${checkpoint.size} entries in ${place.dir} have another root than the one that was signed`;
    throw refusal(
      what,
      'entries were changed after they were signed; sealrail verify names them. Nothing was repaired',
    );
  }
  const signed = tree.edgeTiles();
  growTo(tree, reading, size);
  return { reading, tree, last, published, signed };
}

function growTo(tree: Tree, { firstIndex, entries }: JournalReading, size: number): void {
  if (size > tree.size) tree.add(entries.slice(tree.size - firstIndex, size - firstIndex));
}

async function readPublished(
  { store, key, dir }: Place,
  last: SignedCheckpoint,
): Promise<SignedCheckpoint | undefined> {
  const bytes = await store.get('checkpoint');
  if (!bytes || equal(bytes, last.note)) return bytes && last;
  return parseOwnCheckpoint(Uint8Array.from(bytes), key, `${dir}/log/checkpoint`);
}

function checkSizes(
  { dir }: Place,
  found: {
    size: number;
    mark: number;
    last: SignedCheckpoint;
    published: SignedCheckpoint | undefined;
  },
): void {
  const { size, mark, last, published } = found;
  const newerState = 'the state folder is older than the data directory: restore the newest copy';
  if (BigInt(size) < last.size) {
    const hint =
      'the data directory is older than the state folder: restore the newest copy, or succeed the log';
    throw refusal(`${dir} holds ${size} entries, and ${last.size} were signed`, hint);
  }
  if (last.size < BigInt(mark)) {
    const what = `only ${last.size} entries are recorded as signed, and ${mark} are in the durable tree`;
    throw refusal(what, newerState);
  }
  if (published && published.size > last.size) {
    const what = `${dir}/log/checkpoint publishes ${published.size} entries, and ${last.size} are recorded as signed`;
    throw refusal(what, newerState);
  }
}

function refusal(message: string, hint: string): TlogError {
  return new TlogError('LOG_LASTSIGNED', message, { hint });
}

/**
 * Having read something proves only that it was in the page cache: kill -9 between write and flush, or a
 * failed flush, leaves it there and nowhere else. So LastSigned, frames and tiles above the mark are all
 * written again before anything is acknowledged, signed or published.
 */
export async function repair(
  place: Place,
  { reading, tree, last, published, signed }: Examined,
  isWitnessed: boolean,
): Promise<{ readonly journal: Journal; readonly recovery: Recovery }> {
  await place.lastSigned.replace(last, last);
  const journal = await Journal.reopen(place.journal, reading);
  const unpublished = !published || published.size < last.size;
  const size = Number(last.size);
  await tree.rewrite(unpublished ? { size, tiles: signed } : undefined);
  // With witnesses, what is not published yet still lacks their cosignatures.
  if (unpublished && !isWitnessed) await tree.publish(size, last.note);
  const { cutTail } = reading;
  const cut = cutTail && { bytes: cutTail.length, digest: toHex(sha256(cutTail)) };
  const recovery = {
    epoch: journal.epoch,
    size: journal.end,
    rewritten: journal.end - reading.mark,
    ...(cut ? { cutTail: cut } : {}),
  };
  return { journal, recovery };
}
