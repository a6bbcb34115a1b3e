/**
 * The side store: clear values and salts of commitments, and payloads by digest. In DIR/private (0700),
 * never served, never in an export. SPEC.md has the bytes.
 */
import { SealrailError } from '../../errors.ts';
import { Blobs } from './blobs.ts';
import { type Files, nodeFiles } from './files.ts';
import {
  ENTRY_ID_BYTES,
  encodeRecord,
  KEY_ID_BYTES,
  RECORD_HEADER_BYTES,
  recordHeader,
} from './frame.ts';
import { SubjectKeys, seal, unseal } from './keys.ts';
import { type CutTail, ValueSegments } from './values.ts';

/** A value with its salt, as the entry's commitment names it. */
export interface StoredValue {
  readonly at: string;
  /** Base64 of SALT_BYTES bytes. */
  readonly salt: string;
  readonly value: string;
}

export type Revealed =
  | { readonly kind: 'values'; readonly values: readonly StoredValue[] }
  /** The subject's key was destroyed: the values are gone, and the commitments stay. */
  | { readonly kind: 'erased' }
  | { readonly kind: 'absent' };

/**
 * After `put` or `putBlob` has resolved, what they were given survives a power cut. Any failed write or
 * flush is final: every later call rejects with SIDE_STORE_FAILED.
 */
export interface SideStore {
  /** `subject` is whose values they are (`human:alice`): one key each, so that erasing one leaves the others. */
  put(subject: string, entryId: string, values: readonly StoredValue[]): Promise<void>;
  /** Resolves with the SHA-256 in lowercase hex. */
  putBlob(bytes: Uint8Array): Promise<string>;
  readBlob(digest: string): Promise<Uint8Array | undefined>;
  read(entryId: string): Promise<Revealed>;
}

export interface OpenSideStore extends SideStore {
  /** What opening cut off after a crash; for a `system` entry. */
  readonly cutTail: CutTail | undefined;
  /** Resolves when a write or flush has failed. */
  readonly failed: Promise<Error>;
  /**
   * Destroys the key of everything that was put for this subject before; false where there is nothing of it.
   * Nothing of the subject may be on its way in meanwhile. Commitments and proofs stay as they are.
   */
  erase(subject: string): Promise<boolean>;
  close(): Promise<void>;
}

export interface SideStoreOptions {
  /** DIR/private. */
  readonly folder: string;
  readonly random: (bytes: number) => Uint8Array;
  /** For fault injection. */
  readonly files?: Files;
}

export async function openSideStore(options: SideStoreOptions): Promise<OpenSideStore> {
  const { folder, random, files = nodeFiles } = options;
  for (const name of ['', '/values', '/keys', '/blobs']) await files.makeDirectory(folder + name);
  const keys = new SubjectKeys({ files, folder: `${folder}/keys`, random });
  const values = await ValueSegments.open(files, `${folder}/values`);
  await files.syncDirectory(folder);
  return new FileSideStore({ keys, values, blobs: new Blobs(files, `${folder}/blobs`), random });
}

interface Parts {
  readonly keys: SubjectKeys;
  readonly values: ValueSegments;
  readonly blobs: Blobs;
  readonly random: (bytes: number) => Uint8Array;
}

class FileSideStore implements OpenSideStore {
  readonly cutTail: CutTail | undefined;
  readonly failed: Promise<Error>;
  readonly #parts: Parts;
  #failure: SealrailError | undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.cutTail = parts.values.cutTail;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  put(subject: string, entryId: string, values: readonly StoredValue[]): Promise<void> {
    const { keys, values: segments, random } = this.#parts;
    return this.#writing(async () => {
      const key = await keys.of(subject);
      const header = recordHeader(uuidBytes(entryId), key.subjectId, key.keyId);
      const sealed = seal(key, JSON.stringify(values), header, random);
      await segments.append(encodeRecord({ header, sealed }));
    });
  }

  putBlob(bytes: Uint8Array): Promise<string> {
    return this.#writing(() => this.#parts.blobs.put(bytes));
  }

  readBlob(digest: string): Promise<Uint8Array | undefined> {
    return this.#parts.blobs.get(digest);
  }

  async read(entryId: string): Promise<Revealed> {
    const record = await this.#parts.values.find(uuidBytes(entryId));
    if (record === undefined) return { kind: 'absent' };
    const { header, sealed } = record;
    const keyIdAt = RECORD_HEADER_BYTES - KEY_ID_BYTES;
    const key = await this.#parts.keys.find(header.subarray(ENTRY_ID_BYTES, keyIdAt));
    if (key === undefined || Buffer.compare(key.keyId, header.subarray(keyIdAt)) !== 0) {
      return { kind: 'erased' };
    }
    const values = JSON.parse(unseal(key, sealed, header)) as readonly StoredValue[];
    return { kind: 'values', values };
  }

  erase(subject: string): Promise<boolean> {
    return this.#writing(() => this.#parts.keys.destroy(subject));
  }

  close(): Promise<void> {
    return this.#parts.values.close();
  }

  async #writing<T>(write: () => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure;
    try {
      return await write();
    } catch (cause) {
      this.#failure ??= new SealrailError('SIDE_STORE_FAILED', "couldn't write the side store", {
        hint: 'nothing more is written there; look at the disk, then start the daemon again',
        cause,
      });
      this.#fail(this.#failure);
      throw this.#failure;
    }
  }
}

function uuidBytes(id: string): Buffer {
  const hex = id.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/.test(hex)) {
    throw new SealrailError('ENTRY_INVALID', `${JSON.stringify(id)} is no entry id`);
  }
  return Buffer.from(hex, 'hex');
}
