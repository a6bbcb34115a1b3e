/**
 * Brings new entries from the log to the feed. It asks for the size and reads what is new in one go, rather
 * than follow the log entry by entry: a reader of every single entry of a busy log falls behind, stands in
 * the way of the log's own loop, and would be fed from old bundles for ever.
 */
import type { Log } from '@sealrail/tlog';
import type { EntryReader } from './entries.ts';
import type { Feed } from './feed.ts';

/** A glance at a number: what a person waits for is half a second. */
const TICK_MS = 25;

export class Pump {
  readonly #log: Log;
  readonly #entries: EntryReader;
  readonly #feed: Feed;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: { readonly log: Log; readonly entries: EntryReader; readonly feed: Feed }) {
    this.#log = parts.log;
    this.#entries = parts.entries;
    this.#feed = parts.feed;
    this.#later();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#bring().then(() => this.#later()), TICK_MS);
    this.#timer.unref();
  }

  /** No bytes where they cannot be read: no entry has none. */
  #readFrom(index: number): Promise<readonly Uint8Array[]> {
    return this.#log.readFrom(index).catch(() => [new Uint8Array(0)]);
  }

  /** Never rejects: what cannot be read is brought as damage. */
  async #bring(): Promise<void> {
    const feed = this.#feed;
    while (!this.#stopped && feed.end < this.#log.size) {
      // Whoever streams is told that it fell behind; outcomes in between are found in the log when asked for.
      const oldest = this.#log.size - feed.entriesMax;
      if (feed.end < oldest) feed.skipTo(oldest);
      for (const bytes of await this.#readFrom(feed.end)) {
        this.#entries.learn(feed.end, bytes);
        feed.push(feed.end, bytes);
      }
    }
  }
}
