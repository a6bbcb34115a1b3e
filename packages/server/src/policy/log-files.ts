/**
 * A log's published entries, read from its files in their order: no lock is taken and nothing is written, so
 * it makes no difference whether a daemon runs on it. Synchronous, for whoever goes through all of them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readBundle, TILE_WIDTH, tilePath, tileWidth } from '@sealrail/tlog';

export interface LogFiles {
  /** Folder of the tree: DIR/log. */
  readonly folder: string;
  /** Of the checkpoint up to which entries are read. */
  readonly size: number;
}

export const bundlesOf = ({ size }: LogFiles): number => Math.ceil(size / TILE_WIDTH);

/** Entries of one bundle; fewer than there should be where it is missing or damaged. */
export function readBundleAt({ folder, size }: LogFiles, index: number): readonly Uint8Array[] {
  const width = tileWidth('entries', index, size);
  // The full one of its place stands for a partial one that has gone.
  for (const one of new Set([width, TILE_WIDTH])) {
    const bytes = readFile(join(folder, tilePath({ level: 'entries', index, width: one })));
    if (bytes !== undefined) return readBundle(bytes).entries.slice(0, width);
  }
  return [];
}

function readFile(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/**
 * The first bundle that can hold an entry of `since` (RFC 3339) or later. Times rise with the log, except
 * where a clock stepped back: one bundle more is read for that.
 */
export function firstBundleSince(files: LogFiles, since: string): number {
  let [low, high] = [0, bundlesOf(files)];
  while (low < high) {
    const middle = (low + high) >> 1;
    const time = timeOf(readBundleAt(files, middle)[0]);
    if (time !== undefined && time >= since) high = middle;
    else low = middle + 1;
  }
  return Math.max(0, low - 2);
}

function timeOf(entry: Uint8Array | undefined): string | undefined {
  const text = entry && Buffer.from(entry).toString('utf8');
  // Members are sorted, and only `v` and `values` follow it.
  return text?.slice(text.lastIndexOf('"time":"')).match(/^"time":"([^"]+)"/)?.[1];
}
