import type { EntityUid } from '../value.ts';

export function equalUids(left: EntityUid, right: EntityUid): boolean {
  return left === right || (left.id === right.id && left.type === right.type);
}

/** One string for a uid. No Cedar type has a NUL in it, so two uids never share one. */
export function uidKey(uid: EntityUid): string {
  return `${uid.type}\0${uid.id}`;
}

/** By type, then by id: finding a uid that was just built costs no string of its own. */
export class UidMap<T> {
  readonly #types = new Map<string, Map<string, T>>();
  #size = 0;

  get(uid: EntityUid): T | undefined {
    return this.#types.get(uid.type)?.get(uid.id);
  }

  has(uid: EntityUid): boolean {
    return this.#types.get(uid.type)?.has(uid.id) ?? false;
  }

  set(uid: EntityUid, value: T): void {
    let ids = this.#types.get(uid.type);
    if (ids === undefined) {
      ids = new Map();
      this.#types.set(uid.type, ids);
    }
    if (!ids.has(uid.id)) this.#size++;
    ids.set(uid.id, value);
  }

  /** Whether both have the same uids. */
  hasSameKeys(other: UidMap<unknown>): boolean {
    if (this.#size !== other.#size) return false;
    for (const [type, ids] of this.#types) {
      const others = other.#types.get(type);
      if (others === undefined) return false;
      for (const id of ids.keys()) if (!others.has(id)) return false;
    }
    return true;
  }
}
