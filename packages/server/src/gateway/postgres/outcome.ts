/** Outcomes of allowed actions: final, or provisional until their transaction has ended. */
import type { OutcomeFields } from '@sealrail/sdk';
import type { Group } from './pipeline.ts';
import type { Unit } from './unit.ts';

export type Outcome = Omit<OutcomeFields, 'kind'>;
type Status = Outcome['outcome']['status'];

export interface OutcomeOptions {
  /** Called before the client hears of it; need not wait. */
  readonly write: (outcome: Outcome) => void;
  readonly newId: () => string;
  readonly nowUs: () => number;
}

/** A transaction block that is open, or what a connection was in when it fell. */
interface Transaction {
  readonly id: string;
  /** Provisional outcomes in it. */
  count: number;
  lastDecision: string;
  /** A pipeline so long that it had to be written before its Sync; no block that somebody began. */
  implicit: boolean;
  failed: boolean;
}

const ENDS = new Set(['COMMIT', 'ROLLBACK']);
/** The first end in a unit is that of the transaction that it found open. COMMIT of a failed one says ROLLBACK. */
const endOf = (unit: Unit): Status | undefined => {
  const tag = unit.tags.find((one) => ENDS.has(one));
  if (tag === undefined) return undefined;
  return tag === 'COMMIT' ? 'committed' : 'rolled_back';
};

/** The outcomes of one session, in order. */
export class Outcomes {
  readonly #options: OutcomeOptions;
  #transaction: Transaction | undefined;
  #count = 0;

  constructor(options: OutcomeOptions) {
    this.#options = options;
  }

  /** Number of outcomes written. */
  get count(): number {
    return this.#count;
  }

  settled({ units, status, syncError }: Group): void {
    let from = 0;
    for (const [at, unit] of units.entries()) {
      const end = endOf(unit);
      if (end === undefined) continue;
      this.#ended(units.slice(from, at), unit, end);
      from = at + 1;
    }
    const rest = units.slice(from);
    if (status !== 'I') {
      this.#provisional(rest);
      if (this.#transaction) this.#transaction.implicit = false;
    } else if (this.#transaction?.implicit) this.#synced(rest, syncError);
    else if (this.#transaction) this.#fell(rest);
    else
      this.#final(rest, syncError !== undefined || rest.some((unit) => unit.status === 'failed'));
  }

  /** Units of a pipeline that goes on: what becomes of them is known at its Sync. */
  partial(units: readonly Unit[]): void {
    const begins = this.#transaction === undefined;
    this.#provisional(units);
    if (begins && this.#transaction) this.#transaction.implicit = true;
  }

  #synced(units: readonly Unit[], syncError: string | undefined): void {
    this.#provisional(units);
    const failed = syncError !== undefined || this.#transaction?.failed === true;
    this.#settleOpen(failed ? 'rolled_back' : 'committed');
  }

  /** A transaction that `last` ended, be it a block that was open or one that began in this group. */
  #ended(units: readonly Unit[], last: Unit, end: Status): void {
    if (this.#transaction) {
      this.#provisional(units);
      this.#settle(last, end);
    } else {
      const undone = end === 'rolled_back';
      this.#final(units, undone);
      // A ROLLBACK alone had nothing to undo.
      this.#final([last], undone && last.tags.length > 1);
    }
  }

  /** The block ended without saying so: its COMMIT failed, in a deferred constraint for one. */
  #fell(units: readonly Unit[]): void {
    const last = units.findLast(({ status }) => status === 'failed') ?? units.at(-1);
    this.#provisional(units.filter((unit) => unit !== last));
    if (last) this.#settle(last, 'rolled_back');
    else this.#settleOpen('rolled_back');
  }

  #provisional(units: readonly Unit[]): void {
    this.#transaction ??= {
      id: this.#options.newId(),
      count: 0,
      lastDecision: '',
      implicit: false,
      failed: false,
    };
    for (const unit of units) {
      this.#transaction.count++;
      this.#transaction.failed ||= unit.status === 'failed';
      this.#transaction.lastDecision = unit.decisionId;
      const outcome = { status: statusOf(unit), provisional: true };
      this.#write(unit, outcome, { transaction: this.#transaction.id });
    }
  }

  /** Up to its Sync, or its end, a pipeline is one transaction: an error takes back what came before. */
  #final(units: readonly Unit[], undone: boolean): void {
    for (const unit of units) {
      const status = statusOf(unit);
      this.#write(unit, { status: undone && status === 'executed' ? 'rolled_back' : status });
    }
  }

  #settle(unit: Unit, status: Status): void {
    if (!this.#transaction) return;
    const { id, count } = this.#transaction;
    this.#transaction = undefined;
    this.#write(unit, { status }, { transaction: id, settles: count });
  }

  /** The end of a transaction that no action of ours ended. */
  #settleOpen(status: Status): void {
    if (!this.#transaction) return;
    const { id, count, lastDecision } = this.#transaction;
    this.#transaction = undefined;
    this.#count++;
    this.#options.write({
      decisionId: lastDecision,
      outcome: { status },
      transaction: id,
      settles: count,
      durationUs: 0,
    });
  }

  /** The connection ended with these unanswered. */
  abandoned(units: readonly Unit[]): void {
    const open = this.#transaction;
    // Without anything unanswered no COMMIT was on its way, and the server rolls back.
    const unanswered = units.some((unit) => statusOf(unit) === 'unknown');
    if (open) this.#provisional(units);
    else for (const unit of units) this.#write(unit, { status: statusOf(unit) });
    if (open && open.count > 0) this.#settleOpen(unanswered ? 'unknown' : 'rolled_back');
  }

  #write(unit: Unit, outcome: Outcome['outcome'], more: Partial<Outcome> = {}): void {
    this.#count++;
    const { decisionId, code, rows, bytes, sentUs, showing } = unit;
    const obligations = showing?.carriedOut();
    const durationUs = sentUs === undefined ? 0 : Math.round(this.#options.nowUs() - sentUs);
    // Read and thrown away by the server, or never sent: what was reserved for it is free again.
    const nothingDone = outcome.status === 'skipped' && !unit.bound;
    this.#options.write({
      decisionId,
      outcome: {
        ...outcome,
        ...(nothingDone ? { dispatched: false } : {}),
        ...(code === undefined ? {} : { code }),
      },
      rows,
      bytes,
      durationUs: Math.max(0, durationUs),
      ...(obligations ? { obligations } : {}),
      ...more,
    });
  }
}

/** Unanswered means unknown, unless it never went up. */
function statusOf({ status, sentUs }: Unit): Status {
  if (status !== 'pending') return status;
  return sentUs === undefined ? 'skipped' : 'unknown';
}
