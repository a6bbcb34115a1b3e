/**
 * JSON whose integers keep every digit on their way through JavaScript, by the standard library alone:
 * Cedar's Longs go past 2^53, and what prepares test data must not lean on the parser that it tests.
 */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** The revision of JSON that Node 24 has and the compiler's library has not. */
interface SourceJson {
  parse(
    text: string,
    revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): Json;
}
const sourceJson = JSON as unknown as SourceJson;

const LONG_DIGITS = /\d{16}/;

/** An integer that a number would round becomes an opaque value which `JSON.stringify` writes back as it was. */
export function parseExact(text: string): Json {
  if (!LONG_DIGITS.test(text)) return JSON.parse(text) as Json;
  return sourceJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined
      ? sourceJson.rawJSON(source)
      : value,
  ) as Json;
}

/** A Long of any size within i64, for a call to an implementation that takes JSON. */
export const exactInteger = (value: bigint): Json => sourceJson.rawJSON(value.toString());
