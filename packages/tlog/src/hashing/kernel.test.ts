import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileKernel } from '../../../../scripts/kernel.ts';
import { toHex } from '../bytes.ts';
import { subtreeRoot } from '../merkle.ts';
import { sha256 } from '../node.ts';
import { plainHashing } from './hashing.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_MESSAGES_MAX,
  MESSAGE_BYTES_MAX,
  openHashing,
  openKernel,
} from './kernel.ts';

const kernel = openKernel(sha256);
if (!kernel) throw new Error('this Node has no vectors in WebAssembly');
const leafOf = (entry: Uint8Array): string =>
  createHash('sha256').update(Uint8Array.of(0)).update(entry).digest('hex');

/** At an offset of its own in a larger buffer, as entries of a frame stand. */
const entryOf = (length: number, offset: number): Uint8Array =>
  new Uint8Array(randomBytes(length + offset).buffer.slice(0)).subarray(offset, offset + length);

describe('the kernel hashes as Node does', () => {
  test('messages of any lengths, alignments and batch sizes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 20_000 })),
            fc.integer({ min: 0, max: 17 }),
          ),
          { maxLength: 40 },
        ),
        (shapes) => {
          const entries = shapes.map(([length, offset]) => entryOf(length, offset));
          expect(kernel.leaves(entries).map(toHex)).toEqual(entries.map(leafOf));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('every length about the borders of a block, in each lane', () => {
    for (const base of [0, 54, 55, 56, 62, 63, 64, 118, 119, 120, 127, 128]) {
      for (let lane = 0; lane < 4; lane++) {
        const entries = [7, 300, 65, 1].map((length, at) =>
          entryOf(at === lane ? base : length, 0),
        );
        expect(kernel.leaves(entries).map(toHex)).toEqual(entries.map(leafOf));
      }
    }
  });

  test('batches past its bounds in messages and in bytes, and messages past its own', () => {
    const many = Array.from({ length: BATCH_MESSAGES_MAX + 3 }, (_, at) => entryOf(at % 70, 0));
    expect(kernel.leaves(many).map(toHex)).toEqual(many.map(leafOf));
    const large = Array.from({ length: 70 }, () => entryOf(BATCH_BYTES_MAX / 64, 0));
    const mixed = [
      entryOf(3, 0),
      ...large,
      entryOf(MESSAGE_BYTES_MAX, 0),
      entryOf(MESSAGE_BYTES_MAX + 1, 0),
      entryOf(65_535, 0),
      entryOf(0, 0),
    ];
    expect(kernel.leaves(mixed).map(toHex)).toEqual(mixed.map(leafOf));
    expect(kernel.leaves([])).toEqual([]);
  });

  test('what was hashed before does not change with what comes after', () => {
    const first = kernel.leaves(Array.from({ length: 8 }, (_, at) => entryOf(at, 0)));
    const kept = first.map(toHex);
    kernel.leaves(Array.from({ length: 8 }, () => entryOf(100, 0)));
    expect(first.map(toHex)).toEqual(kept);
  });

  test.each([1, 2, 4, 8, 16, 64, 128, 256])('the root over %i hashes', (count) => {
    const hashes = Array.from({ length: count }, () => new Uint8Array(randomBytes(32)));
    expect(toHex(kernel.root(hashes))).toBe(toHex(subtreeRoot(hashes, sha256)));
  });

  test('no root over what is no whole subtree', () => {
    const hashes = Array.from({ length: 12 }, () => new Uint8Array(32));
    expect(() => kernel.root(hashes)).toThrow(/no whole subtree/);
  });
});

test('the plain way and the kernel are one port', () => {
  const entries = Array.from({ length: 9 }, (_, at) => entryOf(at * 30, 1));
  for (const hashing of [plainHashing(sha256), openHashing(sha256)])
    expect(hashing.leaves(entries).map(toHex)).toEqual(entries.map(leafOf));
});

test('the kernel in the tree is what its source compiles to', async () => {
  const file = new URL('./kernel.generated.ts', import.meta.url);
  expect(await compileKernel()).toBe(readFileSync(file, 'utf8'));
});
