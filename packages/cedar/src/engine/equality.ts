/** Equality of values, and sets of values. What walks structures counts steps, so that it can be cut off. */
import { equalUids, UidMap } from '../entities/uid-map.ts';
import { ExtensionValue } from '../extension/extension.ts';
import { equalLongs, longFromBigint } from '../extension/i64.ts';
import { type CedarRecord, type CedarSet, EntityUid, type Value } from '../value.ts';
import { VALUE_DEPTH_MAX } from './limits.ts';
import { memberOf } from './record.ts';
import { isRecord, isSet } from './type.ts';

/** Counts down what is left; below zero the answer means nothing. */
export interface Steps {
  steps: number;
}

export function equalValues(left: Value, right: Value, budget: Steps, depth = 0): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object') {
    return typeof left === 'bigint' || typeof right === 'bigint' ? equalWide(left, right) : false;
  }
  if (left instanceof EntityUid) return right instanceof EntityUid && equalUids(left, right);
  if (left instanceof ExtensionValue) {
    return right instanceof ExtensionValue && left.kind === right.kind && left.key === right.key;
  }
  if (depth >= VALUE_DEPTH_MAX) budget.steps = -1;
  if (--budget.steps < 0) return false;
  if (isSet(left)) return isSet(right) && equalSets(left, right, budget, depth + 1);
  return isRecord(left) && isRecord(right) && equalRecords(left, right, budget, depth + 1);
}

/** A small Long may have been handed in as a bigint. */
function equalWide(left: Value, right: Value): boolean {
  return (
    (typeof left === 'bigint' || typeof left === 'number') &&
    (typeof right === 'bigint' || typeof right === 'number') &&
    equalLongs(left, right)
  );
}

function equalSets(left: CedarSet, right: CedarSet, budget: Steps, depth: number): boolean {
  if (left.length > SCAN_MAX || right.length > SCAN_MAX) {
    return valuesOf(left).equals(valuesOf(right), budget, depth);
  }
  return matchAll(left, right, budget, depth);
}

/**
 * Whether each of one list equals one of the other, both ways. Those that were met on the first way are not
 * looked for on the second: nested sets would take twice the time for every level.
 */
function matchAll(left: CedarSet, right: CedarSet, budget: Steps, depth: number): boolean {
  const met = new Uint8Array(right.length);
  for (let index = 0; index < left.length; index++) {
    const place = right.findIndex((value) => isStep(left[index]!, value, budget, depth));
    if (place < 0) return false;
    met[place] = 1;
  }
  return right.every(
    (value, index) => met[index] === 1 || left.some((other) => isStep(other, value, budget, depth)),
  );
}

function isStep(left: Value, right: Value, budget: Steps, depth: number): boolean {
  return --budget.steps >= 0 && equalValues(left, right, budget, depth);
}

function equalRecords(
  left: CedarRecord,
  right: CedarRecord,
  budget: Steps,
  depth: number,
): boolean {
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  for (const name of names) {
    const theirs = memberOf(right, name);
    if (theirs === undefined || !equalValues(left[name]!, theirs, budget, depth)) return false;
    if (--budget.steps < 0) return false;
  }
  return true;
}

export function hasElement(set: CedarSet, value: Value, budget: Steps, depth = 0): boolean {
  if (set.length > SCAN_MAX) return valuesOf(set).has(value, budget, depth);
  for (let index = 0; index < set.length; index++) {
    if (equalValues(set[index]!, value, budget, depth)) return true;
  }
  budget.steps -= set.length;
  return false;
}

export function hasAll(set: CedarSet, wanted: CedarSet, budget: Steps, depth = 0): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (--budget.steps < 0 || !hasElement(set, wanted[index]!, budget, depth)) return false;
  }
  return true;
}

export function hasAny(set: CedarSet, wanted: CedarSet, budget: Steps, depth = 0): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (--budget.steps < 0) return false;
    if (hasElement(set, wanted[index]!, budget, depth)) return true;
  }
  return false;
}

/** Longer sets are hashed once, so that comparing two of them is not quadratic. */
const SCAN_MAX = 16;
const hashed = new WeakMap<CedarSet, ValueSet>();

function valuesOf(set: CedarSet): ValueSet {
  let values = hashed.get(set);
  if (values === undefined) {
    values = new ValueSet(set);
    hashed.set(set, values);
  }
  return values;
}

/** A set that finds atoms by hash; sets and records in it are compared one by one. */
export class ValueSet {
  readonly #atoms = new Set<Value>();
  readonly #uids = new UidMap<true>();
  readonly #extensions = new Set<string>();
  readonly #structures: Value[] = [];

  constructor(values: CedarSet) {
    for (const value of values) this.#add(value);
  }

  has(value: Value, budget: Steps, depth = 0): boolean {
    if (typeof value === 'string' || typeof value === 'number') return this.#atoms.has(value);
    if (value instanceof EntityUid) return this.#uids.has(value);
    if (value instanceof ExtensionValue) {
      return this.#extensions.has(`${value.kind} ${value.key}`);
    }
    if (typeof value !== 'object') return this.#atoms.has(canonical(value));
    for (const structure of this.#structures) {
      if (equalValues(structure, value, budget, depth)) return true;
      if (--budget.steps < 0) return false;
    }
    return false;
  }

  equals(other: ValueSet, budget: Steps, depth: number): boolean {
    return (
      haveSame(this.#atoms, other.#atoms) &&
      haveSame(this.#extensions, other.#extensions) &&
      this.#uids.hasSameKeys(other.#uids) &&
      matchAll(this.#structures, other.#structures, budget, depth)
    );
  }

  #add(value: Value): void {
    if (value instanceof EntityUid) {
      this.#uids.set(value, true);
    } else if (value instanceof ExtensionValue) {
      this.#extensions.add(`${value.kind} ${value.key}`);
    } else if (typeof value === 'object') {
      this.#structures.push(value);
    } else {
      this.#atoms.add(canonical(value));
    }
  }
}

function haveSame(left: ReadonlySet<unknown>, right: ReadonlySet<unknown>): boolean {
  if (left.size !== right.size) return false;
  for (const value of left) if (!right.has(value)) return false;
  return true;
}

function canonical(value: Value): Value {
  return typeof value === 'bigint' ? (longFromBigint(value) ?? value) : value;
}
