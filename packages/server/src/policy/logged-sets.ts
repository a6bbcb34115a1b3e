/** Policy sets that decisions were made by, loaded again from their canonical form in the side store. */
import {
  type BlobReader,
  canonicalSource,
  loadPolicySet,
  type PolicySet,
  SealrailError,
} from '@sealrail/sdk';

/** Sets that are open at once; an engine holds each in its memory. */
export const SETS_OPEN_MAX = 16;

export class LoggedSets {
  readonly #blobs: BlobReader;
  readonly #sets = new Map<string, PolicySet | string>();

  constructor(blobs: BlobReader) {
    this.#blobs = blobs;
  }

  /** The set of a digest, or why it cannot be had. */
  get(digest: string): PolicySet | string {
    const known = this.#sets.get(digest);
    if (known !== undefined) return known;
    const [oldest] = this.#sets.keys();
    if (this.#sets.size >= SETS_OPEN_MAX && oldest !== undefined) this.#drop(oldest);
    const found = loadFromBlob(this.#blobs(digest), digest);
    this.#sets.set(digest, found);
    return found;
  }

  close(): void {
    for (const digest of [...this.#sets.keys()]) this.#drop(digest);
  }

  #drop(digest: string): void {
    const set = this.#sets.get(digest);
    this.#sets.delete(digest);
    if (typeof set === 'object') set.close();
  }
}

function loadFromBlob(blob: Uint8Array | undefined, digest: string): PolicySet | string {
  if (blob === undefined) return 'policy-set-missing';
  try {
    const { files, schema } = canonicalSource(Buffer.from(blob).toString('utf8'));
    const set = loadPolicySet(files, schema);
    // A version that knows fewer conditions, or refuses more, cannot say what this set says.
    if (!('engine' in set)) return 'policy-set-of-another-version';
    if (set.digest === digest) return set;
    set.close();
    return 'policy-set-of-another-version';
  } catch (error) {
    if (error instanceof SealrailError) return 'policy-set-of-another-version';
    throw error;
  }
}
