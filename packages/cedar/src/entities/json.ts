/**
 * Cedar's JSON forms of values and entities (docs.cedarpolicy.com/auth/entities-syntax.html), without a
 * schema: `{"__entity": …}` and `{"__extn": …}` are written out. JSON comes in as parsed; integers beyond
 * 2^53 have to be bigints by then, see `parseJson`.
 */
import { bindExtension, CallFailure } from '../engine/call.ts';
import { CedarError } from '../engine/error.ts';
import { memberOf, setMember } from '../engine/record.ts';
import { typeName } from '../engine/type.ts';
import { Datetime } from '../extension/datetime.ts';
import { ExtensionValue } from '../extension/extension.ts';
import { isLong, longFromBigint } from '../extension/i64.ts';
import { type Json, JsonNumber, type JsonObject } from '../json/json.ts';
import { isTypeName } from '../syntax/names.ts';
import { type CedarRecord, type Entity, EntityUid, type Value } from '../value.ts';

/** As deep as serde's reader, through which Cedar's own values come, goes. */
export const VALUE_JSON_DEPTH_MAX = 127;

/** Throws CedarError CEDAR_JSON. */
export function valueFromJson(json: Json): Value {
  return readValue(json, 0);
}

/** As `valueFromJson`, of which a context or the attributes of an entity have to be a record. */
export function recordFromJson(json: Json): CedarRecord {
  if (!isObject(json)) throw refuse('a record is a JSON object');
  const value = readValue(json, 0);
  if (typeName(value) !== 'record')
    throw refuse(`a ${typeName(value)} stands where a record has to`);
  return value as CedarRecord;
}

/** Takes `{type, id}` and `{"__entity": {type, id}}`. */
export function uidFromJson(json: Json): EntityUid {
  if (isObject(json)) {
    const uid = readUid(memberOfJson(json, '__entity') ?? json);
    if (uid !== undefined) return uid;
  }
  throw refuse('a uid is {"type": …, "id": …}');
}

/** Throws CedarError CEDAR_JSON; whether the entities fit together `prepareEntities` finds. */
export function entitiesFromJson(json: Json): Entity[] {
  if (!Array.isArray(json)) throw refuse('entities are a JSON array');
  return json.map(readEntity);
}

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

function readEntity(json: Json): Entity {
  if (!isObject(json)) throw refuse('an entity is a JSON object');
  const uid = uidFromJson(memberOfJson(json, 'uid') ?? null);
  const parents = memberOfJson(json, 'parents');
  const attrs = memberOfJson(json, 'attrs');
  const tags = memberOfJson(json, 'tags');
  if (!Array.isArray(parents)) throw refuse('an entity has an array of `parents`');
  if (attrs === undefined) throw refuse('an entity has a record of `attrs`');
  const entity = { uid, parents: parents.map(uidFromJson), attrs: readMembers(attrs) };
  if (isAction(uid) && !entity.parents.every(isAction)) {
    throw refuse('an action has a parent that is no action');
  }
  return tags === undefined ? entity : { ...entity, tags: readMembers(tags) };
}

/** Attributes and tags are no value themselves, so `__entity` is a name like any other in them. */
function readMembers(json: Json): CedarRecord {
  if (!isObject(json)) throw refuse('attributes and tags are JSON objects');
  return readRecord(json, 1);
}

function isAction(uid: EntityUid): boolean {
  return uid.type === 'Action' || uid.type.endsWith('::Action');
}

function readValue(json: Json, depth: number): Value {
  if (depth > VALUE_JSON_DEPTH_MAX)
    throw refuse(`values nest more than ${VALUE_JSON_DEPTH_MAX} deep`);
  switch (typeof json) {
    case 'boolean':
    case 'string':
      return json;
    case 'number':
    case 'bigint': {
      const long = isLong(json) ? longFromBigint(BigInt(json)) : undefined;
      if (long === undefined) throw refuse('a number is no 64-bit integer');
      return long;
    }
    default:
      if (json === null) throw refuse('Cedar has no null');
      if (json instanceof JsonNumber) throw refuse('a number is no 64-bit integer');
      if (Array.isArray(json)) return json.map((element) => readValue(element, depth + 1));
      return readObject(json as JsonObject, depth);
  }
}

/** An escape stands alone in its object and has the form of one; anything else is a record. */
function readObject(json: JsonObject, depth: number): Value {
  const names = Object.keys(json);
  if (names.length === 1) {
    const [name] = names as [string];
    const inner = json[name]!;
    if (name === '__entity') {
      const uid = isObject(inner) ? readUid(inner) : undefined;
      if (uid !== undefined) return uid;
    } else if (name === '__extn' && isObject(inner)) {
      const called = readCall(inner, depth);
      if (called !== undefined) return called;
    } else if (name === '__expr' && typeof inner === 'string') {
      throw refuse('the escape `__expr` is no longer part of Cedar');
    }
  }
  return readRecord(json, depth);
}

function readRecord(json: JsonObject, depth: number): CedarRecord {
  const record: Record<string, Value> = {};
  for (const name of Object.keys(json)) setMember(record, name, readValue(json[name]!, depth + 1));
  return record;
}

function readUid(json: Json): EntityUid | undefined {
  if (!isObject(json)) return undefined;
  const type = memberOfJson(json, 'type');
  const id = memberOfJson(json, 'id');
  if (typeof type !== 'string' || typeof id !== 'string') return undefined;
  if (!isTypeName(type)) throw refuse('the type of an entity is no name of Cedar');
  return new EntityUid(type, id);
}

function readCall(json: JsonObject, depth: number): Value | undefined {
  const name = memberOfJson(json, 'fn');
  const arg = memberOfJson(json, 'arg');
  const args = arg === undefined ? memberOfJson(json, 'args') : [arg];
  if (typeof name !== 'string' || !Array.isArray(args)) return undefined;
  const values = args.map((argument) => readValue(argument, depth + 2));
  const result = bindExtension(name, values.length)(values);
  if (result instanceof CallFailure) throw refuse(result.failure);
  return result;
}

function writeValue(value: Value, depth: number): Json {
  if (depth > VALUE_JSON_DEPTH_MAX)
    throw refuse(`values nest more than ${VALUE_JSON_DEPTH_MAX} deep`);
  if (typeof value !== 'object') return value;
  if (value instanceof EntityUid) return { __entity: uidToJson(value) };
  if (value instanceof ExtensionValue)
    return writeExtension(value as Extract<Value, ExtensionValue>);
  if (Array.isArray(value)) return value.map((element) => writeValue(element, depth + 1));
  const json: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value as CedarRecord)) {
    if (name === '__entity' || name === '__extn' || name === '__expr') {
      throw refuse(`the JSON form cannot say a record with a member \`${name}\``);
    }
    setMember(json as Record<string, Value>, name, writeValue(member, depth + 1) as Value);
  }
  return json;
}

/** What no text of its own can say, a datetime beyond year 9999, is an offset from 1970. */
function writeExtension(value: Extract<Value, ExtensionValue>): Json {
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

function isObject(json: Json | undefined): json is JsonObject {
  return (
    typeof json === 'object' &&
    json !== null &&
    !Array.isArray(json) &&
    !(json instanceof JsonNumber)
  );
}

function memberOfJson(json: JsonObject, name: string): Json | undefined {
  return memberOf(json as unknown as CedarRecord, name) as Json | undefined;
}

function refuse(message: string): CedarError {
  return new CedarError('CEDAR_JSON', message);
}
