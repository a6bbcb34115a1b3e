/**
 * Detectors on what an action carries: text as people and programs send it, without a hit; and text of which
 * every piece begins like a finding and is none, where the row is the slowest of its kind.
 */
import { detectKinds } from '../../packages/facts/src/index.ts';
import type { Row } from '../run.ts';
import { median, timeRounds } from './timing.ts';

const ROUNDS = 3;
const BUDGET_MS = 200;
const SMALL_BYTES = 1_024;
const LARGE_BYTES = 65_536;
const HOSTILE_BYTES = 102_400;

export function detectRows(): Row[] {
  const hostile = HOSTILE_PIECES.map((piece) => ({
    piece,
    us: medianUs(fill([piece], HOSTILE_BYTES)),
  }));
  const slowest = hostile.reduce((worst, each) => (each.us > worst.us ? each : worst));
  return [
    row(`${SMALL_BYTES} bytes of text without a hit`, medianUs(fill(BENIGN, SMALL_BYTES)), 15),
    row(`${LARGE_BYTES} bytes of text without a hit`, medianUs(fill(BENIGN, LARGE_BYTES)), 1_000),
    row(
      `${HOSTILE_BYTES} bytes of hostile text, the slowest of ${hostile.length}, of ${JSON.stringify(slowest.piece)}`,
      slowest.us,
      10_000,
    ),
  ];
}

const row = (name: string, value: number, floor: number): Row => ({
  name: `detectors: ${name}, p50 (at most)`,
  value,
  unit: 'µs',
  floor,
  ok: value <= floor,
});

function medianUs(text: string): number {
  const detector = { name: 'detectors', deciders: [() => detectKinds(text)] };
  const [rounds = []] = timeRounds([detector], { rounds: ROUNDS, budgetMs: BUDGET_MS });
  return median(rounds.map(({ p50Us }) => p50Us));
}

function fill(pieces: readonly string[], length: number): string {
  let text = '';
  for (let at = 0; text.length < length; at++) text += pieces[at % pieces.length];
  return text.slice(0, length);
}

const BENIGN = [
  "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.created_at > '2026-01-31' AND o.status IN ('paid', 'sent') ORDER BY o.id LIMIT 100;\n",
  '{"event":"deploy","service":"checkout","version":"2.14.0","replicas":3,"labels":{"team":"payments","region":"eu-west-1"}}\n',
  'Please look at the failing job from last night: it stopped after 1,204 of 9,312 rows with a timeout.\n',
  'UPDATE inventory SET stock = stock - 1, updated_at = now() WHERE sku = 42 AND warehouse = 7;\n',
  'commit 5f3bbc0 touches src/server/http/router.ts, adds 12 lines and removes 40, see https://example.com/wiki/Router\n',
];

const HOSTILE_PIECES = [
  '4',
  '4111 1111 1111 1112 ',
  '4111-1111-',
  'AKIA',
  'AKIAIOSFODNN7EXAMPL ',
  'eyJhbGciOiJIUzI1NiJ9.',
  'eyJ.eyJ.',
  '-----BEGIN ',
  '-----BEGIN RSA PRIVATE KEY-----\n',
  'password=',
  'password: "a" ',
  'a@a',
  'a.b@c.',
  'GB82WEST1234569876543',
  'DE89 3704 0044 ',
  'sk_live_',
  'ghp_',
  'xoxb-1-',
  '+49 151 ',
  '123-45-678',
  'postgres://a:b@',
  'c2VjcmV0IHBhc3N3b3JkPWh1bnRlcjI=',
  'ZXlKaGJHY2lPaUpJVXpJMU5pSjku',
  '\\u0041',
  '%41%4b%49%41',
  ' \t',
  '{"a":"',
];
