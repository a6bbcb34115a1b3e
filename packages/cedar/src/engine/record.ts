/** Records are plain objects, so names like `__proto__` and `constructor` need care in one place: here. */
import type { CedarRecord, Value } from '../value.ts';

type Reader = (record: CedarRecord, name: string) => Value | undefined;

/**
 * Reads members of that name; undefined where there is none. Names that every object inherits are read
 * as own members only; for all others the plain access is the same and several times faster.
 */
export function memberReader(name: string): Reader {
  return name in Object.prototype ? readOwn : readPlain;
}

export function memberOf(record: CedarRecord, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Adds an own member whatever its name is: an assignment to `__proto__` would change what the object is. */
export function setMember<T>(record: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__') {
    Object.defineProperty(record, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    record[name] = value;
  }
}

function readOwn(record: CedarRecord, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function readPlain(record: CedarRecord, name: string): Value | undefined {
  return record[name];
}
