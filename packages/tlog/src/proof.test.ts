import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { merkleCases } from '../../../tests/conformance/merkle.ts';
import { corpus } from '../../../tests/corpora.ts';
import { entryAt } from '../../../tests/tlog/memory-tree.ts';
import { equal } from './bytes.ts';
import { leafHash, nodeHash, type ReadNode, rootAt } from './merkle.ts';
import { sha256 } from './node.ts';
import {
  proveConsistency,
  proveInclusion,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from './proof.ts';

const merkle = corpus('merkle');
describe.skipIf(!merkle)('the vectors of transparency-dev/merkle', () => {
  const cases = merkle ? merkleCases(merkle) : [];
  test('there are 518 of them', () => expect(cases).toHaveLength(518));
  test.each(cases)('$id is $expected', async ({ expected, run }) => {
    expect(await run()).toBe(expected);
  });
});

/** A tree in memory, slow and obvious; nodes are remembered, for many proofs are made from it. */
const nodes = new Map<string, Uint8Array>();
const readNode: ReadNode = (level, index) => {
  const key = `${level}/${index}`;
  const known = nodes.get(key);
  if (known) return known;
  const below = () => [0, 1].map((side) => readNode(level - 1, 2 * index + side));
  const [left, right] = level === 0 ? [] : below();
  const hash = left && right ? nodeHash(left, right, sha256) : leafHash(entryAt(index), sha256);
  nodes.set(key, hash);
  return hash;
};
const rootOf = (size: number) => rootAt(size, readNode, sha256);
const inclusionOf = (index: number, size: number) => ({
  index: BigInt(index),
  size: BigInt(size),
  leaf: readNode(0, index),
  root: rootOf(size),
  proof: proveInclusion({ index, size, readNode }, sha256),
});
const consistencyOf = (from: number, to: number) => ({
  from: BigInt(from),
  to: BigInt(to),
  fromRoot: rootOf(from),
  toRoot: rootOf(to),
  proof: proveConsistency({ from, to, readNode }, sha256),
});

describe('proofs that we make', () => {
  test('every entry of every tree up to 70 leaves is included, and in no other place', () => {
    for (let size = 1; size <= 70; size++) {
      for (let index = 0; index < size; index++) {
        const claim = inclusionOf(index, size);
        expect(verifyInclusion(claim, sha256)).toBeUndefined();
        const other = { ...claim, index: BigInt((index + 1) % size) };
        if (size > 1) expect(verifyInclusion(other, sha256)).toBeDefined();
      }
    }
  });

  test('every tree up to 70 leaves is consistent with every smaller one', () => {
    for (let to = 0; to <= 70; to++) {
      for (let from = to === 0 ? 0 : 1; from <= to; from++) {
        const problem = verifyConsistency(consistencyOf(from, to), sha256);
        expect(problem, `${from} to ${to}`).toBeUndefined();
      }
    }
  });

  test('a tree of 2^53−1 entries is proved by nodes that are in it', () => {
    const size = Number.MAX_SAFE_INTEGER;
    const read: ReadNode = (level, index) => {
      expect((index + 1) * 2 ** level).toBeLessThanOrEqual(size);
      return new Uint8Array(32).fill(level);
    };
    for (const index of [0, 1, 2 ** 48, 2 ** 52, size - 1]) {
      const proof = proveInclusion({ index, size, readNode: read }, sha256);
      const root = rootAt(size, read, sha256);
      expect(proof.length).toBeLessThanOrEqual(53);
      expect(root).toHaveLength(32);
    }
    const proof = proveConsistency({ from: 2 ** 52 + 1, to: size, readNode: read }, sha256);
    expect(proof.length).toBeLessThanOrEqual(54);
  });
});

/** One thing about a list of hashes changed; undefined where the change would be none. */
const mutations = fc.record({
  kind: fc.constantFrom('flip', 'drop', 'repeat', 'swap', 'insert', 'cut'),
  at: fc.nat(),
  byte: fc.nat({ max: 31 }),
  mask: fc.integer({ min: 1, max: 255 }),
});
type Mutation = typeof mutations extends fc.Arbitrary<infer T> ? T : never;

function mutated(proof: readonly Uint8Array[], { kind, at, byte, mask }: Mutation): Uint8Array[] {
  const changed = proof.map((hash) => Uint8Array.from(hash));
  const where = proof.length === 0 ? 0 : at % proof.length;
  const hash = changed[where] ?? new Uint8Array(32);
  const next = (where + 1) % Math.max(1, proof.length);
  if (kind === 'flip') hash[byte] = (hash[byte] ?? 0) ^ mask;
  if (kind === 'drop') changed.splice(where, 1);
  if (kind === 'repeat') changed.splice(where, 0, hash);
  if (kind === 'swap') [changed[where], changed[next]] = [changed[next] ?? hash, hash];
  if (kind === 'insert') changed.splice(where, 0, new Uint8Array(32).fill(mask));
  if (kind === 'cut') changed[where] = hash.subarray(1);
  return changed;
}

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.length === b.length && a.every((hash, i) => equal(hash, b[i] ?? new Uint8Array()));

describe('a changed proof', () => {
  test('of inclusion never verifies: 5,000 changes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), mutations, (size, at, mutation) => {
        const claim = inclusionOf(at % size, size);
        const proof = mutated(claim.proof, mutation);
        fc.pre(!same(proof, claim.proof));
        expect(verifyInclusion({ ...claim, proof }, sha256)).toBeDefined();
      }),
      { numRuns: 5000 },
    );
  });

  test('of consistency never verifies: 5,000 changes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), mutations, (to, at, mutation) => {
        const claim = consistencyOf(1 + (at % (to - 1)), to);
        const proof = mutated(claim.proof, mutation);
        fc.pre(!same(proof, claim.proof));
        expect(verifyConsistency({ ...claim, proof }, sha256)).toBeDefined();
      }),
      { numRuns: 5000 },
    );
  });

  test('of another leaf, root, index or size never verifies', () => {
    const wrong = new Uint8Array(32).fill(5);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), (size, at) => {
        const claim = inclusionOf(at % size, size);
        for (const change of [
          { leaf: wrong },
          { root: wrong },
          { index: claim.size },
          { index: -1n },
        ])
          expect(verifyInclusion({ ...claim, ...change }, sha256)).toBeDefined();
        const grown = consistencyOf(1 + (at % (size - 1)), size);
        for (const change of [{ fromRoot: wrong }, { toRoot: wrong }, { from: grown.to + 1n }])
          expect(verifyConsistency({ ...grown, ...change }, sha256)).toBeDefined();
      }),
    );
  });
});

describe('what a verifier refuses before it hashes', () => {
  const hash = new Uint8Array(32);
  test('sizes past 2^63−1, and proofs longer than any path', () => {
    const huge = { index: 0n, size: 2n ** 63n, leaf: hash, root: hash, proof: [] };
    expect(verifyInclusion(huge, sha256)).toMatch(/outside a tree/);
    const proof = Array.from({ length: 127 }, () => hash);
    expect(verifyInclusion({ ...huge, size: 8n, proof }, sha256)).toMatch(/127 hashes/);
  });

  test('an empty older tree, which proves nothing and would look like a proof', () => {
    const empty = { from: 0n, to: 5n, fromRoot: hash, toRoot: hash, proof: [] };
    expect(verifyConsistency(empty, sha256)).toMatch(/nothing to prove/);
  });

  test('a range that is no subtree', () => {
    const range = { start: 3n, end: 7n, leaf: hash, root: hash, proof: [] };
    expect(verifySubtreeInclusion({ ...range, index: 4n }, sha256)).toMatch(/no subtree/);
    const given = { start: 3n, end: 7n, size: 9n, subtreeRoot: hash, root: hash, proof: [hash] };
    expect(verifySubtreeConsistency(given, sha256)).toMatch(/no subtree/);
  });
});
