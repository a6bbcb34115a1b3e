/** Sessions against a real server: names, transactions, COPY, modes, and what the log says of them. */
import type { Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encode, type WireClient } from '../../../../../tests/attacks/wire.ts';
import {
  bind,
  close,
  copyData,
  copyDone,
  execute,
  type GatewaySystem,
  NOTHING_PERMITTED,
  PASSWORD,
  POLICIES,
  parse,
  policies,
  query,
  run,
  startGatewaySystem,
  sync,
  talk,
} from '../../../testing/gateway-system.ts';
import { OUTSTANDING_MAX } from './frontend.ts';

let system: GatewaySystem;
let client: WireClient;
beforeAll(async () => {
  system = await startGatewaySystem(`
    CREATE TABLE t (id integer PRIMARY KEY, note text);
    CREATE TABLE secret (id integer PRIMARY KEY);
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE child (id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
    GRANT ALL ON ALL TABLES IN SCHEMA public TO ROLE;
    GRANT CREATE, USAGE ON SCHEMA public TO ROLE;
    ALTER TABLE secret OWNER TO ROLE;`);
});
afterAll(() => system?.stop());

let from = 0;
beforeEach(async () => {
  client?.end();
  await system.admin.query('TRUNCATE t, parent, child; INSERT INTO t VALUES (1, $$one$$)');
  client = await system.login();
  from = system.log.entries.length;
});

const ids = async () => {
  const { rows } = await system.admin.query<{ id: number }>('SELECT id FROM t ORDER BY id');
  return rows.map(({ id }) => id);
};
const codes = () => system.log.of('decision', from).map(({ decision }) => decision.code);
const templates = () => system.log.of('decision', from).map(({ statement }) => statement);
const outcomes = () =>
  system.log.of('outcome', from).map(({ outcome }) => {
    const provisional = outcome.provisional ? ' provisional' : '';
    return `${outcome.status}${provisional}${outcome.code ? ` ${outcome.code}` : ''}`;
  });

describe('prepared statements', () => {
  test('a denied Parse cannot be executed later, by any name', async () => {
    expect(await talk(client, [parse('s1', 'DELETE FROM t'), sync])).toEqual(['E 42501', 'Z I']);
    const later = [bind('', 's1'), execute(''), sync];
    expect(await talk(client, later)).toEqual(['E 42501', 'Z I']);
    expect(await talk(client, [query('EXECUTE s1')])).toEqual(['E 42501', 'Z I']);
    expect(codes()).toEqual(['forbidden', 'not-understood', 'not-understood']);
    expect(await ids()).toEqual([1]);
  });

  test('one map for SQL and wire: what PREPARE made can be bound, what Parse made executed', async () => {
    const prepared = [query('PREPARE a AS SELECT id FROM t'), bind('', 'a'), execute(''), sync];
    expect(await talk(client, prepared)).toEqual([
      'C PREPARE',
      'Z I',
      '2',
      'D 1',
      'C SELECT 1',
      'Z I',
    ]);
    const parsed = [parse('b', 'SELECT note FROM t'), sync, query('EXECUTE b')];
    expect(await talk(client, parsed)).toEqual(['1', 'Z I', 'T', 'D one', 'C SELECT 1', 'Z I']);
    expect(await talk(client, [query('DEALLOCATE ALL'), query('EXECUTE a')])).toEqual([
      'C DEALLOCATE ALL',
      'Z I',
      'E 42501',
      'Z I',
    ]);
  });

  test('a name that a failing message has redefined stands for its new text', async () => {
    await talk(client, [query('PREPARE a AS SELECT id FROM t')]);
    const redefined = 'DEALLOCATE a; PREPARE a AS SELECT id FROM secret; SELECT 1/0';
    expect((await talk(client, [query(redefined)])).at(-2)).toBe('E 22012');
    await talk(client, [query('EXECUTE a')]);
    const { facts } = system.log.of('decision', from).at(-1) ?? {};
    expect(facts).toMatchObject({ sql: { tablesRead: [{ schema: 'public', name: 'secret' }] } });
  });

  test('a name whose second Parse fails still stands for the first text, in a pipeline too', async () => {
    const answers = await talk(client, [
      parse('a', 'SELECT id FROM t'),
      sync,
      parse('a', 'SELECT id FROM secret'),
      sync,
      bind('', 'a'),
      execute(''),
      sync,
    ]);
    expect(answers).toEqual(['1', 'Z I', 'E 42P05', 'Z I', '2', 'D 1', 'C SELECT 1', 'Z I']);
    expect(templates()).toEqual(['SELECT id FROM t']);
  });

  test('the reserved name is not to be had, and Close makes a name free again', async () => {
    expect(await talk(client, [parse('sealrail', 'SELECT 1'), sync])).toEqual(['E 42501', 'Z I']);
    const closed = [parse('a', 'SELECT 1'), close('S', 'a'), parse('a', 'SELECT 2'), bind('', 'a')];
    expect(await talk(client, [...closed, execute(''), sync])).toEqual([
      '1',
      '3',
      '1',
      '2',
      'D 2',
      'C SELECT 1',
      'Z I',
    ]);
  });
});

describe('cursors', () => {
  test('are fetched from by their names, and end with their transaction unless they are held', async () => {
    const declared = [
      query('BEGIN'),
      query('DECLARE c CURSOR FOR SELECT id FROM t'),
      query('DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t'),
      query('FETCH c'),
      execute('h'),
      sync,
      query('COMMIT'),
    ];
    const answers = await talk(client, declared);
    expect(answers.filter((one) => one.startsWith('D'))).toEqual(['D 1', 'D 1']);
    expect(await talk(client, [query('FETCH c')])).toEqual(['E 42501', 'Z I']);
    expect(await talk(client, [query('MOVE ABSOLUTE 0 IN h; FETCH h; CLOSE h')])).toEqual([
      'C MOVE 0',
      'T',
      'D 1',
      'C FETCH 1',
      'C CLOSE CURSOR',
      'Z I',
    ]);
    expect(await talk(client, [query('FETCH h')])).toEqual(['E 42501', 'Z I']);
  });

  test('a name that was never declared is denied by SQL and by wire', async () => {
    expect(await talk(client, [query('FETCH nobody')])).toEqual(['E 42501', 'Z I']);
    expect(await talk(client, [execute('nobody'), sync])).toEqual(['E 42501', 'Z I']);
  });
});

describe('names that change their meaning', () => {
  test('behind a changed search_path an unqualified name means nothing certain', async () => {
    const pipelined = [query('SET search_path = pg_temp, public'), query('SELECT id FROM t')];
    expect(await talk(client, pipelined)).toEqual(['C SET', 'Z I', 'E 42501', 'Z I']);
    expect(await talk(client, [query('SELECT id FROM public.t')])).toContain('D 1');
    const reset = [query('RESET search_path'), query('SELECT id FROM t')];
    expect(await talk(client, reset)).toContain('D 1');
  });

  test('in a pipeline without a Sync the later text waits for the earlier one', async () => {
    const answers = await talk(client, [
      ...run('SET search_path = pg_temp, public'),
      ...run('SELECT id FROM t'),
      sync,
    ]);
    expect(answers).toEqual(['1', '2', 'C SET', 'E 42501', 'Z I']);
  });

  test('with DDL that is not committed no table is what the catalog says; after COMMIT all are', async () => {
    const block = [
      query('BEGIN'),
      query('ALTER TABLE secret RENAME TO renamed'),
      query('SELECT id FROM t'),
    ];
    expect(await talk(client, block)).toEqual([
      'C BEGIN',
      'Z T',
      'C ALTER TABLE',
      'Z T',
      'E 42501',
      'Z E',
    ]);
    const after = [query('ROLLBACK'), query('ALTER TABLE secret RENAME TO renamed')];
    expect(await talk(client, after)).toEqual(['C ROLLBACK', 'Z I', 'C ALTER TABLE', 'Z I']);
    const renamed = [
      query('SELECT id FROM renamed'),
      query('ALTER TABLE renamed RENAME TO secret'),
    ];
    expect(await talk(client, renamed)).toContain('C SELECT 0');
    expect(await talk(client, [query('SELECT id FROM renamed')])).toEqual(['E 42501', 'Z I']);
  });
});

describe('denials', () => {
  test('one inside a block fails the block as any error does', async () => {
    const block = [
      query('BEGIN'),
      query('INSERT INTO t VALUES (2)'),
      query('DELETE FROM t'),
      query('DELETE FROM t'),
      query('SELECT 1'),
      query('COMMIT'),
    ];
    expect(await talk(client, block)).toEqual([
      'C BEGIN',
      'Z T',
      'C INSERT 0 1',
      'Z T',
      'E 42501',
      'Z E',
      'E 25P02',
      'Z E',
      'E 25P02',
      'Z E',
      'C ROLLBACK',
      'Z I',
    ]);
    expect(await ids()).toEqual([1]);
  });

  test('a batch with one denied statement is refused before its first', async () => {
    const batch = 'INSERT INTO t VALUES (2); DELETE FROM t';
    expect(await talk(client, [query(batch)])).toEqual(['E 42501', 'Z I']);
    expect(await ids()).toEqual([1]);
  });

  test('a call by number is a side door, and closed', async () => {
    client.write(encode({ FunctionCall: { oid: 1598, args: [] } }));
    const { messages, error } = await client.answer(1);
    expect(error?.code).toBe('42501');
    expect(messages.map(({ type }) => type)).toEqual(['E', 'Z']);
  });

  test('what does not parse, and what is too large, is told so', async () => {
    expect(await talk(client, [query('SELEC 1')])).toEqual(['E 42601', 'Z I']);
    expect(await talk(client, [parse('', 'SELEC 1'), sync])).toEqual(['E 42601', 'Z I']);
    const large = `SELECT '${'x'.repeat(256 * 1024)}'`;
    expect(await talk(client, [query(large)])).toEqual(['E 54000', 'Z I']);
  });

  test('an empty query passes', async () => {
    expect(await talk(client, [query(''), query(' -- nothing'), ...run(''), sync])).toEqual([
      'I',
      'Z I',
      'I',
      'Z I',
      '1',
      '2',
      'I',
      'Z I',
    ]);
  });

  test('policies that were swapped after the Bind decide its Execute', async () => {
    const bound = [query('BEGIN'), parse('a', 'SELECT id FROM t'), bind('p', 'a'), sync];
    await talk(client, bound);
    system.guard.replace(policies(NOTHING_PERMITTED));
    try {
      expect(await talk(client, [execute('p'), sync])).toEqual(['E 42501', 'Z E']);
    } finally {
      system.guard.replace(policies(POLICIES));
    }
    expect(codes()).toEqual(['allowed', 'allowed', 'no-permit']);
  });
});

describe('COPY', () => {
  test('takes data by the simple protocol, two in one message too', async () => {
    client.write(encode(query('COPY t (id) FROM STDIN; COPY parent FROM STDIN')));
    await client.answer(0, 300);
    client.write(Buffer.concat([copyData('2\n'), copyDone].map(encode)));
    await client.answer(0, 300);
    const rest = [copyData('7\n'), copyDone, query('SELECT 1')];
    expect(await talk(client, rest, 2)).toEqual([
      'C COPY 1',
      'Z I',
      'T',
      'D 1',
      'C SELECT 1',
      'Z I',
    ]);
    expect(await ids()).toEqual([1, 2]);
  });

  test('swallows the Sync that came before its data, as libpq sends it', async () => {
    client.write(Buffer.concat([...run('COPY t (id) FROM STDIN'), sync].map(encode)));
    await client.answer(0, 300);
    expect(await talk(client, [copyData('3\n'), copyDone, sync])).toEqual(['C COPY 1', 'Z I']);
    expect(await ids()).toEqual([1, 3]);
    expect(system.log.of('outcome', from).at(-1)).toMatchObject({ rows: 1, bytes: 7 });
  });

  test('that is refused by the server leaves its Sync to count', async () => {
    const answers = await talk(client, [
      ...run('COPY t (id) FROM STDIN (FORMAT csv, QUOTE $$ab$$)'),
      sync,
    ]);
    expect(answers).toEqual(['1', '2', 'E 0A000', 'Z I']);
    expect(await talk(client, [query('SELECT 1')])).toContain('Z I');
  });

  test('with another message amid its data ends the session', async () => {
    client.write(encode(query('COPY t (id) FROM STDIN')));
    await client.answer(0, 300);
    client.write(encode(query('DELETE FROM t')));
    const { error } = await client.answer(1);
    expect(error?.code).toBe('08P01');
    expect(await ids()).toEqual([1]);
    expect(codes()).toEqual(['allowed', 'rejected']);
  });

  describe('whose data the policies forbid', () => {
    /** Published for tests; in parts, so that no scanner of repositories takes it for real. */
    const card = ['4242', '4242', '4242', '4242'].join('');
    const text = 'COPY t (id, note) FROM STDIN';
    const data = [copyData('5\tfine\n'), copyData(`6\t${card}\n`), copyDone];
    beforeAll(() => {
      system.guard.replace(
        policies(`${POLICIES}
          @id("no-cards") @severity("high") @message("no cards here") @hint("store a token")
          forbid (principal, action in Action::"sql.any", resource)
          when { context.meta.detected.personal.contains("pan") };`),
      );
    });
    afterAll(() => system.guard.replace(policies(POLICIES)));

    test.each([
      ['by the simple protocol', [], [query(text)], [...data], 'Z I'],
      ['by the extended one', [], run(text), [...data, sync], 'Z I'],
      [
        'as libpq sends it, with a Sync before its data',
        [],
        [...run(text), sync],
        [...data, sync],
        'Z I',
      ],
      ['in a transaction', [query('BEGIN')], [query(text)], [...data], 'Z E'],
    ])('is given up %s, and the session goes on', async (_how, before, begin, rest, status) => {
      await talk(client, before);
      client.write(Buffer.concat(begin.map(encode)));
      await client.answer(0, 300);
      expect((await talk(client, rest, 1)).slice(-2)).toEqual(['E 42501', status]);
      await talk(client, [query('ROLLBACK')]);
      expect(await talk(client, [query('SELECT 1')])).toEqual(['T', 'D 1', 'C SELECT 1', 'Z I']);
      expect(await ids()).toEqual([1]);
      expect(codes()).toContain('forbidden');
      expect(outcomes().filter((one) => /^failed .*57014$/.test(one))).toHaveLength(1);
      expect(JSON.stringify(system.log.of('decision', from))).not.toContain(card);
    });
  });

  test('data outside of one goes nowhere', async () => {
    const stray = [copyData('9\n'), copyDone, query('SELECT 1')];
    expect(await talk(client, stray)).toEqual(['T', 'D 1', 'C SELECT 1', 'Z I']);
  });
});

describe('outcomes', () => {
  test('are provisional in a block and settled by its end', async () => {
    const block = ['BEGIN', 'INSERT INTO t VALUES (2)', 'COMMIT', 'SELECT 1'];
    await talk(client, block.map(query));
    expect(outcomes()).toEqual([
      'executed provisional',
      'executed provisional',
      'committed',
      'executed',
    ]);
    const [begin, insert, commit] = system.log.of('outcome', from);
    expect(new Set([begin, insert, commit].map((one) => one?.transaction)).size).toBe(1);
    expect(insert?.rows).toBe(1);
    expect(commit?.settles).toBe(2);
  });

  test('say that a COMMIT failed in a deferred constraint', async () => {
    const block = ['BEGIN', 'INSERT INTO child VALUES (5)', 'COMMIT'];
    expect((await talk(client, block.map(query))).at(-2)).toBe('E 23503');
    expect(outcomes().at(-1)).toBe('rolled_back 23503');
  });

  test('say that a Sync could not commit what came before it', async () => {
    const answers = await talk(client, [...run('INSERT INTO child VALUES (6)'), sync]);
    expect(answers).toEqual(['1', '2', 'C INSERT 0 1', 'E 23503', 'Z I']);
    expect(outcomes()).toEqual(['rolled_back']);
  });

  test('of a pipeline tell what ran, what failed and what was skipped', async () => {
    const ran = run('INSERT INTO t VALUES (2)');
    await talk(client, [...ran, ...run('SELECT 1/0'), ...run('SELECT 2'), sync]);
    expect(outcomes()).toEqual(['rolled_back', 'failed 22012', 'skipped']);
  });

  test('of a portal: one for each turn that it ran, and skipped where it never did', async () => {
    const three = 'SELECT generate_series(1, 3)';
    const turns = [query('BEGIN'), parse('', three), bind('p', ''), execute('p', 2), sync];
    await talk(client, [...turns, execute('p', 2), bind('q', ''), sync, query('ROLLBACK')]);
    expect(outcomes()).toEqual([
      'executed provisional',
      'executed provisional',
      'executed provisional',
      'rolled_back',
      'skipped',
    ]);
  });

  test('are unknown for what was running when the client went away', async () => {
    client.write(Buffer.concat([query('BEGIN'), query('SELECT pg_sleep(20)')].map(encode)));
    await client.answer(1, 1_000);
    await expect.poll(() => codes().length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.end();
    await expect.poll(outcomes).toEqual(['executed provisional', 'unknown provisional', 'unknown']);
  });

  test('and decisions are counted by the entry of the end', async () => {
    await talk(client, [query('SELECT 1'), query('DELETE FROM t'), ...run('SELECT 2'), sync]);
    client.write(Buffer.from('5800000004', 'hex'));
    await client.answer(0);
    await expect
      .poll(() => system.log.of('session', from).find(({ event }) => event === 'end'))
      .toMatchObject({ result: 'ok', counts: { decisions: 3, outcomes: 2 } });
  });
});

describe('bounds', () => {
  test(`a pipeline of more than ${OUTSTANDING_MAX} messages goes through, never all of it at once`, async () => {
    const many = Array.from({ length: OUTSTANDING_MAX / 2 }, () => [
      bind('', 'a'),
      execute(''),
      bind('', 'a'),
    ]).flat();
    const answers = await talk(client, [parse('a', 'SELECT 1'), sync, ...many, sync]);
    expect(answers.filter((one) => one === '2').length).toBe(OUTSTANDING_MAX);
    expect(answers.at(-1)).toBe('Z I');
  }, 60_000);

  test('a client that sends and does not read is held back, not buffered', async () => {
    const { host, port } = system.gateway.address;
    const driver = new pg.Client({ host, port, user: 'svc', password: PASSWORD, database: 'shop' });
    driver.on('error', () => undefined);
    await driver.connect();
    const { stream } = (driver as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners('data').pause();
    const before = process.memoryUsage().rss;
    const text = encode(query("SELECT repeat('x', 100000) FROM generate_series(1, 1000)"));
    stream.write(Buffer.concat([text, text]));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(process.memoryUsage().rss - before).toBeLessThan(40 << 20);
    let received = 0;
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    stream.resume();
    await expect.poll(() => received, { timeout: 20_000 }).toBeGreaterThan(200_000_000);
    stream.destroy();
  }, 60_000);
});
