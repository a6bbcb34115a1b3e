import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../bytes.ts';
import { sha256 } from '../node.ts';
import { COSIGNATURE_V1, ED25519, formatVkey, verifierKey } from '../vkey.ts';
import {
  isQuorate,
  POLICY_MEMBERS_MAX,
  parseWitnessPolicy,
  quorumSize,
  quorumWitnesses,
} from './policy.ts';

const vkey = (
  name: string,
  type: typeof ED25519 | typeof COSIGNATURE_V1 = COSIGNATURE_V1,
): string => formatVkey(verifierKey(name, randomBytes(32), sha256, type));
const log = vkey('example.com/log', ED25519);
const witnesses = Object.fromEntries(
  ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'].map((name) => [name, vkey(`w.example/${name}`)]),
);
const lines = (...more: string[]): string => `${more.join('\n')}\n`;
const witnessLines = Object.entries(witnesses).map(([name, key]) => `witness ${name} ${key}`);
const parse = (text: string | Uint8Array) =>
  parseWitnessPolicy(typeof text === 'string' ? encodeUtf8(text) : text, sha256);
const problem = (text: string | Uint8Array): string => {
  try {
    parse(text);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
};

const nested = lines(
  '# two operators',
  `log ${log} https://log.example/`,
  ...witnessLines,
  'group X-witnesses 2 X1 X2 X3',
  '\tgroup  Y-witnesses any\tY1 Y2 Y3 ',
  '',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
);

describe('the example of the specification', () => {
  const policy = parse(nested);
  test.each([
    [['X1', 'X2', 'Y3'], true],
    [['X1', 'X2', 'X3', 'Y1'], true],
    [['X1', 'Y1', 'Y2', 'Y3'], false],
    [['X1', 'X2', 'X3'], false],
    [[], false],
    [['X1', 'X2', 'stranger'], false],
  ])('%j is enough: %s', (cosigned, enough) => {
    expect(isQuorate(policy.quorum, new Set(cosigned))).toBe(enough);
  });

  test('says how many are needed, and who has a part in it', () => {
    expect(quorumSize(policy.quorum)).toBe(3);
    expect(quorumWitnesses(policy.quorum)).toEqual(Object.keys(witnesses));
    expect(policy.logs[0]).toMatchObject({
      key: { name: 'example.com/log' },
      url: 'https://log.example',
    });
  });
});

describe('a policy that somebody could read in two ways is refused, with its line', () => {
  test.each<[string, string | Uint8Array, RegExp]>([
    ['no quorum', lines(`log ${log}`), /line 1: no quorum/],
    ['two quorums', lines('quorum none', 'quorum none'), /line 2: a second quorum/],
    ['a quorum of two names', lines(...witnessLines, 'quorum X1 X2'), /line 7: it takes one name/],
    ['a group defined below', lines('group g any X1', ...witnessLines, 'quorum g'), /line 1: "?X1/],
    [
      'a name twice',
      lines(...witnessLines, 'group X1 any X2', 'quorum X1'),
      /line 7: X1 is defined above/,
    ],
    ['none as a name', lines(`witness none ${witnesses.X1}`, 'quorum none'), /"none" is taken/],
    [
      'none as a member',
      lines(...witnessLines, 'group g any none', 'quorum g'),
      /"none" is no member/,
    ],
    [
      'a member of two groups',
      lines(...witnessLines, 'group a any X1', 'group b any X1 X2', 'quorum b'),
      /line 8: X1 is a member of a group already/,
    ],
    ['a member twice in a group', lines(...witnessLines, 'group a 2 X1 X1', 'quorum a'), /already/],
    [
      'a threshold of 0',
      lines(...witnessLines, 'group a 0 X1', 'quorum a'),
      /no number from 1 to 1/,
    ],
    [
      'a threshold above the members',
      lines(...witnessLines, 'group a 3 X1 X2', 'quorum a'),
      /no number from 1 to 2/,
    ],
    [
      'a threshold with a leading zero',
      lines(...witnessLines, 'group a 01 X1', 'quorum a'),
      /no number/,
    ],
    ['a group of nobody', lines('group a any', 'quorum a'), /line 1: it takes a name, a number/],
    [
      'one key under two names',
      lines(`witness a ${witnesses.X1}`, `witness b ${witnesses.X1}`, 'quorum a'),
      /line 2: a witness of this key/,
    ],
    [
      'one log twice',
      lines(`log ${log}`, `log ${log}`, 'quorum none'),
      /line 2: a log of this key/,
    ],
    [
      "a log's key as a witness",
      lines(`witness a ${log}`, 'quorum a'),
      /a log's key, not a witness's/,
    ],
    [
      "a witness's key as a log",
      lines(`log ${witnesses.X1}`, 'quorum none'),
      /a witness's key, not a log's/,
    ],
    ['a key that is none', lines('witness a b+c+d', 'quorum a'), /line 1: not a verifier key/],
    ['a URL that is none', lines(`log ${log} ftp://x`, 'quorum none'), /no http or https URL/],
    ['an unknown word', lines('quorum none', 'extra x'), /line 2: extra is none of/],
    ['a carriage return', lines('quorum none\r'), /control character/],
    ['a NUL', lines('quorum none\0'), /control character/],
    ['a file that was cut off', 'quorum none', /line 1: the last line has no newline/],
    [
      'a non-breaking space as a space',
      lines(`witness\u00a0a ${witnesses.X1}`, 'quorum none'),
      /none of log/,
    ],
  ])('%s', (_, text, message) => {
    expect(problem(text)).toMatch(message);
  });

  test('a comment begins at the start of a line only', () => {
    expect(parse(lines('  # quorum all', 'quorum none')).quorum).toEqual({ kind: 'none' });
    expect(problem(lines('quorum none # really'))).toMatch(/it takes one name/);
  });

  test('names are bytes: a Kelvin sign is no K, and what is not UTF-8 is a name too', () => {
    const key = witnesses.X1 ?? '';
    expect(problem(lines(`witness \u212a ${key}`, 'quorum K'))).toMatch(/K is not defined/);
    const raw = Buffer.concat([
      Buffer.from('witness '),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(` ${key}\nquorum `),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('\n'),
    ]);
    expect(quorumWitnesses(parse(raw).quorum)).toHaveLength(1);
  });

  test('as many witnesses as the bound are read, and one more is refused', () => {
    const many = (count: number): string =>
      lines(
        ...Array.from({ length: count }, (_, at) => `witness w${at} ${vkey(`w.example/${at}`)}`),
        'quorum none',
      );
    expect(parse(many(POLICY_MEMBERS_MAX)).witnesses).toHaveLength(POLICY_MEMBERS_MAX);
    expect(problem(many(POLICY_MEMBERS_MAX + 1))).toMatch(/more than 256 of a kind/);
  });
});

test('no bytes make it throw anything but what it documents', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc
          .array(
            fc.constantFrom(
              'log',
              'witness',
              'group',
              'quorum',
              'any',
              'all',
              '2',
              'none',
              'X1',
              '\n',
              ' ',
              '#',
              log,
              witnesses.X1 ?? '',
            ),
            { maxLength: 40 },
          )
          .map((parts) => encodeUtf8(parts.join(' '))),
      ),
      (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'POLICY_MALFORMED' });
        }
      },
    ),
  );
});
