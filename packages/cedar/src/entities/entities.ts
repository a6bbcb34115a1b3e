/**
 * Entities, prepared once for many requests. Ancestors are found when first asked for and kept. A layer
 * stands over a prepared base, so that the few entities of a request do not copy the many that it shares.
 */

import { equalValues } from '../engine/equality.ts';
import { CedarError } from '../engine/error.ts';
import type { CedarRecord, Entity, EntityUid } from '../value.ts';
import { rejectCycles } from './cycle.ts';
import { EntityNode, type Layer } from './entity-node.ts';
import { equalUids, UidMap } from './uid-map.ts';

export const ENTITIES_MAX = 2_000_000;
/** Ancestors kept over all entities of a layer; behind that they are found anew each time. */
const ANCESTORS_KEPT_MAX = 4_000_000;
/** Up to here a layer is searched one by one, which is faster than building a map for one request. */
const SCAN_MAX = 12;

const NO_MEMBERS: CedarRecord = {};

export class Entities {
  readonly #nodes: readonly EntityNode[];
  readonly #map: UidMap<EntityNode> | undefined;
  readonly #base: Entities | undefined;
  /** Parents that are no entities: a layer that defines one changes the ancestors of this one's. */
  #missing: UidMap<true> | undefined = undefined;

  /** See `prepareEntities`. */
  constructor(entities: readonly Entity[], base: Entities | undefined) {
    const layer: Layer = { ancestorsLeft: ANCESTORS_KEPT_MAX };
    const nodes: EntityNode[] = [];
    let map: UidMap<EntityNode> | undefined;
    for (let index = 0; index < entities.length; index++) {
      const entity = entities[index]!;
      const { uid } = entity;
      const own = map === undefined ? scan(nodes, uid) : map.get(uid);
      const other = own ?? base?.find(uid);
      if (other !== undefined) {
        requireSame(other, entity, own === undefined ? base : undefined);
        continue;
      }
      if (nodes.length >= ENTITIES_MAX) {
        throw new CedarError('CEDAR_ENTITIES', `there are more than ${ENTITIES_MAX} entities`);
      }
      const node = new EntityNode(entity, layer, nodes.length);
      nodes.push(node);
      if (map !== undefined) {
        map.set(uid, node);
      } else if (nodes.length > SCAN_MAX) {
        map = new UidMap();
        for (const each of nodes) map.set(each.uid, each);
      }
    }
    this.#nodes = nodes;
    this.#map = map;
    this.#base = base;
    if (this.#link(layer)) rejectCycles(nodes, layer);
  }

  find(uid: EntityUid): EntityNode | undefined {
    const own = this.#map === undefined ? scan(this.#nodes, uid) : this.#map.get(uid);
    return own ?? this.#base?.find(uid);
  }

  /** Of all layers, this one's first. */
  *nodes(): Iterable<EntityNode> {
    yield* this.#nodes;
    if (this.#base !== undefined) yield* this.#base.nodes();
  }

  lacks(uid: EntityUid): boolean {
    return this.#missing?.has(uid) || (this.#base?.lacks(uid) ?? false);
  }

  /**
   * Finds the parents of each. Gives whether there may be a cycle, which there is not where all parents
   * come later than their children, or all earlier, as they mostly do.
   */
  #link(layer: Layer): boolean {
    let later = true;
    let earlier = true;
    for (let index = 0; index < this.#nodes.length; index++) {
      const node = this.#nodes[index]!;
      const { parents } = node;
      if (parents.length === 0) continue;
      const known: EntityNode[] = [];
      for (let at = 0; at < parents.length; at++) {
        const parent = this.find(parents[at]!);
        if (parent === undefined) {
          this.#missing ??= new UidMap();
          this.#missing.set(parents[at]!, true);
          continue;
        }
        known.push(parent);
        if (parent.layer !== layer) continue;
        if (parent.index <= index) later = false;
        if (parent.index >= index) earlier = false;
      }
      node.known = known;
    }
    return !later && !earlier;
  }
}

/**
 * Entities for `authorize`, over those of a base where there is one (the actions of a schema, or a
 * directory that many requests share). Throws CedarError CEDAR_ENTITIES for what Cedar refuses: a cycle
 * of parents, or one uid with two contents.
 */
export function prepareEntities(entities: Iterable<Entity>, base?: Entities): Entities {
  const own: readonly Entity[] = Array.isArray(entities) ? entities : [...entities];
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
    equalValues(node.tags, entity.tags ?? NO_MEMBERS, budget);
  if (!same || budget.steps < 0) {
    throw new CedarError(
      'CEDAR_ENTITIES',
      `an entity of type ${entity.uid.type} is given twice with different contents`,
    );
  }
}

function equalAncestors(node: EntityNode, entity: Entity, base: Entities): boolean {
  const { ancestors } = node;
  if (!entity.parents.every((parent) => ancestors.has(parent))) return false;
  return node.parents.every((parent) =>
    entity.parents.some(
      (other) => equalUids(other, parent) || base.find(other)?.ancestors.has(parent),
    ),
  );
}
