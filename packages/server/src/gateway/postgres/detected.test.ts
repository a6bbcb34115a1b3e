import { describe, expect, test } from 'vitest';
import { CopiedData } from './copied.ts';
import { DETECT_LENGTH_MAX, detectSent } from './detected.ts';

/** Published for tests; in parts, so that no scanner of repositories takes it for real. */
const CARD = ['4242', '4242', '4242', '4242'].join('');
const binary = (...parts: readonly (Buffer | string)[]): string =>
  `base64:${Buffer.concat(parts.map((part) => Buffer.from(part))).toString('base64')}`;
const int16 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [at, value] of values.entries()) bytes.writeInt16BE(value, 2 * at);
  return bytes;
};
const int32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeInt32BE(value, 4 * at);
  return bytes;
};
const int8 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const float8 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};
/** Four groups of base 10,000. */
const numeric = int16(4, 3, 0, 0, 4242, 4242, 4242, 4242);
const personal = (...binds: readonly (string | null)[]) => detectSent({ text: '', binds }).personal;

describe('what a client sends', () => {
  test.each<[string, string]>([
    ['text', CARD],
    ['text in binary', binary(CARD)],
    ['a number of eight bytes', binary(int8(BigInt(CARD)))],
    ['a numeric', binary(numeric)],
    [
      'an array of numbers',
      binary(int32(1, 0, 20, 2, 1, 8), int8(7n), int32(8), int8(BigInt(CARD))),
    ],
    ['an array of numerics', binary(int32(1, 1, 1700, 2, 1, -1, 16), numeric)],
    ['an array of texts', binary(int32(1, 0, 25, 1, 1, 16), CARD)],
  ])('a card number is found in it as %s', (_form, bind) => {
    expect(personal('x', null, bind, 'y')).toEqual(['pan']);
  });

  test('numbers of other types are not taken for cards', () => {
    for (let at = 0; at < 2_000; at++) {
      expect(
        personal(binary(float8(at * 1.37)), binary(int8(BigInt(at) * 864_000_000_000n))),
      ).toEqual([]);
    }
  });

  test('one value is not read together with the next', () => {
    expect(personal(CARD.slice(0, 8), CARD.slice(8))).toEqual([]);
    expect(personal('password=', 'a1b2c3d4e5')).toEqual([]);
  });

  test('broken binary values are nothing, and nothing throws', () => {
    for (const bytes of [
      Buffer.alloc(0),
      int16(4, 3, 0, 0, 1),
      int32(1, 0, 20, 9, 1, 800),
      int32(1, 0, 20, 9, 1, -7),
      Buffer.alloc(33, 0xff),
    ]) {
      expect(personal(binary(bytes))).toEqual([]);
    }
  });

  test('at the bound it is looked at to its end, past it the rest is a doubt', () => {
    const text = `/* ${' '.repeat(DETECT_LENGTH_MAX - CARD.length - 5)} ${CARD}`;
    expect(text.length).toBe(DETECT_LENGTH_MAX - 1);
    expect(detectSent({ text })).toEqual({ secrets: [], personal: ['pan'], doubts: [] });
    expect(detectSent({ text: `${text}__` })).toMatchObject({ doubts: ['detector-failed'] });
  });

  test('a bulk insert of 60,000 values leaves no doubt', () => {
    const binds = Array.from(
      { length: 60_000 },
      (_, at) => `value ${at} of a row that is loaded in bulk`,
    );
    expect(detectSent({ text: 'INSERT …', binds })).toEqual({
      secrets: [],
      personal: [],
      doubts: [],
    });
  });
});

describe('the data of a COPY', () => {
  test('tells once of each kind that comes', () => {
    const data = new CopiedData();
    expect(data.push(Buffer.from('1\tnothing\n'))).toBe(false);
    expect(data.end()).toBe(false);
    data.push(Buffer.from(`1\t${CARD}\n`));
    expect(data.end()).toBe(true);
    expect(data.kinds).toEqual({ secrets: [], personal: ['pan'], doubts: [] });
    data.push(Buffer.from(`2\t${CARD}\n`));
    expect(data.end()).toBe(false);
    data.push(Buffer.from('3\tada@example.com\n'));
    expect(data.end()).toBe(true);
    expect(data.kinds.personal).toEqual(['email', 'pan']);
  });

  test('that pretends to be binary and is not is read as text', () => {
    const data = new CopiedData();
    data.push(
      Buffer.concat([
        Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
        int32(0, -5),
        Buffer.from(`\n${CARD}\n`),
      ]),
    );
    expect(data.end()).toBe(true);
  });
});
