/** The entries of a log as a start reads them: what it keeps in memory is derived from them. */
import type { Entry } from '@sealrail/sdk';
import { decodeBundle, directorySource, type Log, TILE_WIDTH, tilePath } from '@sealrail/tlog';

/** The entries of a log; full bundles as a whole, where their files are published: a hundredth of the reads. */
export interface PastEntries extends Pick<Log, 'size' | 'read'> {
  bundle(index: number): Promise<readonly Uint8Array[] | undefined>;
}

export function pastOf(log: Log, logDir: string): PastEntries {
  const files = directorySource(logDir);
  return {
    size: log.size,
    read: (index) => log.read(index),
    bundle: async (index) => {
      if ((index + 1) * TILE_WIDTH > log.checkpoint().size) return undefined;
      const bytes = await files.get(tilePath({ level: 'entries', index, width: TILE_WIDTH }));
      return bytes && decodeBundle(bytes, TILE_WIDTH);
    },
  };
}

/** The entries of one bundle, in the log's order; the last bundle may be a part of one. */
export async function entriesOfBundle(
  log: PastEntries,
  bundle: number,
): Promise<readonly Uint8Array[]> {
  const whole = await log.bundle(bundle);
  if (whole) return whole;
  const entries: Uint8Array[] = [];
  const end = Math.min((bundle + 1) * TILE_WIDTH, log.size);
  for (let index = bundle * TILE_WIDTH; index < end; index++) entries.push(await log.read(index));
  return entries;
}

/**
 * The last bundle that, with the one behind it, begins before `sinceMs(bundle)`, milliseconds since 1970;
 * undefined where there is none from `floor` on. A clock that was set back makes one bundle look old: it
 * takes two in a row to believe it.
 */
export async function findBundleBefore(
  log: PastEntries,
  sinceMs: (bundle: number) => number,
  floor = 0,
): Promise<number | undefined> {
  let olderInARow = 0;
  for (let bundle = Math.ceil(log.size / TILE_WIDTH) - 1; bundle >= floor; bundle--) {
    const entry = parsePastEntry(await log.read(bundle * TILE_WIDTH));
    const isOlder = entry !== undefined && Date.parse(entry.time) < sinceMs(bundle);
    olderInARow = isOlder ? olderInARow + 1 : 0;
    if (olderInARow === 2) return bundle;
  }
  return undefined;
}

/** An entry that does not read is for `verify` to report; a start must not depend on it. */
export function parsePastEntry(bytes: Uint8Array): Entry | undefined {
  try {
    return JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'),
    ) as Entry;
  } catch {
    return undefined;
  }
}
