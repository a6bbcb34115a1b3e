/**
 * Denying must keep the session's state right. Random pipelines go through the gateway and straight to the
 * server; there, in the place of every denied message, stands one that fails by itself with the same code. Both
 * must answer with the same messages, the same errors and the same transaction states, and leave the same rows.
 */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PgMessage } from '../attacks/case.ts';
import { encode, WireClient } from '../attacks/wire.ts';
import { type System, startSystem } from '../system.ts';

/** The reference's way to be refused: it fails at analysis, as what stands for a denial does. */
const REFUSED = 'SELECT FROM nowhere';
const DENIED = 'DELETE FROM t';

let system: System;
let direct: { port: number; user: string; password: string };
let admin: pg.Client;
beforeAll(async () => {
  system = await startSystem({
    database: 'pipes',
    role: 'pipes_role',
    users: [{ name: 'svc', type: 'service', groups: ['writers'] }],
    setup: `CREATE TABLE t (id integer PRIMARY KEY);
      GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON t TO PUBLIC;`,
  });
  direct = { port: system.postgres.port, user: 'pipes_role', password: system.postgres.password };
  admin = new pg.Client({ connectionString: system.postgres.url('pipes') });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await system?.stop();
});

function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One random message or a few that belong together; `denied` texts are swapped for the reference. */
function draw(pick: (below: number) => number): PgMessage[] {
  const texts = [
    'SELECT id FROM t WHERE id = 1',
    'INSERT INTO t VALUES (1)',
    'INSERT INTO t VALUES (2)',
    'BEGIN',
    'COMMIT',
    'ROLLBACK',
    'SELECT 1/0',
    DENIED,
    DENIED,
  ];
  const sql = texts[pick(texts.length)] ?? '';
  const name = ['', 'a', 'b'][pick(3)] ?? '';
  const portal = ['', 'p'][pick(2)] ?? '';
  switch (pick(8)) {
    case 0:
      return [{ Query: { sql } }];
    case 1:
      return [{ Parse: { name, sql, types: [] } }];
    case 2:
      return [{ Sync: {} }];
    case 3:
      return [{ Close: { kind: pick(2) === 0 ? 'S' : 'P', name: pick(2) === 0 ? name : portal } }];
    case 4:
      return [
        { Parse: { name: '', sql, types: [] } },
        { Bind: { portal: '', name: '', params: [] } },
        { Execute: { portal: '', maxRows: 0 } },
      ];
    default:
      return [
        { Parse: { name: '', sql, types: [] } },
        { Bind: { portal, name: '', params: [] } },
        { Describe: { kind: 'P', name: portal } },
        { Execute: { portal, maxRows: 0 } },
        { Sync: {} },
      ];
  }
}

const asReference = (message: PgMessage): PgMessage => {
  if ('Query' in message && message.Query.sql === DENIED) return { Query: { sql: REFUSED } };
  if ('Parse' in message && message.Parse.sql === DENIED)
    return { Parse: { ...message.Parse, sql: REFUSED } };
  return message;
};

/** What a client can see: types, tags, SQLSTATEs, transaction states. */
async function observe(
  target: { port: number; user: string; password: string },
  messages: readonly PgMessage[],
): Promise<string[]> {
  await admin.query('TRUNCATE t');
  const { client } = await WireClient.login({ ...target, database: 'pipes' });
  const ready = messages.filter((message) => 'Sync' in message || 'Query' in message).length;
  client.write(Buffer.concat(messages.map(encode)));
  const { messages: answers } = await client.answer(ready);
  client.end();
  const shown = answers.map(({ type, body }) => {
    if (type === 'E') return `E ${/C([0-9A-Z]{5})\0/.exec(body.toString('latin1'))?.[1]}`;
    if (type === 'C' || type === 'Z')
      return `${type} ${body.toString('latin1').replaceAll('\0', '')}`;
    return type;
  });
  const { rows } = await admin.query<{ rows: string }>(
    "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') AS rows FROM t",
  );
  return [...shown, `rows ${rows[0]?.rows}`];
}

const RUNS = 40;
test(`${RUNS} random pipelines answer as they would without a gateway`, async () => {
  const first = Number(process.env.SEALRAIL_SEED ?? 1);
  for (let seed = first; seed < first + RUNS; seed++) {
    const pick = random(seed);
    const messages = Array.from({ length: 2 + pick(6) }, () => draw(pick)).flat();
    messages.push({ Sync: {} });
    const ours = await observe(
      { port: system.gatewayPort, user: 'svc', password: system.password('svc') },
      messages,
    );
    const theirs = await observe(direct, messages.map(asReference));
    const denied = theirs.map((line) => (line === 'E 42P01' ? 'E 42501' : line));
    expect(ours, `SEALRAIL_SEED=${seed}: ${JSON.stringify(messages)}`).toEqual(denied);
  }
}, 120_000);

test('a write before a denied statement of its pipeline is not committed', async () => {
  const target = { port: system.gatewayPort, user: 'svc', password: system.password('svc') };
  const run = (sql: string): PgMessage[] => [
    { Parse: { name: '', sql, types: [] } },
    { Bind: { portal: '', name: '', params: [] } },
    { Execute: { portal: '', maxRows: 0 } },
  ];
  const seen = await observe(target, [
    ...run('INSERT INTO t VALUES (1)'),
    ...run(DENIED),
    ...run('INSERT INTO t VALUES (2)'),
    { Sync: {} },
  ]);
  expect(seen).toEqual(['1', '2', 'C INSERT 0 1', 'E 42501', 'Z I', 'rows ']);
});
