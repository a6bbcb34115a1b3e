/**
 * Entries for people: newest first, by filter, straight from the log. There is no index yet, so a request
 * looks at a bounded number of entries and says where it stopped.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from '@sealrail/sdk';
import { decodeBundle, type Log, TILE_WIDTH, tilePath } from '@sealrail/tlog';
import { type EntryFilter, matches } from './filter.ts';
import { Outcomes, type OutcomeView } from './outcomes.ts';
import { type EntryState, type Sizes, sizesOf, stateOf } from './states.ts';

export type { OutcomeView } from './outcomes.ts';

export const PAGE_MAX = 200;

export interface ScanBounds {
  /** Entries that one request looks at; past it the answer names where to go on. */
  readonly scanMax: number;
  /** Entries behind a decision among which its outcome is looked for. */
  readonly outcomeScanMax: number;
  /** Entries at the log's end that a start looks through for outcomes and findings. */
  readonly tailMax: number;
}

export const SCAN_BOUNDS: ScanBounds = { scanMax: 5_000, outcomeScanMax: 500, tailMax: 5_000 };

export interface EntryView {
  readonly index: number;
  readonly state: EntryState;
  readonly entry: Entry;
  /** Of a decision: its latest outcome, and the end of the transaction that settled it. */
  readonly outcome?: OutcomeView;
  readonly settled?: OutcomeView;
}

export interface Unreadable {
  readonly index: number;
  readonly reason: string;
}

export interface EntryPage extends Sizes {
  readonly entries: readonly EntryView[];
  /** Places whose bytes are no entry: damage, not a gap to pass over. */
  readonly unreadable: readonly Unreadable[];
  /** Where to go on, as `before`; absent at the beginning of the log. */
  readonly next?: number;
  readonly scanned: number;
  /** True where it stopped at scanMax and not because the page is full. */
  readonly bounded: boolean;
}

export interface EntryDetail extends EntryView {
  /** The canonical text that was hashed. */
  readonly text: string;
}

interface EntryRead {
  readonly entry: Entry;
  readonly text: string;
}

const TELLING = ['"kind":"outcome"', '"kind":"finding"'];

export class EntryReader {
  readonly outcomes = new Outcomes();
  readonly #log: Log;
  readonly #logDir: string;
  readonly #bounds: ScanBounds;
  readonly #tail: { readonly from: number; findings: number };

  constructor(log: Log, logDir: string, bounds: ScanBounds = SCAN_BOUNDS) {
    this.#log = log;
    this.#logDir = logDir;
    this.#bounds = bounds;
    this.#tail = { from: Math.max(0, log.size - bounds.tailMax), findings: 0 };
  }

  /** Findings among the entries since `since`: what the bounded look back at start could see, and all later. */
  get findings(): { readonly count: number; readonly since: number } {
    return { count: this.#tail.findings, since: this.#tail.from };
  }

  /** Of each entry once, as it becomes durable. Never throws: it runs inside the log's own loop. */
  learn(index: number, bytes: Uint8Array): void {
    // Most entries are decisions, and say nothing about others: they are not even parsed. Canonical text has
    // no space in it, and quotes within strings are escaped, so that no other text can look like this.
    if (
      !TELLING.some((kind) =>
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(kind),
      )
    )
      return;
    try {
      this.#learn(index, parse(bytes).entry);
    } catch {
      // An entry that cannot be read has nothing to say about others; the pages name it.
    }
  }

  #learn(index: number, entry: Entry): void {
    this.outcomes.add(index, entry);
    if (entry.kind === 'finding') this.#tail.findings++;
  }

  /** What the entries before this start had to say. */
  async lookBack(): Promise<void> {
    const end = this.#log.size;
    const scan = this.scan();
    for (let index = this.#tail.from; index < end; index++) {
      const read = await scan.read(index);
      if (!('reason' in read)) this.#learn(index, read.entry);
    }
  }

  view(index: number, entry: Entry): EntryView {
    const state = stateOf(index, sizesOf(this.#log));
    return { index, state, entry, ...this.outcomes.of(entry.id) };
  }

  /** Newest first, from below `before`. */
  async list(before: number, limit: number, filter: EntryFilter): Promise<EntryPage> {
    const size = this.#log.size;
    const entries: EntryView[] = [];
    const unreadable: Unreadable[] = [];
    const top = Math.min(before, size);
    const floor = Math.max(0, top - this.#bounds.scanMax);
    const scan = this.scan();
    let index = top;
    while (index > floor && entries.length + unreadable.length < limit) {
      const read = await scan.read(--index);
      if ('reason' in read) unreadable.push(read);
      else if (matches(read.entry, read.text, filter)) entries.push(this.view(index, read.entry));
    }
    return {
      entries,
      unreadable,
      scanned: top - index,
      bounded: index === floor && index > 0 && entries.length < limit,
      ...sizesOf(this.#log),
      size,
      ...(index > 0 ? { next: index } : {}),
    };
  }

  /** One entry with its exact text; an outcome that is no longer in mind is looked for right behind it. */
  async one(index: number): Promise<EntryDetail | Unreadable> {
    const scan = this.scan();
    const read = await scan.read(index);
    if ('reason' in read) return read;
    const { entry, text } = read;
    const end = Math.min(this.#log.size, index + 1 + this.#bounds.outcomeScanMax);
    for (let at = index + 1; entry.kind === 'decision' && at < end; at++) {
      if (this.outcomes.of(entry.id).outcome) break;
      const later = await scan.read(at);
      if (!('reason' in later)) this.outcomes.add(at, later.entry);
    }
    return { ...this.view(index, entry), text };
  }

  /**
   * Ids rise with the log (UUIDv7), so that one is found by halving; behind a clock that stepped back the
   * newest entries are looked through as well.
   */
  async indexOf(id: string): Promise<number | undefined> {
    const scan = this.scan();
    let [low, high] = [0, this.#log.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      const read = await scan.read(middle);
      // A damaged place has no id; what is on its left is not lost for that.
      const found = 'reason' in read ? '' : read.entry.id;
      if (found === id) return middle;
      if (found < id) low = middle + 1;
      else high = middle;
    }
    const floor = Math.max(0, this.#log.size - this.#bounds.scanMax);
    for (let index = this.#log.size - 1; index >= floor; index--) {
      const read = await scan.read(index);
      if (!('reason' in read) && read.entry.id === id) return index;
    }
    return undefined;
  }

  parse(index: number, bytes: Uint8Array): EntryRead | Unreadable {
    try {
      return parse(bytes);
    } catch (error) {
      return { index, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  scan(): Scan {
    return new Scan(this.#log, this.#logDir);
  }
}

type Bundle = readonly Uint8Array[] | undefined;

/** Reads of one request: a full bundle is read once for all of its entries, and forgotten afterwards. */
class Scan {
  readonly #log: Log;
  readonly #logDir: string;
  #bundle: { readonly index: number; readonly entries: Promise<Bundle> } | undefined;

  constructor(log: Log, logDir: string) {
    this.#log = log;
    this.#logDir = logDir;
  }

  async read(index: number): Promise<EntryRead | Unreadable> {
    try {
      return parse((await this.#fromBundle(index)) ?? (await this.#log.read(index)));
    } catch (error) {
      return { index, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** No bytes where they cannot be read: no entry has none. */
  async bytes(index: number): Promise<Uint8Array> {
    try {
      return (await this.#fromBundle(index)) ?? (await this.#log.read(index));
    } catch {
      return new Uint8Array(0);
    }
  }

  async #fromBundle(index: number): Promise<Uint8Array | undefined> {
    const bundle = Math.floor(index / TILE_WIDTH);
    if ((bundle + 1) * TILE_WIDTH > this.#log.checkpoint().size) return undefined;
    if (this.#bundle?.index !== bundle) {
      this.#bundle = { index: bundle, entries: this.#readBundle(bundle) };
    }
    return (await this.#bundle.entries)?.[index % TILE_WIDTH];
  }

  async #readBundle(index: number): Promise<Bundle> {
    const path = tilePath({ level: 'entries', index, width: TILE_WIDTH });
    const bytes = await readFile(join(this.#logDir, path)).catch(() => undefined);
    return bytes && decodeBundle(bytes, TILE_WIDTH);
  }
}

function parse(bytes: Uint8Array): EntryRead {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const entry = JSON.parse(text) as Partial<Entry> | null;
  if (typeof entry?.id !== 'string' || typeof entry.kind !== 'string') {
    throw new Error('it has no id and kind');
  }
  return { entry: entry as Entry, text };
}
