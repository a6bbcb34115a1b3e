/** Clients that we did not write, through the gateway and unchanged: node-postgres, psql, pgbench. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WireClient } from '../attacks/wire.ts';
import { postgresProgram, runPgbench, runProgram } from '../pgbench.ts';
import { entriesFrom, type System, startSystem } from '../system.ts';

const psql = postgresProgram('psql');
const pgbench = postgresProgram('pgbench');
if (process.env.SEALRAIL_CLIENTS_REQUIRED === '1' && !(psql && pgbench)) {
  throw new Error('psql and pgbench are required and are not installed');
}

let system: System;
beforeAll(async () => {
  system = await startSystem({
    database: 'bench',
    role: 'bench_role',
    users: [
      { name: 'svc', type: 'service', groups: ['writers'] },
      { name: 'dba', type: 'human', groups: ['dba'] },
      { name: 'nobody', type: 'human', groups: [] },
    ],
    setup: `CREATE TABLE t (id integer PRIMARY KEY, note text NOT NULL);
      INSERT INTO t SELECT i, 'note ' || i FROM generate_series(1, 5000) i;
      CREATE TABLE pgbench_history (tid integer, bid integer, aid integer, delta integer, mtime timestamp, filler char(22));
      CREATE TABLE pgbench_tellers (tid integer PRIMARY KEY, bid integer, tbalance integer, filler char(84));
      CREATE TABLE pgbench_accounts (aid integer PRIMARY KEY, bid integer, abalance integer, filler char(84));
      CREATE TABLE pgbench_branches (bid integer PRIMARY KEY, bbalance integer, filler char(88));
      INSERT INTO pgbench_branches VALUES (1, 0, '');
      INSERT INTO pgbench_tellers SELECT i, 1, 0, '' FROM generate_series(1, 10) i;
      INSERT INTO pgbench_accounts SELECT i, 1, 0, '' FROM generate_series(1, 100000) i;
      GRANT USAGE ON SCHEMA public TO bench_role;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO bench_role;`,
  });
});
afterAll(() => system?.stop());

async function connect(user = 'svc'): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: system.url(user) });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

interface Refused {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
}
const refused = (work: Promise<unknown>): Promise<Refused> =>
  work.then(
    () => {
      throw new Error('it went through');
    },
    (error: Refused) => error,
  );

describe('node-postgres', () => {
  test('reads, writes, prepared statements, nulls and binary-safe text come back as they went', async () => {
    const client = await connect();
    const { rows } = await client.query('SELECT $1::text AS a, $2::int4 AS b, $3::text AS c', [
      'é\u{1f600}',
      42,
      null,
    ]);
    expect(rows).toEqual([{ a: 'é\u{1f600}', b: 42, c: null }]);
    for (let id = 1; id <= 3; id++) {
      const named = await client.query({
        name: 'by-id',
        text: 'SELECT note FROM t WHERE id = $1',
        values: [id],
      });
      expect(named.rows).toEqual([{ note: `note ${id}` }]);
    }
    await client.end();
  });

  test('a transaction that rolls back leaves nothing, and one that commits leaves all', async () => {
    const client = await connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO t VALUES (10001, 'a')");
    await client.query('ROLLBACK');
    await client.query("BEGIN; INSERT INTO t VALUES (10002, 'b'); COMMIT");
    const { rows } = await client.query('SELECT id FROM t WHERE id IN (10001, 10002)');
    expect(rows).toEqual([{ id: 10002 }]);
    await client.query('DELETE FROM t WHERE id = 10002');
    await client.end();
  });

  test("the server's own errors come back as they are", async () => {
    const client = await connect();
    expect(await refused(client.query("INSERT INTO t VALUES (1, 'again')"))).toMatchObject({
      code: '23505',
    });
    expect(await refused(client.query('SELECT 1/0'))).toMatchObject({ code: '22012' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test('a denial names policy, decision and what to do, and the session goes on', async () => {
    const client = await connect();
    const error = await refused(client.query('DELETE FROM t'));
    expect(error).toMatchObject({
      code: '42501',
      message: 'denied by policy sql-unscoped-write: this statement writes every row of the table',
      hint: 'name the rows in WHERE',
    });
    const [, id] = /^decision ([0-9a-f-]{36})/.exec(error.detail ?? '') ?? [];
    const view = (await (await fetch(`${system.api}/api/entries/${id}`)).json()) as {
      entry: { statement: string };
    };
    expect(view.entry.statement).toBe('DELETE FROM t');
    expect((await client.query('SELECT count(*)::int AS n FROM t')).rows).toEqual([{ n: 5000 }]);
    await client.end();
  });

  test('a denial in a transaction fails it, as any error would, and takes back what came before', async () => {
    const client = await connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO t VALUES (10003, 'c')");
    expect(await refused(client.query('DELETE FROM t'))).toMatchObject({ code: '42501' });
    expect(await refused(client.query('SELECT 1'))).toMatchObject({ code: '25P02' });
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK');
    expect((await client.query('SELECT id FROM t WHERE id = 10003')).rows).toEqual([]);
    await client.end();
  });

  test('a statement that does not parse gets the message and position of PostgreSQL itself', async () => {
    const direct = new pg.Client({ connectionString: system.postgres.url('bench') });
    await direct.connect();
    const client = await connect();
    for (const text of [
      'SELEC 1',
      "SELECT é FROM 'x",
      'SELECT * FROM t WHERE id = ',
      'SELECT 1; DELETE FORM t',
    ]) {
      const [ours, theirs] = [await refused(client.query(text)), await refused(direct.query(text))];
      expect([ours.code, ours.message, ours.position]).toEqual([
        theirs.code,
        theirs.message,
        theirs.position,
      ]);
    }
    await client.end();
    await direct.end();
  });

  test('what nobody permits, and what does not resolve, is denied with a reason', async () => {
    const client = await connect('nobody');
    expect(await refused(client.query('SELECT * FROM t'))).toMatchObject({
      code: '42501',
      message: expect.stringMatching(/no policy permits sql\.select/),
    });
    await client.end();
    const svc = await connect();
    expect(await refused(svc.query('SELECT * FROM nowhere'))).toMatchObject({
      code: '42501',
      message: expect.stringMatching(/could not be|could not establish/),
    });
    expect(await refused(svc.query("DELETE FROM t WHERE note = 'x'"))).toMatchObject({
      code: 'SR001',
    });
    await svc.end();
  });

  test('a wrong password and a name that does not exist get the same answer', async () => {
    const attempt = (user: string) =>
      refused(
        new pg.Client({
          host: '127.0.0.1',
          port: system.gatewayPort,
          user,
          password: 'wrong',
          database: 'bench',
        }).connect(),
      );
    const [wrong, unknown] = [await attempt('svc'), await attempt('ghost')];
    expect(wrong).toMatchObject({
      code: '28P01',
      message: 'password authentication failed for user "svc"',
    });
    expect(unknown).toMatchObject({
      code: '28P01',
      message: 'password authentication failed for user "ghost"',
    });
  });

  test('a query is cancelled by its own session, and by nobody who guesses the key', async () => {
    const client = await connect('dba');
    const running = refused(client.query('SELECT count(*) FROM generate_series(1, 2000000000)'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const cancel = async (key: number) => {
      const wire = await WireClient.open(system.gatewayPort);
      const packet = Buffer.alloc(16);
      for (const [at, value] of [16, 80_877_102, processID, key].entries())
        packet.writeInt32BE(value, at * 4);
      wire.write(packet);
    };
    await cancel(secretKey ^ 1);
    const early = await Promise.race([
      running,
      new Promise((resolve) => setTimeout(() => resolve('still running'), 700)),
    ]);
    expect(early).toBe('still running');
    await cancel(secretKey);
    expect(await running).toMatchObject({ code: '57014' });
    await client.end();
  });
});

describe.skipIf(!psql)('psql', () => {
  const run = (input: string, user = 'dba') =>
    runProgram(
      psql ?? '',
      [
        '-X',
        '-q',
        '-A',
        '-t',
        '-h',
        '127.0.0.1',
        '-p',
        String(system.gatewayPort),
        '-U',
        user,
        '-d',
        'bench',
      ],
      system.password(user),
      input,
    );

  test('connects, describes tables, copies out and shows a denial in its own form', async () => {
    const { out } = await run(
      'SELECT note FROM t WHERE id = 7;\n\\d t\nDELETE FROM t;\nSELECT 2;\n',
    );
    expect(out).toContain('note 7');
    expect(out).toContain('id|integer');
    expect(out).toContain('ERROR:  denied by policy sql-unscoped-write');
    expect(out).toContain('HINT:  name the rows in WHERE');
    expect(out.trim().endsWith('2')).toBe(true);
  });

  test('COPY out streams every row', async () => {
    const { out } = await run('COPY t TO STDOUT;\n');
    expect(out.trim().split('\n').length).toBe(5000);
  });

  test('COPY in goes row by row to the server, and its rows are counted in the outcome', async () => {
    await run('COPY t FROM STDIN;\n20001\tcopied\n20002\tcopied\n\\.\n');
    const { out } = await run(
      'SELECT count(*) FROM t WHERE id > 20000;\nDELETE FROM t WHERE id IN (20001, 20002);\n',
    );
    expect(out.trim().split('\n')[0]).toBe('2');
  });

  test('a big result comes whole while its reader is slow, and the daemon does not grow by it', async () => {
    const memory = () =>
      Number(
        /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${system.daemon.child.pid}/status`, 'utf8'))?.[1],
      ) / 1024;
    const client = await connect();
    const before = memory();
    const stream = (client as unknown as { connection: { stream: Socket } }).connection.stream;
    const result = client.query({
      text: "SELECT repeat('x', 1000) AS x, i FROM generate_series(1, 200000) i",
      rowMode: 'array',
    });
    let peak = 0;
    for (let pause = 0; pause < 10; pause++) {
      stream.pause();
      await new Promise((resolve) => setTimeout(resolve, 100));
      peak = Math.max(peak, memory());
      stream.resume();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect((await result).rows.length).toBe(200_000);
    expect(peak - before).toBeLessThan(120);
    await client.end();
  }, 60_000);
});

describe.skipIf(!pgbench)('pgbench', () => {
  test.each(['simple', 'extended', 'prepared'] as const)(
    'runs in mode %s without an error, every decision durable',
    async (mode) => {
      const from = ((await (await fetch(`${system.api}/api/status`)).json()) as { size: number })
        .size;
      const result = await runPgbench(pgbench ?? '', {
        port: system.gatewayPort,
        user: 'svc',
        password: system.password('svc'),
        mode,
        clients: 4,
        seconds: 2,
      });
      expect(result.out).toContain('number of failed transactions: 0');
      expect(result.code).toBe(0);
      const entries = await entriesFrom<{ kind: string; decision?: { verdict: string } }>(
        system.api,
        from,
      );
      const decisions = entries.filter(({ kind }) => kind === 'decision');
      expect(decisions.length).toBeGreaterThan(20);
      expect(decisions.every(({ decision }) => decision?.verdict === 'allow')).toBe(true);
    },
    60_000,
  );
});

describe('hostile clients', () => {
  const login = async () =>
    (
      await WireClient.login({
        port: system.gatewayPort,
        user: 'svc',
        password: system.password('svc'),
        database: 'bench',
      })
    ).client;
  const raw = (hex: string) => Buffer.from(hex, 'hex');

  test.each([
    ['an unknown message type', '7a00000004'],
    ['a length below four', '5100000003'],
    ['a length past the bound', '517fffffff'],
    ['bytes behind the text', '510000000e53454c45435420310058'],
    ['text that is no UTF-8', '510000000a53454c20ff00'],
    ['a Bind that is cut off', '42000000060000'],
  ])('%s ends that session with 08P01, and no other', async (_name, hex) => {
    const other = await connect();
    const client = await login();
    client.write(raw(hex));
    const answer = await client.answer(1, 3_000);
    expect(answer.error?.code).toBe('08P01');
    expect(answer.closed || (await client.answer(0)).closed).toBe(true);
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await other.end();
  });

  test.each([
    ['an old protocol', '000000080002000000', '0A000'],
    ['a startup packet that is too long', '00100000', '08P01'],
    ['data behind an encryption request', '0000000804d2162f51000000', '08P01'],
  ])('%s is refused before anybody is asked', async (_name, hex, code) => {
    const client = await WireClient.open(system.gatewayPort);
    client.write(raw(hex));
    expect((await client.answer(0, 2_000)).error?.code).toBe(code);
  });

  test('every refusal leaves an entry', async () => {
    type Seen = { kind: string; result?: string; code?: string; decision?: { code: string } };
    const seen = async () => {
      const entries = await entriesFrom<Seen>(system.api, 0);
      const refusals = entries.filter(({ result }) => result === 'refused').map(({ code }) => code);
      const rejected = entries.filter(({ decision }) => decision?.code === 'rejected').length;
      return { codes: [...new Set(refusals)].sort(), rejected };
    };
    // The client is told first where its connection is refused: the entry is on its way to the disk.
    await expect
      .poll(seen, { timeout: 10_000 })
      .toMatchObject({ codes: expect.arrayContaining(['08P01', '0A000', '28P01']), rejected: 6 });
  });
});
