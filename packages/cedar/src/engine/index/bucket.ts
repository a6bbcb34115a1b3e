/** Where the policies of one source and one kind of atom are found by its value. */
import { UidMap } from '../../entities/uid-map.ts';
import { ExtensionValue } from '../../extension/extension.ts';
import { longFromBigint } from '../../extension/i64.ts';
import { EntityUid, type Value } from '../../value.ts';
import { nodeOf } from '../hierarchy.ts';
import { isSet } from '../type.ts';
import type { Collector, Visit } from './collector.ts';

/**
 * Buckets of one kind. `collect` visits those that the value leads to, and gives false where the value has
 * a type with which the conjuncts of this kind err: then nothing was found out.
 */
export interface Buckets<T> {
  readonly collect: (value: Value, collector: Collector) => boolean;
  /** The bucket of one key of an atom of this kind, made when first asked for. */
  readonly at: (key: Value) => T;
}

/** A set larger than this is not looked through element by element for its policies. */
const ELEMENTS_MAX = 1_000;

/** By hash, for values that are no sets or records. */
export class ValueMap<T> {
  readonly #atoms = new Map<Value, T>();
  readonly #uids = new UidMap<T>();
  readonly #extensions = new Map<string, T>();

  get(value: Value): T | undefined {
    if (typeof value === 'string' || typeof value === 'number') return this.#atoms.get(value);
    if (value instanceof EntityUid) return this.#uids.get(value);
    if (value instanceof ExtensionValue) return this.#extensions.get(`${value.kind} ${value.key}`);
    return typeof value === 'object' ? undefined : this.#atoms.get(canonical(value));
  }

  set(value: Value, bucket: T): void {
    if (value instanceof EntityUid) this.#uids.set(value, bucket);
    else if (value instanceof ExtensionValue) {
      this.#extensions.set(`${value.kind} ${value.key}`, bucket);
    } else this.#atoms.set(canonical(value), bucket);
  }
}

function canonical(value: Value): Value {
  return typeof value === 'bigint' ? (longFromBigint(value) ?? value) : value;
}

class Keyed<T extends Visit> {
  readonly map = new ValueMap<T>();
  readonly #create: () => T;

  constructor(create: () => T) {
    this.#create = create;
  }

  at(key: Value): T {
    const found = this.map.get(key);
    if (found !== undefined) return found;
    const bucket = this.#create();
    this.map.set(key, bucket);
    return bucket;
  }
}

export class EqualBuckets<T extends Visit> extends Keyed<T> implements Buckets<T> {
  collect(value: Value, collector: Collector): boolean {
    this.map.get(value)?.visit(collector);
    return true;
  }
}

export class MemberBuckets<T extends Visit> extends Keyed<T> implements Buckets<T> {
  collect(value: Value, collector: Collector): boolean {
    if (!isSet(value) || value.length > ELEMENTS_MAX) return false;
    for (let index = 0; index < value.length; index++) {
      this.map.get(value[index]!)?.visit(collector);
    }
    return true;
  }
}

export class WithinBuckets<T extends Visit> extends Keyed<T> implements Buckets<T> {
  collect(value: Value, collector: Collector): boolean {
    if (!(value instanceof EntityUid)) return false;
    this.map.get(value)?.visit(collector);
    const node = nodeOf(collector.evaluation, value);
    if (node === undefined || node.parents.length === 0) return true;
    const { uids } = node.ancestors;
    if (uids.length > ELEMENTS_MAX) return false;
    for (let index = 0; index < uids.length; index++) {
      this.map.get(uids[index]!)?.visit(collector);
    }
    return true;
  }
}

export class TypeBuckets<T extends Visit> extends Keyed<T> implements Buckets<T> {
  collect(value: Value, collector: Collector): boolean {
    if (!(value instanceof EntityUid)) return false;
    this.map.get(value.type)?.visit(collector);
    return true;
  }
}

export class TruthBuckets<T extends Visit> extends Keyed<T> implements Buckets<T> {
  collect(value: Value, collector: Collector): boolean {
    if (typeof value !== 'boolean') return false;
    this.map.get(value)?.visit(collector);
    return true;
  }
}

/** More different lengths are cut to those of a short list, so that few lookups find all. */
const LENGTHS_MAX = 6;
const CUTS = [1, 2, 4, 8, 16, 32] as const;

/** Of texts that start or end alike. */
export class TextBuckets<T extends Visit> implements Buckets<T> {
  readonly #end: boolean;
  readonly #create: () => T;
  readonly #byLength = new Map<number, Map<string, T>>();
  readonly #cut: boolean;
  /** What `collect` goes through: a list is faster than a map. */
  #lengths: readonly (readonly [number, Map<string, T>])[] = [];

  constructor(kind: 'start' | 'end', texts: readonly string[], create: () => T) {
    this.#end = kind === 'end';
    this.#create = create;
    this.#cut = new Set(texts.map((text) => text.length)).size > LENGTHS_MAX;
  }

  at(key: Value): T {
    const text = String(key);
    const length = this.#cut ? CUTS.findLast((cut) => cut <= text.length)! : text.length;
    const part = this.#part(text, length);
    let texts = this.#byLength.get(length);
    if (texts === undefined) {
      texts = new Map();
      this.#byLength.set(length, texts);
      this.#lengths = [...this.#byLength];
    }
    let bucket = texts.get(part);
    if (bucket === undefined) {
      bucket = this.#create();
      texts.set(part, bucket);
    }
    return bucket;
  }

  collect(value: Value, collector: Collector): boolean {
    if (typeof value !== 'string') return false;
    for (const [length, texts] of this.#lengths) {
      if (length <= value.length) texts.get(this.#part(value, length))?.visit(collector);
    }
    return true;
  }

  #part(text: string, length: number): string {
    return this.#end ? text.slice(text.length - length) : text.slice(0, length);
  }
}
