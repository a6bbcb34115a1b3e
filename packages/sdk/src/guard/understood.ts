/**
 * Rule 0 of decision.md: what is not understood is denied before any policy is asked. A rule of the engine
 * and not a policy that can be deleted: a missing ancestor makes Cedar's `in` silently false, which turns
 * a forbid off. Pure.
 */
import { type Action, type CedarValue, type Entity, EntityUid, type Request } from './decision.ts';
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

const key = ({ type, id }: EntityUid): string => `${type}::${id}`;
const show = ({ type, id }: EntityUid): string => `${type}::${JSON.stringify(id)}`;

/** What is wrong with the action as a whole. */
export function misunderstoodAction({ requests, entities }: Action): string | undefined {
  const [first] = requests;
  if (first === undefined) return 'it names nothing that it acts on';
  if (requests.length > REQUESTS_MAX) return `it acts on more than ${REQUESTS_MAX} resources`;
  if (entities.length > ENTITIES_MAX) return `it needs more than ${ENTITIES_MAX} entities`;
  const others = requests.some(({ principal }) => key(principal) !== key(first.principal));
  return others ? 'it has more than one principal' : undefined;
}

/** Entities by reference, with the ancestors of each found once for all requests of an action. */
export class EntityIndex {
  readonly #byKey = new Map<string, Entity>();
  readonly #enumerated: ReadonlySet<string>;
  readonly #ancestors = new Map<string, Ancestors>();

  constructor(entities: readonly Entity[], enumerated: ReadonlySet<string>) {
    for (const entity of entities) this.#byKey.set(key(entity.uid), entity);
    this.#enumerated = enumerated;
  }

  /** The entity's ancestors as far as they are loaded, and the first that is not. */
  ancestors(uid: EntityUid): Ancestors {
    const known = this.#ancestors.get(key(uid));
    if (known !== undefined) return known;
    const found = new Map<string, EntityUid>();
    let missing: EntityUid | undefined;
    const open = [uid];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(key(next))) continue;
      found.set(key(next), next);
      const entity = this.#byKey.get(key(next));
      if (entity) open.push(...entity.parents);
      else if (!this.#enumerated.has(next.type)) missing ??= next;
    }
    const ancestors = { reached: [...found.values()], missing };
    this.#ancestors.set(key(uid), ancestors);
    return ancestors;
  }
}

interface Ancestors {
  readonly reached: readonly EntityUid[];
  readonly missing: EntityUid | undefined;
}

/** What keeps one request from being understood; undefined where nothing does. */
export function misunderstood(request: Request, index: EntityIndex): Misunderstanding | undefined {
  const seen: Seen = { doubts: new Set(), entities: [], tooDeep: false };
  look(request.context, seen, 0);
  const doubts = [...seen.doubts].sort();
  const problem = seen.tooDeep
    ? `its context nests deeper than ${CONTEXT_DEPTH_MAX}`
    : entityProblem(request, seen.entities, index);
  if (doubts.length === 0 && problem === undefined) return undefined;
  return { doubts, ...(problem === undefined ? {} : { problem }) };
}

function entityProblem(
  { principal, resource }: Request,
  named: readonly EntityUid[],
  index: EntityIndex,
): string | undefined {
  for (const uid of [principal, resource, ...named]) {
    const { missing } = index.ancestors(uid);
    if (missing) return `${show(missing)} is not known`;
  }
  const envs = index.ancestors(resource).reached.filter(({ type }) => type === 'Env');
  if (envs.length === 1) return undefined;
  return `${show(resource)} belongs to ${envs.length === 0 ? 'no environment' : 'several environments'}`;
}

interface Seen {
  readonly doubts: Set<string>;
  readonly entities: EntityUid[];
  tooDeep: boolean;
}

function look(value: CedarValue, seen: Seen, depth: number): void {
  if (typeof value !== 'object' || seen.tooDeep) return;
  if (depth > CONTEXT_DEPTH_MAX) {
    seen.tooDeep = true;
  } else if (isList(value)) {
    for (const item of value) look(item, seen, depth + 1);
  } else if (value instanceof EntityUid) {
    seen.entities.push(value);
  } else if (isCedarRecord(value)) {
    for (const name of Object.keys(value)) {
      const member = value[name];
      if (member === undefined) continue;
      if (name === 'doubts' && isList(member)) {
        for (const doubt of member) seen.doubts.add(doubtName(doubt));
      }
      look(member, seen, depth + 1);
    }
  }
}

const doubtName = (doubt: CedarValue): string =>
  doubt instanceof EntityUid ? doubt.id : String(doubt);

const isList = (value: unknown): value is readonly CedarValue[] => Array.isArray(value);
