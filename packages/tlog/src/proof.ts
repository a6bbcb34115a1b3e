/**
 * Inclusion and consistency, of trees and of subtrees. Sizes and indices are bigint: they come from
 * outside and go up to 2^63−1. A verifier answers with the reason why a proof does not hold, or
 * undefined.
 */
import { equal, SIZE_MAX } from './bytes.ts';
import { emptyRoot, levelBelow, nodeHash, type ReadNode, rootAt } from './merkle.ts';
import { HASH_BYTES, type Sha256 } from './sha256.ts';

type Problem = string | undefined;
type Proof = readonly Uint8Array[];

/** A path has at most one hash a level; more is an attempt to make a verifier work for nothing. */
const PROOF_HASHES_MAX = 63;

function malformed(proof: Proof, ...hashes: readonly Uint8Array[]): Problem {
  if (proof.length > 2 * PROOF_HASHES_MAX) return `the proof has ${proof.length} hashes`;
  return [...proof, ...hashes].every((hash) => hash.length === HASH_BYTES)
    ? undefined
    : 'a hash is not 32 bytes long';
}

export interface Inclusion {
  readonly index: bigint;
  readonly size: bigint;
  readonly leaf: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: Proof;
}

/** RFC 9162 §2.1.3.2. */
export function verifyInclusion(
  { index, size, leaf, root, proof }: Inclusion,
  sha256: Sha256,
): Problem {
  const wrong = malformed(proof, leaf, root);
  if (wrong) return wrong;
  if (size > SIZE_MAX || index < 0n || index >= size)
    return `index ${index} is outside a tree of ${size} leaves`;
  let fn = index;
  let sn = size - 1n;
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0n) return 'the proof is longer than the path to the root';
    if ((fn & 1n) === 1n || fn === sn) {
      hash = nodeHash(sibling, hash, sha256);
      while (fn !== 0n && (fn & 1n) === 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      hash = nodeHash(hash, sibling, sha256);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) return 'the proof is shorter than the path to the root';
  return equal(hash, root) ? undefined : 'the proof leads to another root';
}

export interface Consistency {
  readonly from: bigint;
  readonly to: bigint;
  readonly fromRoot: Uint8Array;
  readonly toRoot: Uint8Array;
  readonly proof: Proof;
}

/**
 * RFC 9162 §2.1.4.2. Two trees of one size are compared by their roots as they are: that a root has
 * 32 bytes was checked where its checkpoint was parsed. An empty older tree is refused: such a
 * proof would say nothing and look like one.
 */
export function verifyConsistency(
  { from, to, fromRoot, toRoot, proof }: Consistency,
  sha256: Sha256,
): Problem {
  if (from < 0n || to > SIZE_MAX || from > to) return `size ${from} is not a size before ${to}`;
  if (from === to) {
    if (proof.length > 0) return 'two trees of one size need no proof';
    if (from === 0n && !equal(fromRoot, emptyRoot(sha256)))
      return 'the root of an empty tree is the hash of nothing';
    return equal(fromRoot, toRoot) ? undefined : 'two roots for one size';
  }
  if (from === 0n) return 'every tree extends the empty one: there is nothing to prove';
  return verifySubtreeConsistency(
    { start: 0n, end: from, size: to, subtreeRoot: fromRoot, root: toRoot, proof },
    sha256,
  );
}

/**
 * True where [start, end) is a subtree: not empty, and aligned to the next power of two of its
 * length.
 */
function isSubtree(start: bigint, end: bigint): boolean {
  if (start < 0n || end <= start || end > SIZE_MAX) return false;
  let ceiling = 1n;
  while (ceiling < end - start) ceiling <<= 1n;
  return start % ceiling === 0n;
}

export interface SubtreeInclusion {
  readonly index: bigint;
  readonly start: bigint;
  readonly end: bigint;
  readonly leaf: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: Proof;
}

/**
 * draft-ietf-plants-merkle-tree-certs §4.3: inclusion in the subtree as if it were a tree of its
 * own.
 */
export function verifySubtreeInclusion(given: SubtreeInclusion, sha256: Sha256): Problem {
  const { index, start, end, leaf, root, proof } = given;
  if (!isSubtree(start, end)) return `[${start}, ${end}) is no subtree`;
  return verifyInclusion({ index: index - start, size: end - start, leaf, root, proof }, sha256);
}

export interface SubtreeConsistency {
  readonly start: bigint;
  readonly end: bigint;
  readonly size: bigint;
  readonly subtreeRoot: Uint8Array;
  readonly root: Uint8Array;
  readonly proof: Proof;
}

/**
 * draft-ietf-plants-merkle-tree-certs §4.4: the subtree's hash and the tree's root from one path.
 */
export function verifySubtreeConsistency(given: SubtreeConsistency, sha256: Sha256): Problem {
  const { start, end, size, subtreeRoot, root, proof } = given;
  if (start === end && start >= 0n && end <= size && size <= SIZE_MAX) {
    if (proof.length > 0) return 'an empty subtree needs no proof';
    return equal(subtreeRoot, emptyRoot(sha256))
      ? undefined
      : 'the root of an empty subtree is the hash of nothing';
  }
  if (start === 0n && end === size && proof.length === 0) {
    return equal(subtreeRoot, root) ? undefined : 'two roots for one size';
  }
  const wrong = malformed(proof, subtreeRoot, root);
  if (wrong) return wrong;
  if (!isSubtree(start, end) || end > size || size > SIZE_MAX)
    return `[${start}, ${end}) is no subtree of ${size} leaves`;
  let fn = start;
  let sn = end - 1n;
  let tn = size - 1n;
  const shift = () => {
    fn >>= 1n;
    sn >>= 1n;
    tn >>= 1n;
  };
  if (sn === tn) while (fn !== sn) shift();
  else while (fn !== sn && (sn & 1n) === 1n) shift();
  const path = [...proof];
  const first = fn === sn ? subtreeRoot : path.shift();
  if (first === undefined) return 'the proof is empty';
  let fr = first;
  let sr = first;
  for (const hash of path) {
    if (tn === 0n) return 'the proof is longer than the path to the root';
    if ((sn & 1n) === 1n || sn === tn) {
      if (fn < sn) fr = nodeHash(hash, fr, sha256);
      sr = nodeHash(hash, sr, sha256);
      while ((sn & 1n) === 0n) shift();
    } else {
      sr = nodeHash(sr, hash, sha256);
    }
    shift();
  }
  if (tn !== 0n) return 'the proof is shorter than the path to the root';
  if (!equal(fr, subtreeRoot)) return 'the proof does not lead to the older root';
  return equal(sr, root) ? undefined : 'the proof does not lead to the newer root';
}

/**
 * Hash of the leaves [start, end) where start is a multiple of the largest power of two below the
 * length.
 */
function rangeHash(start: number, end: number, readNode: ReadNode, sha256: Sha256): Uint8Array {
  return rootAt(end - start, (level, index) => readNode(level, index + start / 2 ** level), sha256);
}

/** RFC 6962 §2.1: the largest power of two below the length. */
const split = (length: number): number => 2 ** levelBelow(length - 1);

/**
 * Sibling hashes from the leaf to the root (RFC 6962 §2.1.1), for a log of at most 2^53−1 entries.
 */
export function proveInclusion(
  given: { index: number; size: number; readNode: ReadNode },
  sha256: Sha256,
): Uint8Array[] {
  const path: Uint8Array[] = [];
  let start = 0;
  let end = given.size;
  while (end - start > 1) {
    const middle = start + split(end - start);
    const left = given.index < middle;
    path.unshift(
      left
        ? rangeHash(middle, end, given.readNode, sha256)
        : rangeHash(start, middle, given.readNode, sha256),
    );
    if (left) end = middle;
    else start = middle;
  }
  return path;
}

/** RFC 6962 §2.1.2; empty where `from` is 0 or equals `to`. */
export function proveConsistency(
  given: { from: number; to: number; readNode: ReadNode },
  sha256: Sha256,
): Uint8Array[] {
  if (given.from === 0 || given.from === given.to) return [];
  const path: Uint8Array[] = [];
  let start = 0;
  let end = given.to;
  while (given.from !== end) {
    const middle = start + split(end - start);
    if (given.from <= middle) {
      path.unshift(rangeHash(middle, end, given.readNode, sha256));
      end = middle;
    } else {
      path.unshift(rangeHash(start, middle, given.readNode, sha256));
      start = middle;
    }
  }
  // The older tree is a complete subtree from the left edge: its root is known to whoever checks.
  if (start !== 0) path.unshift(rangeHash(start, end, given.readNode, sha256));
  return path;
}
