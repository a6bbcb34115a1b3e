import { isTypeName } from '../syntax/names.ts';
import { EntityUid } from '../value.ts';
import { isObject, type Members, memberOf, takeObject, takeString } from './members.ts';
import { JsonFailure, type Place } from './place.ts';

/** `{ type, id }`, or that as `{ __entity: … }`. Other members mean nothing, as to Cedar. */
export function readUid(value: unknown, place: Place): EntityUid {
  const outer = takeObject(value, place);
  if (typeof memberOf(outer, '__expr') === 'string') {
    throw new JsonFailure('`__expr` is no longer part of Cedar', place);
  }
  const inner = memberOf(outer, '__entity');
  return readTypeAndId(isUid(inner) ? inner : outer, place);
}

export function readTypeAndId(uid: Members, place: Place): EntityUid {
  const type = readTypeName(memberOf(uid, 'type'), place.at('type'));
  return new EntityUid(type, takeString(memberOf(uid, 'id'), place.at('id')));
}

export const isUid = (value: unknown): value is Members =>
  isObject(value) &&
  typeof memberOf(value, 'type') === 'string' &&
  typeof memberOf(value, 'id') === 'string';

export function readTypeName(value: unknown, place: Place): string {
  const name = takeString(value, place);
  if (!isTypeName(name)) throw new JsonFailure(`\`${name}\` is no name of an entity type`, place);
  return name;
}
