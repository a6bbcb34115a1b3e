/**
 * What became of decisions, in memory and derived from the log: for display only. Bounded; what fell out
 * is looked for in the log behind its decision.
 */
import type { Common, Entry, OutcomeFields } from '@sealrail/sdk';

export const OUTCOMES_MAX = 20_000;

export interface OutcomeView
  extends Pick<OutcomeFields, 'outcome' | 'rows' | 'bytes' | 'durationUs' | 'transaction'> {
  readonly index: number;
  readonly time: string;
}

export function outcomeView(index: number, entry: Common & OutcomeFields): OutcomeView {
  const { outcome, rows, bytes, durationUs, transaction, time } = entry;
  return {
    index,
    time,
    outcome,
    durationUs,
    ...(rows === undefined ? {} : { rows }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(transaction === undefined ? {} : { transaction }),
  };
}

export class Outcomes {
  /** By decision; of several the latest. */
  readonly #byDecision = new Map<string, OutcomeView>();
  /** Ends of transactions, by transaction: they settle what is provisional. */
  readonly #ends = new Map<string, OutcomeView>();
  readonly #max: number;

  constructor(max = OUTCOMES_MAX) {
    this.#max = max;
  }

  add(index: number, entry: Entry): void {
    if (entry.kind !== 'outcome') return;
    const view = outcomeView(index, entry);
    const { transaction, outcome } = entry;
    keep(this.#byDecision, entry.decisionId, view, this.#max);
    if (transaction !== undefined && outcome.provisional !== true)
      keep(this.#ends, transaction, view, this.#max);
  }

  of(decisionId: string): { readonly outcome?: OutcomeView; readonly settled?: OutcomeView } {
    const outcome = this.#byDecision.get(decisionId);
    if (!outcome) return {};
    const provisional = outcome.outcome.provisional === true && outcome.transaction !== undefined;
    const settled = provisional ? this.#ends.get(outcome.transaction ?? '') : undefined;
    return { outcome, ...(settled ? { settled } : {}) };
  }
}

/** A Map keeps the order of insertion: its first key is the oldest. */
function keep<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  if (map.size >= max) map.delete(map.keys().next().value ?? '');
  map.set(key, value);
}
