/**
 * Blobs of a side store that a daemon may be writing to: nothing is locked, cut off or written. Synchronous,
 * for whoever reads a whole log and can do nothing else meanwhile.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SealrailError } from '../../errors.ts';

const DIGEST = /^[0-9a-f]{64}$/;
/** Of the bytes that are kept in memory: most decisions name the same few blobs. */
export const BLOB_BYTES_KEPT_MAX = 64 << 20;

/**
 * Reads by digest from DIR/private; undefined where there is none (any more). Throws SIDE_STORE_CORRUPT where
 * the bytes are not those of the digest.
 */
export function openBlobsAtRest(folder: string): (digest: string) => Uint8Array | undefined {
  const kept = new Map<string, Uint8Array>();
  let keptBytes = 0;
  return (digest) => {
    const known = kept.get(digest);
    if (known !== undefined) return known;
    const bytes = readBlob(folder, digest);
    if (bytes === undefined) return undefined;
    if (keptBytes + bytes.length > BLOB_BYTES_KEPT_MAX) {
      kept.clear();
      keptBytes = 0;
    }
    kept.set(digest, bytes);
    keptBytes += bytes.length;
    return bytes;
  };
}

function readBlob(folder: string, digest: string): Uint8Array | undefined {
  // A digest comes from an entry: anything else would be a path of somebody's choice.
  if (!DIGEST.test(digest)) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(`${folder}/blobs/${digest}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SealrailError('SIDE_STORE_CORRUPT', `the blob ${digest} cannot be read`, {
      hint: 'run this as the user that runs the daemon',
      cause: error,
    });
  }
  if (hash('sha256', bytes) === digest) return bytes;
  throw new SealrailError('SIDE_STORE_CORRUPT', `the blob ${digest} was altered`, {
    hint: 'restore it from a backup',
  });
}
