/** One prepared entity, and the ancestors that are found when it is first asked for them. */
import type { CedarRecord, Entity, EntityUid } from '../value.ts';
import { equalUids, UidMap } from './uid-map.ts';

const NO_NODES: readonly EntityNode[] = [];
const NO_MEMBERS: CedarRecord = {};

export class EntityNode {
  readonly uid: EntityUid;
  readonly attrs: CedarRecord;
  readonly tags: CedarRecord;
  readonly parents: readonly EntityUid[];
  readonly layer: Layer;
  /** In its layer. */
  readonly index: number;
  /** Those parents that are entities themselves; of one that is not, only the uid is an ancestor. */
  known: readonly EntityNode[] = NO_NODES;
  kept: Ancestors | undefined = undefined;

  constructor(entity: Entity, layer: Layer, index: number) {
    this.uid = entity.uid;
    this.attrs = entity.attrs;
    this.tags = entity.tags ?? NO_MEMBERS;
    this.parents = entity.parents;
    this.layer = layer;
    this.index = index;
  }

  /** All ancestors, without itself. */
  get ancestors(): Ancestors {
    return this.kept ?? keepAncestors(this);
  }
}

/** What the nodes of one layer share: how many more ancestors they may keep. */
export interface Layer {
  ancestorsLeft: number;
}

/** Up to here uids are compared one by one, which is faster than hashing. */
const SCAN_MAX = 6;

export class Ancestors {
  readonly uids: EntityUid[] = [];
  #map: UidMap<true> | undefined = undefined;

  has(uid: EntityUid): boolean {
    if (this.#map !== undefined) return this.#map.has(uid);
    const { uids } = this;
    for (let index = 0; index < uids.length; index++) {
      if (equalUids(uids[index]!, uid)) return true;
    }
    return false;
  }

  /** Whether it was none yet. */
  add(uid: EntityUid): boolean {
    if (this.has(uid)) return false;
    this.uids.push(uid);
    if (this.#map !== undefined) {
      this.#map.set(uid, true);
    } else if (this.uids.length > SCAN_MAX) {
      this.#map = new UidMap();
      for (const each of this.uids) this.#map.set(each, true);
    }
    return true;
  }
}

const NO_ANCESTORS = new Ancestors();

function keepAncestors(node: EntityNode): Ancestors {
  const ancestors = findAncestors(node);
  if (node.layer.ancestorsLeft >= ancestors.uids.length) {
    node.layer.ancestorsLeft -= ancestors.uids.length;
    node.kept = ancestors;
  }
  return ancestors;
}

/** Without recursion, since a hostile chain of parents is as deep as it is long. */
function findAncestors(node: EntityNode): Ancestors {
  if (node.parents.length === 0) return NO_ANCESTORS;
  const ancestors = new Ancestors();
  const pending = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kept !== undefined) {
      for (const uid of next.kept.uids) ancestors.add(uid);
      continue;
    }
    for (const parent of next.known) {
      if (ancestors.add(parent.uid)) pending.push(parent);
    }
    if (next.known.length < next.parents.length) {
      for (const parent of next.parents) ancestors.add(parent);
    }
  }
  return ancestors;
}
