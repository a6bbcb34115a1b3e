import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { corpus } from '../../../tests/corpora.ts';
import { emptyRoot, leafHash, nodeHash, type ReadNode, rootAt } from './merkle.ts';
import { sha256 } from './node.ts';
import {
  proveConsistency,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from './proof.ts';
import { sha256 as pureSha256 } from './sha256.ts';

const merkle = corpus('merkle');

interface Vector {
  desc: string;
  wantErr: boolean;
  proof: string[] | null;
  [field: string]: string | number | bigint | boolean | string[] | null;
}

/** Integers past 2^53 stand in the vectors, so numbers are read from their text. */
function readVector(path: string): Vector {
  const text = readFileSync(path, 'utf8').replace(/: (\d+)(,?)$/gm, ': "$1"$2');
  return JSON.parse(text) as Vector;
}

const bytes = (value: unknown): Uint8Array => Buffer.from(String(value ?? ''), 'base64');
const int = (value: unknown): bigint => BigInt(String(value));

function verifyVector(kind: string, vector: Vector): string | undefined {
  const proof = (vector.proof ?? []).map(bytes);
  const { leafIdx, start, end, leafHash: leaf, root, root1, root2 } = vector;
  const included = { leaf: bytes(leaf), root: bytes(root), proof };
  switch (kind) {
    case 'inclusion':
      return verifyInclusion(
        { ...included, index: int(leafIdx), size: int(vector.treeSize) },
        sha256,
      );
    case 'subtreeinclusion':
      return verifySubtreeInclusion(
        { ...included, index: int(leafIdx), start: int(start), end: int(end) },
        sha256,
      );
    case 'consistency':
      return verifyConsistency(
        {
          from: int(vector.size1),
          to: int(vector.size2),
          fromRoot: bytes(root1),
          toRoot: bytes(root2),
          proof,
        },
        sha256,
      );
    default:
      return verifySubtreeConsistency(
        {
          start: int(start),
          end: int(end),
          size: int(vector.size),
          subtreeRoot: bytes(root1),
          root: bytes(root2),
          proof,
        },
        sha256,
      );
  }
}

describe.skipIf(!merkle)('the vectors of transparency-dev/merkle', () => {
  const folder = join(merkle ?? '', 'testdata');
  const files = merkle
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
        file.endsWith('.json'),
      )
    : [];

  test('there are 518 of them', () => expect(files.length).toBe(518));
  test.each(files)('%s', (file) => {
    const vector = readVector(join(folder, file));
    const problem = verifyVector(file.split('/')[0] ?? '', vector);
    expect(problem === undefined, problem ?? 'accepted').toBe(!vector.wantErr);
  });
});

/** A tree in memory, slow and obvious. */
function tree(leaves: readonly Uint8Array[]): ReadNode {
  const read: ReadNode = (level, index) =>
    level === 0
      ? leafHash(leaves[index] ?? new Uint8Array(), sha256)
      : nodeHash(read(level - 1, index * 2), read(level - 1, index * 2 + 1), sha256);
  return read;
}
const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}`));
const rootOf = (size: number) => rootAt(size, tree(leavesOf(size)), sha256);

describe('proofs that we make', () => {
  test('every entry of every tree up to 70 leaves is included, and no entry in another place', () => {
    for (let size = 1; size <= 70; size++) {
      const readNode = tree(leavesOf(size));
      const root = rootOf(size);
      for (let index = 0; index < size; index++) {
        const proof = proveInclusion({ index, size, readNode }, sha256);
        const claim = { size: BigInt(size), leaf: readNode(0, index), root, proof };
        expect(verifyInclusion({ ...claim, index: BigInt(index) }, sha256)).toBeUndefined();
        if (size > 1)
          expect(
            verifyInclusion({ ...claim, index: BigInt((index + 1) % size) }, sha256),
          ).toBeDefined();
      }
    }
  });

  test('every tree up to 40 leaves is consistent with every smaller one', () => {
    for (let to = 0; to <= 40; to++) {
      const readNode = tree(leavesOf(to));
      for (let from = to === 0 ? 0 : 1; from <= to; from++) {
        const proof = proveConsistency({ from, to, readNode }, sha256);
        const claim = {
          from: BigInt(from),
          to: BigInt(to),
          fromRoot: rootOf(from),
          toRoot: rootOf(to),
          proof,
        };
        expect(verifyConsistency(claim, sha256), `${from} to ${to}`).toBeUndefined();
      }
    }
  });

  test('a changed proof never verifies', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 60 }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (size, at, byte, flip) => {
          const readNode = tree(leavesOf(size));
          const index = at % size;
          const proof = proveInclusion({ index, size, readNode }, sha256);
          const changed = proof.map((hash, i) => {
            const copy = Uint8Array.from(hash);
            if (i === byte % proof.length) copy[byte % 32] = (copy[byte % 32] ?? 0) ^ flip;
            return copy;
          });
          const claim = {
            index: BigInt(index),
            size: BigInt(size),
            leaf: readNode(0, index),
            root: rootOf(size),
          };
          expect(verifyInclusion({ ...claim, proof: changed }, sha256)).toBeDefined();
          expect(verifyInclusion({ ...claim, proof: proof.slice(1) }, sha256)).toBeDefined();
          expect(verifyInclusion({ ...claim, proof: [...proof, rootOf(1)] }, sha256)).toBeDefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  test('the root of an empty tree is the hash of nothing', () => {
    expect(Buffer.from(rootAt(0, tree([]), sha256))).toEqual(Buffer.from(emptyRoot(sha256)));
  });
});

test("the browser's SHA-256 equals Node's for every length up to three blocks and for random data", () => {
  for (let length = 0; length <= 200; length++) {
    const data = Buffer.alloc(length, length);
    expect(Buffer.from(pureSha256(data)).equals(Buffer.from(sha256(data)))).toBe(true);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), (data) =>
      Buffer.from(pureSha256(data)).equals(Buffer.from(sha256(data))),
    ),
  );
});
