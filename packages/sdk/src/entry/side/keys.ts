/**
 * One key a subject, in a file of its own: destroying the file erases every clear value of that subject at
 * once, and no proof notices. `keys/<subject id>` holds 32 bytes of key, then the subject's name.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hash,
  type KeyObject,
} from 'node:crypto';
import { SealrailError } from '../../errors.ts';
import { createDurably, type Files } from './files.ts';
import { KEY_ID_BYTES, SUBJECT_ID_BYTES } from './frame.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
/** Keys held in memory; past it the oldest is read from its file again. */
export const KEYS_CACHED_MAX = 1_024;

export interface SubjectKey {
  readonly subjectId: Buffer;
  /** First bytes of the key's SHA-256: tells a key from its successor after an erasure. */
  readonly keyId: Buffer;
  /** As an object: made from bytes at each use, it would cost four times as much as encrypting. */
  readonly key: KeyObject;
}

export interface KeysOptions {
  readonly files: Files;
  readonly folder: string;
  readonly random: (bytes: number) => Uint8Array;
}

export class SubjectKeys {
  readonly #options: KeysOptions;
  /** By subject; a promise, so that two first uses at once share one key. */
  readonly #cached = new Map<string, Promise<SubjectKey>>();

  constructor(options: KeysOptions) {
    this.#options = options;
  }

  /** The subject's key, made on first use and on disk before it is used: a record without its key is lost. */
  of(subject: string): Promise<SubjectKey> {
    const cached = this.#cached.get(subject);
    if (cached) return cached;
    const found = this.#findOrMake(subject);
    this.#cached.set(subject, found);
    found.catch(() => this.#cached.delete(subject));
    const [oldest] = this.#cached.keys();
    if (this.#cached.size > KEYS_CACHED_MAX && oldest !== undefined) this.#cached.delete(oldest);
    return found;
  }

  /** From disk; undefined where it was destroyed. */
  async find(subjectId: Uint8Array): Promise<SubjectKey | undefined> {
    const name = Buffer.from(subjectId).toString('hex');
    const bytes = await this.#options.files.read(`${this.#options.folder}/${name}`);
    if (bytes === undefined) return undefined;
    if (bytes.length < KEY_BYTES) {
      throw new SealrailError('SIDE_STORE_CORRUPT', `the key file ${name} is cut short`);
    }
    return subjectKey(subjectId, bytes.subarray(0, KEY_BYTES));
  }

  /**
   * Destroys the subject's key: what was sealed with it is gone for good. What the subject does from then on
   * gets a new one. False where there is none. Durable once it resolves.
   */
  async destroy(subject: string): Promise<boolean> {
    const { files, folder } = this.#options;
    const name = subjectIdOf(subject).toString('hex');
    this.#cached.delete(subject);
    if ((await files.read(`${folder}/${name}`)) === undefined) return false;
    await files.erase(`${folder}/${name}`);
    await files.syncDirectory(folder);
    return true;
  }

  async #findOrMake(subject: string): Promise<SubjectKey> {
    const { files, folder, random } = this.#options;
    const subjectId = subjectIdOf(subject);
    const found = await this.find(subjectId);
    if (found) return found;
    const key = Buffer.from(random(KEY_BYTES));
    const bytes = Buffer.concat([key, Buffer.from(subject)]);
    await createDurably(files, folder, subjectId.toString('hex'), bytes);
    return subjectKey(subjectId, key);
  }
}

/** A hash, because a subject's name may hold what a file name may not. */
const subjectIdOf = (subject: string): Buffer =>
  Buffer.from(hash('sha256', subject), 'hex').subarray(0, SUBJECT_ID_BYTES);

function subjectKey(subjectId: Uint8Array, key: Uint8Array): SubjectKey {
  const keyId = Buffer.from(hash('sha256', key), 'hex').subarray(0, KEY_ID_BYTES);
  return { subjectId: Buffer.from(subjectId), keyId, key: createSecretKey(key) };
}

/** nonce | ciphertext | tag. A random nonce is safe for 2³² records under one key (SP 800-38D §8.3). */
export function seal(
  { key }: SubjectKey,
  clear: string,
  boundTo: Uint8Array,
  random: (bytes: number) => Uint8Array,
): Buffer {
  const nonce = Buffer.from(random(NONCE_BYTES));
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(boundTo);
  return Buffer.concat([nonce, cipher.update(clear, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** Throws SIDE_STORE_CORRUPT where the record, or what it is bound to, was altered. */
export function unseal({ key }: SubjectKey, sealed: Uint8Array, boundTo: Uint8Array): string {
  try {
    const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES))
      .setAAD(boundTo)
      .setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const clear = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
    return Buffer.concat([clear, decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SealrailError('SIDE_STORE_CORRUPT', 'a record of the side store was altered', {
      cause,
    });
  }
}
