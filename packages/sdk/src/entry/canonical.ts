/**
 * RFC 8785 for the subset that entries use: objects, arrays, strings, booleans and integers within
 * ±(2^53−1). One value has one text, so that its hash means something.
 */
import { SealrailError } from '../errors.ts';
import type { Json } from './entry.ts';

export const DEPTH_MAX = 64;

const refuse = (what: string): never => {
  throw new SealrailError('ENTRY_INVALID', `not canonical JSON: ${what}`);
};

/** A lone surrogate has no UTF-8: two different strings would become the same bytes. */
function encodeString(text: string): string {
  if (!text.isWellFormed()) return refuse('a string with a lone surrogate');
  // JSON.stringify escapes exactly what RFC 8785 §3.2.2.2 asks for, in the same spelling.
  return JSON.stringify(text);
}

/** Canonical text; members that are undefined are left out. Throws ENTRY_INVALID for what has no such text. */
export function encodeCanonical(value: Json, depth = 0): string {
  if (depth > DEPTH_MAX) return refuse(`nesting beyond ${DEPTH_MAX}`);
  switch (typeof value) {
    case 'string':
      return encodeString(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0))
        return refuse(`the number ${value}`);
      return String(value);
    case 'object': {
      if (value === null) return refuse('null');
      if (Array.isArray(value))
        return `[${value.map((item) => encodeCanonical(item, depth + 1)).join(',')}]`;
      const members = Object.entries(value as Readonly<Record<string, Json | undefined>>).filter(
        (member): member is [string, Json] => member[1] !== undefined,
      );
      // By UTF-16 code units (§3.2.3), which is how JavaScript compares strings.
      members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return `{${members.map(([key, item]) => `${encodeString(key)}:${encodeCanonical(item, depth + 1)}`).join(',')}}`;
    }
    default:
      return refuse(`a ${typeof value}`);
  }
}

/**
 * Reads canonical text only: whoever could spell one entry in two ways could give it two hashes, and a
 * duplicate key would be read differently by different readers.
 */
export function parseCanonical(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new SealrailError('ENTRY_INVALID', 'not JSON', { cause });
  }
  if (encodeCanonical(value) !== text)
    return refuse('another spelling of the same value, or a duplicate key');
  return value;
}
