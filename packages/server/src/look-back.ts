/**
 * What a start needs to know of the entries before it, from the log itself: where this source's chain
 * ends, what was last said of the system, and which actions a crash left without an outcome.
 */
import type { Entry, SystemFields } from '@sealrail/sdk';
import { NO_PREVIOUS } from '@sealrail/sdk';
import { leafHash, sha256, TILE_WIDTH, toHex } from '@sealrail/tlog';
import { type PastEntries, parsePastEntry } from './past-entries.ts';

/**
 * Entries that are looked at. The daemon writes a system entry at least every HEARTBEAT_ENTRIES, far
 * below it; an action that began before all of these is not looked for, and the finding says so.
 */
export const LOOK_BACK_MAX = 100_000;
/** Ids that one finding names; more of them are counted. */
export const NAMED_MAX = 100;

export interface Past {
  /** Leaf hash of the source's last entry, lowercase hex; NO_PREVIOUS where it has none. */
  readonly previous: string;
  /** `detail` of the last system entry; undefined where none was found. */
  readonly system: SystemFields['detail'] | undefined;
  /** Ids of decisions that were carried out and have no outcome, oldest first. */
  readonly open: readonly string[];
  /** Ids of decisions whose transaction has no end: it is not known whether they were committed. */
  readonly unsettled: readonly string[];
  /** False where the look was bounded before it came to the last start. */
  readonly complete: boolean;
}

export async function lookBack(
  log: PastEntries,
  source: string,
  entriesMax = LOOK_BACK_MAX,
): Promise<Past> {
  const past = new Pending();
  let previous: string | undefined;
  let system: SystemFields['detail'] | undefined;
  let index = log.size;
  const floor = Math.max(0, log.size - entriesMax);
  let isStart = false;
  let bundle: readonly Uint8Array[] | undefined;
  while (index > floor && !isStart) {
    const at = --index % TILE_WIDTH;
    if (at === TILE_WIDTH - 1) bundle = await log.bundle(Math.floor(index / TILE_WIDTH));
    const bytes = bundle?.[at] ?? (await log.read(index));
    const entry = parsePastEntry(bytes);
    if (!entry) continue;
    if (entry.source.id === source) previous ??= toHex(leafHash(bytes, sha256));
    past.add(entry);
    if (entry.kind !== 'system') continue;
    system ??= entry.detail;
    // Whatever was open before an earlier start was looked at then.
    isStart = entry.event === 'start';
  }
  return {
    previous: previous ?? NO_PREVIOUS,
    system,
    ...past.found(),
    complete: isStart || index === 0,
  };
}

/** Fed backwards: an outcome is seen before its decision, the end of a transaction before what is in it. */
class Pending {
  readonly #outcomes = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #open: string[] = [];
  readonly #unsettled = new Set<string>();

  add(entry: Entry): void {
    if (entry.kind === 'outcome') {
      this.#outcomes.add(entry.decisionId);
      const { transaction, outcome } = entry;
      if (transaction === undefined) return;
      if (outcome.provisional !== true) this.#ended.add(transaction);
      else if (!this.#ended.has(transaction)) this.#unsettled.add(entry.decisionId);
    } else if (entry.kind === 'decision') {
      const wasCarriedOut = entry.decision.verdict === 'allow' || !entry.decision.enforced;
      if (wasCarriedOut && !this.#outcomes.has(entry.id)) this.#open.push(entry.id);
    }
  }

  found(): Pick<Past, 'open' | 'unsettled'> {
    return { open: this.#open.toReversed(), unsettled: [...this.#unsettled].reverse() };
  }
}
