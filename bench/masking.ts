/**
 * What obligations cost a row: the gateway's own reader over chunks as a server sends them, with nothing to
 * do, with a bound, and with one of five columns masked by each method. No sockets: these cost the same.
 */
import { BackendReader } from '../packages/server/src/gateway/postgres/backend.ts';
import { frame, int32 } from '../packages/server/src/gateway/postgres/frame.ts';
import type { ResultPlan } from '../packages/server/src/gateway/postgres/result-plan.ts';
import { Showing } from '../packages/server/src/gateway/postgres/showing.ts';
import type { Row } from './run.ts';

const ROWS = 50_000;
const ROUNDS = 5;
const CHUNK_BYTES = 64 << 10;
/** Microseconds of one core for a row of 100 bytes. */
const UNMASKED_US_MAX = 0.5;
const MASKED_US_MAX = 0.5;

const TEXT = 25;
const field = (column: number) => ({
  relation: 20_000,
  column,
  type: TEXT,
  modifier: -1,
  binary: false,
});
const FIELDS = [1, 2, 3, 4, 5].map(field);
const MASKED = '20000/3';

function rowOf(at: number): Buffer {
  const values = [`${at}`, 'Ada Lovelace', `ada.${at}@example.org`, '+49 30 1234567', 'Riverton'];
  const parts = values.flatMap((value) => [int32(Buffer.byteLength(value)), Buffer.from(value)]);
  return frame('D', Buffer.from([0, values.length]), ...parts);
}

function chunksOf(rows: number): Buffer[] {
  const all = Buffer.concat(Array.from({ length: rows }, (_, at) => rowOf(at)));
  const count = Math.ceil(all.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, at) =>
    all.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES),
  );
}

type Plan = Pick<ResultPlan, 'masks' | 'budget'>;

function showingOf({ masks, budget }: Plan): Showing {
  const plan: ResultPlan = {
    masks,
    shown: new Set(masks.keys()),
    exact: true,
    decisionId: '',
    ...(budget ? { budget } : {}),
  };
  return new Showing({ plans: [plan], key: Buffer.alloc(32), readOnly: true, fields: FIELDS });
}

/** Microseconds a row; everything is read that would be written. */
function measure(chunks: readonly Buffer[], showing: Showing | undefined): number {
  let bytes = 0;
  const reader = new BackendReader({
    message: () => 'pass',
    passing: (_type, _head, length) => showing?.row(length) ?? 'pass',
  });
  const started = performance.now();
  for (const chunk of chunks) for (const part of reader.push(chunk)) bytes += part.length;
  const us = (performance.now() - started) * 1_000;
  if (bytes === 0) throw new Error('nothing came out');
  return us / ROWS;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const unbounded = () => ({
  rows: ROWS + 1,
  bytes: Number.POSITIVE_INFINITY,
  rowsMax: ROWS + 1,
  bytesMax: Number.POSITIVE_INFINITY,
  policies: [],
});

const CASES: readonly { readonly name: string; readonly make: () => Plan }[] = [
  { name: 'bounded', make: () => ({ masks: new Map(), budget: unbounded() }) },
  ...(['null', 'constant', 'partial', 'hash'] as const).map((method) => ({
    name: `masked: ${method}`,
    make: () => ({ masks: new Map([[MASKED, method]]) }),
  })),
];

export async function benchMasking(): Promise<readonly Row[]> {
  const chunks = chunksOf(ROWS);
  const plain: number[] = [];
  const measured = CASES.map((): number[] => []);
  // Interleaved: whatever else the machine does meets all of them.
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(measure(chunks, undefined));
    for (const [at, { make }] of CASES.entries())
      measured[at]?.push(measure(chunks, showingOf(make())));
  }
  const baseline = median(plain);
  const us = { unit: 'µs a row' } as const;
  return [
    {
      name: 'rows without an obligation',
      value: baseline,
      ...us,
      floor: UNMASKED_US_MAX,
      ok: baseline <= UNMASKED_US_MAX,
    },
    ...CASES.map(({ name }, at): Row => {
      const value = median(measured[at] ?? []);
      const known = { name: `rows, ${name}`, value, ...us, baseline, ratio: value / baseline };
      // A keyed hash costs what SHA-256 costs twice over: watched, with no floor of its own.
      return name === 'masked: hash'
        ? { ...known, ok: true }
        : { ...known, ok: value <= MASKED_US_MAX };
    }),
  ];
}
