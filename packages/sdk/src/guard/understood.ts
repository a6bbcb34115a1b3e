/**
 * Rule 0 of decision.md: what is not understood is denied before any policy is asked. A rule of the engine
 * and not a policy that can be deleted: a missing ancestor makes Cedar's `in` silently false, which turns
 * a forbid off. Pure.
 */

import {
  type Action,
  type CedarRecord,
  type CedarValue,
  type Entity,
  EntityUid,
  type Request,
} from './decision.ts';
import { isShared, rememberShared } from './shared.ts';
import { isCedarRecord } from './value-json.ts';

/** Each costs an evaluation; a statement over more resources is denied instead of stalling everybody. */
export const REQUESTS_MAX = 128;
export const ENTITIES_MAX = 10_000;
/** Of the context of a request. */
export const CONTEXT_DEPTH_MAX = 32;

export interface Misunderstanding {
  readonly doubts: readonly string[];
  readonly problem?: string;
}

/** No type's name has a NUL in it. */
const key = ({ type, id }: EntityUid): string => `${type}\0${id}`;
const show = ({ type, id }: EntityUid): string => `${type}::${JSON.stringify(id)}`;

/** What is wrong with the action as a whole. */
export function misunderstoodAction({ requests, entities }: Action): string | undefined {
  const [first] = requests;
  if (first === undefined) return 'it names nothing that it acts on';
  if (requests.length > REQUESTS_MAX) return `it acts on more than ${REQUESTS_MAX} resources`;
  if (entities.length > ENTITIES_MAX) return `it needs more than ${ENTITIES_MAX} entities`;
  const { type, id } = first.principal;
  const others = requests.some(({ principal }) => principal.type !== type || principal.id !== id);
  return others ? 'it has more than one principal' : undefined;
}

/** Entities by reference, with the ancestors of each found once for all that is asked with this list. */
export class EntityIndex {
  readonly #byKey = new Map<string, Entity>();
  readonly #enumerated: ReadonlySet<string>;
  readonly #ancestors = new Map<string, Ancestors>();
  /** Of shared records: all that they name is loaded. */
  readonly #whole = new WeakSet<object>();

  constructor(entities: readonly Entity[], enumerated: ReadonlySet<string>) {
    for (const entity of entities) this.#byKey.set(key(entity.uid), entity);
    this.#enumerated = enumerated;
  }

  /** The first entity that is named, or above one that is named, and not loaded. */
  firstMissing({ from, entities }: Named): EntityUid | undefined {
    if (from !== undefined && this.#whole.has(from)) return undefined;
    for (const uid of entities) {
      // These are never in anything.
      if (this.#enumerated.has(uid.type)) continue;
      const { missing } = this.ancestors(uid);
      if (missing !== undefined) return missing;
    }
    if (from !== undefined && isShared(from)) this.#whole.add(from);
    return undefined;
  }

  /** The entity's ancestors as far as they are loaded. */
  ancestors(uid: EntityUid): Ancestors {
    const known = this.#ancestors.get(key(uid));
    if (known !== undefined) return known;
    const found = new Set<string>();
    let missing: EntityUid | undefined;
    let envs = 0;
    const open = [uid];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(key(next))) continue;
      found.add(key(next));
      if (next.type === 'Env') envs++;
      const entity = this.#byKey.get(key(next));
      if (entity) open.push(...entity.parents);
      else if (!this.#enumerated.has(next.type)) missing ??= next;
    }
    const ancestors = { envs, missing };
    this.#ancestors.set(key(uid), ancestors);
    return ancestors;
  }
}

interface Ancestors {
  /** How many environments it belongs to. */
  readonly envs: number;
  /** The first of them that is not loaded. */
  readonly missing: EntityUid | undefined;
}

/** What keeps one request from being understood; undefined where nothing does. */
export function misunderstood(
  { principal, resource, context }: Request,
  index: EntityIndex,
): Misunderstanding | undefined {
  const named = namedIn(context);
  const problem = named.some(({ tooDeep }) => tooDeep)
    ? `its context nests deeper than ${CONTEXT_DEPTH_MAX}`
    : entityProblem(principal, resource, named, index);
  const hasDoubts = named.some(({ doubts }) => doubts.size > 0);
  if (problem === undefined && !hasDoubts) return undefined;
  const doubts = [...new Set(named.flatMap((one) => [...one.doubts]))].sort();
  return { doubts, ...(problem === undefined ? {} : { problem }) };
}

function entityProblem(
  principal: EntityUid,
  resource: EntityUid,
  named: readonly Named[],
  index: EntityIndex,
): string | undefined {
  const { envs, missing: above } = index.ancestors(resource);
  let missing = index.ancestors(principal).missing ?? above;
  for (let at = 0; missing === undefined && at < named.length; at++) {
    const one = named[at];
    if (one) missing = index.firstMissing(one);
  }
  if (missing) return `${show(missing)} is not known`;
  if (envs === 1) return undefined;
  return `${show(resource)} belongs to ${envs === 0 ? 'no environment' : 'several environments'}`;
}

/** What a record says of doubts and entities, at any depth. */
interface Named {
  /** The record, where it is shared. */
  readonly from?: object;
  readonly doubts: ReadonlySet<string>;
  readonly entities: readonly EntityUid[];
  readonly tooDeep: boolean;
}

/** Of a context: what stands in it itself, and each shared record in it. */
function namedIn(context: CedarRecord): readonly Named[] {
  if (isShared(context)) return [namedInShared(context)];
  const seen: Seen = { doubts: new Set(), entities: [], tooDeep: false, shared: [] };
  look(context, seen, 0);
  return [seen, ...seen.shared];
}

const namedInShared = rememberShared((from: CedarRecord): Named => {
  const seen: Seen = { doubts: new Set(), entities: [], tooDeep: false, shared: [] };
  // As deep as it can stand: what is shared stands at most two levels below the context.
  for (const name of Object.keys(from)) lookAt(name, from[name], seen, 3);
  return {
    from,
    doubts: new Set([seen, ...seen.shared].flatMap(({ doubts }) => [...doubts])),
    entities: [seen, ...seen.shared].flatMap(({ entities }) => entities),
    tooDeep: [seen, ...seen.shared].some(({ tooDeep }) => tooDeep),
  };
});

interface Seen extends Named {
  readonly doubts: Set<string>;
  readonly entities: EntityUid[];
  tooDeep: boolean;
  readonly shared: Named[];
}

function look(value: CedarValue, seen: Seen, depth: number): void {
  if (typeof value !== 'object' || seen.tooDeep) return;
  if (depth > CONTEXT_DEPTH_MAX) {
    seen.tooDeep = true;
  } else if (isList(value)) {
    for (const item of value) look(item, seen, depth + 1);
  } else if (value instanceof EntityUid) {
    seen.entities.push(value);
  } else if (isShared(value) && depth <= 2 && isCedarRecord(value)) {
    seen.shared.push(namedInShared(value));
  } else if (isCedarRecord(value)) {
    for (const name of Object.keys(value)) lookAt(name, value[name], seen, depth + 1);
  }
}

function lookAt(name: string, member: CedarValue | undefined, seen: Seen, depth: number): void {
  if (member === undefined) return;
  if (name === 'doubts' && isList(member)) {
    for (const doubt of member) seen.doubts.add(doubtName(doubt));
  }
  look(member, seen, depth);
}

const doubtName = (doubt: CedarValue): string =>
  doubt instanceof EntityUid ? doubt.id : String(doubt);

const isList = (value: unknown): value is readonly CedarValue[] => Array.isArray(value);
