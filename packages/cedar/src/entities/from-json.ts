/**
 * Cedar's JSON forms of values and entities (docs.cedarpolicy.com/auth/entities-syntax.html). Where a type
 * is known from a schema, entities and extension values may stand without their escapes `__entity` and
 * `__extn`; whether a value is of its type is for validation to say. JSON comes in as parsed; integers
 * beyond 2^53 have to be bigints by then, see `parseJson`.
 */
import { CallFailure, callExtension } from '../engine/call.ts';
import { CedarError } from '../engine/error.ts';
import { setMember } from '../engine/record.ts';
import { isRecord, typeName } from '../engine/type.ts';
import { longFromBigint } from '../extension/i64.ts';
import { type Json, JsonNumber, type JsonObject } from '../json/json.ts';
import type { RecordType, ResolvedSchema, Type } from '../schema/type.ts';
import { isTypeName } from '../syntax/names.ts';
import { type CedarRecord, type CedarSet, type Entity, EntityUid, type Value } from '../value.ts';

/** As deep as serde's reader, through which Cedar's own values come, goes. */
export const VALUE_JSON_DEPTH_MAX = 127;

/** Throws CedarError CEDAR_JSON. */
export function valueFromJson(json: Json, type?: Type): Value {
  return readValue(json, type, 0);
}

/** As `valueFromJson`, for a context: by a schema, the `context` of its action. */
export function recordFromJson(json: Json, type?: RecordType): CedarRecord {
  if (!isObject(json)) throw refuse('a record is a JSON object');
  const value = readObject(json, type, 0);
  if (!isRecord(value)) throw refuse(`a ${typeName(value)} stands where a record has to`);
  return value;
}

/** Takes `{type, id}` and `{"__entity": {type, id}}`. */
export function uidFromJson(json: Json): EntityUid {
  if (isObject(json) && typeof json.__expr !== 'string') {
    const uid = (json.__entity === undefined ? undefined : readUid(json.__entity)) ?? readUid(json);
    if (uid !== undefined) return uid;
  }
  throw refuse('a uid is {"type": …, "id": …}');
}

/** Throws CedarError CEDAR_JSON; whether the entities fit together `prepareEntities` finds. */
export function entitiesFromJson(json: Json, schema?: ResolvedSchema): Entity[] {
  if (!Array.isArray(json)) throw refuse('entities are a JSON array');
  return json.map((entity) => readEntity(entity, schema));
}

const NO_PARENTS: readonly EntityUid[] = [];

function readEntity(json: Json, schema: ResolvedSchema | undefined): Entity {
  if (!isObject(json)) throw refuse('an entity is a JSON object');
  const uid = uidFromJson(json.uid ?? null);
  const parents = readParents(uid, json.parents);
  const type = schema?.entityTypes.get(uid.type);
  const standard = type?.kind === 'standard' ? type : undefined;
  const attrs = readMembers(
    json.attrs,
    standard && ((name) => standard.shape.attributes.get(name)?.type),
  );
  if (json.tags === undefined) return { uid, parents, attrs };
  const tags = readMembers(json.tags, standard && (() => standard.tags));
  return { uid, parents, attrs, tags };
}

function readParents(uid: EntityUid, json: Json | undefined): readonly EntityUid[] {
  if (!Array.isArray(json)) throw refuse('an entity has an array of `parents`');
  if (json.length === 0) return NO_PARENTS;
  const parents = json.map(uidFromJson);
  if (isAction(uid) && !parents.every(isAction)) {
    throw refuse('an action has a parent that is no action');
  }
  return parents;
}

/** Attributes and tags are no value themselves, so `__entity` is a name like any other in them. */
function readMembers(json: Json | undefined, typeOf: TypeOf): CedarRecord {
  if (!isObject(json))
    throw refuse('attributes, which have to be there, and tags are JSON objects');
  return readRecord(json, typeOf, 1);
}

type TypeOf = ((name: string) => Type | undefined) | undefined;

function isAction(uid: EntityUid): boolean {
  return uid.type === 'Action' || uid.type.endsWith('::Action');
}

/**
 * Most JSON already is the value that it stands for, and then is not copied: only what holds an escape is.
 */
function readValue(json: Json, type: Type | undefined, depth: number): Value {
  switch (typeof json) {
    case 'boolean':
      return json;
    case 'string':
      return type?.kind === 'extension' ? construct(extensionNames[type.name], [json]) : json;
    case 'number':
      if (!Number.isSafeInteger(json)) throw refuse('a number is no 64-bit integer');
      return json;
    case 'bigint': {
      const long = longFromBigint(json);
      if (long === undefined) throw refuse('a number is no 64-bit integer');
      return long;
    }
    default:
      if (json === null) throw refuse('Cedar has no null');
      if (Array.isArray(json)) return readSet(json, type, depth);
      if (json instanceof JsonNumber) throw refuse('a number is no 64-bit integer');
      return readObject(json as JsonObject, type, depth);
  }
}

function readSet(json: readonly Json[], type: Type | undefined, depth: number): CedarSet {
  requireDepth(depth);
  const inner = type?.kind === 'set' ? type.element : undefined;
  let copy: Value[] | undefined;
  for (let index = 0; index < json.length; index++) {
    const element = readValue(json[index]!, inner, depth + 1);
    if (element !== json[index]) copy ??= json.slice() as Value[];
    if (copy !== undefined) copy[index] = element;
  }
  return copy ?? (json as CedarSet);
}

function readObject(json: JsonObject, type: Type | undefined, depth: number): Value {
  const escaped = readEscape(json, depth);
  if (escaped !== undefined) return escaped;
  switch (type?.kind) {
    case 'entity':
      return readUid(json) ?? readRecord(json, undefined, depth);
    case 'extension':
      return readCall(json, depth) ?? readRecord(json, undefined, depth);
    case 'record':
      return readRecord(json, (name) => type.attributes.get(name)?.type, depth);
    default:
      return readRecord(json, undefined, depth);
  }
}

function readRecord(json: JsonObject, typeOf: TypeOf, depth: number): CedarRecord {
  requireDepth(depth);
  let copy: Record<string, Value> | undefined;
  // Not its keys: this is most of what reading a request costs, and takes half the time. JSON inherits nothing.
  for (const name in json) {
    const member = json[name]!;
    const value = readValue(member, typeOf?.(name), depth + 1);
    if (value === member) continue;
    // The spread keeps `__proto__` an own member.
    copy ??= { ...(json as Record<string, Value>) };
    setMember(copy, name, value);
  }
  return copy ?? (json as CedarRecord);
}

/** An escape stands alone in its object and has the form of one; anything else is a record. */
function readEscape(json: JsonObject, depth: number): Value | undefined {
  const name = firstName(json);
  if (name === undefined || name.charCodeAt(0) !== UNDERSCORE) return undefined;
  if (Object.keys(json).length > 1) return undefined;
  const inner = json[name]!;
  if (name === '__expr' && typeof inner === 'string') {
    throw refuse('the escape `__expr` is no longer part of Cedar');
  }
  if (!isObject(inner)) return undefined;
  const value =
    name === '__entity' ? readUid(inner) : name === '__extn' ? readCall(inner, depth) : undefined;
  return value === undefined ? undefined : withLongsOnly(inner, value, depth);
}

const UNDERSCORE = 0x5f;

function firstName(json: JsonObject): string | undefined {
  for (const name in json) return name;
  return undefined;
}

/** Members that an escape does not have mean nothing, but a number in them has to be a Long for Cedar too. */
function withLongsOnly(escaped: JsonObject, value: Value, depth: number): Value {
  if (Object.keys(escaped).length > 2) requireLongs(escaped, depth);
  return value;
}

function requireLongs(json: Json, depth: number): void {
  if (json === null || typeof json === 'string' || typeof json === 'boolean') return;
  if (Array.isArray(json) || isObject(json)) {
    requireDepth(depth);
    for (const member of Object.values(json)) requireLongs(member, depth + 1);
  } else readValue(json, undefined, depth);
}

function requireDepth(depth: number): void {
  if (depth > VALUE_JSON_DEPTH_MAX) {
    throw refuse(`values nest more than ${VALUE_JSON_DEPTH_MAX} deep`);
  }
}

function readUid(json: Json): EntityUid | undefined {
  if (!isObject(json)) return undefined;
  const { type, id } = json;
  if (typeof type !== 'string' || typeof id !== 'string') return undefined;
  if (!isKnownType(type)) throw refuse('the type of an entity is no name of Cedar');
  return new EntityUid(type, id);
}

/** A system has few types and names them all the time. */
const knownTypes = new Set<string>();
const KNOWN_TYPES_MAX = 4_096;

function isKnownType(type: string): boolean {
  if (knownTypes.has(type)) return true;
  if (!isTypeName(type)) return false;
  if (knownTypes.size === KNOWN_TYPES_MAX) knownTypes.clear();
  knownTypes.add(type);
  return true;
}

function readCall(json: JsonObject, depth: number): Value | undefined {
  const { fn: name, arg } = json;
  const args = arg === undefined ? json.args : [arg];
  if (typeof name !== 'string' || !Array.isArray(args)) return undefined;
  return construct(
    name,
    args.map((argument) => readValue(argument, undefined, depth + 2)),
  );
}

function construct(name: string, args: readonly Value[]): Value {
  const result = callExtension(name, args);
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

function isObject(json: Json | undefined): json is JsonObject {
  return (
    typeof json === 'object' &&
    json !== null &&
    !Array.isArray(json) &&
    !(json instanceof JsonNumber)
  );
}

function refuse(message: string): CedarError {
  return new CedarError('CEDAR_JSON', message);
}
