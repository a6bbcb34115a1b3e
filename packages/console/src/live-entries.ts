/**
 * Entries of the live page: the newest ones as a page, later ones as they become durable. What arrives
 * while somebody reads further down waits until they ask for it.
 */
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import {
  get,
  type Outcome,
  type Page,
  reasonOf,
  type Sizes,
  type Unreadable,
  type View,
} from './data.ts';
import type { Filter } from './route.ts';

/** Rows kept in the page; older ones are a request away. */
export const ROWS_MAX = 5_000;
const PAGE_ROWS = 100;
/** What arrives together is shown together: one rendering for a burst. */
const GATHER_MS = 40;
const RETRY_MS = 2_000;
/** The stream gives a sign of life every ten seconds; without any, the connection is dead. */
const SILENCE_MS = 25_000;

/** Outcomes stand at their decisions, and the daemon's own pulse is no activity. */
const ACTIVITY = 'decision,approval,change,finding,session';
export const EVERYTHING = 'everything';

export type Row = View | Unreadable;

export interface Live extends Sizes {
  readonly rows: readonly Row[];
  /** Entries that arrived while the reader was further down. */
  readonly waiting: number;
  readonly state: 'loading' | 'live' | 'reconnecting' | 'failed';
  readonly problem?: string;
  /** Where older ones begin; absent where all are shown. */
  readonly more?: number;
  readonly searching: boolean;
  /** True where the last look for older ones ended at its bound and not at a full page. */
  readonly bounded: boolean;
}

const NOTHING: Live = {
  rows: [],
  waiting: 0,
  state: 'loading',
  searching: false,
  bounded: false,
  size: 0,
  signedSize: 0,
};

export class LiveEntries {
  readonly #query: Readonly<Record<string, string>>;
  readonly #listeners = new Set<() => void>();
  #live = NOTHING;
  #following = true;
  #held: readonly Row[] = [];
  #arrived: Row[] = [];
  #outcomes: Settled[] = [];
  #stream: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #heardAt = 0;
  #running = new AbortController();

  constructor(filter: Filter) {
    const { kind = ACTIVITY, ...rest } = filter;
    this.#query = { ...rest, ...(kind === EVERYTHING ? {} : { kind }) };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly snapshot = (): Live => this.#live;

  start(): void {
    this.#running = new AbortController();
    this.#watch = setInterval(() => this.#checkAlive(), SILENCE_MS / 5);
    void this.#load();
  }

  stop(): void {
    this.#running.abort();
    this.#stream?.close();
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
  }

  /** Whether new entries go on top at once, or wait. */
  follow(following: boolean): void {
    this.#following = following;
  }

  show(): void {
    this.#set({ rows: newest([...this.#held, ...this.#live.rows]), waiting: 0 });
    this.#held = [];
  }

  older(): void {
    const { more, searching } = this.#live;
    if (more === undefined || searching) return;
    this.#set({ searching: true });
    this.#page({ before: String(more) }).then(
      (page) => {
        const rows = [...this.#live.rows, ...rowsOf(page)];
        const { problem: _, ...rest } = this.#live;
        this.#replace({ ...rest, rows, searching: false, ...cursor(page) });
      },
      (error: unknown) => this.#set({ searching: false, problem: reasonOf(error) }),
    );
  }

  #page(more: Readonly<Record<string, string>>): Promise<Page> {
    const query = new URLSearchParams({ ...this.#query, limit: String(PAGE_ROWS), ...more });
    return get<Page>(`/api/entries?${query}`, this.#running.signal);
  }

  async #load(): Promise<void> {
    const { signal } = this.#running;
    try {
      const page = await this.#page({});
      this.#held = [];
      this.#arrived = [];
      const { size, signedSize, witnessedSize } = page;
      const state = this.#live.state === 'loading' ? 'loading' : 'reconnecting';
      this.#replace({
        rows: rowsOf(page),
        waiting: 0,
        state,
        searching: false,
        size,
        signedSize,
        ...(witnessedSize === undefined ? {} : { witnessedSize }),
        ...cursor(page),
      });
      this.#listen(size);
    } catch (error) {
      if (signal.aborted) return;
      this.#set({ state: 'failed', problem: reasonOf(error) });
      this.#later(() => void this.#load(), RETRY_MS);
    }
  }

  #listen(from: number): void {
    this.#stream?.close();
    const query = new URLSearchParams({ ...this.#query, from: String(from) });
    const stream = new EventSource(`/api/stream?${query}`);
    this.#stream = stream;
    this.#heardAt = performance.now();
    const on = <T>(name: string, hear: (data: T) => void) =>
      stream.addEventListener(name, (event) => {
        this.#heardAt = performance.now();
        hear(JSON.parse((event as MessageEvent<string>).data) as T);
      });
    stream.onopen = () => this.#set({ state: 'live' });
    stream.onerror = () => {
      this.#set({ state: 'reconnecting' });
      // A refusal is final for an EventSource: it is for us to ask again.
      if (stream.readyState === EventSource.CLOSED) this.#restart();
    };
    on<View>('entry', (view) => this.#arrive(view));
    on<Unreadable>('unreadable', (place) => this.#arrive(place));
    on<Settled>('outcome', (settled) => {
      this.#outcomes.push(settled);
      this.#gather();
    });
    on<Sizes>('checkpoint', (sizes) => this.#set(sizes));
    on('lagging', () => this.#restart());
  }

  #restart(): void {
    this.#stream?.close();
    this.#set({ state: 'reconnecting' });
    this.#later(() => void this.#load(), RETRY_MS);
  }

  #checkAlive(): void {
    const silent = performance.now() - this.#heardAt > SILENCE_MS;
    if (this.#live.state === 'live' && silent) this.#restart();
  }

  #later(work: () => void, ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      work();
    }, ms);
  }

  #arrive(row: Row): void {
    this.#arrived.push(row);
    this.#gather();
  }

  #gather(): void {
    if (this.#timer === undefined) this.#later(() => this.#take(), GATHER_MS);
  }

  #take(): void {
    const top = this.#held[0] ?? this.#live.rows[0];
    // A reconnected stream may begin with what is here already.
    const fresh = this.#arrived.filter(({ index }) => top === undefined || index > top.index);
    const outcomes = this.#outcomes;
    this.#arrived = [];
    this.#outcomes = [];
    const before = outcomes.length > 0 ? settle(this.#live.rows, outcomes) : this.#live.rows;
    const above = settle(fresh.reverse(), outcomes);
    if (this.#following && this.#held.length === 0) {
      this.#set({ rows: above.length > 0 ? newest([...above, ...before]) : before });
      return;
    }
    this.#held = newest([...above, ...settle(this.#held, outcomes)]);
    this.#set({ rows: before, waiting: this.#held.length });
  }

  #set(change: Partial<Live>): void {
    this.#replace({ ...this.#live, ...change });
  }

  #replace(live: Live): void {
    const { state, problem: _, ...rest } = live;
    this.#live = state === 'live' ? { ...rest, state } : live;
    for (const listener of this.#listeners) listener();
  }
}

interface Settled {
  readonly decisionId: string;
  readonly outcome: Outcome;
}

/** Rows with what became of their decisions; the end of a transaction settles all of its outcomes. */
function settle(rows: readonly Row[], outcomes: readonly Settled[]): readonly Row[] {
  if (outcomes.length === 0) return rows;
  const own = new Map(outcomes.map(({ decisionId, outcome }) => [decisionId, outcome]));
  const ends = new Map(
    outcomes.flatMap(({ outcome }) =>
      outcome.transaction !== undefined && outcome.outcome.provisional !== true
        ? [[outcome.transaction, outcome]]
        : [],
    ),
  );
  return rows.map((row) => {
    if ('reason' in row) return row;
    const outcome = own.get(row.entry.id) ?? row.outcome;
    if (!outcome) return row;
    const settled =
      outcome.outcome.provisional === true
        ? (ends.get(outcome.transaction ?? '') ?? row.settled)
        : undefined;
    if (outcome === row.outcome && settled === row.settled) return row;
    return { ...row, outcome, ...(settled ? { settled } : {}) };
  });
}

const newest = (rows: readonly Row[]): readonly Row[] => rows.slice(0, ROWS_MAX);

const cursor = ({ next, bounded }: Page): { bounded: boolean; more?: number } => ({
  bounded,
  ...(next === undefined ? {} : { more: next }),
});

const rowsOf = ({ entries, unreadable }: Page): Row[] =>
  [...entries, ...unreadable].sort((a, b) => b.index - a.index);

export function useLive(filter: Filter): readonly [Live, LiveEntries] {
  const key = JSON.stringify(filter);
  const entries = useMemo(() => new LiveEntries(JSON.parse(key) as Filter), [key]);
  useEffect(() => {
    entries.start();
    return () => entries.stop();
  }, [entries]);
  return [useSyncExternalStore(entries.subscribe, entries.snapshot), entries];
}
