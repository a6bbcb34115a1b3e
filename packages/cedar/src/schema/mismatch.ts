/**
 * Why a value is not of a type: which attribute, and what was expected. Never what was found, because
 * these sentences reach logs and people who may not see the facts.
 */
import { isRecord } from '../engine/type.ts';
import { Datetime } from '../extension/datetime.ts';
import { Decimal } from '../extension/decimal.ts';
import { Duration } from '../extension/duration.ts';
import { isLong } from '../extension/i64.ts';
import { IpAddress } from '../extension/ip.ts';
import { type CedarRecord, EntityUid, type Value } from '../value.ts';
import type { ExtensionTypeName } from './names.ts';
import type { RecordType, ResolvedSchema, Type } from './type.ts';

/** Undefined where the value is of the type. `path` names it: `context.sql`. */
export function findMismatch(
  value: Value,
  type: Type,
  path: string,
  schema: ResolvedSchema,
): string | undefined {
  switch (type.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${path}: expected true or false`;
    case 'string':
      return typeof value === 'string' ? undefined : `${path}: expected a string`;
    case 'long':
      return isLong(value) ? undefined : `${path}: expected an integer of 64 bits`;
    case 'extension':
      return isExtension(value, type.name) ? undefined : `${path}: expected ${type.name}`;
    case 'entity':
      return findEntityMismatch(value, type.name, path, schema);
    case 'set':
      if (!Array.isArray(value)) return `${path}: expected a set`;
      return first(value, (element) =>
        findMismatch(element, type.element, `an element of ${path}`, schema),
      );
    case 'record':
      if (!isRecord(value)) return `${path}: expected a record`;
      return findRecordMismatch(value, type, path, schema);
  }
}

export function findRecordMismatch(
  record: CedarRecord,
  { attributes }: RecordType,
  path: string,
  schema: ResolvedSchema,
): string | undefined {
  for (const [name, { type, required }] of attributes) {
    if (Object.hasOwn(record, name)) {
      const mismatch = findMismatch(record[name] as Value, type, member(path, name), schema);
      if (mismatch !== undefined) return mismatch;
    } else if (required) return `${member(path, name)} is missing`;
  }
  const unknown = Object.keys(record).find((name) => !attributes.has(name));
  return unknown === undefined ? undefined : `${member(path, unknown)} is not in the schema`;
}

function findEntityMismatch(
  value: Value,
  name: string,
  path: string,
  schema: ResolvedSchema,
): string | undefined {
  if (!(value instanceof EntityUid) || value.type !== name) {
    return `${path}: expected an entity of type ${name}`;
  }
  const problem = findIdMismatch(value, schema);
  return problem && `${path}: ${problem}`;
}

/** An id that its type does not have; actions and enumerated types list theirs. */
export function findIdMismatch(
  { type, id }: EntityUid,
  schema: ResolvedSchema,
): string | undefined {
  const entityType = schema.entityTypes.get(type);
  if (entityType?.kind === 'enumerated' && !entityType.ids.has(id)) {
    return `expected one of the ids of ${type}: ${[...entityType.ids].slice(0, IDS_SHOWN_MAX).join(', ')}`;
  }
  const actions = schema.actions.get(type);
  return actions === undefined || actions.has(id) ? undefined : 'expected an action of the schema';
}

const IDS_SHOWN_MAX = 20;

/** Names come from outside too: those that could be more than a name are not repeated. */
const member = (path: string, name: string): string =>
  /^[A-Za-z_][\w.-]{0,63}$/.test(name) ? `${path}.${name}` : `a member of ${path}`;

export function isExtension(value: Value | undefined, name: ExtensionTypeName): boolean {
  switch (name) {
    case 'decimal':
      return value instanceof Decimal;
    case 'ipaddr':
      return value instanceof IpAddress;
    case 'datetime':
      return value instanceof Datetime;
    case 'duration':
      return value instanceof Duration;
  }
}

function first<T, U>(values: readonly T[], find: (value: T) => U | undefined): U | undefined {
  for (const value of values) {
    const found = find(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
