/** What must hold of a log after any history, judged from outside: entries, checkpoints, receipts, files. */

import {
  encodeBundle,
  hashing,
  type Log,
  leafHash,
  nodeHash,
  parseCheckpoint,
  rootAt,
  sha256,
  TILE_WIDTH,
  type TileId,
  tilePath,
  tilesOf,
  tileWidth,
  verifySignature,
} from '../src/index.ts';
import { verifyReceipt, verifyTree } from '../src/verify/index.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

export interface History {
  /** By index: what `append` resolved for. */
  readonly acknowledged: Map<number, Uint8Array>;
  /** Every signed checkpoint that left the process, by its text. */
  readonly checkpoints: Map<string, Uint8Array>;
  /** Those of them that were published. */
  readonly published: Map<string, Uint8Array>;
  readonly receipts: { readonly index: number; readonly receipt: Uint8Array }[];
}

/** Everything that does not hold; empty is good. */
export async function checkHistory(
  log: Log,
  disk: SimulatedDisk,
  history: History,
): Promise<string[]> {
  const entries: Uint8Array[] = [];
  const problems: string[] = [];
  await new Promise<void>((resolve) => {
    if (log.size === 0) return resolve();
    const stop = log.follow(
      0,
      (_, entry) => {
        entries.push(new Uint8Array(entry));
        if (entries.length < log.size) return;
        stop();
        resolve();
      },
      (error) => {
        problems.push(`not everything can be read: ${error?.message}`);
        resolve();
      },
    );
  });
  for (const [index, entry] of history.acknowledged) {
    const there = entries[index];
    if (!there) problems.push(`entry ${index} was acknowledged and is lost`);
    else if (Buffer.compare(there, entry) !== 0)
      problems.push(`entry ${index} was acknowledged and is another one now`);
  }
  const levels = hashLevels(entries);
  problems.push(...checkCheckpoints(entries.length, levels, history));
  problems.push(...(await checkReceipts(log, history)));
  problems.push(...checkPublishedTiles(entries, levels, disk, history));
  problems.push(...(await checkTree(log, disk)));
  return problems;
}

/** Hashes by level of the binary tree, complete subtrees only. */
function hashLevels(entries: readonly Uint8Array[]): Uint8Array[][] {
  const levels = [entries.map((entry) => leafHash(entry, sha256))];
  for (let row = levels[0] ?? []; row.length > 1; row = levels.at(-1) ?? []) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2)
      above.push(nodeHash(row[at] as Uint8Array, row[at + 1] as Uint8Array, sha256));
    levels.push(above);
  }
  return levels;
}

type Levels = readonly (readonly Uint8Array[])[];

function checkCheckpoints(total: number, levels: Levels, history: History): string[] {
  return [...history.checkpoints.values()].flatMap((note) => {
    const { checkpoint } = parseCheckpoint(note);
    const size = Number(checkpoint.size);
    if (size > total) return [`a checkpoint of ${size} left, and there are fewer entries`];
    const root = rootAt(size, (level, index) => levels[level]?.[index] as Uint8Array, sha256);
    return Buffer.compare(root, checkpoint.root) === 0
      ? []
      : [`a checkpoint of ${size} left that the entries contradict`];
  });
}

async function checkReceipts(log: Log, history: History): Promise<string[]> {
  const problems: string[] = [];
  for (const { index, receipt } of history.receipts) {
    const report = await verifyReceipt({ receipt, vkey: log.vkey, verifier: verifySignature });
    const entry = history.acknowledged.get(index);
    if (!report.ok || !entry || Buffer.compare(report.entry ?? new Uint8Array(), entry) !== 0)
      problems.push(`the receipt of entry ${index} does not hold`);
  }
  return problems;
}

/** Whoever keeps a published checkpoint must find its tiles: partial ones, or the full one of their place. */
function checkPublishedTiles(
  entries: readonly Uint8Array[],
  levels: Levels,
  disk: SimulatedDisk,
  history: History,
): string[] {
  const problems = new Set<string>();
  const expected = ({ level, index, width }: TileId): Uint8Array => {
    const from = index * TILE_WIDTH;
    return level === 'entries'
      ? encodeBundle(entries.slice(from, from + width))
      : Buffer.concat(levels[level * 8]?.slice(from, from + width) ?? []);
  };
  for (const note of history.published.values()) {
    const size = Number(parseCheckpoint(note).checkpoint.size);
    const tiles: TileId[] = [...tilesOf(size)];
    const index = Math.floor((size - 1) / TILE_WIDTH);
    if (size > 0) tiles.push({ level: 'entries', index, width: tileWidth('entries', index, size) });
    for (const tile of tiles.filter(({ width }) => width < TILE_WIDTH)) {
      const place = tilePath({ ...tile, width: TILE_WIDTH });
      const full = disk.file(`/data/log/${place}`)?.cache;
      const partial = disk.file(`/data/log/${tilePath(tile)}`)?.cache;
      const bytes = expected(tile);
      if (full) {
        if (Buffer.compare(full.subarray(0, bytes.length), bytes) !== 0)
          problems.add(`${place} is not what it should be`);
      } else if (!partial || Buffer.compare(partial, bytes) !== 0) {
        problems.add(`${tilePath(tile)} of a published size is ${partial ? 'damaged' : 'gone'}`);
      }
    }
  }
  return [...problems];
}

async function checkTree(log: Log, disk: SimulatedDisk): Promise<string[]> {
  const report = await verifyTree({
    source: { get: async (path) => disk.file(`/data/log/${path}`)?.cache.slice() },
    vkey: log.vkey,
    verifier: verifySignature,
    hashing,
  });
  return report.findings
    .filter(({ severity }) => severity !== 'low')
    .map(({ what, path }) => `the tree does not verify: ${what} (${path})`);
}
