/** Texts of the extension types: what is refused, and what two texts say the same. Cedar decides each too. */
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDatetime } from './datetime.ts';
import { parseDecimal } from './decimal.ts';
import { parseDuration } from './duration.ts';
import {
  addLongs,
  divideLong,
  equalLongs,
  isLong,
  longFromBigint,
  moduloLong,
  multiplyLongs,
  negateLong,
  subtractLongs,
} from './i64.ts';
import { parseIp } from './ip.ts';

const parsers = {
  ip: parseIp,
  decimal: parseDecimal,
  datetime: parseDatetime,
  duration: parseDuration,
} as const;
type Name = keyof typeof parsers;

/** Whether Cedar says of a condition that it holds; undefined for an error. */
function cedarHolds(condition: string): boolean | undefined {
  const answer = isAuthorized({
    principal: { type: 'U', id: 'u' },
    action: { type: 'Action', id: 'a' },
    resource: { type: 'U', id: 'u' },
    context: {},
    policies: {
      staticPolicies: { p: `permit(principal, action, resource) when { ${condition} };` },
    },
    entities: [],
  });
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  const { decision, diagnostics } = answer.response;
  return diagnostics.errors.length > 0 ? undefined : decision === 'allow';
}

const written = (name: Name, text: string): string => `${name}(${JSON.stringify(text)})`;
const accepts = (name: Name, text: string): boolean =>
  cedarHolds(`${written(name, text)} == ${written(name, text)}`) === true;

const texts: Readonly<Record<Name, readonly string[]>> = {
  ip: [
    ...[
      '1.1.1.1',
      '1.1.1.1/32',
      '1.1.1.1/0',
      '1.1.1.1/33',
      '1.1.1.1/032',
      '1.1.1.1/08',
      '1.1.1.1/',
    ],
    ...[
      '1.1.1.1/+8',
      '1.1.1.1/8/8',
      '01.1.1.1',
      '1.1.1',
      '1.1.1.1.1',
      '256.1.1.1',
      '1.1.1.',
      '.1.1.1',
    ],
    ...[
      '0.0.0.0',
      '00.0.0.0',
      '255.255.255.255',
      '1.1.1.1 ',
      ' 1.1.1.1',
      '1..1.1',
      '1.1.1.1/-1',
      '',
    ],
    ...[
      '::',
      '::/0',
      '::1',
      '1::',
      '1::2',
      '1::2::3',
      ':::',
      ':',
      '::1/128',
      '::1/129',
      '::1/0128',
    ],
    ...['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1::3:4:5:6:7:8', '1:2:3:4:5:6:7'],
    ...[
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '::1:2:3:4:5:6:7:8',
      '1:2:3::4:5:6:7:8',
      '1:',
      ':1',
    ],
    ...['12345::', '0001::', '00001::', 'AbCd::EF', 'g::', '::1%eth0', '[::1]', '::ffff:1.2.3.4'],
    ...['::1.2', '::1.2.3', '1:2:3:4:5:6:1.2.3.4', '1.1.1.1:80', `${'0'.repeat(60)}::`],
  ],
  decimal: [
    ...[
      '1.0',
      '-1.0',
      '0.0',
      '-0.0',
      '00.1',
      '1',
      '1.',
      '.1',
      '-.1',
      '+1.0',
      '--1.0',
      '1.0.0',
      '1,0',
    ],
    ...[
      '1.2345',
      '1.23456',
      '1.00000',
      '1.0 ',
      ' 1.0',
      '1.0\n',
      '１.0',
      '1e5',
      '',
      '-',
      '.',
      '1.a',
    ],
    ...[
      '922337203685477.5807',
      '922337203685477.5808',
      '-922337203685477.5808',
      '0.0001',
      '-0.0001',
    ],
    ...[
      '-922337203685477.5809',
      '922337203685478.0',
      `${'0'.repeat(50)}1.5`,
      `${'9'.repeat(50)}.0`,
    ],
  ],
  datetime: [
    ...[
      '2024-01-01',
      '2024-02-29',
      '2023-02-29',
      '1900-02-29',
      '2000-02-29',
      '0000-01-01',
      '0000-02-29',
    ],
    ...[
      '2024-00-01',
      '2024-13-01',
      '2024-01-00',
      '2024-01-32',
      '2024-04-31',
      '2024-1-1',
      '24-01-01',
    ],
    ...[
      '10000-01-01',
      '-2024-01-01',
      '2024-01-01Z',
      '2024-01-01T',
      '2024-01-01T00:00:00',
      ' 2024-01-01',
    ],
    ...[
      '2024-01-01T00:00:00Z',
      '2024-01-01t00:00:00z',
      '2024-01-01T00:00Z',
      '2024-01-01T24:00:00Z',
    ],
    ...[
      '2024-01-01T23:59:59Z',
      '2024-01-01T23:60:00Z',
      '2016-12-31T23:59:60Z',
      '2024-01-01 00:00:00Z',
    ],
    ...['2024-01-01T00:00:00.123Z', '2024-01-01T00:00:00.12Z', '2024-01-01T00:00:00.1234Z'],
    ...['2024-01-01T00:00:00+0130', '2024-01-01T00:00:00-0130', '2024-01-01T00:00:00+2359'],
    ...['2024-01-01T00:00:00+2400', '2024-01-01T00:00:00+2360', '2024-01-01T00:00:00+01:30'],
    ...['2024-01-01T00:00:00.500-2359', '9999-12-31T23:59:59.999-2359', '0000-01-01T00:00:00+2359'],
    ...['2024-01-01T00:00:00ZZ', '2024-01-01T00:00:00Z\n', '２024-01-01', ''],
  ],
  duration: [
    ...[
      '1d2h3m4s5ms',
      '-1d2h3m4s5ms',
      '1d',
      '2h',
      '3m',
      '4s',
      '5ms',
      '0ms',
      '-0ms',
      '01d',
      '1d5ms',
    ],
    ...[
      '',
      '-',
      '1',
      'd',
      '1h1d',
      '1ms1s',
      '1d1d',
      '1D',
      '+1d',
      '1d ',
      ' 1d',
      '1d-2h',
      '--1d',
      '1.5h',
    ],
    ...['9223372036854775807ms', '9223372036854775808ms', '-9223372036854775808ms', '１d', '1w'],
    ...['-9223372036854775809ms', '18446744073709551616ms', '99999999999999999999999d', '1s1m'],
    ...['106751991167d7h12m55s807ms', '106751991167d7h12m55s808ms', '-106751991167d7h12m55s808ms'],
    ...[
      '-106751991167d7h12m55s809ms',
      `${'0'.repeat(40)}1d`,
      '106751991168d',
      '153722867280912931m',
    ],
  ],
};

describe.each(Object.entries(texts) as [Name, readonly string[]][])('%s', (name, all) => {
  test.each(all)('takes or refuses %j as Cedar does', (text) => {
    expect(parsers[name](text) !== undefined).toBe(accepts(name, text));
  });

  test('two texts are one value where Cedar says so', () => {
    const taken = all.filter((text) => parsers[name](text) !== undefined);
    for (const one of taken) {
      const other = taken[(taken.indexOf(one) * 7 + 3) % taken.length]!;
      const same = parsers[name](one)?.key === parsers[name](other)?.key;
      expect([one, other, same]).toEqual([
        one,
        other,
        cedarHolds(`${written(name, one)} == ${written(name, other)}`),
      ]);
    }
  });

  test('text that is nearly right is taken or refused as Cedar does', () => {
    const mutated = fc
      .tuple(fc.constantFrom(...all), fc.nat(40), fc.constantFrom(...'0123456789:./-+TZdhms f'))
      .map(([text, at, unit]) => text.slice(0, at) + unit + text.slice(at + 1));
    fc.assert(
      fc.property(mutated, (text) => {
        expect(parsers[name](text) !== undefined).toBe(accepts(name, text));
      }),
      { numRuns: 150 },
    );
  });
});

test('a value written out is read back as the same', () => {
  for (const name of ['ip', 'decimal', 'duration'] as const) {
    for (const text of texts[name]) {
      const value = parsers[name](text);
      if (value !== undefined) expect(parsers[name](value.toString())?.key).toBe(value.key);
    }
  }
});

describe('64-bit arithmetic', () => {
  const edges = [
    0n,
    1n,
    2n ** 31n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 62n,
    2n ** 63n - 1n,
    2n ** 63n,
  ];
  const integer = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(...edges, ...edges.map((edge) => -edge), 3037000500n, -1n),
  );
  const long = integer.filter((value) => longFromBigint(value) !== undefined);

  test('is exact, and undefined only where 64 bits do not hold the result', () => {
    fc.assert(
      fc.property(long, long, (left, right) => {
        const [a, b] = [longFromBigint(left)!, longFromBigint(right)!];
        expect(addLongs(a, b)).toBe(longFromBigint(left + right));
        expect(subtractLongs(a, b)).toBe(longFromBigint(left - right));
        expect(multiplyLongs(a, b)).toBe(longFromBigint(left * right));
        expect(negateLong(a)).toBe(longFromBigint(-left));
        expect(divideLong(a, 60_000)).toBe(longFromBigint(left / 60_000n));
        const rest = left % 86_400_000n;
        expect(moduloLong(a, 86_400_000)).toBe(Number(rest < 0n ? rest + 86_400_000n : rest));
        expect(equalLongs(a, right)).toBe(left === right);
      }),
    );
  });

  test('holds one integer in one way: a number where that is exact, a bigint beyond', () => {
    expect(longFromBigint(2n ** 53n - 1n)).toBe(9007199254740991);
    expect(longFromBigint(2n ** 53n)).toBe(2n ** 53n);
    expect(longFromBigint(2n ** 63n)).toBeUndefined();
    expect(longFromBigint(-(2n ** 63n) - 1n)).toBeUndefined();
    expect(Object.is(multiplyLongs(0, -5), 0)).toBe(true);
    expect([1.5, Number.NaN, 2 ** 53, '1', null, 2n ** 63n].map(isLong)).not.toContain(true);
  });
});
