/** What kind of value something is, decided in the order that is cheapest for what policies mostly touch. */
import { ExtensionValue } from '../extension/extension.ts';
import { isLong } from '../extension/i64.ts';
import { type CedarRecord, type CedarSet, EntityUid, type Long, type Value } from '../value.ts';

/** As an error names it: the type and never the value. Whatever is no Cedar value at all is `unknown`. */
export function typeName(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'number':
    case 'bigint':
      return isLong(value) ? 'long' : 'unknown';
    default:
      if (Array.isArray(value)) return 'set';
      if (value instanceof EntityUid) return `entity of type ${value.type}`;
      if (value instanceof ExtensionValue) return value.kind;
      return typeof value === 'object' && value !== null ? 'record' : 'unknown';
  }
}

export function isSet(value: Value): value is CedarSet {
  return Array.isArray(value);
}

export function isRecord(value: Value): value is CedarRecord {
  return (
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !(value instanceof EntityUid) &&
    !(value instanceof ExtensionValue) &&
    value !== null
  );
}

/** Of a value: a number that is no safe integer is not one, see `memberOf`. */
export function isLongValue(value: Value): value is Long {
  return typeof value === 'number' || typeof value === 'bigint';
}
