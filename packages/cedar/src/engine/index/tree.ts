/**
 * Finds the policies of a request without looking at those that cannot apply. Each policy is filed under
 * one option of `optionsOf`; what shares a bucket is filed further by what is left. A policy is passed over
 * only where one of its conjuncts is known not to hold and none before it can have erred.
 */
import { EntityUid, type Long } from '../../value.ts';
import type { Run } from '../evaluation.ts';
import type { Candidate, CompiledPolicy } from '../policy.ts';
import { type Atom, type Dependency, type Option, optionsOf } from './atom.ts';
import {
  type Buckets,
  EqualBuckets,
  MemberBuckets,
  TextBuckets,
  TruthBuckets,
  TypeBuckets,
  WithinBuckets,
} from './bucket.ts';
import type { Collector, Visit } from './collector.ts';
import { isColumn, Scan } from './scan.ts';
import { compileSource } from './source.ts';

/** So few are evaluated as they are. */
const LEAF_MAX = 3;
const DEPTH_MAX = 6;
/** Under how many keys a policy may be filed at one place. */
const KEYS_MAX = 64;
/** Under how many in all, on average: the index stays linear in the policies whatever they are. */
const FILINGS_PER_POLICY_MAX = 48;

/** All policies, in no order, as something that visits those that may apply; without an index, all of them. */
export function buildIndex(policies: readonly CompiledPolicy[], index: boolean): Visit {
  const entries = policies.map(
    (policy): Entry => ({
      policy,
      options: index ? optionsOf(policy.conjuncts) : [],
      known: [],
    }),
  );
  const root = new TreeNode();
  root.entries.push(...entries);
  const filings = 1_000 + policies.length * FILINGS_PER_POLICY_MAX;
  root.build({ depth: 0, used: new Set(), budget: { filings } });
  return root;
}

interface Entry {
  readonly policy: CompiledPolicy;
  readonly options: readonly Option[];
  /** Tests that hold for whoever comes here. */
  readonly known: readonly number[];
}

function leafOf({ policy, known }: Entry): Candidate {
  return policy.without(known);
}

function knownBelow({ known }: Entry, { atom, conjunct }: Option): readonly number[] {
  return atom.exact ? [...known, conjunct] : known;
}

/** What building one node needs to know of those above it. */
interface Place {
  readonly depth: number;
  /** Groups of what led here: nothing more is found out from them, and none of them erred. */
  readonly used: ReadonlySet<string>;
  readonly budget: { filings: number };
}

/** Policies to evaluate, and groups that may lead to more. A bucket of a group is a node again. */
class TreeNode implements Visit {
  /** Emptied when the node is built. */
  readonly entries: Entry[] = [];
  #rest: readonly Candidate[] = [];
  #groups: readonly Group[] = [];

  build(place: Place): void {
    const entries = this.entries.splice(0);
    const { depth, budget } = place;
    if (entries.length <= LEAF_MAX || depth >= DEPTH_MAX || budget.filings <= 0) {
      this.#rest = entries.map(leafOf);
      return;
    }
    const { plans, rest } = plan(entries, place.used);
    this.#rest = rest;
    this.#groups = Array.from(plans, ([group, each]) => buildGroup(group, each, place));
  }

  visit(collector: Collector): void {
    for (let index = 0; index < this.#groups.length; index++) {
      this.#groups[index]!.visit(collector);
    }
    for (let index = 0; index < this.#rest.length; index++) {
      collector.evaluate(this.#rest[index]!);
    }
  }
}

/** What a group is built from. */
interface GroupPlan {
  readonly atom: Atom;
  readonly filed: { readonly entry: Entry; readonly option: Option }[];
  /** Filed elsewhere, as long as this source neither errs nor has a value of another type. */
  readonly dependent: { readonly policy: CompiledPolicy; readonly guarded: boolean }[];
}

/** Files each entry under the option by which the fewest requests should meet it. */
function plan(
  entries: readonly Entry[],
  used: ReadonlySet<string>,
): { plans: Map<string, GroupPlan>; rest: Candidate[] } {
  const variety = countKeys(entries, used);
  const isShared = findShared(entries, used);
  const plans = new Map<string, GroupPlan>();
  const rest: Candidate[] = [];
  for (const entry of entries) {
    const option = bestOption(entry, variety, isShared);
    if (option === undefined) rest.push(leafOf(entry));
    else planFor(plans, option).filed.push({ entry, option });
  }
  for (const [group, { filed }] of plans) {
    // Evaluating a source for a single policy is no gain; a variable costs nothing.
    if (filed.length > 1 || filed[0]!.option.scope) continue;
    plans.delete(group);
    rest.push(leafOf(filed[0]!.entry));
  }
  for (const { filed } of [...plans.values()]) {
    for (const { entry, option } of filed) {
      for (const dependency of dependenciesOf(entry, option, used)) {
        const { guarded } = dependency;
        planFor(plans, dependency).dependent.push({ policy: entry.policy, guarded });
      }
    }
  }
  return { plans, rest };
}

/** What may not err for the option, and its columns, to leave the policy out. */
function dependenciesOf(
  entry: Entry,
  option: Option,
  used: ReadonlySet<string>,
): readonly Dependency[] {
  const needed = [option, ...columnsOf(entry, option)].flatMap(({ earlier }) => earlier);
  return needed.filter(
    ({ group }, index) =>
      group !== option.group &&
      !used.has(group) &&
      needed.findIndex((other) => other.group === group) === index,
  );
}

function columnsOf(entry: Entry, { atom, group }: Option): readonly Option[] {
  if (atom.kind !== 'least' && atom.kind !== 'most') return [];
  return entry.options.filter((option) => option.group !== group && isColumn(option));
}

function planFor(plans: Map<string, GroupPlan>, { group, atom }: Dependency): GroupPlan {
  let found = plans.get(group);
  if (found === undefined) {
    found = { atom, filed: [], dependent: [] };
    plans.set(group, found);
  }
  return found;
}

/** How many different first keys each group would have; a group that is used already has none. */
function countKeys(
  entries: readonly Entry[],
  used: ReadonlySet<string>,
): ReadonlyMap<string, number> {
  const keys = new Map<string, Set<unknown>>();
  for (const { options } of entries) {
    for (const { atom, group } of options) {
      if (used.has(group)) continue;
      const first = atom.keys[0];
      let seen = keys.get(group);
      if (seen === undefined) {
        seen = new Set();
        keys.set(group, seen);
      }
      seen.add(first instanceof EntityUid ? first.id : first);
    }
  }
  return new Map(Array.from(keys, ([group, { size }]) => [group, size]));
}

/**
 * Whether a source is used by more than one policy here, or above. To evaluate one before its only policy
 * may be left out takes as long as to evaluate the policy.
 */
function findShared(
  entries: readonly Entry[],
  used: ReadonlySet<string>,
): (group: string) => boolean {
  const once = new Set<string>();
  const shared = new Set<string>(used);
  for (const { options } of entries) {
    // The last one stands behind all others that could err.
    const groups = [...options, ...(options.at(-1)?.earlier ?? [])].map(({ group }) => group);
    for (const group of new Set(groups)) (once.has(group) ? shared : once).add(group);
  }
  return (group) => shared.has(group);
}

/** The scope first, since policies for other actions and resources should not touch this one's conditions. */
function bestOption(
  entry: Entry,
  variety: ReadonlyMap<string, number>,
  isShared: (group: string) => boolean,
): Option | undefined {
  let best: Option | undefined;
  let bestChance = 1;
  for (const option of entry.options) {
    if (best?.scope === true && !option.scope) break;
    const keys = variety.get(option.group);
    const chance = keys === undefined ? 1 : chanceOf(option.atom, keys);
    if (chance >= bestChance || !option.earlier.every(({ group }) => isShared(group))) continue;
    best = option;
    bestChance = chance;
  }
  return best;
}

/** A guess at how often a request meets what is filed under an atom; 1 where it should not be. */
function chanceOf(atom: Atom, variety: number): number {
  const keys = atom.keys.length;
  if (keys > KEYS_MAX) return 1;
  switch (atom.kind) {
    case 'equal':
    case 'type':
    case 'start':
    case 'end':
      return Math.min(0.9, keys / (variety + 1));
    case 'within':
    case 'member':
      return Math.min(0.9, (2 * keys) / (variety + 2));
    case 'least':
    case 'most':
      return 0.5;
    case 'truth':
      return 0.6;
  }
}

function buildGroup(group: string, plan: GroupPlan, place: Place): Group {
  const { atom, filed, dependent } = plan;
  const policies = [
    ...filed.map(({ entry, option }) => ({ policy: entry.policy, guarded: option.guarded })),
    ...dependent,
  ];
  const run = compileSource(atom.source);
  if (atom.kind === 'least' || atom.kind === 'most') {
    return new Group(run, buildScan(atom.kind, filed), policies);
  }
  const nodes = new Set<TreeNode>();
  const create = (): TreeNode => {
    const node = new TreeNode();
    nodes.add(node);
    return node;
  };
  const texts = filed.map(({ option }) => option.atom.keys[0]);
  const buckets = createBuckets(atom.kind, texts, create);
  for (const { entry, option } of filed) {
    const { keys } = option.atom;
    place.budget.filings -= keys.length;
    const below = { ...entry, known: knownBelow(entry, option) };
    if (keys.length === 1) buckets.at(keys[0]!).entries.push(below);
    else
      for (const bucket of new Set(keys.map((key) => buckets.at(key)))) bucket.entries.push(below);
  }
  const inside = { ...place, depth: place.depth + 1, used: new Set([...place.used, group]) };
  for (const node of nodes) node.build(inside);
  return new Group(run, buckets, policies);
}

function buildScan(kind: 'least' | 'most', filed: GroupPlan['filed']): Scan {
  const entries = filed.map(({ entry, option }) => ({
    policy: entry.policy,
    known: knownBelow(entry, option),
    bound: option.atom.keys[0] as Long,
    columns: columnsOf(entry, option),
  }));
  return new Scan(kind, entries, ({ atom }) => compileSource(atom.source));
}

function createBuckets(
  kind: Exclude<Atom['kind'], 'least' | 'most'>,
  firstKeys: readonly unknown[],
  create: () => TreeNode,
): Buckets<TreeNode> {
  switch (kind) {
    case 'equal':
      return new EqualBuckets(create);
    case 'member':
      return new MemberBuckets(create);
    case 'within':
      return new WithinBuckets(create);
    case 'type':
      return new TypeBuckets(create);
    case 'truth':
      return new TruthBuckets(create);
    case 'start':
    case 'end':
      return new TextBuckets(kind, firstKeys.map(String), create);
  }
}

/** A source, and the buckets that its value leads to. */
class Group implements Visit {
  readonly #run: Run;
  readonly #buckets: Pick<Buckets<TreeNode>, 'collect'>;
  /** Evaluated as they are where the source errs or has a value of another type. */
  readonly #open: readonly CompiledPolicy[];
  /** The same, but where the source errs a conjunct before it does not hold. */
  readonly #guarded: readonly CompiledPolicy[];

  constructor(
    run: Run,
    buckets: Pick<Buckets<TreeNode>, 'collect'>,
    policies: readonly { readonly policy: CompiledPolicy; readonly guarded: boolean }[],
  ) {
    this.#run = run;
    this.#buckets = buckets;
    this.#open = policies.filter(({ guarded }) => !guarded).map(({ policy }) => policy);
    this.#guarded = policies.filter(({ guarded }) => guarded).map(({ policy }) => policy);
  }

  visit(collector: Collector): void {
    const { evaluation } = collector;
    evaluation.refill();
    const value = this.#run(evaluation);
    if (value === undefined) {
      evaluateAll(this.#open, collector);
      if (evaluation.unforeseen) evaluateAll(this.#guarded, collector);
    } else if (!this.#buckets.collect(value, collector)) {
      evaluateAll(this.#open, collector);
      evaluateAll(this.#guarded, collector);
    }
  }
}

function evaluateAll(policies: readonly CompiledPolicy[], collector: Collector): void {
  for (let index = 0; index < policies.length; index++) collector.evaluate(policies[index]!.whole);
}
