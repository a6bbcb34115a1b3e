/**
 * Actions that one set decides otherwise than another, found by trying what the policies themselves speak
 * of. Examples, never all of them: that nothing is found says nothing. The same two sets give the same ones.
 */
import type { Policy } from '@sealrail/cedar';
import {
  type Action,
  type ActionReaches,
  actionReaches,
  judge,
  NO_INPUTS,
  type PolicySet,
  type Reach,
  reachOf,
  resolvedSchema,
  schemaText,
  VERDICTS,
  type Verdict,
} from '@sealrail/sdk';
import { doingOf, type World } from '../policy-tests/action.ts';
import { databaseOf } from '../policy-tests/database.ts';
import { Entities } from '../policy-tests/entities.ts';
import type { RawCase, RawPrincipal } from '../policy-tests/shape.ts';
import { type Probes, probesOf } from './probe.ts';

/** Actions that are tried; each is decided twice. */
export const TRIED_MAX = 1_500;
export const EXAMPLES_SHOWN_MAX = 10;
const FACTS_TRIED_MAX = 4;
const NOW_MS = Date.UTC(2026, 10, 25, 12);

/** As a case of a *.test.yaml would have it, with what comes of it under either set. */
export interface DecidedOtherwise {
  readonly as: RawPrincipal & { readonly name: string };
  readonly env: RawCase['env'];
  readonly action: string;
  readonly on: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly before: Outcome;
  readonly after: Outcome;
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly code: string;
  readonly by: readonly string[];
}

export interface ExamplesOptions {
  readonly before: PolicySet;
  readonly after: PolicySet;
  /** Policies that changed, in whichever version. */
  readonly changed: readonly Policy[];
  /** All of both sets: for the groups and environments that they speak of. */
  readonly all: readonly Policy[];
}

export interface Examples {
  readonly tried: number;
  readonly found: readonly DecidedOtherwise[];
}

/** One thing to try: a question without what comes of it. */
interface Trial {
  readonly name: string;
  readonly type: RawPrincipal['type'];
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly env: RawCase['env'];
  readonly action: string;
  readonly on: string;
  readonly facts: ReadonlyMap<string, unknown>;
}

export function findExamples({ before, after, changed, all }: ExamplesOptions): Examples {
  const schema = resolvedSchema(schemaText());
  const trials = new Trials(changed, all, actionReaches(schema));
  const compare = (trial: Trial): DecidedOtherwise | undefined => {
    const action = actionOfTrial(trial, schema);
    if (action === undefined) return undefined;
    const [from, to] = [decided(before, action), decided(after, action)];
    // What is not understood was not asked about: a trial that makes no sense says nothing.
    if (from.verdict === to.verdict || from.code === 'not-understood') return undefined;
    return described(trial, from, to);
  };
  const found = new Map<string, { trial: Trial; example: DecidedOtherwise }>();
  let tried = 0;
  for (; tried < TRIED_MAX && changed.length > 0; tried++) {
    const trial = trials.next();
    const example = trial && compare(trial);
    if (trial && example && !found.has(kindOf(example)))
      found.set(kindOf(example), { trial, example });
  }
  // What passes now and did not before is what somebody has to look at first.
  const byGain = [...found].sort(([, a], [, b]) => gainOf(b.example) - gainOf(a.example));
  const shown = byGain.slice(0, EXAMPLES_SHOWN_MAX);
  return {
    tried,
    found: shown.map(([kind, one]) => shrink(one.trial, kind, compare) ?? one.example),
  };
}

const gainOf = ({ before, after }: DecidedOtherwise): number =>
  VERDICTS.indexOf(before.verdict) - VERDICTS.indexOf(after.verdict);

const kindOf = ({ action, before, after }: DecidedOtherwise): string =>
  JSON.stringify([action, before, after]);

function decided(set: PolicySet, action: Action): Outcome {
  const { verdict, code, determining } = judge(set, action, NO_INPUTS).decision;
  return { verdict, code, by: determining };
}

function described(trial: Trial, before: Outcome, after: Outcome): DecidedOtherwise {
  const { name, type, groups, roles, env, action, on } = trial;
  const { facts, attrs } = nested(trial.facts);
  return {
    as: { name, type, groups: [...groups], roles: [...roles] },
    env,
    action,
    on,
    attrs,
    facts,
    before,
    after,
  };
}

/** Leaves out whatever makes no difference, so that an example shows what does. */
function shrink(
  trial: Trial,
  kind: string,
  compare: (trial: Trial) => DecidedOtherwise | undefined,
): DecidedOtherwise | undefined {
  let least = trial;
  let example: DecidedOtherwise | undefined;
  const attempt = (smaller: Trial): void => {
    const found = compare(smaller);
    if (found === undefined || kindOf(found) !== kind) return;
    least = smaller;
    example = found;
  };
  for (const path of trial.facts.keys()) {
    attempt({ ...least, facts: new Map([...least.facts].filter(([name]) => name !== path)) });
  }
  for (const group of trial.groups)
    attempt({ ...least, groups: least.groups.filter((one) => one !== group) });
  for (const role of trial.roles)
    attempt({ ...least, roles: least.roles.filter((one) => one !== role) });
  return example;
}

class Trials {
  readonly #policies: readonly { readonly reach: Reach; readonly own: Probes }[];
  readonly #probes: Probes;
  readonly #random = mulberry32(20_261_125);

  constructor(changed: readonly Policy[], all: readonly Policy[], actions: ActionReaches) {
    this.#policies = changed.map((policy) => ({
      reach: reachOf(policy, actions),
      own: probesOf([policy]),
    }));
    this.#probes = probesOf(all);
  }

  /** Undefined where a policy can reach nothing. */
  next(): Trial | undefined {
    const policy = this.#pick(this.#policies);
    if (policy === undefined) return undefined;
    const { reach, own } = policy;
    const action = this.#pick([...reach.actions]);
    const type = PRINCIPAL_TYPES[this.#pick([...reach.principals]) ?? ''];
    const resource = this.#pick([...reach.resources]);
    if (action === undefined || type === undefined || resource === undefined) return undefined;
    return {
      name: this.#pick([...own.names, 'somebody']) ?? 'somebody',
      type,
      groups: this.#some([...this.#probes.groups], own.groups),
      roles: this.#some([...this.#probes.roles], own.roles),
      env: envOf(this.#pick(['prod', ...this.#probes.envs])),
      action,
      on: this.#place(resource, [...own.places]),
      facts: this.#facts(own),
    };
  }

  /** The entity itself, or one below it: ids of parents are beginnings of those of their children. */
  #place(type: string, places: readonly string[]): string {
    const place = this.#pick(['', ...places]) ?? '';
    const [, placeType, id] = /^(\w+)::"(.*)"$/.exec(place) ?? [];
    if (placeType === type) return place;
    const below = id === undefined ? '' : `${id}${'.main'.repeat(1 + this.#below(2))}`;
    return `${type}::"${below === '' ? 'main' : below}"`;
  }

  #facts(own: Probes): ReadonlyMap<string, unknown> {
    const facts = new Map<string, unknown>();
    const paths = [...own.facts.keys()];
    if (this.#below(4) === 0) paths.push(...this.#probes.facts.keys());
    for (let n = this.#below(FACTS_TRIED_MAX + 1); n > 0; n--) {
      const path = this.#pick(paths);
      if (path === undefined) break;
      facts.set(path, this.#pick(own.facts.get(path) ?? this.#probes.facts.get(path) ?? []));
    }
    return facts;
  }

  #some(all: readonly string[], own: ReadonlySet<string>): readonly string[] {
    return all.filter((one) => this.#below(4) < (own.has(one) ? 3 : 1));
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#below(items.length)];
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

const PRINCIPAL_TYPES: Readonly<Record<string, RawPrincipal['type']>> = {
  Human: 'human',
  Service: 'service',
  Agent: 'agent',
};
const ENVS = ['dev', 'test', 'staging', 'prod'] as const;
const envOf = (name: string | undefined): RawCase['env'] =>
  ENVS.find((one) => one === name) ?? 'prod';

function actionOfTrial(trial: Trial, schema: World['schema']): Action | undefined {
  let isWrong = false;
  const problem = (): void => {
    isWrong = true;
  };
  const { name, type, groups, roles, env, action, on } = trial;
  const principals = { [name]: { type, groups: [...groups], roles: [...roles] } };
  const entities = new Entities({ schema, env, principals, declared: [], problem });
  const { facts, attrs } = nested(trial.facts);
  const step = { as: name, action, on: { uid: on, attrs, tags: {} }, facts };
  const database = databaseOf({ name: 'main', tables: {}, classes: {}, routines: {} }, problem);
  const world = { schema, database, principals, entities, env, nowMs: NOW_MS, parse: NO_PARSER };
  const made = doingOf(step, [], world);
  return isWrong ? undefined : made?.action;
}

/** A trial has facts and no text. */
const NO_PARSER: World['parse'] = () => {
  throw new Error('nothing is parsed here');
};

/** `sql.scope` → `{ sql: { scope } }`; what begins with `resource.` is an attribute of it. */
function nested(paths: ReadonlyMap<string, unknown>): {
  readonly facts: Record<string, unknown>;
  readonly attrs: Record<string, unknown>;
} {
  const root: Record<string, unknown> = {};
  for (const [path, value] of paths) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let inner = root;
    for (const name of names) {
      const next = Object.hasOwn(inner, name) ? inner[name] : undefined;
      const section = typeof next === 'object' && next !== null ? next : {};
      inner[name] = section;
      inner = section as Record<string, unknown>;
    }
    inner[last] = value;
  }
  const { resource = {}, ...facts } = root;
  return { facts, attrs: resource as Record<string, unknown> };
}

/** Small, and the same everywhere: two people who compare the same sets see the same examples. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
