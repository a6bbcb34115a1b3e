import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JSON_DEPTH_MAX, type Json, JsonNumber, parseJson, stringifyJson } from './json.ts';

function read(text: string): Json {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]!.message);
  return parsed.value;
}
const problem = (text: string): string | undefined => {
  const parsed = parseJson(text);
  return parsed.ok ? undefined : parsed.errors[0]!.message;
};

describe('JSON that loses nothing', () => {
  test('what the platform reads is read the same, whatever the text', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"b"',
      '"',
      '\\u0041',
      '\\x',
      '\\',
      '\u0001',
    ];
    const numbers = [
      '0',
      '-1',
      '01',
      '1.5',
      '-',
      '1e3',
      '2.',
      '.5',
      '+1',
      'true',
      'null',
      'nul',
      ' ',
    ];
    const texts = fc.oneof(
      fc.json(),
      fc.array(fc.constantFrom(...pieces, ...numbers)).map((parts) => parts.join('')),
      fc
        .tuple(fc.json(), fc.nat(), fc.constantFrom(...pieces, ...numbers, ''))
        .map(
          ([text, at, piece]) =>
            text.slice(0, at % text.length) + piece + text.slice((at % text.length) + 1),
        ),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(problem(text), text).toBeDefined();
          return;
        }
        const said = problem(text);
        if (said !== undefined) expect(said).toMatch(/twice|surrogate/);
        else expect(withFloats(read(text))).toEqual(expected);
      }),
      { numRuns: 20_000 },
    );
  });

  test('what was read is written back to the same value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        if (problem(text) !== undefined) return;
        const value = read(text);
        expect(read(stringifyJson(value))).toEqual(value);
        expect(JSON.parse(stringifyJson(value))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('an integer past 2^53 keeps every digit', () => {
    const texts = [
      '9007199254740993',
      '-9223372036854775808',
      '9223372036854775807',
      '18446744073709551616',
    ];
    for (const text of texts) {
      expect(read(text)).toBe(BigInt(text));
      expect(stringifyJson(read(text))).toBe(text);
    }
    expect(read('9007199254740991')).toBe(9007199254740991);
  });

  test('a number that no Long can be is told from one that can', () => {
    for (const text of ['1.0', '1e2', '-0', '0.1', `1${'0'.repeat(60)}`]) {
      expect(read(text)).toEqual(new JsonNumber(text));
      expect(stringifyJson(read(text))).toBe(text);
    }
  });

  test('a member that is undefined is left out, as the platform does', () => {
    const value = { a: undefined, b: [1, { c: undefined }], d: {} } as unknown as Json;
    expect(stringifyJson(value)).toBe(JSON.stringify(value));
  });

  test('__proto__ is a member and changes no prototype', () => {
    const value = read('{"__proto__":{"admin":true},"constructor":1}') as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect('admin' in value).toBe(false);
    expect(stringifyJson(value as Json)).toBe('{"__proto__":{"admin":true},"constructor":1}');
  });

  test('what two readers could take differently is refused', () => {
    expect(problem('{"a":1,"a":2}')).toBe('the object has "a" twice');
    expect(problem('{"a":1,"\\u0061":2}')).toBe('the object has "a" twice');
    expect(problem('{"__proto__":1,"__proto__":2}')).toBe('the object has "__proto__" twice');
    expect(problem('"\\ud800"')).toBe('half a surrogate pair');
    expect(problem('"\ud800"')).toBe('half a surrogate pair');
    expect(problem('"\\udc00\\ud800"')).toBe('half a surrogate pair');
    expect(read('"\\ud83d\\ude00"')).toBe('😀');
    expect(read('"a\\u0000b"')).toBe('a\0b');
  });

  test('depth and length end with an error and never with an overflow', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(problem(nested(JSON_DEPTH_MAX))).toBeUndefined();
    expect(stringifyJson(read(nested(JSON_DEPTH_MAX)))).toBe(nested(JSON_DEPTH_MAX));
    expect(problem(nested(JSON_DEPTH_MAX + 1))).toMatch(/nested deeper/);
    expect(problem('{"a":'.repeat(1_000_000))).toMatch(/nested deeper/);
    expect(parseJson('[1]', { lengthMax: 3 }).ok).toBe(true);
    expect(parseJson('[1]', { lengthMax: 2 }).ok).toBe(false);
    expect(parseJson('[[]]', { depthMax: 2 }).ok).toBe(true);
    expect(parseJson('[[]]', { depthMax: 1 }).ok).toBe(false);
  });

  test('an error says where', () => {
    expect(parseJson('{\n  "a": tru\n}')).toEqual({
      ok: false,
      errors: [{ message: 'expected a value, found `t`', line: 2, column: 8, start: 9, end: 10 }],
    });
  });
});

/** What the platform would have made of it. */
function withFloats(value: Json): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(withFloats);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withFloats(member)]),
  );
}
