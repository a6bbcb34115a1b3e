/** Objects, lists and strings of a JSON form whose shape nobody has checked. */
import { JsonNumber } from './json.ts';
import { JsonFailure, type Place } from './place.ts';

/** An object of which nobody knows what its members are. */
export type Members = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Members =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof JsonNumber);

export function takeObject(value: unknown, place: Place): Members {
  if (!isObject(value))
    throw new JsonFailure(`expected an object, found ${describe(value)}`, place);
  return value;
}

export function takeList(value: unknown, place: Place): readonly unknown[] {
  if (!Array.isArray(value))
    throw new JsonFailure(`expected a list, found ${describe(value)}`, place);
  return value;
}

export function takeString(value: unknown, place: Place): string {
  if (typeof value !== 'string') {
    throw new JsonFailure(`expected a string, found ${describe(value)}`, place);
  }
  if (!value.isWellFormed()) throw new JsonFailure('half a surrogate pair', place);
  return value;
}

/** Own members only: what an object inherits was not written by anybody. */
export const memberOf = (object: Members, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

/** Refuses every member that is not named. */
export function checkMembers(object: Members, names: readonly string[], place: Place): void {
  const unknown = Object.keys(object).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new JsonFailure(
      `there is no member \`${unknown}\` here, only ${names.map((name) => `\`${name}\``).join(', ')}`,
      place,
    );
  }
}

export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  if (typeof value === 'string') return 'a string';
  return typeof value === 'boolean' ? 'a boolean' : 'a number';
}
