/** Reads entries for people: newest first, by filter, straight from the log. No index: scans are bounded and say so. */
import type { Entry, OutcomeFields } from '@sealrail/sdk';
import type { Log } from '@sealrail/tlog';

export const PAGE_MAX = 200;
/** Entries that one request looks at; past it the answer names where to go on. */
export const SCAN_MAX = 5_000;
const OUTCOMES_MAX = 20_000;
const OUTCOME_SCAN_MAX = 500;

export interface EntryView {
  readonly index: number;
  /** `durable`: on disk. `signed`: covered by the published checkpoint. */
  readonly state: 'durable' | 'signed';
  readonly entry: Entry;
  readonly outcome?: OutcomeView;
}

export interface OutcomeView
  extends Pick<OutcomeFields, 'outcome' | 'rows' | 'bytes' | 'durationUs' | 'transaction'> {
  readonly index: number;
}

export interface EntryFilter {
  readonly kind?: string | undefined;
  readonly verdict?: string | undefined;
  readonly principal?: string | undefined;
  readonly target?: string | undefined;
  readonly action?: string | undefined;
  /** Somewhere in the entry's canonical text. */
  readonly q?: string | undefined;
}

function matches(entry: Entry, text: string, filter: EntryFilter): boolean {
  const decision = entry.kind === 'decision' ? entry : undefined;
  return (
    (filter.kind === undefined || entry.kind === filter.kind) &&
    (filter.verdict === undefined || decision?.decision.verdict === filter.verdict) &&
    (filter.principal === undefined || entry.principal?.id === filter.principal) &&
    (filter.target === undefined || ('target' in entry && entry.target === filter.target)) &&
    (filter.action === undefined || decision?.action === filter.action) &&
    (filter.q === undefined || text.toLowerCase().includes(filter.q.toLowerCase()))
  );
}

export class EntryReader {
  readonly #log: Log;
  /** Outcome by decision, derived from the log and bounded; what fell out is looked for behind the decision. */
  readonly #outcomes = new Map<string, OutcomeView>();
  readonly #stop: () => void;

  constructor(log: Log) {
    this.#log = log;
    this.#stop = log.follow(Math.max(0, log.size - SCAN_MAX), (index, bytes) => {
      const entry = JSON.parse(Buffer.from(bytes).toString('utf8')) as Entry;
      if (entry.kind === 'outcome') this.#keep(index, entry);
    });
  }

  close(): void {
    this.#stop();
  }

  #keep(index: number, entry: Entry & OutcomeFields): void {
    if (this.#outcomes.size >= OUTCOMES_MAX)
      this.#outcomes.delete(this.#outcomes.keys().next().value ?? '');
    const { outcome, rows, bytes, durationUs, transaction } = entry;
    this.#outcomes.set(entry.decisionId, {
      index,
      outcome,
      durationUs,
      ...(rows === undefined ? {} : { rows }),
      ...(bytes === undefined ? {} : { bytes }),
      ...(transaction === undefined ? {} : { transaction }),
    });
  }

  view(index: number, entry: Entry): EntryView {
    const outcome = this.#outcomes.get(entry.id);
    return {
      index,
      state: index < this.#log.checkpoint().size ? 'signed' : 'durable',
      entry,
      ...(outcome ? { outcome } : {}),
    };
  }

  async text(index: number): Promise<string> {
    return Buffer.from(await this.#log.read(index)).toString('utf8');
  }

  /** Newest first, from below `before`; `next` is where to go on, absent at the beginning of the log. */
  async list(
    before: number,
    limit: number,
    filter: EntryFilter,
  ): Promise<{ entries: EntryView[]; next?: number; scanned: number }> {
    const entries: EntryView[] = [];
    let index = Math.min(before, this.#log.size);
    const floor = Math.max(0, index - SCAN_MAX);
    const top = index;
    while (index > floor && entries.length < limit) {
      const text = await this.text(--index);
      const entry = JSON.parse(text) as Entry;
      if (matches(entry, text, filter)) entries.push(this.view(index, entry));
    }
    return { entries, scanned: top - index, ...(index > 0 ? { next: index } : {}) };
  }

  /** One entry with its exact text; an outcome that is no longer in mind is looked for right behind it. */
  async one(index: number): Promise<EntryView & { readonly text: string }> {
    const text = await this.text(index);
    const entry = JSON.parse(text) as Entry;
    const end = Math.min(this.#log.size, index + OUTCOME_SCAN_MAX);
    for (
      let at = index + 1;
      entry.kind === 'decision' && !this.#outcomes.has(entry.id) && at < end;
      at++
    ) {
      const later = JSON.parse(await this.text(at)) as Entry;
      if (later.kind === 'outcome' && later.decisionId === entry.id) this.#keep(at, later);
    }
    return { ...this.view(index, entry), text };
  }

  /** Ids rise with the log (UUIDv7), so that one is found by halving; a clock that stepped back hides some. */
  async indexOf(id: string): Promise<number | undefined> {
    let [low, high] = [0, this.#log.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      const { id: found } = JSON.parse(await this.text(middle)) as Entry;
      if (found === id) return middle;
      if (found < id) low = middle + 1;
      else high = middle;
    }
    for (let index = this.#log.size - 1; index >= Math.max(0, this.#log.size - SCAN_MAX); index--) {
      if ((JSON.parse(await this.text(index)) as Entry).id === id) return index;
    }
    return undefined;
  }
}
