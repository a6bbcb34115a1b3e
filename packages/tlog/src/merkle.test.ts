import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ENTRY_BYTES_MAX } from './bundle.ts';
import { emptyRoot, leafHash, levelBelow, nodeHash, peaks, rootAt } from './merkle.ts';
import { sha256 } from './node.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const plain = (...parts: (Uint8Array | string)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

describe('RFC 6962 hashing', () => {
  test('tells leaves from nodes by the first byte, at every length of a leaf', () => {
    for (const length of [0, 1, 63, 64, ENTRY_BYTES_MAX, ENTRY_BYTES_MAX + 1]) {
      const data = new Uint8Array(length).fill(3);
      expect(hex(leafHash(data, sha256))).toBe(plain(Uint8Array.of(0), data));
    }
    const [left, right] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    expect(hex(nodeHash(left, right, sha256))).toBe(plain(Uint8Array.of(1), left, right));
    expect(hex(emptyRoot(sha256))).toBe(plain());
  });

  test('a node of hashes that are not 32 bytes is refused, not padded with an older one', () => {
    const good = new Uint8Array(32);
    expect(() => nodeHash(good.subarray(1), good, sha256)).toThrow(RangeError);
    expect(() => nodeHash(good, new Uint8Array(33), sha256)).toThrow(RangeError);
  });

  test('the root of an empty tree is the hash of nothing', () => {
    const root = rootAt(0, () => new Uint8Array(32), sha256);
    expect(hex(root)).toBe(hex(emptyRoot(sha256)));
  });
});

describe('levels', () => {
  test('are exact at every power of two up to 2^53, where logarithms round', () => {
    for (let level = 0; level < 53; level++) {
      expect(levelBelow(2 ** level)).toBe(level);
      if (level > 1) expect(levelBelow(2 ** level - 1)).toBe(level - 1);
      if (level > 0) expect(levelBelow(2 ** level + 1)).toBe(level);
    }
    expect(levelBelow(Number.MAX_SAFE_INTEGER)).toBe(52);
  });

  test('of the largest tree add up to its size', () => {
    const found = peaks(Number.MAX_SAFE_INTEGER);
    expect(found).toHaveLength(53);
    expect(found.reduce((sum, { level }) => sum + 2 ** level, 0)).toBe(Number.MAX_SAFE_INTEGER);
  });
});
