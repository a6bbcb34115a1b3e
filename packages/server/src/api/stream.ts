/**
 * Entries as they become durable, as server-sent events. A stream is a position in the log and nothing
 * more: its next piece is made when the client takes it, so that a client that does not read costs one
 * piece and its place in the feed.
 *
 * Events: `entry` (an EntryView, id = its index), `outcome` (`{decisionId, outcome}`: of every outcome,
 * whatever the filter, because it belongs to a decision that may be on somebody's screen), `checkpoint` (sizes: whenever they change, and as a sign
 * of life), `lagging` (`{from, size}`: the client fell behind and the stream ends; read the rest as pages).
 */
import type { Log } from '@sealrail/tlog';
import type { EntryReader, EntryView } from './entries.ts';
import type { Feed } from './feed.ts';
import { type EntryFilter, matches } from './filter.ts';
import { outcomeView } from './outcomes.ts';
import { type Sizes, sizesOf } from './states.ts';

export interface StreamBounds {
  /** Open at once. */
  readonly streamsMax: number;
  /** Entries that one connection may read from the log before it has to be at the feed. */
  readonly catchUpMax: number;
  /** Of one piece; a client holds up one such piece in here, and what its socket takes. */
  readonly pieceBytesMax: number;
  /** A client that takes nothing for so long is cut off. */
  readonly stallMs: number;
  /** Without an entry for so long the sizes are sent again, as a sign of life. */
  readonly beatMs: number;
}

export const STREAM_BOUNDS: StreamBounds = {
  streamsMax: 64,
  catchUpMax: 2_000,
  pieceBytesMax: 256 << 10,
  stallMs: 30_000,
  beatMs: 10_000,
};

/** How soon a new checkpoint is told of: nothing wakes a stream for it. */
const CHECKPOINT_TICK_MS = 250;
/** Entries that arrive together travel together; well within the half second that a person waits. */
const GATHER_MS = 30;

export interface StreamParts {
  readonly log: Log;
  readonly feed: Feed;
  readonly entries: EntryReader;
  readonly bounds: StreamBounds;
}

/** Counts what is open, so that openings past the bound can be refused. */
export class Streams {
  readonly #parts: StreamParts;
  readonly #open = new Set<AbortController>();

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Undefined where as many are open as may be. `drop` ends a connection whose client takes nothing. */
  start(
    from: number,
    filter: EntryFilter,
    drop: () => void,
  ): ReadableStream<Uint8Array> | undefined {
    if (this.#open.size >= this.#parts.bounds.streamsMax) return undefined;
    const end = new AbortController();
    this.#open.add(end);
    end.signal.addEventListener('abort', () => this.#open.delete(end));
    const position = new Position(this.#parts, from, filter, end.signal);
    const { stallMs } = this.#parts.bounds;
    const stalled = () => {
      end.abort();
      drop();
    };
    return pieces(position, { end, stalled, stallMs });
  }

  close(): void {
    for (const end of this.#open) end.abort();
  }
}

/** A body whose next piece is asked for when the last one was taken. */
function pieces(
  position: Position,
  { end, stalled, stallMs }: { end: AbortController; stalled: () => void; stallMs: number },
): ReadableStream<Uint8Array> {
  let untaken: NodeJS.Timeout | undefined;
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(untaken);
        const piece = end.signal.aborted ? undefined : await position.next();
        if (piece === undefined || end.signal.aborted) {
          end.abort();
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(piece));
        untaken = setTimeout(stalled, stallMs);
      },
      cancel() {
        clearTimeout(untaken);
        end.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Where one client is. */
class Position {
  readonly #parts: StreamParts;
  readonly #filter: EntryFilter;
  readonly #signal: AbortSignal;
  #next: number;
  #catchUp: number;
  #told: Sizes | undefined;
  #toldAt = 0;
  #over = false;

  constructor(parts: StreamParts, from: number, filter: EntryFilter, signal: AbortSignal) {
    this.#parts = parts;
    this.#next = from;
    this.#filter = filter;
    this.#signal = signal;
    this.#catchUp = parts.bounds.catchUpMax;
  }

  /** The next events as text; undefined at the end. */
  async next(): Promise<string | undefined> {
    const { feed, bounds } = this.#parts;
    while (!this.#over && !this.#signal.aborted) {
      const piece = (await this.#entries()) + this.#sizes();
      if (piece !== '') return piece;
      await feed.change(Math.min(CHECKPOINT_TICK_MS, bounds.beatMs), this.#signal);
      if (feed.end > this.#next) await pause(GATHER_MS, this.#signal);
    }
    return undefined;
  }

  async #entries(): Promise<string> {
    const { feed, entries, bounds } = this.#parts;
    const scan = entries.scan();
    let piece = '';
    while (this.#next < feed.end && piece.length < bounds.pieceBytesMax) {
      let bytes = feed.at(this.#next)?.bytes;
      if (bytes === undefined) {
        if (this.#catchUp <= 0) {
          this.#over = true;
          return piece + event('lagging', { from: this.#next, size: feed.end });
        }
        this.#catchUp--;
        bytes = await scan.bytes(this.#next);
      }
      piece += this.#render(this.#next, bytes);
      this.#next++;
    }
    return piece;
  }

  #render(index: number, bytes: Uint8Array): string {
    const read = this.#parts.entries.parse(index, bytes);
    if ('reason' in read) return event('unreadable', read, index);
    const { entry, text } = read;
    const { entries } = this.#parts;
    const settles =
      entry.kind === 'outcome'
        ? event('outcome', { decisionId: entry.decisionId, outcome: outcomeView(index, entry) })
        : '';
    if (!matches(entry, text, this.#filter)) return settles;
    const view: EntryView = entries.view(index, entry);
    return settles + event('entry', view, index);
  }

  #sizes(): string {
    const { log, bounds } = this.#parts;
    const sizes = sizesOf(log);
    const now = performance.now();
    const changed =
      this.#told?.signedSize !== sizes.signedSize ||
      this.#told.witnessedSize !== sizes.witnessedSize ||
      (this.#told.size !== sizes.size && this.#next >= sizes.size);
    if (!changed && now - this.#toldAt < bounds.beatMs) return '';
    this.#told = sizes;
    this.#toldAt = now;
    // The id lets a filtered stream resume behind all that it has looked at.
    return event('checkpoint', sizes, this.#next > 0 ? this.#next - 1 : undefined);
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html: JSON has no line breaks of its own. */
function event(name: string, data: unknown, id?: number): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
