/**
 * The newest entries in one ring that all streams read from: what a slow reader costs is bounded by the
 * ring, whatever its number of readers. The log itself is never made to wait for any of them.
 */

/** Of the ring together; whoever falls out of it is behind for good and is told so. */
export const RING_ENTRIES_MAX = 4_096;
export const RING_BYTES_MAX = 8 << 20;

export interface FeedItem {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export interface FeedBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

export class Feed {
  readonly #bounds: FeedBounds;
  readonly #items: FeedItem[] = [];
  #bytes = 0;
  #end: number;
  readonly #waiting = new Set<() => void>();

  /** `end`: the index that comes next. */
  constructor(
    end: number,
    bounds: FeedBounds = { entriesMax: RING_ENTRIES_MAX, bytesMax: RING_BYTES_MAX },
  ) {
    this.#end = end;
    this.#bounds = bounds;
  }

  /** Index of the oldest entry that is still here. */
  get start(): number {
    return this.#end - this.#items.length;
  }

  /** Index behind the newest. */
  get end(): number {
    return this.#end;
  }

  get entriesMax(): number {
    return this.#bounds.entriesMax;
  }

  /** Goes on at a later index: what is between is not to be had here. */
  skipTo(index: number): void {
    this.#items.length = 0;
    this.#bytes = 0;
    this.#end = index;
  }

  push(index: number, bytes: Uint8Array): void {
    this.#items.push({ index, bytes });
    this.#bytes += bytes.length;
    this.#end = index + 1;
    const { entriesMax, bytesMax } = this.#bounds;
    while (this.#items.length > entriesMax || this.#bytes > bytesMax) {
      this.#bytes -= this.#items.shift()?.bytes.length ?? 0;
    }
    for (const wake of this.#waiting) wake();
  }

  at(index: number): FeedItem | undefined {
    return this.#items[index - this.start];
  }

  /** Resolves when something was pushed, after `ms`, or when the signal aborts. */
  change(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
      this.#waiting.add(done);
      if (signal.aborted) done();
    });
  }
}
