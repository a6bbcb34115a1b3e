import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEPTH_MAX, encodeCanonical, keepCanonical, parseCanonical } from './canonical.ts';
import type { Json } from './entry.ts';

const integer = fc.maxSafeInteger().filter((value) => !Object.is(value, -0));
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    integer,
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme' }), tie('value'), { maxKeys: 4 }),
  ),
})).value;

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('canonical JSON', () => {
  test('what was written reads back as the same value and the same text', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = encodeCanonical(value);
        const read = parseCanonical(text);
        expect(encodeCanonical(read)).toBe(text);
        // The reference for equality is JSON's own reading, where a key __proto__ is a member as well.
        expect(read).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('members are sorted by UTF-16 code units, as the example of RFC 8785 has them', () => {
    const value = { '€': 1, '\r': 2, '1': 3, '\u{1f600}': 4, '\u0080': 5, ö: 6, '\ufb33': 7 };
    expect(encodeCanonical(value)).toBe(
      '{"\\r":2,"1":3,"\u0080":5,"ö":6,"€":1,"\u{1f600}":4,"\ufb33":7}',
    );
  });

  test('strings are escaped the one way that RFC 8785 allows', () => {
    expect(encodeCanonical('\u0000\b\t\n\f\r"\\/\u001f\u007f\u2028')).toBe(
      '"\\u0000\\b\\t\\n\\f\\r\\"\\\\/\\u001f\u007f\u2028"',
    );
  });

  test('members that are undefined are left out', () => {
    expect(encodeCanonical({ a: undefined, b: [] })).toBe('{"b":[]}');
  });

  test.each<[string, unknown]>([
    ['a fraction', 1.5],
    ['minus zero', -0],
    ['an integer past 2^53-1', 2 ** 53],
    ['an integer below -(2^53-1)', -(2 ** 53)],
    ['not a number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['null', null],
    ['null inside', { a: [null] }],
    ['a hole in an array', [undefined]],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate as a key', { '\udc00': 1 }],
  ])('refuses %s', (_name, value) => {
    expect(() => encodeCanonical(value as Json)).toThrow(/not canonical JSON/);
  });

  test('integers at both bounds stand', () => {
    expect(encodeCanonical([2 ** 53 - 1, -(2 ** 53 - 1)])).toBe(
      '[9007199254740991,-9007199254740991]',
    );
  });

  test('nesting at the bound stands, one more does not, and 100,000 levels do not overflow', () => {
    expect(parseCanonical(nested(DEPTH_MAX + 1))).toBeDefined();
    expect(() => parseCanonical(nested(DEPTH_MAX + 2))).toThrow(/nesting beyond 64/);
    expect(() => parseCanonical(nested(100_000))).toThrow(/nesting beyond 64/);
  });

  test.each([
    ['white space', '{"a": 1}'],
    ['unsorted members', '{"b":1,"a":2}'],
    ['a duplicate key, which readers resolve differently', '{"a":1,"a":2}'],
    ['another escape of the same letter', '"\\u0061"'],
    ['a float spelling of an integer', '1.0'],
    ['an exponent', '1e2'],
    ['minus zero', '-0'],
    ['null', 'null'],
    ['an integer that would be rounded', '9007199254740993'],
    ['a second value', '1 2'],
    ['nothing', ''],
  ])('reading refuses %s', (_name, text) => {
    expect(() => parseCanonical(text)).toThrow(/not (canonical )?JSON/);
  });
});

describe('a value whose text is kept', () => {
  test('is written as it would be without that, wherever it stands', () => {
    fc.assert(
      fc.property(json, json, (one, other) => {
        const kept = { one, again: [one] };
        const plain = structuredClone({ kept, other, list: [kept, other] });
        const text = encodeCanonical(plain as Json);
        keepCanonical(kept);
        expect(encodeCanonical({ kept, other, list: [kept, other] })).toBe(text);
      }),
    );
  });

  test('cannot change any more, in any part of it: another value under the same text would be a lie', () => {
    const value = keepCanonical({ a: { b: [1, { c: 'x' }] } });
    const inner = value.a.b[1] as { c: string };
    expect(() => {
      inner.c = 'y';
    }).toThrow(TypeError);
    expect(() => (value.a.b as number[]).push(2)).toThrow(TypeError);
  });
});
