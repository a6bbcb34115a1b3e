import { isTypeName } from '../syntax/names.ts';
import { EntityUid } from '../value.ts';
import { isObject, memberOf, takeObject, takeString } from './members.ts';
import { JsonFailure, type Place } from './place.ts';

/** `{ type, id }`, or that as `{ __entity: … }`. */
export function readUid(value: unknown, place: Place): EntityUid {
  const outer = takeObject(value, place);
  const inner = memberOf(outer, '__entity');
  const uid = isObject(inner) ? inner : outer;
  const type = readTypeName(memberOf(uid, 'type'), place.at('type'));
  return new EntityUid(type, takeString(memberOf(uid, 'id'), place.at('id')));
}

export function readTypeName(value: unknown, place: Place): string {
  const name = takeString(value, place);
  if (!isTypeName(name)) throw new JsonFailure(`\`${name}\` is no name of an entity type`, place);
  return name;
}
