/**
 * A signed tree as a map of files, made the slow and obvious way: level by level from the leaves.
 */
import { hash } from 'node:crypto';
import {
  encodeBundle,
  formatCheckpoint,
  formatSecretKey,
  formatVkey,
  leafHash,
  nodeHash,
  openSigner,
  rootAt,
  type Signer,
  secretKeyFromSeed,
  sha256,
  signNote,
  TILE_WIDTH,
  tilePath,
  tilesOf,
  tileWidth,
} from '../../packages/tlog/src/index.ts';
import type { TreeSource } from '../../packages/tlog/src/verify/index.ts';

/** The same key for the same name and seed, in every run. */
export function testSigner(name: string, seed = 'seed'): Signer {
  const bytes = hash('sha256', seed, 'buffer');
  return openSigner(formatSecretKey(secretKeyFromSeed(name, bytes)));
}

export const vkeyOf = (signer: Signer): string => formatVkey(signer.key);

export const entryAt = (index: number): Uint8Array => Buffer.from(`{"n":${index}}`);

/** Hashes by level of the binary tree, complete subtrees only. */
function hashLevels(entries: readonly Uint8Array[]): Uint8Array[][] {
  const levels = [entries.map((entry) => leafHash(entry, sha256))];
  for (let row = levels[0] ?? []; row.length > 1; row = levels.at(-1) ?? []) {
    levels.push(
      Array.from({ length: Math.floor(row.length / 2) }, (_, i) =>
        nodeHash(row[2 * i] as Uint8Array, row[2 * i + 1] as Uint8Array, sha256),
      ),
    );
  }
  return levels;
}

export function signedCheckpoint(
  entries: readonly Uint8Array[],
  signers: readonly Signer[],
): Uint8Array {
  const levels = hashLevels(entries);
  const root = rootAt(entries.length, (level, i) => levels[level]?.[i] as Uint8Array, sha256);
  const origin = signers[0]?.key.name ?? '';
  return signNote(formatCheckpoint({ origin, size: BigInt(entries.length), root }), signers);
}

export function memoryTree(
  entries: readonly Uint8Array[],
  signers: readonly Signer[],
): Map<string, Uint8Array> {
  const files = new Map([['checkpoint', signedCheckpoint(entries, signers)]]);
  const levels = hashLevels(entries);
  for (const tile of tilesOf(entries.length)) {
    const from = tile.index * TILE_WIDTH;
    const hashes = levels[tile.level * 8]?.slice(from, from + tile.width) ?? [];
    files.set(tilePath(tile), Buffer.concat(hashes));
  }
  for (let index = 0; index * TILE_WIDTH < entries.length; index++) {
    const width = tileWidth('entries', index, entries.length);
    const from = index * TILE_WIDTH;
    files.set(
      tilePath({ level: 'entries', index, width }),
      encodeBundle(entries.slice(from, from + width)),
    );
  }
  return files;
}

export const memorySource = (files: ReadonlyMap<string, Uint8Array | undefined>): TreeSource => ({
  get: async (path) => files.get(path),
});
