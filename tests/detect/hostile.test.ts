/** Text that was made to hold the detectors up: what backtracks without a bound would never come back here. */
import { describe, expect, test } from 'vitest';
import { detect, detectKinds } from '../../packages/facts/src/detect/detect.ts';
import { RULES } from '../../packages/facts/src/detect/rules/rules.ts';
import * as v from './values.ts';

const LENGTH = 100_000;
const fill = (piece: string): string =>
  piece.repeat(Math.ceil(LENGTH / piece.length)).slice(0, LENGTH);

/** Beginnings of what the rules look for, in front of long runs that almost go on. */
const LEADS = [
  'secret=',
  'api_key: "',
  'password=',
  "password = '",
  'passphrase: "',
  'authorization: bearer ',
  'basic ',
  "PASSWORD '",
  '--password ',
  'login a password ',
  'postgres://a:',
  'aws_secret_access_key=',
  '"kty":1,"d":"',
  '?sig=',
  'eyJ',
  '-----BEGIN PRIVATE KEY-----',
  'SharedAccessKey=',
  'phone: ',
  'born on ',
  'card 4',
  'ip 1.',
  'DE89',
  '+49',
  'AccountKey=',
];
const RUNS = [
  'a',
  'a1',
  'aa11',
  'aB3',
  '1 ',
  '1-',
  '1.',
  'a.',
  'a-',
  'a_',
  '/a',
  '=',
  ':',
  '::',
  '%41',
  '\\x41',
  '4 1',
  '(1)',
  "a'b",
  'é',
  '4\u200b',
];
const TAILS = ['', '!', '~+', '\0', '"', "'", '@', '='];

describe('hostile text', () => {
  test.each(LEADS)('behind %j comes to an end, whatever almost goes on', (lead) => {
    for (const run of RUNS) {
      for (const tail of TAILS) {
        for (const times of [40, 300]) detect(`${lead}${run.repeat(times)}1${tail} `);
      }
      detectKinds(fill(`${lead}${run.repeat(30)} `));
    }
  });

  test('of one thing over and over comes to an end, and so does text drawn at random from its alphabet', () => {
    const random = v.seeded(11);
    for (const piece of [
      ...LEADS,
      ...RUNS,
      'AKIA',
      'ghp_',
      '@',
      '-----END ',
      'c2VjcmV0IHBhc3N3b3JkPWh1bnRlcjI=',
    ]) {
      detect(fill(piece));
      detect(random.chars(piece + piece.toUpperCase(), LENGTH));
    }
    for (const alphabet of [
      '0123456789 .-_',
      '0123456789abcdef-',
      v.BASE64,
      '%0123456789abcdef',
      '@.ab',
      '":{}[],= ',
    ]) {
      detect(random.chars(alphabet, LENGTH));
    }
  });

  test('of many findings gives all of them', () => {
    expect(detect('ada@example.com '.repeat(5_000)).findings).toHaveLength(5_000);
  });

  test('of what every rule looks for at once comes to an end', () => {
    const gates = RULES.map(({ gate = '' }) => gate.replace(/[^A-Za-z0-9 _:/.-]/g, ' ')).join(' ');
    detect(fill(gates));
    detect(fill(`${gates} 1 2 3 4 `));
  });
});
