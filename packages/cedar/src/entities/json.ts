/**
 * Cedar's JSON forms of values and entities (docs.cedarpolicy.com/auth/entities-syntax.html). Where a type
 * is known from a schema, entities and extension values may stand without their escapes `__entity` and
 * `__extn`; whether a value is of its type is for validation to say. JSON comes in as parsed; integers
 * beyond 2^53 have to be bigints by then, see `parseJson`.
 */
import { bindExtension, CallFailure } from '../engine/call.ts';
import { CedarError } from '../engine/error.ts';
import { memberOf, setMember } from '../engine/record.ts';
import { typeName } from '../engine/type.ts';
import { Datetime } from '../extension/datetime.ts';
import { ExtensionValue } from '../extension/extension.ts';
import { isLong, longFromBigint } from '../extension/i64.ts';
import { type Json, JsonNumber, type JsonObject } from '../json/json.ts';
import type { RecordType, ResolvedSchema, Type } from '../schema/type.ts';
import { isTypeName } from '../syntax/names.ts';
import { type CedarRecord, type Entity, EntityUid, type Value } from '../value.ts';

/** As deep as serde's reader, through which Cedar's own values come, goes. */
export const VALUE_JSON_DEPTH_MAX = 127;

/** Throws CedarError CEDAR_JSON. */
export function valueFromJson(json: Json, type?: Type): Value {
  return readValue(json, type, 0);
}

/** As `valueFromJson`, for a context: by a schema, the `context` of its action. */
export function recordFromJson(json: Json, type?: RecordType): CedarRecord {
  if (!isObject(json)) throw refuse('a record is a JSON object');
  const value = readValue(json, type, 0);
  if (typeName(value) !== 'record')
    throw refuse(`a ${typeName(value)} stands where a record has to`);
  return value as CedarRecord;
}

/** Takes `{type, id}` and `{"__entity": {type, id}}`. */
export function uidFromJson(json: Json): EntityUid {
  if (isObject(json) && typeof memberOfJson(json, '__expr') !== 'string') {
    const uid = readUid(memberOfJson(json, '__entity') ?? null) ?? readUid(json);
    if (uid !== undefined) return uid;
  }
  throw refuse('a uid is {"type": …, "id": …}');
}

/** Throws CedarError CEDAR_JSON; whether the entities fit together `prepareEntities` finds. */
export function entitiesFromJson(json: Json, schema?: ResolvedSchema): Entity[] {
  if (!Array.isArray(json)) throw refuse('entities are a JSON array');
  return json.map((entity) => readEntity(entity, schema));
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

function readEntity(json: Json, schema: ResolvedSchema | undefined): Entity {
  if (!isObject(json)) throw refuse('an entity is a JSON object');
  const uid = uidFromJson(memberOfJson(json, 'uid') ?? null);
  const parents = memberOfJson(json, 'parents');
  const attrs = memberOfJson(json, 'attrs');
  const tags = memberOfJson(json, 'tags');
  if (!Array.isArray(parents)) throw refuse('an entity has an array of `parents`');
  if (attrs === undefined) throw refuse('an entity has a record of `attrs`');
  const type = schema?.entityTypes.get(uid.type);
  const standard = type?.kind === 'standard' ? type : undefined;
  const typeOf = (name: string): Type | undefined => standard?.shape.attributes.get(name)?.type;
  const entity = { uid, parents: parents.map(uidFromJson), attrs: readMembers(attrs, typeOf) };
  if (isAction(uid) && !entity.parents.every(isAction)) {
    throw refuse('an action has a parent that is no action');
  }
  if (tags === undefined) return entity;
  return { ...entity, tags: readMembers(tags, () => standard?.tags) };
}

/** Attributes and tags are no value themselves, so `__entity` is a name like any other in them. */
function readMembers(json: Json, typeOf: TypeOf): CedarRecord {
  if (!isObject(json)) throw refuse('attributes and tags are JSON objects');
  return readRecord(json, typeOf, 1);
}

type TypeOf = (name: string) => Type | undefined;
const untyped: TypeOf = () => undefined;

function isAction(uid: EntityUid): boolean {
  return uid.type === 'Action' || uid.type.endsWith('::Action');
}

function readValue(json: Json, type: Type | undefined, depth: number): Value {
  if (depth > VALUE_JSON_DEPTH_MAX)
    throw refuse(`values nest more than ${VALUE_JSON_DEPTH_MAX} deep`);
  switch (typeof json) {
    case 'boolean':
      return json;
    case 'string':
      return type?.kind === 'extension' ? construct(extensionNames[type.name], [json]) : json;
    case 'number':
    case 'bigint': {
      const long = isLong(json) ? longFromBigint(BigInt(json)) : undefined;
      if (long === undefined) throw refuse('a number is no 64-bit integer');
      return long;
    }
    default:
      if (json === null) throw refuse('Cedar has no null');
      if (json instanceof JsonNumber) throw refuse('a number is no 64-bit integer');
      if (Array.isArray(json)) {
        const inner = type?.kind === 'set' ? type.element : undefined;
        return json.map((element) => readValue(element, inner, depth + 1));
      }
      return readObject(json as JsonObject, type, depth);
  }
}

/** An escape stands alone in its object and has the form of one; anything else is a record. */
function readObject(json: JsonObject, type: Type | undefined, depth: number): Value {
  const names = Object.keys(json);
  if (names.length === 1) {
    const [name] = names as [string];
    const inner = json[name]!;
    if (name === '__entity') {
      const uid = isObject(inner) ? readUid(inner) : undefined;
      if (uid !== undefined) return withLongsOnly(inner, uid, depth);
    } else if (name === '__extn' && isObject(inner)) {
      const called = readCall(inner, depth);
      if (called !== undefined) return withLongsOnly(inner, called, depth);
    } else if (name === '__expr' && typeof inner === 'string') {
      throw refuse('the escape `__expr` is no longer part of Cedar');
    }
  }
  const implicit =
    type?.kind === 'entity'
      ? readUid(json)
      : type?.kind === 'extension'
        ? readCall(json, depth)
        : undefined;
  if (implicit !== undefined) return implicit;
  if (type?.kind !== 'record') return readRecord(json, untyped, depth);
  return readRecord(json, (name) => type.attributes.get(name)?.type, depth);
}

/** Members that an escape does not have mean nothing, but a number in them has to be a Long for Cedar too. */
function withLongsOnly(escaped: Json, value: Value, depth: number): Value {
  if (Object.keys(escaped as JsonObject).length > 2) requireLongs(escaped, depth);
  return value;
}

function requireLongs(json: Json, depth: number): void {
  if (json === null || typeof json === 'string' || typeof json === 'boolean') return;
  if (Array.isArray(json) || isObject(json)) {
    if (depth > VALUE_JSON_DEPTH_MAX) throw refuse('values nest too deep');
    for (const member of Object.values(json)) requireLongs(member, depth + 1);
  } else readValue(json, undefined, depth);
}

function readRecord(json: JsonObject, typeOf: TypeOf, depth: number): CedarRecord {
  const record: Record<string, Value> = {};
  for (const name of Object.keys(json)) {
    setMember(record, name, readValue(json[name]!, typeOf(name), depth + 1));
  }
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
  return construct(
    name,
    args.map((argument) => readValue(argument, undefined, depth + 2)),
  );
}

function construct(name: string, args: readonly Value[]): Value {
  const result = bindExtension(name, args.length)(args);
  if (result instanceof CallFailure) throw refuse(result.failure);
  return result;
}

/** The constructor of each type. */
const extensionNames = {
  ipaddr: 'ip',
  decimal: 'decimal',
  datetime: 'datetime',
  duration: 'duration',
} as const;

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
