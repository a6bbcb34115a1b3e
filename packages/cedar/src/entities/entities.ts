/**
 * Entities, prepared once for many requests. Ancestors are found when first asked for and kept. A layer
 * stands over a prepared base, so that the few entities of a request do not copy the many that it shares.
 */

import { equalUids, equalValues } from '../engine/equality.ts';
import { CedarError } from '../engine/error.ts';
import type { CedarRecord, Entity, EntityUid } from '../value.ts';
import { rejectCycles } from './cycle.ts';

export const ENTITIES_MAX = 2_000_000;
export const PARENTS_MAX = 100_000;
/** Ancestors kept over all entities; behind that they are found anew each time. */
export const ANCESTORS_KEPT_MAX = 4_000_000;
/** Up to here a layer is searched one by one, which is faster than building a map for one request. */
const SCAN_MAX = 12;

const NO_KEYS: readonly string[] = [];
const NO_ATTRIBUTES: CedarRecord = {};

/** One string for a uid. No Cedar type has a NUL in it, so two uids never share one. */
export function uidKey(uid: EntityUid): string {
  return `${uid.type}\0${uid.id}`;
}

export class EntityNode {
  readonly uid: EntityUid;
  readonly attrs: CedarRecord;
  readonly tags: CedarRecord;
  readonly parents: readonly EntityUid[];
  /** Those parents that are entities themselves; of one that is not, only the uid is an ancestor. */
  readonly known: EntityNode[] = [];
  readonly layer: Layer;
  #key: string | undefined;
  #ancestors: Ancestors | undefined;

  constructor(entity: Entity, layer: Layer) {
    this.layer = layer;
    this.uid = entity.uid;
    this.attrs = entity.attrs;
    this.tags = entity.tags ?? NO_ATTRIBUTES;
    this.parents = entity.parents;
  }

  get key(): string {
    this.#key ??= uidKey(this.uid);
    return this.#key;
  }

  /** Keys of all ancestors, without itself. */
  get ancestors(): Ancestors {
    if (this.#ancestors !== undefined) return this.#ancestors;
    const ancestors = findAncestors(this);
    if (this.layer.ancestorsLeft >= ancestors.keys.length) {
      this.layer.ancestorsLeft -= ancestors.keys.length;
      this.#ancestors = ancestors;
    }
    return ancestors;
  }

  get keptAncestors(): Ancestors | undefined {
    return this.#ancestors;
  }
}

/** What the nodes of one layer share: how many more ancestors they may keep. */
export interface Layer {
  ancestorsLeft: number;
}

export class Ancestors {
  readonly keys: readonly string[];
  #set: ReadonlySet<string> | undefined;

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  has(key: string): boolean {
    if (this.keys.length === 0) return false;
    this.#set ??= new Set(this.keys);
    return this.#set.has(key);
  }
}

const NO_ANCESTORS = new Ancestors(NO_KEYS);

function findAncestors(node: EntityNode): Ancestors {
  if (node.parents.length === 0) return NO_ANCESTORS;
  const keys = new Set<string>();
  const pending = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const already = next === node ? undefined : next.keptAncestors;
    if (already !== undefined) {
      for (const key of already.keys) keys.add(key);
      continue;
    }
    for (const parent of next.known) {
      if (keys.has(parent.key)) continue;
      keys.add(parent.key);
      pending.push(parent);
    }
    if (next.known.length < next.parents.length) {
      for (const parent of next.parents) keys.add(uidKey(parent));
    }
  }
  return new Ancestors([...keys]);
}

export class Entities {
  readonly #nodes: readonly EntityNode[];
  readonly #types: ReadonlyMap<string, ReadonlyMap<string, EntityNode>> | undefined;
  readonly #base: Entities | undefined;
  readonly #layer: Layer = { ancestorsLeft: ANCESTORS_KEPT_MAX };
  /** Parents that are no entities: a layer that defines one changes the ancestors of this one's. */
  readonly #missing = new Set<string>();

  /** See `prepareEntities`. */
  constructor(entities: Iterable<Entity>, base: Entities | undefined) {
    const nodes: EntityNode[] = [];
    let types: Map<string, Map<string, EntityNode>> | undefined;
    const findOwn = (uid: EntityUid): EntityNode | undefined =>
      types === undefined ? scan(nodes, uid) : types.get(uid.type)?.get(uid.id);
    for (const entity of entities) {
      const own = findOwn(entity.uid);
      const other = own ?? base?.find(entity.uid);
      if (other !== undefined) {
        requireSame(other, entity, own === undefined ? base : undefined);
        continue;
      }
      if (nodes.length >= ENTITIES_MAX) {
        throw new CedarError('CEDAR_ENTITIES', `there are more than ${ENTITIES_MAX} entities`);
      }
      const node = new EntityNode(entity, this.#layer);
      nodes.push(node);
      if (types !== undefined) addTo(types, node);
      else if (nodes.length > SCAN_MAX) {
        types = new Map();
        for (const each of nodes) addTo(types, each);
      }
    }
    this.#nodes = nodes;
    this.#types = types;
    this.#base = base;
    this.#link();
    rejectCycles(nodes);
  }

  find(uid: EntityUid): EntityNode | undefined {
    const own =
      this.#types === undefined ? scan(this.#nodes, uid) : this.#types.get(uid.type)?.get(uid.id);
    return own ?? this.#base?.find(uid);
  }

  /** Of all layers, this one's first. */
  *nodes(): Iterable<EntityNode> {
    yield* this.#nodes;
    if (this.#base !== undefined) yield* this.#base.nodes();
  }

  lacks(uid: EntityUid): boolean {
    const lacked = this.#missing.size > 0 && this.#missing.has(uidKey(uid));
    return lacked || (this.#base?.lacks(uid) ?? false);
  }

  #link(): void {
    for (const node of this.#nodes) {
      for (const parent of node.parents) {
        const found = this.find(parent);
        if (found !== undefined) node.known.push(found);
        else this.#missing.add(uidKey(parent));
      }
    }
  }
}

/**
 * Entities for `authorize`, over those of a base where there is one (the actions of a schema, or a
 * directory that many requests share). Throws CedarError CEDAR_ENTITIES for what Cedar refuses: a cycle
 * of parents, or one uid with two contents.
 */
export function prepareEntities(entities: Iterable<Entity>, base?: Entities): Entities {
  const own = [...entities];
  // What the base took for a missing parent has parents now: its ancestors have to be found again.
  if (base !== undefined && own.some((entity) => base.lacks(entity.uid))) {
    return new Entities([...own, ...base.nodes()], undefined);
  }
  return new Entities(own, base);
}

function scan(nodes: readonly EntityNode[], uid: EntityUid): EntityNode | undefined {
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index]!;
    if (equalUids(node.uid, uid)) return node;
  }
  return undefined;
}

function addTo(types: Map<string, Map<string, EntityNode>>, node: EntityNode): void {
  const ids = types.get(node.uid.type);
  if (ids === undefined) types.set(node.uid.type, new Map([[node.uid.id, node]]));
  else ids.set(node.uid.id, node);
}

/**
 * Cedar takes an entity twice when both say the same, and refuses the whole otherwise. A schema may list
 * the direct parents of an action where the entities list all its ancestors, so against a base those count.
 */
function requireSame(node: EntityNode, entity: Entity, base: Entities | undefined): void {
  const budget = { steps: 1_000_000 };
  const parents =
    base === undefined
      ? equalValues(node.parents, entity.parents, budget)
      : equalAncestors(node, entity, base);
  const same =
    parents &&
    equalValues(node.attrs, entity.attrs, budget) &&
    equalValues(node.tags, entity.tags ?? NO_ATTRIBUTES, budget);
  if (!same || budget.steps < 0) {
    throw new CedarError(
      'CEDAR_ENTITIES',
      `an entity of type ${entity.uid.type} is given twice with different contents`,
    );
  }
}

function equalAncestors(node: EntityNode, entity: Entity, base: Entities): boolean {
  const { ancestors } = node;
  if (!entity.parents.every((parent) => ancestors.has(uidKey(parent)))) return false;
  const listed = new Set(entity.parents.map(uidKey));
  return node.parents.every((parent) => {
    const key = uidKey(parent);
    return listed.has(key) || entity.parents.some((other) => base.find(other)?.ancestors.has(key));
  });
}
