/** Cedar values as entries hold them: Cedar's own JSON form, within what an entry can say. Pure. */
import {
  type CedarRecord,
  Datetime,
  Decimal,
  Duration,
  EntityUid,
  IpAddress,
  type Value,
  valueToJson,
} from '@sealrail/cedar';
import { keepCanonical } from '../entry/canonical.ts';
import type { Json } from '../entry/entry.ts';
import { isShared, rememberShared } from './shared.ts';

/** Years that a datetime's text can say. */
const TEXT_MS = { min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) };

/** Throws CedarError CEDAR_JSON for what has no such form; what it gives `valueFromJson` reads back. */
export function jsonOf(value: Value): Json {
  if (typeof value !== 'object') {
    // Beyond what a JSON number says exactly. No fact of ours is, and it stays what it is to a reader.
    return typeof value === 'bigint' ? String(value) : value;
  }
  if (value instanceof EntityUid) return { __entity: { type: value.type, id: value.id } };
  if (isSet(value)) return value.map(jsonOf);
  if (value instanceof Datetime) return datetimeJson(value);
  if (!isCedarRecord(value)) return valueToJson(value) as Json;
  return isShared(value) ? sharedJson(value) : recordJson(value);
}

/** Shared as the record is: its text is written once as well. */
const sharedJson = rememberShared((value: CedarRecord) => keepCanonical(recordJson(value)));

function recordJson(value: CedarRecord): { readonly [name: string]: Json } {
  const json: Record<string, Json> = {};
  for (const name of Object.keys(value)) {
    const member = value[name];
    if (member !== undefined) setOwn(json, name, jsonOf(member));
  }
  return json;
}

/** As people read it, where text can say it. */
function datetimeJson(value: Datetime): Json {
  const ms = Number(value.ms);
  if (ms < TEXT_MS.min || ms > TEXT_MS.max) return valueToJson(value) as Json;
  return { __extn: { fn: 'datetime', arg: new Date(ms).toISOString() } };
}

/** `__proto__` is a name like any other. */
function setOwn(record: Record<string, Json>, name: string, value: Json): void {
  if (name !== '__proto__') record[name] = value;
  else Object.defineProperty(record, name, { value, enumerable: true, configurable: true });
}

const isSet = (value: Value): value is readonly Value[] => Array.isArray(value);

export function isCedarRecord(value: Value | undefined): value is CedarRecord {
  return (
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !(value instanceof EntityUid) &&
    !(value instanceof Datetime) &&
    !(value instanceof IpAddress) &&
    !(value instanceof Decimal) &&
    !(value instanceof Duration)
  );
}
