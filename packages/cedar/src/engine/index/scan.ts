/**
 * Policies of one Long bound (`context.rows > 900`), in the order of their bounds, so that a value reaches
 * the first so many of them. What else each asks of a Long is held in columns beside it, and tells most of
 * those apart without evaluating them.
 */
import type { Long, Value } from '../../value.ts';
import type { Run } from '../evaluation.ts';
import type { Candidate, CompiledPolicy } from '../policy.ts';
import { isLongValue } from '../type.ts';
import type { Option } from './atom.ts';
import type { Buckets } from './bucket.ts';
import type { Collector } from './collector.ts';

export interface ScanEntry {
  readonly policy: CompiledPolicy;
  /** Tests of it that hold where its bound is reached. */
  readonly known: readonly number[];
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
  readonly #columns: readonly Column[];
  /** What is left of each where all columns have numbers, and where one has none. */
  readonly #narrowed: readonly Candidate[];
  readonly #whole: readonly Candidate[];
  /** Places of those that the columns leave. */
  readonly #left: Int32Array;

  constructor(
    kind: 'least' | 'most',
    entries: readonly ScanEntry[],
    compile: (option: Option) => Run,
  ) {
    this.#least = kind === 'least';
    const ascending = entries.toSorted((left, right) => compareLongs(left.bound, right.bound));
    const sorted = this.#least ? ascending : ascending.reverse();
    const sources = chooseColumns(sorted);
    this.#bounds = sorted.map(({ bound }) => bound);
    this.#columns = sources.map((source) => buildColumn(source, sorted, compile));
    this.#whole = sorted.map(({ policy, known }) => policy.without(known));
    this.#narrowed = sorted.map(({ policy, known, columns }) => {
      const told = columns.filter(({ atom }) => sources.includes(atom.source.key));
      return policy.without([...known, ...told.map(({ conjunct }) => conjunct)]);
    });
    this.#left = new Int32Array(sorted.length);
  }

  collect(value: Value, collector: Collector): boolean {
    if (!isLongValue(value)) return false;
    let count = this.#reach(value);
    if (count === 0) return true;
    const left = this.#left;
    for (let index = 0; index < count; index++) left[index] = index;
    let candidates = this.#narrowed;
    for (let index = 0; index < this.#columns.length; index++) {
      const column = this.#columns[index]!;
      const bounded = column.run(collector.evaluation);
      if (typeof bounded === 'number') count = column.narrow(bounded, left, count);
      else candidates = this.#whole;
    }
    for (let index = 0; index < count; index++) collector.evaluate(candidates[left[index]!]!);
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
}

/** Bounds on one source, per policy; infinite for a policy that has none. */
class Column {
  readonly run: Run;
  readonly #least: Float64Array;
  readonly #most: Float64Array;

  constructor(run: Run, length: number) {
    this.run = run;
    this.#least = new Float64Array(length).fill(-Infinity);
    this.#most = new Float64Array(length).fill(Infinity);
  }

  limit(index: number, { atom }: Option): void {
    const bound = Number(atom.keys[0]);
    if (atom.kind === 'least') this.#least[index] = Math.max(this.#least[index]!, bound);
    else this.#most[index] = Math.min(this.#most[index]!, bound);
  }

  /** Keeps those of the first `count` places whose bounds hold, and gives how many there are. */
  narrow(value: number, places: Int32Array, count: number): number {
    const least = this.#least;
    const most = this.#most;
    let kept = 0;
    for (let index = 0; index < count; index++) {
      const place = places[index]!;
      if (value >= least[place]! && value <= most[place]!) places[kept++] = place;
    }
    return kept;
  }
}

/** The sources that most of the policies have a bound on. */
function chooseColumns(entries: readonly ScanEntry[]): string[] {
  const uses = new Map<string, number>();
  for (const { columns } of entries) {
    for (const { atom } of columns) {
      uses.set(atom.source.key, (uses.get(atom.source.key) ?? 0) + 1);
    }
  }
  return [...uses]
    .filter(([, count]) => count > 1)
    .sort(([, left], [, right]) => right - left)
    .slice(0, COLUMNS_MAX)
    .map(([key]) => key);
}

function buildColumn(
  source: string,
  entries: readonly ScanEntry[],
  compile: (option: Option) => Run,
): Column {
  const ofSource = ({ atom }: Option): boolean => atom.source.key === source;
  const example = entries.flatMap(({ columns }) => columns.filter(ofSource))[0]!;
  const column = new Column(compile(example), entries.length);
  for (const [index, { columns }] of entries.entries()) {
    for (const option of columns.filter(ofSource)) column.limit(index, option);
  }
  return column;
}

function compareLongs(left: Long, right: Long): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
