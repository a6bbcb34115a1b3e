/**
 * Policies of one Long bound (`context.rows > 900`), in the order of their bounds, so that a value reaches
 * the first so many of them. What else each asks of a Long is held in columns beside it, and tells most of
 * those apart without evaluating them.
 */
import type { Long, Value } from '../../value.ts';
import type { Evaluation, Run } from '../evaluation.ts';
import type { CompiledPolicy } from '../policy.ts';
import { isLongValue } from '../type.ts';
import type { Option } from './atom.ts';
import type { Buckets } from './bucket.ts';
import type { Collector } from './collector.ts';

export interface ScanEntry {
  readonly policy: CompiledPolicy;
  readonly bound: Long;
  /** Of other Longs, see `isColumn`. */
  readonly columns: readonly Option[];
}

/** Beyond these few, another column costs more than it saves. */
const COLUMNS_MAX = 3;

/** Not one that stands behind a bool of its own kind, which would have to be evaluated each time. */
export const isColumn = ({ atom, earlier }: Option): boolean =>
  (atom.kind === 'least' || atom.kind === 'most') &&
  typeof atom.keys[0] === 'number' &&
  earlier.every((needed) => needed.atom.kind !== 'truth');

export class Scan implements Pick<Buckets<never>, 'collect'> {
  readonly #least: boolean;
  readonly #bounds: readonly Long[];
  readonly #policies: readonly CompiledPolicy[];
  readonly #columns: readonly Column[];

  constructor(
    kind: 'least' | 'most',
    entries: readonly ScanEntry[],
    compile: (option: Option) => Run,
  ) {
    this.#least = kind === 'least';
    const ascending = entries.toSorted((left, right) => compareLongs(left.bound, right.bound));
    const sorted = this.#least ? ascending : ascending.reverse();
    this.#bounds = sorted.map(({ bound }) => bound);
    this.#policies = sorted.map(({ policy }) => policy);
    this.#columns = buildColumns(sorted, compile);
  }

  collect(value: Value, collector: Collector): boolean {
    if (!isLongValue(value)) return false;
    const reached = this.#reach(value);
    if (reached === 0) return true;
    for (let index = 0; index < this.#columns.length; index++) {
      this.#columns[index]!.prepare(collector.evaluation);
    }
    for (let index = 0; index < reached; index++) {
      if (this.#mayHold(index)) collector.evaluate(this.#policies[index]!);
    }
    return true;
  }

  #reach(value: Long): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const bound = this.#bounds[middle]!;
      if (this.#least ? bound <= value : bound >= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #mayHold(index: number): boolean {
    for (let column = 0; column < this.#columns.length; column++) {
      if (!this.#columns[column]!.mayHold(index)) return false;
    }
    return true;
  }
}

/** Bounds on one source, per policy; infinite for a policy that has none. */
class Column {
  readonly #run: Run;
  readonly #least: Float64Array;
  readonly #most: Float64Array;
  /** Of the present request; NaN, which nothing excludes, where it is no number. */
  #value = Number.NaN;

  constructor(run: Run, length: number) {
    this.#run = run;
    this.#least = new Float64Array(length).fill(-Infinity);
    this.#most = new Float64Array(length).fill(Infinity);
  }

  limit(index: number, { atom }: Option): void {
    const bound = Number(atom.keys[0]);
    if (atom.kind === 'least') this.#least[index] = Math.max(this.#least[index]!, bound);
    else this.#most[index] = Math.min(this.#most[index]!, bound);
  }

  prepare(evaluation: Evaluation): void {
    const value = this.#run(evaluation);
    this.#value = typeof value === 'number' ? value : Number.NaN;
  }

  mayHold(index: number): boolean {
    return !(this.#value < this.#least[index]! || this.#value > this.#most[index]!);
  }
}

function buildColumns(
  entries: readonly ScanEntry[],
  compile: (option: Option) => Run,
): readonly Column[] {
  const uses = new Map<string, number>();
  for (const option of entries.flatMap((entry) => entry.columns)) {
    const { key } = option.atom.source;
    uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  const chosen = [...uses]
    .filter(([, count]) => count > 1)
    .sort(([, left], [, right]) => right - left)
    .slice(0, COLUMNS_MAX);
  return chosen.map(([key]) => {
    const options = entries.map(({ columns }) =>
      columns.filter(({ atom }) => atom.source.key === key),
    );
    const column = new Column(compile(options.flat()[0]!), entries.length);
    for (const [index, own] of options.entries()) {
      for (const option of own) column.limit(index, option);
    }
    return column;
  });
}

function compareLongs(left: Long, right: Long): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
