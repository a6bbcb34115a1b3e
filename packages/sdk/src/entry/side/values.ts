/** The append-only segments of clear values: `values/00000001` and on. One writer. */
import { hash } from 'node:crypto';
import { SealrailError } from '../../errors.ts';
import { createDurably, type Files, type OpenFile } from './files.ts';
import { encodeFrame, nextFrame, records, type SealedRecord, validEnd } from './frame.ts';

/** A segment is the most that opening writes again and that a look-up holds in memory. */
export const SEGMENT_BYTES_MAX = 16 << 20;
/** Of one flush; whatever is queued beyond it goes with the next. */
export const BATCH_BYTES_MAX = 4 << 20;

export interface CutTail {
  readonly bytes: number;
  /** SHA-256, lowercase hex. */
  readonly digest: string;
}

interface Waiting {
  readonly record: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const segmentName = (segment: number): string => String(segment).padStart(8, '0');

export class ValueSegments {
  /** What a crash left of a flush that nobody was told about. */
  readonly cutTail: CutTail | undefined;
  readonly #files: Files;
  readonly #folder: string;
  #last: number;
  /** Undefined until the first frame after opening or after a full segment. */
  #file: OpenFile | undefined;
  #end = 0;
  #queue: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(files: Files, folder: string, last: number, cutTail: CutTail | undefined) {
    this.#files = files;
    this.#folder = folder;
    this.#last = last;
    this.cutTail = cutTail;
  }

  static async open(files: Files, folder: string): Promise<ValueSegments> {
    const segments = await listSegments(files, folder);
    const last = segments.at(-1);
    const cutTail = last === undefined ? undefined : await recover(files, folder, last);
    return new ValueSegments(files, folder, last ?? 0, cutTail);
  }

  /** Resolves once the record is on disk. A failed write or flush is final: then every call rejects. */
  append(record: Buffer): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** The record of one entry, newest segments first; it is for an operator, so it may read them all. */
  async find(entryId: Uint8Array): Promise<SealedRecord | undefined> {
    for (const segment of (await listSegments(this.#files, this.#folder)).reverse()) {
      const bytes = await this.#files.read(`${this.#folder}/${segmentName(segment)}`);
      if (bytes === undefined) continue;
      for (const record of records(Buffer.from(bytes))) {
        if (Buffer.compare(record.header.subarray(0, entryId.length), entryId) === 0) return record;
      }
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file?.close();
  }

  /** Natural group commit, as in the log: whatever queued while the last flush ran goes with the next. */
  async #flush(): Promise<void> {
    // The caller's own turn ends first: what it records together is flushed together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, batchLength(this.#queue));
      try {
        await this.#write(encodeFrame(batch.map(({ record }) => record)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        this.#failure = error as Error;
        for (const { reject } of [...batch, ...this.#queue.splice(0)]) reject(this.#failure);
      }
    }
    this.#flushing = undefined;
  }

  async #write(frame: Buffer): Promise<void> {
    if (this.#file && this.#end + frame.length > SEGMENT_BYTES_MAX) {
      await this.#file.close();
      this.#file = undefined;
    }
    if (this.#file === undefined) {
      this.#last++;
      this.#end = 0;
      this.#file = await this.#files.create(`${this.#folder}/${segmentName(this.#last)}`);
      await this.#file.write(0, frame);
      await this.#file.datasync();
      // Without it the whole segment, acknowledged frames and all, may be gone after a power cut.
      await this.#files.syncDirectory(this.#folder);
    } else {
      await this.#file.write(this.#end, frame);
      await this.#file.datasync();
    }
    this.#end += frame.length;
  }
}

/** As many as fit into a batch; at least one, however large. */
function batchLength(queue: readonly Waiting[]): number {
  let bytes = 0;
  let count = 0;
  for (const { record } of queue) {
    bytes += record.length;
    if (count > 0 && bytes > BATCH_BYTES_MAX) break;
    count++;
  }
  return count;
}

async function listSegments(files: Files, folder: string): Promise<number[]> {
  const names = (await files.list(folder)).filter((name) => /^\d{8}$/.test(name)).sort();
  const segments = names.map(Number);
  for (const [at, segment] of segments.entries()) {
    const expected = (segments[0] ?? 0) + at;
    if (segment !== expected) {
      throw new SealrailError(
        'SIDE_STORE_CORRUPT',
        `${folder}/${segmentName(expected)} is missing`,
        { hint: 'restore it from a backup: it holds clear values that entries commit to' },
      );
    }
  }
  return segments;
}

/**
 * Cuts what a crash tore off, and writes the rest of the last segment again: reading it back proves only
 * that the page cache has it, and after a failed flush the disk may never get it. Refuses where a valid
 * frame follows a bad one, because then what is bad had been acknowledged.
 */
async function recover(files: Files, folder: string, last: number): Promise<CutTail | undefined> {
  const path = `${folder}/${segmentName(last)}`;
  const bytes = Buffer.from((await files.read(path)) ?? []);
  const end = validEnd(bytes);
  const next = nextFrame(bytes, end);
  if (next !== undefined) {
    throw new SealrailError('SIDE_STORE_CORRUPT', `${path} is damaged at byte ${end}`, {
      hint: `a valid frame follows at byte ${next}: this is no torn write. Restore the file from a backup`,
    });
  }
  await createDurably(files, folder, segmentName(last), bytes.subarray(0, end));
  if (end === bytes.length) return undefined;
  const tail = bytes.subarray(end);
  return { bytes: tail.length, digest: hash('sha256', tail) };
}
