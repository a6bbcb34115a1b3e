/** Payloads, policy sets and entities by digest: `blobs/<SHA-256 in lowercase hex>`, written once. */
import { hash } from 'node:crypto';
import { SealrailError } from '../../errors.ts';
import { createDurably, type Files } from './files.ts';

const DIGEST = /^[0-9a-f]{64}$/;
/** Digests known to be on disk; past it the oldest is looked up again. */
export const BLOBS_KNOWN_MAX = 1_024;

export class Blobs {
  readonly #files: Files;
  readonly #folder: string;
  /** A promise, so that two writers of the same bytes share one file. */
  readonly #known = new Map<string, Promise<void>>();

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Resolves with the digest once the bytes and the name are on disk. */
  async put(bytes: Uint8Array): Promise<string> {
    const digest = hash('sha256', bytes);
    let stored = this.#known.get(digest);
    if (stored === undefined) {
      stored = this.#store(digest, bytes);
      this.#known.set(digest, stored);
      const [oldest] = this.#known.keys();
      if (this.#known.size > BLOBS_KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
    }
    await stored;
    return digest;
  }

  /** Undefined where there is none. Throws SIDE_STORE_CORRUPT where the bytes are not those of the digest. */
  async get(digest: string): Promise<Uint8Array | undefined> {
    // A digest comes from an entry: anything else would be a path of somebody's choice.
    if (!DIGEST.test(digest)) return undefined;
    const bytes = await this.#files.read(`${this.#folder}/${digest}`);
    if (bytes !== undefined && hash('sha256', bytes) !== digest) {
      throw new SealrailError('SIDE_STORE_CORRUPT', `the blob ${digest} was altered`, {
        hint: 'restore it from a backup',
      });
    }
    return bytes;
  }

  async #store(digest: string, bytes: Uint8Array): Promise<void> {
    if ((await this.get(digest)) === undefined) {
      await createDurably(this.#files, this.#folder, digest, bytes);
    } else {
      // An earlier process may have died between the rename and this.
      await this.#files.syncDirectory(this.#folder);
    }
  }
}
