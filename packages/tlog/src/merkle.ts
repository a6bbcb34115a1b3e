/**
 * RFC 6962 §2.1 hashing: leaves and nodes are told apart by their first byte, so neither can pose
 * as the other.
 */
import { ENTRY_BYTES_MAX } from './bundle.ts';
import { HASH_BYTES, type Sha256 } from './sha256.ts';

// One input for all calls: hashing is synchronous, and an allocation a hash would cost as much as
// the hash.
const leafInput = new Uint8Array(1 + ENTRY_BYTES_MAX);
const nodeInput = new Uint8Array(1 + 2 * HASH_BYTES).fill(1, 0, 1);

export function leafHash(data: Uint8Array, sha256: Sha256): Uint8Array {
  const length = 1 + data.length;
  const input = length <= leafInput.length ? leafInput.subarray(0, length) : new Uint8Array(length);
  input.set(data, 1);
  return sha256(input);
}

export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES)
    throw new RangeError(`hashes of ${left.length} and ${right.length} bytes`);
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return sha256(nodeInput);
}

export const emptyRoot = (sha256: Sha256): Uint8Array => sha256(new Uint8Array(0));

/**
 * Where complete subtrees are read from: `level` 0 is leaves, `index` counts nodes of that level.
 */
export type ReadNode = (level: number, index: number) => Uint8Array;

/**
 * The largest level whose nodes are no wider than `count`. Not Math.log2, which rounds: from 2^48
 * on it calls 2^n − 1 a power of two, and a proof would then name a node that is not there.
 */
export function levelBelow(count: number): number {
  const high = Math.floor(count / 2 ** 32);
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(count);
}

/**
 * Levels and indices of the complete subtrees that a tree of this size is made of, largest first.
 */
export function peaks(size: number): { level: number; index: number }[] {
  const found: { level: number; index: number }[] = [];
  let start = 0;
  for (let rest = size; rest > 0; ) {
    const level = levelBelow(rest);
    const width = 2 ** level;
    found.push({ level, index: start / width });
    start += width;
    rest -= width;
  }
  return found;
}

/** Root of a tree of `size` leaves from its complete subtrees. */
export function rootAt(size: number, readNode: ReadNode, sha256: Sha256): Uint8Array {
  const hashes = peaks(size).map(({ level, index }) => readNode(level, index));
  const last = hashes.pop();
  if (last === undefined) return emptyRoot(sha256);
  return hashes.reduceRight((right, left) => nodeHash(left, right, sha256), last);
}

/** Root over a power of two of hashes. */
export function subtreeRoot(hashes: readonly Uint8Array[], sha256: Sha256): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      above.push(nodeHash(row[at] as Uint8Array, row[at + 1] as Uint8Array, sha256));
    }
    row = above;
  }
  const [root] = row;
  if (!root) throw new RangeError('a subtree without hashes');
  return root;
}
