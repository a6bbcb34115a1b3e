/**
 * The side store: clear values and salts of commitments, and payloads by digest. In DIR/private (0700),
 * never served, never in an export. Records are encrypted under one key a subject, so that destroying the
 * key erases everything of that subject at once, and no proof notices.
 *
 *   values  record: length u32 | subject number u32 | nonce 12 | AES-256-GCM of the JSON | tag 16
 *   keys    record: subject number u32 | key 32 | name length u16 | name, one after the other
 *   blobs/<sha256 hex>
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  write,
} from 'node:fs';
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SealrailError } from '../errors.ts';
import type { Json } from './entry.ts';

/** A value with its salt, as the entry's commitment names it. */
export interface StoredValue {
  readonly at: string;
  readonly salt: string;
  readonly value: string;
}

export interface StoredValues {
  readonly entry: string;
  readonly values: readonly StoredValue[];
}

/** After `put` or `putBlob` has resolved, what they were given survives a power cut. Any failed flush is final. */
export interface SideStore {
  put(subject: string, values: StoredValues): Promise<void>;
  putBlob(bytes: Uint8Array): Promise<string>;
  readBlob(digest: string): Promise<Uint8Array | undefined>;
  /** Clear values of one entry; empty where the subject's key was destroyed or there were none. */
  read(entry: string): Promise<readonly StoredValue[]>;
  close(): Promise<void>;
}

const RECORD_HEADER_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const RECORD_BYTES_MAX = 64 << 20;

interface Subject {
  readonly number: number;
  readonly key: Buffer;
}

export interface SideStoreOptions {
  readonly folder: string;
  readonly random: (bytes: number) => Uint8Array;
  /** For fault injection; the real ones by default. */
  readonly io?: Pick<typeof import('node:fs'), 'write' | 'fdatasync'>;
}

export async function openSideStore(options: SideStoreOptions): Promise<SideStore> {
  const { folder } = options;
  await mkdir(join(folder, 'blobs'), { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const subjects = await readSubjects(join(folder, 'keys'));
  return new FileSideStore(options, subjects, cutTail(join(folder, 'values')));
}

async function readSubjects(path: string): Promise<Map<string, Subject>> {
  const subjects = new Map<string, Subject>();
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  for (let at = 0; at + 38 <= bytes.length; ) {
    const end = at + 38 + bytes.readUInt16BE(at + 36);
    if (end > bytes.length) break;
    const name = bytes.toString('utf8', at + 38, end);
    subjects.set(name, {
      number: bytes.readUInt32BE(at),
      key: Buffer.from(bytes.subarray(at + 4, at + 36)),
    });
    at = end;
  }
  return subjects;
}

/** A record that a crash cut off was never acknowledged: it is removed, so that the next one stands whole. */
function cutTail(path: string): number {
  const fd = openSync(path, 'a+', 0o600);
  try {
    const bytes = readFileSync(path);
    let end = 0;
    while (end + RECORD_HEADER_BYTES <= bytes.length) {
      const length = bytes.readUInt32BE(end);
      if (length < RECORD_HEADER_BYTES || length > RECORD_BYTES_MAX || end + length > bytes.length)
        break;
      end += length;
    }
    if (end < bytes.length) {
      ftruncateSync(fd, end);
      fsyncSync(fd);
    }
    return end;
  } finally {
    closeSync(fd);
  }
}

interface Waiting {
  readonly record: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class FileSideStore implements SideStore {
  readonly #folder: string;
  readonly #random: (bytes: number) => Uint8Array;
  readonly #io: Pick<typeof import('node:fs'), 'write' | 'fdatasync'>;
  readonly #subjects: Map<string, Subject>;
  readonly #fd: number;
  /** Subjects whose key is on its way to the disk. */
  readonly #newSubjects = new Map<string, Promise<Subject>>();
  #queue: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: SealrailError | undefined;
  #end: number;

  constructor(options: SideStoreOptions, subjects: Map<string, Subject>, end: number) {
    this.#folder = options.folder;
    this.#random = options.random;
    this.#io = options.io ?? { write, fdatasync };
    this.#subjects = subjects;
    this.#end = end;
    this.#fd = openSync(join(options.folder, 'values'), 'r+');
  }

  async put(subject: string, values: StoredValues): Promise<void> {
    const found = this.#subjects.get(subject) ?? (await this.#addSubject(subject));
    const record = this.#seal(found, values);
    if (this.#failure) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  #seal(subject: Subject, values: StoredValues): Buffer {
    const nonce = Buffer.from(this.#random(NONCE_BYTES));
    const cipher = createCipheriv('aes-256-gcm', subject.key, nonce);
    const sealed = [
      cipher.update(JSON.stringify(values), 'utf8'),
      cipher.final(),
      cipher.getAuthTag(),
    ];
    const header = Buffer.alloc(RECORD_HEADER_BYTES);
    const record = Buffer.concat([header, nonce, ...sealed]);
    record.writeUInt32BE(record.length, 0);
    record.writeUInt32BE(subject.number, 4);
    return record;
  }

  /** The key is durable before the first record under it: a record without its key is lost. */
  #addSubject(name: string): Promise<Subject> {
    const found = this.#newSubjects.get(name);
    if (found) return found;
    const subject = {
      number: this.#subjects.size + this.#newSubjects.size,
      key: Buffer.from(this.#random(32)),
    };
    const added = (async () => {
      const text = Buffer.from(name);
      const record = Buffer.alloc(38);
      record.writeUInt32BE(subject.number, 0);
      subject.key.copy(record, 4);
      record.writeUInt16BE(text.length, 36);
      const file = await open(join(this.#folder, 'keys'), 'a', 0o600);
      try {
        await file.write(Buffer.concat([record, text]));
        await file.sync();
      } finally {
        await file.close();
      }
      await syncDirectory(this.#folder);
      this.#subjects.set(name, subject);
      return subject;
    })();
    this.#newSubjects.set(name, added);
    return added.finally(() => this.#newSubjects.delete(name));
  }

  /** Natural group commit, as in the log: whatever queued while the last flush ran goes with the next. */
  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0);
      try {
        await this.#write(Buffer.concat(batch.map(({ record }) => record)));
        for (const { resolve } of batch) resolve();
      } catch (cause) {
        this.#failure = new SealrailError('SIDE_STORE_FAILED', "couldn't write the side store", {
          hint: 'nothing more is written; a failed flush is never tried again. Look at the disk, then restart',
          cause,
        });
        for (const { reject } of [...batch, ...this.#queue.splice(0)]) reject(this.#failure);
      }
    }
    this.#flushing = undefined;
  }

  #write(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#io.write(this.#fd, bytes, 0, bytes.length, this.#end, (error, count) => {
        if (error) return reject(error);
        if (count !== bytes.length)
          return reject(new Error(`short write: ${count} of ${bytes.length} bytes`));
        this.#end += bytes.length;
        this.#io.fdatasync(this.#fd, (failed) => (failed ? reject(failed) : resolve()));
      });
    });
  }

  async putBlob(bytes: Uint8Array): Promise<string> {
    const digest = createHash('sha256').update(bytes).digest('hex');
    const path = join(this.#folder, 'blobs', digest);
    if (
      await readFile(path).then(
        (found) => found.equals(bytes),
        () => false,
      )
    )
      return digest;
    const file = await open(`${path}.new`, 'w', 0o600);
    try {
      await file.write(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncDirectory(join(this.#folder, 'blobs'));
    return digest;
  }

  async readBlob(digest: string): Promise<Uint8Array | undefined> {
    if (!/^[0-9a-f]{64}$/.test(digest)) return undefined;
    return readFile(join(this.#folder, 'blobs', digest)).catch(() => undefined);
  }

  /** A scan: this is for an operator who opens one entry, not for a hot path. */
  async read(entry: string): Promise<readonly StoredValue[]> {
    const bytes = await readFile(join(this.#folder, 'values'));
    const keys = new Map([...this.#subjects.values()].map(({ number, key }) => [number, key]));
    for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; at += bytes.readUInt32BE(at)) {
      const key = keys.get(bytes.readUInt32BE(at + 4));
      const end = at + bytes.readUInt32BE(at);
      if (end <= at || end > bytes.length) break;
      const stored = key && unseal(key, bytes.subarray(at + RECORD_HEADER_BYTES, end));
      if (stored?.entry === entry) return stored.values;
    }
    return [];
  }

  async close(): Promise<void> {
    await this.#flushing;
    closeSync(this.#fd);
  }
}

function unseal(key: Buffer, sealed: Buffer): StoredValues {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    const clear = Buffer.concat([
      decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)),
      decipher.final(),
    ]);
    return JSON.parse(clear.toString('utf8')) as StoredValues & Json;
  } catch (cause) {
    throw new SealrailError('SIDE_STORE_CORRUPT', 'a record of the side store was altered', {
      cause,
    });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
