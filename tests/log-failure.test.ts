/** A log that fails under a running daemon: nothing passes any more, and somebody is told. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type System, startSystem } from './system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    users: [{ name: 'alice', type: 'human', groups: ['writers'] }],
    setup: `CREATE TABLE t (id integer PRIMARY KEY);
      GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON t TO PUBLIC;`,
  });
});
afterAll(() => system?.stop());

const count = async (): Promise<number> => {
  const direct = new pg.Client({ connectionString: system.postgres.url('shop') });
  await direct.connect();
  const { rows } = await direct.query<{ n: number }>('SELECT count(*)::int AS n FROM t');
  await direct.end();
  return rows[0]?.n ?? 0;
};

test('when what was signed cannot be kept, writes stop, and the daemon ends with one line and 69', async () => {
  const client = new pg.Client({ connectionString: system.url('alice') });
  client.on('error', () => undefined);
  await client.connect();
  const ended = new Promise((resolve) => client.once('end', resolve));
  await client.query('INSERT INTO t VALUES (1)');
  // The folder of what was signed last: as if its disk had gone.
  rmSync(join(system.folder, 'state'), { recursive: true });
  let answered = 1;
  let refusal: { code?: string } = {};
  for (let id = 2; refusal.code === undefined && id < 100_000; id++) {
    await client.query('INSERT INTO t VALUES ($1)', [id]).then(
      () => answered++,
      (error: { code?: string }) => {
        refusal = { code: error.code ?? 'connection' };
      },
    );
  }
  expect(['58000', '57P01', 'connection']).toContain(refusal.code);
  await ended;
  expect(await system.daemon.ended).toBe(69);
  expect(system.said.filter((line) => line.startsWith('error: '))).toEqual([
    expect.stringMatching(/^error: the log has failed, and everything is denied: /),
  ]);
  // What was refused did not happen; the last one may have been under way.
  expect((await count()) - answered).toBeLessThanOrEqual(1);
});
