/** Files that the next segment can be written into: contents, size and name durable, no part of the log. */
import type { Clock } from '../clock.ts';
import { TlogError } from '../errors.ts';
import { type Files, isDiskFull, type OpenFile, unlessFull } from '../files/files.ts';

/** Kept for reuse; more are removed: a burst must not hold its disk space for ever. */
export const SPARES_MAX = 2;
/** After a full disk, so long until it is tried again: each try writes up to a whole segment. */
export const RETRY_MS = 1_000;
const ZERO_CHUNK_BYTES = 1 << 20;

export interface Spare {
  readonly path: string;
  readonly file: OpenFile;
}

export interface SparesOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly folder: string;
  readonly segmentBytes: number;
}

export class Spares {
  readonly #options: SparesOptions;
  readonly #ready: Spare[] = [];
  #preparing: Promise<Spare> | undefined;
  #prepared = 0;
  #refused: { readonly error: TlogError; readonly at: number } | undefined;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  /** Begins to prepare one in the background, unless one is ready or being prepared. */
  prepare(): void {
    if (this.#ready.length > 0 || this.#preparing || this.#refusal()) return;
    this.#preparing = this.make(`${this.#options.folder}/spare-new-${++this.#prepared}`);
    // Met, and thrown, where the segment is needed.
    this.#preparing.catch(() => undefined);
  }

  /** LOG_STALLED for want of room; any other failure is final. */
  async take(): Promise<Spare> {
    const ready = this.#ready.pop();
    if (ready) return ready;
    this.prepare();
    const preparing = this.#preparing;
    this.#preparing = undefined;
    if (preparing) return preparing;
    throw this.#refusal() ?? new TlogError('LOG_STALLED', 'no segment is prepared');
  }

  async give(spare: Spare): Promise<void> {
    if (this.#ready.length < SPARES_MAX) {
      this.#ready.push(spare);
    } else {
      await spare.file.close();
      await this.#options.files.remove(spare.path);
    }
  }

  async close(): Promise<void> {
    const last = await this.#preparing?.catch(() => undefined);
    for (const { path, file } of [...this.#ready.splice(0), ...(last ? [last] : [])]) {
      await file.close();
      await this.#options.files.remove(path);
    }
  }

  #refusal(): TlogError | undefined {
    const { clock } = this.#options;
    if (this.#refused && clock.now() - this.#refused.at >= RETRY_MS) this.#refused = undefined;
    return this.#refused?.error;
  }

  /** A new file of zeros, durable with its name. */
  async make(path: string): Promise<Spare> {
    const { files, folder, clock } = this.#options;
    let file: OpenFile;
    try {
      file = await unlessFull('the next segment of the journal', () => this.#zeros(path));
    } catch (error) {
      if (error instanceof TlogError && error.code === 'LOG_STALLED')
        this.#refused = { error, at: clock.now() };
      throw error;
    }
    await file.datasync();
    await files.syncDirectory(folder);
    return { path, file };
  }

  async #zeros(path: string): Promise<OpenFile> {
    const { files, segmentBytes } = this.#options;
    const file = await files.create(path);
    try {
      const zeros = Buffer.alloc(Math.min(ZERO_CHUNK_BYTES, segmentBytes));
      for (let at = 0; at < segmentBytes; at += zeros.length)
        await file.write(at, zeros.subarray(0, segmentBytes - at));
      return file;
    } catch (error) {
      await file.close();
      if (isDiskFull(error)) await files.remove(path);
      throw error;
    }
  }
}
