/**
 * The append path in front of the flush: natural group commit. Whatever queued while the last flush ran
 * goes into the next frame; capped by bytes, never held up by a timer (measured: a timer only costs).
 */
import type { Clock } from './clock.ts';
import { TlogError } from './errors.ts';
import type { Failure } from './failure.ts';
import { FrameWriter } from './journal/frame.ts';
import type { Journal } from './journal/journal.ts';

/** Entries waiting behind the frame that is being filled, in bytes: past it `append` refuses. */
export const QUEUE_BYTES_MAX = 64 << 20;

export interface AppenderOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly failure: Failure;
  /** True where entries are answered for before they are flushed (`durability: async`). */
  readonly ackEarly: boolean;
  /** Entries are durable now: count and bytes. Called before their appends resolve. */
  readonly onDurable: (count: number, bytes: number) => void;
  /** Resolves when what was acknowledged is not too far ahead of the loop behind the acks. */
  readonly paced: () => Promise<void>;
  /** A frame was refused for want of room. */
  readonly onRefused: (error: TlogError) => void;
}

interface Waiting {
  readonly reserve: boolean;
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
}

interface Queued {
  readonly entry: Uint8Array;
  readonly waiting: Waiting;
}

/** A frame and, entry for entry, who waits for it. */
class Batch {
  readonly frame: FrameWriter;
  readonly waiting: Waiting[] = [];

  constructor(entriesBytesMax: number) {
    this.frame = new FrameWriter(entriesBytesMax);
  }

  add(entry: Uint8Array, waiting: Waiting): void {
    this.frame.add(entry);
    this.waiting.push(waiting);
  }

  clear(): void {
    this.frame.clear();
    this.waiting.length = 0;
  }
}

export class Appender {
  readonly #options: AppenderOptions;
  #filling: Batch;
  /** The other of the two: one is filled while the other is written. */
  #free: Batch;
  #overflow: Queued[] = [];
  #overflowBytes = 0;
  #running = false;
  #idle: (() => void)[] = [];
  /** Index that the next entry gets if nothing before it is refused. */
  #nextIndex: number;

  constructor(options: AppenderOptions) {
    this.#options = options;
    const { frameEntriesBytesMax } = options.journal;
    this.#filling = new Batch(frameEntriesBytesMax);
    this.#free = new Batch(frameEntriesBytesMax);
    this.#nextIndex = options.journal.end;
    options.failure.tell((error) => this.#rejectAll(error));
  }

  append(entry: Uint8Array, reserve: boolean): Promise<number> {
    const { journal } = this.#options;
    if (entry.length > journal.entryBytesMax) {
      const what = `an entry of ${entry.length} bytes; at most ${journal.entryBytesMax} fit`;
      return Promise.reject(new TlogError('LOG_ENTRY_TOO_LARGE', what));
    }
    if (this.#overflowBytes + entry.length > QUEUE_BYTES_MAX) {
      const what = `${this.#overflowBytes} bytes of entries wait for the disk already`;
      const hint = 'wait for the appends that are under way; look at the disk';
      return Promise.reject(new TlogError('LOG_STALLED', what, { hint }));
    }
    if (this.#options.ackEarly) {
      this.#queue(entry, { reserve, resolve: () => undefined, reject: this.#lost });
      return Promise.resolve(this.#nextIndex++);
    }
    return new Promise((resolve, reject) => this.#queue(entry, { reserve, resolve, reject }));
  }

  /** An entry that was answered for already cannot be refused any more. */
  readonly #lost = (error: Error): void => {
    this.#options.failure.set(error);
  };

  #queue(entry: Uint8Array, waiting: Waiting): void {
    if (this.#overflow.length === 0 && this.#filling.frame.fits(entry.length)) {
      this.#filling.add(entry, waiting);
    } else {
      this.#overflow.push({ entry: new Uint8Array(entry), waiting });
      this.#overflowBytes += entry.length;
    }
    if (this.#running) return;
    this.#running = true;
    // What else is appended in this turn of the event loop shares the first flush.
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    const { failure, clock } = this.#options;
    while (this.#filling.frame.count > 0) {
      await this.#options.paced();
      if (failure.error) break;
      const batch = this.#filling;
      this.#filling = this.#free;
      this.#free = batch;
      this.#drain();
      await this.#flush(batch);
      batch.clear();
      this.#drain();
      // Those who were just answered come back in this turn of the event loop: one frame for all of them.
      await new Promise<void>((resolve) => clock.soon(resolve));
    }
    this.#running = false;
    for (const wake of this.#idle.splice(0)) wake();
  }

  #drain(): void {
    let taken = 0;
    for (const { entry, waiting } of this.#overflow) {
      if (!this.#filling.frame.fits(entry.length)) break;
      this.#filling.add(entry, waiting);
      this.#overflowBytes -= entry.length;
      taken++;
    }
    if (taken > 0) this.#overflow = this.#overflow.slice(taken);
  }

  async #flush(batch: Batch): Promise<void> {
    const { journal, failure, onRefused } = this.#options;
    try {
      await journal.append(batch.frame);
    } catch (error) {
      if (!(error instanceof TlogError) || error.code !== 'LOG_STALLED') {
        const final = failure.set(error);
        for (const { reject } of batch.waiting) reject(final);
        return;
      }
      onRefused(error);
      await this.#flushReserved(batch, error);
      return;
    }
    this.#acknowledge(batch.frame, batch.waiting);
  }

  /** No room for another segment: `system` entries have the end of this one, all others are refused. */
  async #flushReserved(batch: Batch, refusal: TlogError): Promise<void> {
    const { journal, failure } = this.#options;
    const frame = new FrameWriter(journal.frameEntriesBytesMax);
    const kept = batch.waiting.filter(({ reserve }) => reserve);
    for (const entry of batch.frame.entries((number) => batch.waiting[number]?.reserve === true))
      frame.add(entry);
    for (const { reserve, reject } of batch.waiting) if (!reserve) reject(refusal);
    if (kept.length === 0) return;
    try {
      await journal.append(frame, 'reserve');
    } catch (error) {
      const stalled = error instanceof TlogError && error.code === 'LOG_STALLED';
      const reason = stalled ? error : failure.set(error);
      for (const { reject } of kept) reject(reason);
      return;
    }
    this.#acknowledge(frame, kept);
  }

  #acknowledge(frame: FrameWriter, waiting: readonly Waiting[]): void {
    let index = this.#options.journal.end - frame.count;
    this.#options.onDurable(frame.count, frame.entriesBytes);
    for (const { resolve } of waiting) resolve(index++);
  }

  #rejectAll(error: TlogError): void {
    for (const { waiting } of this.#overflow.splice(0)) waiting.reject(error);
    this.#overflowBytes = 0;
    for (const { reject } of this.#filling.waiting) reject(error);
    this.#filling.clear();
  }

  /** Resolves when nothing is queued or being written. */
  async idle(): Promise<void> {
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
