/** A member that is read from the wrong place would be a fact that nobody established. */
import { recordFromJson } from '@sealrail/cedar';
import { encodeCanonical, type Json } from '@sealrail/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MEMBERS_KEPT_MAX, MetaReader, membersText } from './meta-text.ts';

const leaf = fc.oneof(
  fc.string(),
  fc.constantFrom('"', '\\', '\\"', '{"a":1}', ',"hour":', '}'),
  fc.integer(),
  fc.boolean(),
);
const name = fc.oneof(
  fc.constantFrom('now', 'hour', 'caller', 'constructor', 'a"b', 'a\\', 'a,b'),
  fc.string({ minLength: 1 }),
);
const record = fc.dictionary(
  name.filter((one) => !one.startsWith('__')),
  fc.oneof(
    leaf,
    fc.array(leaf, { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b"', '}'), leaf),
  ),
);

describe('reading meta', () => {
  test('gives what reading it whole gives, however often', () => {
    const reader = new MetaReader();
    fc.assert(
      fc.property(record, (meta) => {
        const text = encodeCanonical(meta as Json);
        const whole = recordFromJson(JSON.parse(text));
        expect(reader.read(text)).toEqual(whole);
        expect(reader.read(text)).toEqual(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads a time as a time', () => {
    const text = '{"hour":1,"now":{"__extn":{"arg":"2026-01-02T03:04:05.006Z","fn":"datetime"}}}';
    expect(new MetaReader().read(text)).toEqual(recordFromJson(JSON.parse(text)));
  });

  test('takes a time that is none as reading it whole does', () => {
    for (const arg of ['2026-13-02T03:04:05.006Z', '', 'x', '2026-01-02']) {
      const text = `{"now":{"__extn":{"arg":"${arg}","fn":"datetime"}}}`;
      const tried = [() => new MetaReader().read(text), () => recordFromJson(JSON.parse(text))].map(
        (read) => {
          try {
            return read();
          } catch {
            return 'refused';
          }
        },
      );
      expect(tried[0]).toEqual(tried[1]);
    }
  });

  test('cuts out the members that are asked for, whole', () => {
    fc.assert(
      fc.property(record, fc.array(name), (meta, names) => {
        const text = encodeCanonical(meta as Json);
        const asked = Object.keys(meta).filter((one) => names.includes(one) && !/["\\]/.test(one));
        const cut = membersText(text, new Set(asked)).replace(/[,}]$/, '');
        expect(Object.keys(JSON.parse(`{${cut}}`)).sort()).toEqual(asked.sort());
      }),
    );
  });

  test('throws for what is no record, and nothing else', () => {
    for (const text of ['{"a":1,"b"', '{"a":1,,"b":2}', '{"a"}', '{"a":[1,"b":2}', '{,}'])
      expect(() => new MetaReader().read(text), text).toThrow(SyntaxError);
  });

  test('keeps a bounded number of texts', () => {
    const reader = new MetaReader();
    for (let n = 0; n <= MEMBERS_KEPT_MAX + 1; n++)
      expect(reader.read(`{"hour":${n}}`)).toEqual({ hour: n });
  });
});
