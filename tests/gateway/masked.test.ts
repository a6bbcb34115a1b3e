/** Masked results as clients that we did not write see them, through a daemon with the policies that are shipped. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresProgram, runProgram } from '../pgbench.ts';
import { entriesFrom, type System, startSystem } from '../system.ts';

const psql = postgresProgram('psql');
/** A kilobyte each; SEALRAIL_MASKED_ROWS=400000 makes it more than memory may ever grow by. */
const ROWS = Number(process.env.SEALRAIL_MASKED_ROWS ?? 30_000);
/** Beyond what the same result takes without a mask, which does not depend on its length. */
const GROWTH_MB_MAX = 64;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    database: 'crm',
    role: 'crm_role',
    env: 'prod',
    personal: ['people.email', 'wide.email'],
    users: [
      { name: 'ann', type: 'human', groups: ['analysts'] },
      { name: 'app', type: 'service', groups: ['writers'] },
    ],
    setup: `CREATE TABLE people (id integer PRIMARY KEY, email text UNIQUE NOT NULL, city text NOT NULL);
      INSERT INTO people SELECT i, 'SECRET' || i || '@example.org', 'city ' || i FROM generate_series(1, 12000) i;
      CREATE TABLE wide (id integer PRIMARY KEY, email text, filler text);
      INSERT INTO wide SELECT i, 'SECRET' || i, repeat('x', 1000) FROM generate_series(1, ${ROWS}) i;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO crm_role;`,
  });
});
afterAll(() => system?.stop());

async function connect(user: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: system.url(user) });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe.skipIf(!psql)('psql', () => {
  const run = (input: string) =>
    runProgram(psql ?? '', ['-X', '-At', system.url('ann')], system.password('ann'), input);

  test.each([
    ['a query', 'SELECT id, email FROM people WHERE id = 7;\n', '7|•••'],
    ['several in one string', 'SELECT 1 \\; SELECT email FROM people WHERE id = 7;\n', '•••'],
    ['its cursor', '\\set FETCH_COUNT 2\nSELECT email FROM people WHERE id < 6;\n', '•••'],
    [
      'a prepared statement',
      'PREPARE p AS SELECT email FROM people WHERE id = $1;\nEXECUTE p(3);\n',
      '•••',
    ],
    [
      'its extended protocol',
      'SELECT email FROM people WHERE id = $1 \\bind 3 \\g\n',
      /•••|invalid command/,
    ],
    ['a description of the result', 'SELECT email FROM people \\gdesc\n', 'email|text'],
  ])('by %s reads no value', async (_what, input, shown) => {
    const { out } = await run(input);
    expect(out).not.toContain('SECRET');
    if (typeof shown === 'string') expect(out).toContain(shown);
    else expect(out).toMatch(shown);
  });

  test('a read that is too long is cut with a warning on its screen', async () => {
    const { out } = await run('SELECT id FROM people;\nSELECT 42;\n');
    expect(out.split('\n').filter((line) => /^\d+$/.test(line)).length).toBe(10_001);
    expect(out).toMatch(/^42$/m);
    expect(out).toMatch(/WARNING: {2}the result was cut after 10000 rows by policy sql-bulk-read/);
  });

  test('no error prints a row', async () => {
    const { out } = await run(
      'SELECT email FROM people WHERE id = 1;\nSELECT 1/0;\n\\copy people TO STDOUT\n',
    );
    expect(out).toContain('withheld');
    expect(out).not.toContain('SECRET');
  });
});

test('a result of any length is masked while its reader is slow, and the daemon does not grow by it', async () => {
  const memory = () =>
    Number(
      /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${system.daemon.child.pid}/status`, 'utf8'))?.[1],
    ) / 1024;
  const client = await connect('app');
  const from = ((await (await fetch(`${system.api}/api/status`)).json()) as { size: number }).size;
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const read = async (email: string): Promise<{ rows: number; leaks: number; peak: number }> => {
    const text = `SELECT id, ${email}, filler FROM wide`;
    const query = new pg.Query({ text, rowMode: 'array' } as pg.QueryConfig);
    const seen = { rows: 0, leaks: 0, peak: 0 };
    query.on('row', (row: unknown) => {
      seen.rows++;
      const [, masked, filler] = row as [number, string, string];
      if (masked !== '•••' || filler.length !== 1_000) seen.leaks++;
    });
    const ended = new Promise((resolve, reject) => query.on('end', resolve).on('error', reject));
    client.query(query);
    for (let pause = 0; pause < 10; pause++) {
      stream.pause();
      await new Promise((resolve) => setTimeout(resolve, 100));
      seen.peak = Math.max(seen.peak, memory());
      stream.resume();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await ended;
    return { ...seen, peak: Math.max(seen.peak, memory()) };
  };
  const plain = await read("'•••'");
  const { rows, leaks, peak } = await read('email');
  await client.end();
  expect([rows, leaks]).toEqual([ROWS, 0]);
  expect(peak - plain.peak).toBeLessThan(GROWTH_MB_MAX);
  type Seen = { kind: string; obligations?: object };
  const seen = async () =>
    (await entriesFrom<Seen>(system.api, from)).flatMap(({ obligations }) => obligations ?? []);
  await expect.poll(seen, { timeout: 10_000 }).toEqual([{ masked: { columns: 1, values: ROWS } }]);
}, 120_000);
