/** Values and entities in Cedar's JSON forms; see `from-json.ts`. */
import { CedarError } from '../engine/error.ts';
import { setMember } from '../engine/record.ts';
import { Datetime } from '../extension/datetime.ts';
import { ExtensionValue } from '../extension/extension.ts';
import type { Json } from '../json/json.ts';
import { type CedarRecord, type Entity, EntityUid, type Value } from '../value.ts';
import { VALUE_JSON_DEPTH_MAX } from './from-json.ts';

/** Throws CedarError CEDAR_JSON for what the JSON form cannot say: a record with a member `__entity`. */
export function valueToJson(value: Value): Json {
  return writeValue(value, 0);
}

export function entitiesToJson(entities: Iterable<Entity>): Json {
  return Array.from(entities, ({ uid, parents, attrs, tags }) => ({
    uid: uidToJson(uid),
    attrs: writeValue(attrs, 0),
    parents: parents.map(uidToJson),
    ...(tags !== undefined && { tags: writeValue(tags, 0) }),
  }));
}

function writeValue(value: Value, depth: number): Json {
  if (depth > VALUE_JSON_DEPTH_MAX) {
    throw new CedarError('CEDAR_JSON', `values nest more than ${VALUE_JSON_DEPTH_MAX} deep`);
  }
  if (typeof value !== 'object') return value;
  if (value instanceof EntityUid) return { __entity: uidToJson(value) };
  if (value instanceof ExtensionValue) return writeExtension(value);
  if (Array.isArray(value)) return value.map((element) => writeValue(element, depth + 1));
  const json: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value as CedarRecord)) {
    if (name === '__entity' || name === '__extn' || name === '__expr') {
      throw new CedarError('CEDAR_JSON', `JSON cannot say a record with a member \`${name}\``);
    }
    setMember(json, name, writeValue(member, depth + 1));
  }
  return json;
}

/** What no text of its own can say, a datetime beyond year 9999, is an offset from 1970. */
function writeExtension(value: ExtensionValue): Json {
  if (value instanceof Datetime) {
    const epoch = { __extn: { fn: 'datetime', arg: '1970-01-01' } };
    const since = { __extn: { fn: 'duration', arg: `${value.ms}ms` } };
    return { __extn: { fn: 'offset', args: [epoch, since] } };
  }
  return { __extn: { fn: value.kind, arg: value.toString() } };
}

function uidToJson(uid: EntityUid): Json {
  return { type: uid.type, id: uid.id };
}
