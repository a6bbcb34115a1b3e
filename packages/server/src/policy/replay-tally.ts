/** What a candidate set would have decided otherwise, counted. Pure. */
import type { Verdict } from '@sealrail/sdk';

/** `allow→deny`, by what was decided and what would have been. */
export type Changes = Readonly<Record<string, number>>;

export interface Example {
  readonly change: string;
  readonly index: number;
  readonly id: string;
  readonly statement: string;
}

export interface Group {
  readonly name: string;
  readonly changes: Changes;
  /** The earliest of each change. */
  readonly examples: readonly Example[];
}

export interface Tallied {
  readonly decisions: number;
  /** Same verdict, for whatever reason. */
  readonly same: number;
  /** Of those, the ones that other policies or another code would have made so. */
  readonly otherReason: number;
  readonly changes: Changes;
  readonly byPolicy: readonly Group[];
  readonly byPrincipal: readonly Group[];
  readonly byResource: readonly Group[];
  /** Decisions that could not be replayed, by reason. */
  readonly notReplayed: Readonly<Record<string, number>>;
  readonly damaged: number;
}

/** Of each change of each group. */
export const EXAMPLES_MAX = 3;
/** Names of one kind that are counted each; what comes beyond them is counted under OTHERS. */
export const GROUPS_MAX = 10_000;
export const OTHERS = '(others)';

export interface Changed extends Omit<Example, 'change'> {
  readonly from: Verdict;
  readonly to: Verdict;
  readonly policies: readonly string[];
  readonly principal: string;
  readonly resources: readonly string[];
}

export class Tally {
  #decisions = 0;
  #same = 0;
  #otherReason = 0;
  damaged = 0;
  readonly #changes = new Map<string, number>();
  readonly #notReplayed = new Map<string, number>();
  readonly #groups = { policy: new Groups(), principal: new Groups(), resource: new Groups() };

  addSame(otherReason: boolean): void {
    this.#decisions++;
    this.#same++;
    if (otherReason) this.#otherReason++;
  }

  addNotReplayed(reason: string): void {
    this.#decisions++;
    count(this.#notReplayed, reason, 1);
  }

  addChanged(one: Changed): void {
    this.#decisions++;
    const change = `${one.from}→${one.to}`;
    const { index, id, statement } = one;
    const example = { change, index, id, statement };
    count(this.#changes, change, 1);
    for (const name of new Set(one.policies)) this.#groups.policy.add(name, change, example);
    this.#groups.principal.add(one.principal, change, example);
    for (const name of new Set(one.resources)) this.#groups.resource.add(name, change, example);
  }

  /** What another worker counted of another part of the log. */
  merge(other: Tallied): void {
    this.#decisions += other.decisions;
    this.#same += other.same;
    this.#otherReason += other.otherReason;
    this.damaged += other.damaged;
    for (const [change, n] of Object.entries(other.changes)) count(this.#changes, change, n);
    for (const [reason, n] of Object.entries(other.notReplayed))
      count(this.#notReplayed, reason, n);
    this.#groups.policy.merge(other.byPolicy);
    this.#groups.principal.merge(other.byPrincipal);
    this.#groups.resource.merge(other.byResource);
  }

  sum(): Tallied {
    return {
      decisions: this.#decisions,
      same: this.#same,
      otherReason: this.#otherReason,
      changes: inOrder(this.#changes),
      byPolicy: this.#groups.policy.sum(),
      byPrincipal: this.#groups.principal.sum(),
      byResource: this.#groups.resource.sum(),
      notReplayed: inOrder(this.#notReplayed),
      damaged: this.damaged,
    };
  }
}

interface Counted {
  readonly changes: Map<string, number>;
  readonly examples: Example[];
}

class Groups {
  readonly #byName = new Map<string, Counted>();

  add(name: string, change: string, example: Example): void {
    const group = this.#group(name);
    count(group.changes, change, 1);
    keepEarliest(group.examples, [example]);
  }

  merge(groups: readonly Group[]): void {
    for (const { name, changes, examples } of groups) {
      const group = this.#group(name);
      for (const [change, n] of Object.entries(changes)) count(group.changes, change, n);
      keepEarliest(group.examples, examples);
    }
  }

  /** Most changes first, then by name. */
  sum(): Group[] {
    const groups = [...this.#byName].map(([name, { changes, examples }]) => ({
      name,
      changes: inOrder(changes),
      examples,
    }));
    return groups.sort((a, b) => total(b.changes) - total(a.changes) || order(a.name, b.name));
  }

  #group(name: string): Counted {
    const known = this.#byName.get(name);
    if (known) return known;
    if (this.#byName.size >= GROUPS_MAX && name !== OTHERS) return this.#group(OTHERS);
    const made = { changes: new Map<string, number>(), examples: [] };
    this.#byName.set(name, made);
    return made;
  }
}

function keepEarliest(kept: Example[], more: readonly Example[]): void {
  for (const one of more) {
    let alike = 0;
    let latest = -1;
    for (const [at, { change, index }] of kept.entries()) {
      if (change !== one.change) continue;
      alike++;
      if (latest < 0 || index > (kept[latest]?.index ?? 0)) latest = at;
    }
    if (alike < EXAMPLES_MAX) kept.push(one);
    else if (one.index < (kept[latest]?.index ?? 0)) kept.splice(latest, 1, one);
    else continue;
    kept.sort((a, b) => a.index - b.index);
  }
}

export const total = (changes: Changes): number =>
  Object.values(changes).reduce((sum, n) => sum + n, 0);

function count(counts: Map<string, number>, name: string, n: number): void {
  counts.set(name, (counts.get(name) ?? 0) + n);
}

const inOrder = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].sort(([a], [b]) => order(a, b)));
const order = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);
