/**
 * What the names of a session stand for: prepared statements and portals, one map each for SQL and wire,
 * as the server has them, with the changes that are on their way there.
 */
import type { ResultPlan } from './result-plan.ts';
import type { ResultField } from './row-description.ts';
import type { Unit } from './unit.ts';

/** Names that one map may hold; past it new ones are denied. */
export const NAMES_MAX = 10_000;
/** Texts and values behind the names of one map, in UTF-16 code units. */
export const NAMES_LENGTH_MAX = 32 << 20;

export interface Prepared {
  readonly text: string;
  /** True where a PREPARE made it: what is executed is the statement inside its text. */
  readonly bySql: boolean;
}

export interface Portal {
  readonly text: string;
  readonly bySql: boolean;
  readonly binds: readonly (string | null)[];
  /** What its decision was made from; when that changes, it is decided again. */
  readonly madeFrom: string;
  /** The allowed action that executing it carries out. */
  readonly unit: Unit;
  /** What the obligations of its decision make of what it shows, for as long as it shows anything. */
  readonly plan: ResultPlan | undefined;
  /** Its result, once the server was asked for it. */
  readonly described: { fields?: readonly ResultField[] | undefined; known: boolean };
  /** A cursor WITH HOLD survives its transaction; every other portal ends with it. */
  readonly held: boolean;
}

/** A change that the server has been asked for and has not confirmed. */
export interface Change<T> {
  /** Undefined for all names: DISCARD ALL, DEALLOCATE ALL, CLOSE ALL. */
  readonly name: string | undefined;
  /** Undefined where the name goes. */
  readonly value: T | undefined;
  /** Number of the Sync that ends the messages around it; undefined where it is part of a Query. */
  readonly group: number | undefined;
}

export type Found<T> =
  | { readonly kind: 'known'; readonly value: T }
  | { readonly kind: 'unknown' }
  /** A change of it is on its way, and may succeed or fail: ask again when it is answered. */
  | { readonly kind: 'unsettled' };

export class NameMap<T> {
  readonly #settled = new Map<string, T>();
  readonly #pending = new Map<string, Change<T>[]>();
  /** Of the changes that go for all names. */
  #pendingAll = 0;
  #length = 0;
  readonly #lengthOf: (value: T) => number;
  /** Rises whenever a name that somebody may use again comes to stand for something else. */
  version = 0;

  constructor(lengthOf: (value: T) => number) {
    this.#lengthOf = lengthOf;
  }

  /** False where one more name of this length would be over a bound. */
  hasRoomFor(value: T): boolean {
    if (this.#settled.size + this.#pending.size >= NAMES_MAX) return false;
    return this.#length + this.#lengthOf(value) <= NAMES_LENGTH_MAX;
  }

  /**
   * What a message of `group` means by the name. A Parse or Bind of the same group has succeeded if that
   * message is looked at by the server at all: after an error everything is discarded up to the Sync.
   */
  look(name: string, group: number | undefined): Found<T> {
    if (this.#pendingAll > 0) return { kind: 'unsettled' };
    const change = this.#pending.get(name)?.at(-1);
    if (change && (change.group === undefined || change.group !== group)) {
      return { kind: 'unsettled' };
    }
    const value = change ? change.value : this.#settled.get(name);
    return value === undefined ? { kind: 'unknown' } : { kind: 'known', value };
  }

  begin(change: Change<T>): void {
    const { name, value } = change;
    if (value !== undefined) this.#length += this.#lengthOf(value);
    if (name === undefined) this.#pendingAll++;
    else this.#pending.set(name, [...(this.#pending.get(name) ?? []), change]);
  }

  /** The server has done it. Returns the values that are gone with it. */
  commit(change: Change<T>): T[] {
    this.#forget(change);
    const { name, value } = change;
    if (name === undefined) {
      this.version++;
      return this.clear(() => true);
    }
    const gone = this.#drop(name);
    if (value !== undefined) this.#settled.set(name, value);
    if (name !== '') this.version++;
    return gone;
  }

  /** The server has not done it, and will not. */
  abandon(change: Change<T>): void {
    this.#forget(change);
    if (change.value !== undefined) this.#length -= this.#lengthOf(change.value);
  }

  /** Drops every settled name whose value this is true of. */
  clear(goes: (value: T) => boolean): T[] {
    const names = [...this.#settled].filter(([, value]) => goes(value)).map(([name]) => name);
    return names.flatMap((name) => this.#drop(name));
  }

  get size(): number {
    return this.#settled.size;
  }

  #drop(name: string): T[] {
    const value = this.#settled.get(name);
    if (value === undefined) return [];
    this.#settled.delete(name);
    this.#length -= this.#lengthOf(value);
    return [value];
  }

  #forget(change: Change<T>): void {
    const { name } = change;
    if (name === undefined) {
      this.#pendingAll--;
      return;
    }
    const left = (this.#pending.get(name) ?? []).filter((one) => one !== change);
    if (left.length > 0) this.#pending.set(name, left);
    else this.#pending.delete(name);
  }
}

export interface Names {
  readonly prepared: NameMap<Prepared>;
  readonly portals: NameMap<Portal>;
}

/** What an entry of a map weighs besides its texts. */
const OVERHEAD_LENGTH = 200;

export function openNames(): Names {
  return {
    prepared: new NameMap(({ text }) => OVERHEAD_LENGTH + text.length),
    portals: new NameMap(({ text, binds }) =>
      binds.reduce((sum, value) => sum + (value?.length ?? 0), OVERHEAD_LENGTH + text.length),
    ),
  };
}
