/** Outcomes of allowed actions: final, or provisional until their transaction has ended. */
import type { OutcomeFields } from '@sealrail/sdk';
import type { Unit } from './pipeline.ts';

type Outcome = Omit<OutcomeFields, 'kind'>;

export interface OutcomeWriter {
  /** A group of units ended, and the session's transaction status is now I, T or E. */
  settled(units: readonly Unit[], status: string): void;
  /** The connection ended with these unanswered. */
  abandoned(units: readonly Unit[]): void;
  readonly count: number;
}

export interface OutcomeOptions {
  readonly write: (outcome: Outcome) => void;
  readonly newId: () => string;
  readonly nowUs: () => number;
}

const endTag = (unit: Unit): string | undefined =>
  unit.tags.findLast((tag) => tag === 'COMMIT' || tag === 'ROLLBACK');

export function outcomeWriter({ write, newId, nowUs }: OutcomeOptions): OutcomeWriter {
  let transaction: string | undefined;
  let provisional = 0;
  let last = '';
  let count = 0;

  const emit = (unit: Unit, outcome: Outcome['outcome'], more: Partial<Outcome> = {}): void => {
    count++;
    last = unit.decisionId;
    write({
      decisionId: unit.decisionId,
      outcome: { ...outcome, ...(unit.code === undefined ? {} : { code: unit.code }) },
      rows: unit.rows,
      bytes: unit.bytes,
      durationUs: Math.max(0, Math.round(nowUs() - unit.startedUs)),
      ...more,
    });
  };
  const status = (unit: Unit) => (unit.status === 'pending' ? 'unknown' : unit.status);

  const within = (units: readonly Unit[], id: string) => {
    for (const unit of units) {
      provisional++;
      emit(unit, { status: status(unit), provisional: true }, { transaction: id });
    }
  };

  return {
    get count() {
      return count;
    },
    settled(units, now) {
      if (now !== 'I') {
        transaction ??= newId();
        within(units, transaction);
        return;
      }
      if (transaction !== undefined) {
        const ender = units.findLastIndex((unit) => endTag(unit) !== undefined);
        const end = units[ender];
        within(ender < 0 ? units : units.slice(0, ender), transaction);
        if (end) {
          const settledAs = endTag(end) === 'COMMIT' ? 'committed' : 'rolled_back';
          emit(end, { status: settledAs }, { transaction, settles: provisional });
        }
        transaction = undefined;
        provisional = 0;
        for (const unit of ender < 0 ? [] : units.slice(ender + 1))
          emit(unit, { status: status(unit) });
        return;
      }
      // A pipeline up to its Sync is one transaction: an error in it takes back what came before.
      const failed = units.some((unit) => unit.status === 'failed');
      const kept = units.findLastIndex((unit) => endTag(unit) === 'COMMIT');
      for (const [at, unit] of units.entries()) {
        const undone = failed && unit.status === 'executed' && at > kept;
        emit(unit, { status: undone ? 'rolled_back' : status(unit) });
      }
    },
    abandoned(units) {
      for (const unit of units) {
        const known = unit.status === 'pending' ? 'unknown' : unit.status;
        emit(
          unit,
          { status: transaction === undefined ? known : 'unknown' },
          transaction === undefined ? {} : { transaction },
        );
      }
      if (transaction === undefined) return;
      // Without a COMMIT on its way the server rolls back; with one, nobody can say from here.
      const unanswered = units.length > 0;
      count++;
      write({
        decisionId: last,
        outcome: { status: unanswered ? 'unknown' : 'rolled_back' },
        transaction,
        settles: provisional,
        durationUs: 0,
      });
      transaction = undefined;
    },
  };
}
