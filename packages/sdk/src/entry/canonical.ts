/**
 * RFC 8785 for the subset that entries use: objects, arrays, strings, booleans and integers within
 * ±(2^53−1). One value has one text, so that its hash means something.
 */
import { SealrailError } from '../errors.ts';
import type { Json } from './entry.ts';

/**
 * Texts of values that come again and again: facts of a statement, who asks. Only of values that were frozen
 * all the way down, since another text for the same object would be another hash.
 */
const kept = new WeakMap<object, string>();
/** How deep in an entry such a value may come to stand. */
const KEPT_DEPTH = 8;

/**
 * Freezes a value with all that is in it, and remembers its text for as long as the value lives. Throws
 * ENTRY_INVALID as `encodeCanonical` does.
 */
export function keepCanonical<T extends Json & object>(value: T): T {
  if (!kept.has(value)) kept.set(freezeAll(value), encode(value, KEPT_DEPTH));
  return value;
}

/** A value that is nested too deep was refused before, or is by the encoder. */
function freezeAll<T extends object>(value: T, depth = 0): T {
  if (depth > DEPTH_MAX) return value;
  for (const inner of Object.values(value))
    if (typeof inner === 'object' && inner !== null) freezeAll(inner, depth + 1);
  return Object.freeze(value);
}

/** Also keeps the recursion below far from the end of the stack. */
export const DEPTH_MAX = 64;

/** Canonical text. Members that are undefined are left out. Throws ENTRY_INVALID for what has no such text. */
export function encodeCanonical(value: Json): string {
  return encode(value, 0);
}

/**
 * Reads canonical text only: whoever could spell one value in two ways could give it two hashes, and a
 * duplicate key would be read differently by different readers. Throws ENTRY_INVALID.
 */
export function parseCanonical(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new SealrailError('ENTRY_INVALID', 'not JSON', { cause });
  }
  if (encodeCanonical(value) !== text) {
    return refuse('another spelling of the same value, or a duplicate key');
  }
  return value;
}

/**
 * An object from the canonical texts of its members: what is large is encoded once, for its size and for
 * its place alike.
 */
export function joinMembers(members: ReadonlyMap<string, string>): string {
  const keys = [...members.keys()].sort();
  return `{${keys.map((key) => `${encodeString(key)}:${members.get(key)}`).join(',')}}`;
}

function encode(value: Json, depth: number): string {
  if (depth > DEPTH_MAX) return refuse(`nesting beyond ${DEPTH_MAX}`);
  switch (typeof value) {
    case 'string':
      return encodeString(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      // JSON.parse reads -0 and 0 as different values that print alike: only one of them may stand.
      if (!Number.isSafeInteger(value) || Object.is(value, -0))
        return refuse(`the number ${value}`);
      return String(value);
    case 'object':
      return encodeNested(value, depth + 1);
    default:
      return refuse(`a ${typeof value}`);
  }
}

function encodeNested(value: object, depth: number): string {
  if (value === null) return refuse('null');
  const text = kept.get(value);
  return text ?? encodeMembers(value, depth);
}

function encodeMembers(value: object, depth: number): string {
  if (Array.isArray(value)) {
    let items = '';
    // Not map(): it would skip the holes of a sparse array.
    for (const item of value) items += `${items === '' ? '' : ','}${encode(item, depth)}`;
    return `[${items}]`;
  }
  const members = value as Readonly<Record<string, Json | undefined>>;
  let text = '';
  for (const key of sorted(Object.keys(members))) {
    const member = members[key];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${encodeString(key)}:${encode(member, depth)}`;
  }
  return `{${text}}`;
}

/** By UTF-16 code units (§3.2.3), which is JavaScript's own order of strings; mostly they come so. */
function sorted(keys: string[]): string[] {
  for (let at = 1; at < keys.length; at++)
    if ((keys[at - 1] as string) > (keys[at] as string)) return keys.sort();
  return keys;
}

/** Printable ASCII without quote and backslash stands for itself. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
/** Past it, looking at every character twice costs more than it saves. */
const PLAIN_LENGTH_MAX = 200;

/** A lone surrogate has no UTF-8: two different strings would become the same bytes. */
function encodeString(text: string): string {
  if (text.length <= PLAIN_LENGTH_MAX && PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) return refuse('a string with a lone surrogate');
  // JSON.stringify escapes exactly what RFC 8785 §3.2.2.2 asks for, in the same spelling.
  return JSON.stringify(text);
}

function refuse(what: string): never {
  throw new SealrailError('ENTRY_INVALID', `not canonical JSON: ${what}`);
}
