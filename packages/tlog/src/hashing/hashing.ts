/** How trees hash: one thing at a time, many leaves at once, whole subtrees. Pure. */
import { leafHash, subtreeRoot } from '../merkle.ts';
import type { Sha256 } from '../sha256.ts';

export interface Hashing {
  readonly sha256: Sha256;
  /** SHA-256(0x00 ‖ entry) of each. */
  leaves(entries: readonly Uint8Array[]): readonly Uint8Array[];
  /** Root over a power of two of hashes, at most 256. */
  root(hashes: readonly Uint8Array[]): Uint8Array;
}

/** One hash after the other, by whatever the platform has. */
export function plainHashing(sha256: Sha256): Hashing {
  return {
    sha256,
    leaves: (entries) => entries.map((entry) => leafHash(entry, sha256)),
    root: (hashes) => subtreeRoot(hashes, sha256),
  };
}
