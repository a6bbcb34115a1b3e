/** What a principal that sees masked columns receives, byte by byte, from a real server. */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BackendMessage, WireClient } from '../../../../../tests/attacks/wire.ts';
import { encode } from '../../../../../tests/attacks/wire.ts';
import {
  bind,
  close,
  DATABASE,
  describePortal,
  execute,
  type GatewaySystem,
  PASSWORD,
  parse,
  policies,
  query,
  run,
  startGatewaySystem,
  summary,
  sync,
  talk,
} from '../../../testing/gateway-system.ts';
import type { Gateway } from './gateway.ts';

/** Everything personal in the database has this in it. */
const SECRET = 'SECRET';

const SETUP = `
  CREATE TABLE people (id integer PRIMARY KEY, gone text, email text UNIQUE, phone varchar(20), code char(30),
    born date, token uuid, blob bytea, doc jsonb, city text NOT NULL CHECK (city <> 'nowhere'),
    email_key text GENERATED ALWAYS AS (lower(email)) STORED);
  ALTER TABLE people DROP COLUMN gone;
  INSERT INTO people SELECT i, 'SECRET' || i || '@example.org', 'SECRET-' || i, 'SECRET' || i, '2001-01-01',
    gen_random_uuid(), convert_to('SECRET' || i, 'UTF8'), '{"a":"SECRET"}', 'city ' || i FROM generate_series(1, 20) i;
  INSERT INTO people (id, city) VALUES (21, 'city 21');
  CREATE TABLE visits (id integer PRIMARY KEY, visitor varchar(40) NOT NULL);
  INSERT INTO visits SELECT i, 'SECRET' || (1 + i % 20) || '@example.org' FROM generate_series(1, 40) i;
  CREATE TABLE log_all (id integer, who text) PARTITION BY RANGE (id);
  CREATE TABLE log_1 PARTITION OF log_all FOR VALUES FROM (0) TO (100);
  INSERT INTO log_1 VALUES (1, 'SECRET one');
  CREATE VIEW mails AS SELECT id, email FROM people;
  CREATE FUNCTION noisy() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE NOTICE 'row %', NEW; RETURN NEW; END $$;
  CREATE TABLE loud (id integer, email text);
  INSERT INTO loud VALUES (1, 'SECRET');
  CREATE TRIGGER loud BEFORE UPDATE ON loud FOR EACH ROW EXECUTE FUNCTION noisy();
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ROLE;`;

const CLASSES = {
  personal: [
    ...['email', 'phone', 'code', 'born', 'token', 'blob', 'doc'].map(
      (one) => `public.people.${one}`,
    ),
    'public.visits.visitor',
    'public.log_1.who',
    'public.loud.email',
  ],
};

const PERMIT = `
@id("all") @severity("info") @message("everything") @hint("none")
permit (principal, action in Action::"sql.any", resource);
`;
const rules = (method: string, more = ''): string => `${PERMIT}
@id("mask") @severity("medium") @unless("masked") @classes("personal") @with("${method}")
@message("personal data is masked") @hint("ask")
forbid (principal, action == Action::"sql.select", resource is Table)
when { context.access.shownClasses.contains("personal") }
unless { principal in Group::"services" };
${more}`;
const LIMIT = `
@id("bulk") @severity("medium") @unless("limited") @rows("5") @message("reads end") @hint("aggregate")
forbid (principal, action == Action::"sql.select", resource is Table);`;

let system: GatewaySystem;
let gateway: Gateway;
let client: WireClient;
let from: number;
beforeAll(async () => {
  system = await startGatewaySystem(SETUP);
  gateway = await system.open({ mode: 'enforce', classes: CLASSES });
});
afterAll(() => system?.stop());
beforeEach(async () => {
  system.guard.replace(policies(rules('constant')));
  client = await system.login('bot', gateway);
  from = system.log.entries.length;
});
afterEach(() => client.end());

/** Every byte of the answer, and the answer in short. */
async function ask(...messages: readonly (Parameters<typeof encode>[0] | Buffer)[]): Promise<{
  readonly all: string;
  readonly said: string[];
  readonly messages: readonly BackendMessage[];
}> {
  const ready = messages.filter(
    (one) => !Buffer.isBuffer(one) && ('Sync' in one || 'Query' in one),
  ).length;
  client.write(Buffer.concat(messages.map((one) => (Buffer.isBuffer(one) ? one : encode(one)))));
  const { messages: answers } = await client.answer(ready);
  const all = answers.map(({ body }) => body.toString('latin1')).join('\n');
  return { all, said: summary(answers), messages: answers };
}
const outcomes = () => system.log.of('outcome', from);
const denialOf = ({ messages }: { messages: readonly BackendMessage[] }): string =>
  messages.find(({ type }) => type === 'E')?.body.toString('utf8') ?? '';

describe('a masked column', () => {
  test('shows a constant in its place, everything else as it is, and the outcome counts it', async () => {
    const { all, said } = await ask(query('SELECT id, email AS e, city FROM people WHERE id <= 2'));
    expect(said).toEqual(['T', 'D 1|•••|city 1', 'D 2|•••|city 2', 'C SELECT 2', 'Z I']);
    expect(all).not.toContain(SECRET);
    expect(outcomes()).toMatchObject([
      { rows: 2, obligations: { masked: { columns: 1, values: 2 } } },
    ]);
  });

  test.each(['null', 'constant', 'hash', 'partial'])(
    '%s: nothing of it in any shape that shows it',
    async (method) => {
      system.guard.replace(policies(rules(method)));
      for (const sql of [
        'TABLE people',
        'SELECT * FROM people',
        'SELECT p.m FROM people AS p(i, m)',
        'WITH w AS (SELECT email, token FROM people) SELECT * FROM w',
        'SELECT s.email FROM (SELECT email FROM people OFFSET 1) s JOIN visits v ON v.id = 1',
        'SELECT email_key FROM people',
        'SELECT who FROM log_all',
        'SELECT 1; SELECT email FROM people; SELECT city, phone FROM people',
        'UPDATE people SET city = city WHERE id = 3 RETURNING id, email',
        'DECLARE c CURSOR WITH HOLD FOR SELECT id, email FROM people; FETCH 2 FROM c; CLOSE c',
        'PREPARE p AS SELECT email FROM people; EXECUTE p; DEALLOCATE p',
      ]) {
        const { all, said } = await ask(query(sql));
        // A partial mask keeps what it keeps; of these values that is never all of it.
        const values = method === 'partial' ? /SECRET\d+@|SECRET-\d+|SECRET one/ : /SECRET/;
        expect({
          sql,
          leaks: values.test(all),
          errors: said.filter((one) => one.startsWith('E')),
        }).toEqual({ sql, leaks: false, errors: [] });
      }
    },
  );

  test('is masked in binary, by portals in parts, and by statements prepared before the policy', async () => {
    system.guard.replace(policies(PERMIT));
    await ask(parse('s', 'SELECT id, email, token, blob, born FROM people ORDER BY id'), sync);
    system.guard.replace(policies(rules('constant')));
    const binary = Buffer.from([0, 0x73, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    const head = Buffer.alloc(5);
    head.write('B');
    head.writeUInt32BE(binary.length + 4, 1);
    const { all, said } = await ask(
      Buffer.concat([head, binary]),
      execute('', 1),
      execute('', 2),
      describePortal(''),
      execute(''),
      sync,
    );
    expect(all).not.toContain(SECRET);
    expect(said.map((one) => one.slice(0, 3))).toEqual([
      '2',
      'D \0',
      's',
      'D \0',
      'D \0',
      's',
      'T',
      ...Array(18).fill('D \0'),
      'C S',
      'Z I',
    ]);
    expect(all.split('\u00e2\u0080\u00a2').length - 1).toBe(21 * 3);
  });

  test('a driver reads the masked values as values of their types', async () => {
    const { host, port } = gateway.address;
    const driver = new pg.Client({
      host,
      port,
      user: 'bot',
      password: PASSWORD,
      database: DATABASE,
    });
    await driver.connect();
    const { rows } = await driver.query(
      'SELECT id, email, born, token, blob, doc, code FROM people WHERE id = $1',
      [4],
    );
    await driver.end();
    expect(rows).toEqual([
      {
        id: 4,
        email: '•••',
        born: null,
        token: '00000000-0000-0000-0000-000000000000',
        blob: Buffer.alloc(0),
        doc: '•••',
        code: '•••'.padEnd(30),
      },
    ]);
  });

  test('hashes of one value are equal, so that results of two tables can still be joined', async () => {
    system.guard.replace(policies(rules('hash')));
    const { said: people } = await ask(query('SELECT email FROM people WHERE id = 7'));
    const { said: visits } = await ask(query('SELECT visitor FROM visits WHERE id = 6'));
    expect(people[1]).toMatch(/^D h_/);
    expect(visits[1]).toBe(people[1]);
  });

  test('whoever may see it sees it, by the same gateway', async () => {
    const other = await system.login('svc', gateway);
    expect(await talk(other, [query('SELECT email FROM people WHERE id = 1')])).toContain(
      'D SECRET1@example.org',
    );
    other.end();
  });

  test('in observe mode nothing is masked', async () => {
    const watching = await system.open({ mode: 'observe', classes: CLASSES });
    const other = await system.login('bot', watching);
    expect(await talk(other, [query('SELECT email FROM people WHERE id = 1')])).toContain(
      'D SECRET1@example.org',
    );
    other.end();
  });

  test.each([
    ['used beside being shown', 'SELECT email, lower(email) FROM people'],
    ['sorted by', 'SELECT email FROM people ORDER BY email'],
    ['filtered by', "SELECT email FROM people WHERE email LIKE 'a%'"],
    ['a view', 'SELECT p.email FROM mails m JOIN people p ON p.id = m.id'],
    ['copied and shown', 'UPDATE people SET city = email WHERE id = 1 RETURNING email'],
  ])('%s: denied before anything happens, in one entry', async (_what, sql) => {
    const answer = await ask(query(sql));
    expect(answer.said).toEqual(['E 42501', 'Z I']);
    expect(denialOf(answer)).toMatch(/policy mask masks public\.people/);
    expect(answer.all).not.toContain(SECRET);
    const decisions = system.log.of('decision', from).map(({ decision }) => decision.verdict);
    expect(decisions).toEqual(['deny']);
    expect(outcomes()).toEqual([]);
    const prepared = await ask(parse('', sql), bind('', ''), execute(''), sync);
    expect(prepared.said).toEqual(['E 42501', 'Z I']);
  });

  test.each([
    'SELECT most_common_vals FROM pg_stats',
    'SELECT stavalues1 FROM pg_statistic',
    'SELECT query FROM pg_stat_activity',
  ])('is not read through %s', async (sql) => {
    const answer = await ask(query(sql));
    expect(answer.said).toEqual(['E 42501', 'Z I']);
    expect(answer.all).toContain('masked for you');
  });

  test('what else the server says of itself is still read', async () => {
    const sql = 'SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = pg_backend_pid()';
    expect((await ask(query(sql))).said).toContain('D t');
  });

  test('a pipeline goes on in order behind a result that had to be described first', async () => {
    const { said, all } = await ask(
      ...run('SELECT 1'),
      ...run('SELECT email FROM people WHERE id = $1', '2'),
      ...run('SELECT 3'),
      sync,
      query('SELECT 4'),
    );
    expect(said).toEqual([
      '1',
      '2',
      'D 1',
      'C SELECT 1',
      '1',
      '2',
      'D •••',
      'C SELECT 1',
      '1',
      '2',
      'D 3',
      'C SELECT 1',
      'Z I',
      'T',
      'D 4',
      'C SELECT 1',
      'Z I',
    ]);
    expect(all).not.toContain(SECRET);
  });

  test('a failing bind of a masked statement discards to its Sync, as without us', async () => {
    const failing = [
      parse('', 'SELECT email FROM people WHERE id = $1'),
      bind('', '', 'x'),
      execute(''),
      sync,
    ];
    expect((await ask(...failing, query('SELECT 1'))).said).toEqual([
      '1',
      'E 22P02',
      'Z I',
      'T',
      'D 1',
      'C SELECT 1',
      'Z I',
    ]);
  });

  test('a table that is another one by now shows nothing: the result is not what was judged', async () => {
    const prepared = parse('q', 'SELECT id, email FROM people WHERE id = 1');
    await ask(prepared, bind('', 'q'), execute(''), close('P', ''), sync);
    // Behind the gateway's back, and faster than it looks: the column's number is another one.
    await system.admin.query(`BEGIN; ALTER TABLE people RENAME TO people_old;
      CREATE TABLE people (other integer, id integer, email text, city text);
      INSERT INTO people VALUES (1, 1, 'SECRET', 'x'); GRANT SELECT ON people TO PUBLIC; COMMIT`);
    try {
      const simple = await ask(query('SELECT id, email FROM people WHERE id = 1'));
      expect(simple.said).toEqual(['E 42501', 'Z I']);
      const extended = await ask(...run('SELECT id, email FROM people WHERE id = 1'), sync);
      expect(extended.said.at(-2)).toBe('E 42501');
      expect(simple.all + extended.all).not.toContain(SECRET);
      expect((await ask(query('SELECT 1'))).said).toContain('D 1');
    } finally {
      await system.admin.query('DROP TABLE people; ALTER TABLE people_old RENAME TO people');
      await gateway.catalog.refresh();
    }
  });
});

describe('errors and notices', () => {
  test.each([
    ['a constraint', "UPDATE people SET city = 'nowhere' WHERE id = 1", '23514'],
    ['a key', "UPDATE people SET email = 'SECRET2@example.org' WHERE id = 1", '23505'],
  ])('%s is violated without printing the row', async (_what, sql, code) => {
    const answer = await ask(query(sql));
    expect(answer.said).toEqual([`E ${code}`, 'Z I']);
    expect(answer.all).not.toContain(SECRET);
    expect(denialOf(answer)).toContain('people_');
  });

  test('a NOTICE of a trigger says nothing, and whoever sees plainly reads it', async () => {
    const sql = 'UPDATE loud SET id = 2 WHERE id = 1 OR id = 2';
    system.guard.replace(policies(rules('constant')));
    const { all, messages } = await ask(query(sql));
    expect(messages.map(({ type }) => type)).toContain('N');
    expect(all).not.toContain(SECRET);
    const other = await system.login('svc', gateway);
    other.write(encode(query(sql)));
    const { messages: plain } = await other.answer(1);
    expect(plain.map(({ body }) => body.toString()).join()).toContain(SECRET);
    other.end();
  });
});

describe('a bound on rows', () => {
  beforeEach(() => system.guard.replace(policies(rules('constant', LIMIT))));
  const warnings = ({ messages }: { messages: readonly BackendMessage[] }): string[] =>
    messages.flatMap(({ type, body }) => (type === 'N' ? [body.toString('utf8')] : []));
  const rowsIn = (said: readonly string[]) => said.filter((one) => one.startsWith('D ')).length;

  test('cuts a result, says so, and the session goes on', async () => {
    const answer = await ask(query('SELECT id, email FROM people ORDER BY id'), query('SELECT 1'));
    expect(rowsIn(answer.said)).toBe(6);
    expect(answer.said.slice(5)).toEqual([
      'D 5|•••',
      'C SELECT 5',
      'Z I',
      'T',
      'D 1',
      'C SELECT 1',
      'Z I',
    ]);
    expect(warnings(answer)[0]).toMatch(/WARNING.*cut after 5 rows by policy bulk/s);
    expect(outcomes()[0]).toMatchObject({
      rows: 5,
      obligations: { limited: { rows: 5 }, masked: { values: 5 } },
    });
  });

  test('says nothing where everything was shown', async () => {
    const answer = await ask(query('SELECT id FROM people WHERE id <= 5'));
    expect([rowsIn(answer.said), warnings(answer)]).toEqual([5, []]);
    expect(outcomes()[0]?.obligations).toBeUndefined();
  });

  test('the server stops as soon as there is one row too many', async () => {
    const started = performance.now();
    const answer = await ask(
      query(
        'SELECT a.id FROM people a, people b, people c, people d, people e, people f, people g',
      ),
    );
    expect(rowsIn(answer.said)).toBe(5);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test.each([
    [
      'by a portal in parts',
      [
        parse('', 'SELECT id FROM people'),
        bind('', ''),
        execute('', 3),
        execute('', 3),
        execute('', 3),
        sync,
      ],
      5,
    ],
    ['by an Execute of all', [...run('SELECT id FROM people'), sync], 5],
    [
      'by a cursor, over all its fetches',
      [
        query(
          'BEGIN; DECLARE c CURSOR FOR SELECT id FROM people; FETCH 3 FROM c; FETCH 3 FROM c; FETCH 1 FROM c; COMMIT',
        ),
      ],
      5,
    ],
    [
      'over the statements of a message',
      [query('SELECT id FROM people WHERE id < 4; SELECT id FROM people')],
      5,
    ],
    [
      'by RETURNING, which changes all of them',
      [query('UPDATE people SET city = city WHERE id < 12 RETURNING id')],
      5,
    ],
  ])('holds %s', async (_what, messages, rows) => {
    const answer = await ask(...messages);
    expect(rowsIn(answer.said)).toBe(rows);
    expect(warnings(answer).length).toBeGreaterThan(0);
    expect(answer.said.filter((one) => one.startsWith('E'))).toEqual([]);
  });

  test('RETURNING is cut, and its tag still says how many rows were changed', async () => {
    const { said } = await ask(query('UPDATE people SET city = city WHERE id < 12 RETURNING id'));
    expect(said.at(-2)).toBe('C UPDATE 11');
  });

  test('a block that is open stays open, and one that failed stays failed', async () => {
    expect((await ask(query('BEGIN'), query('SELECT id FROM people'))).said.at(-1)).toBe('Z T');
    expect((await ask(query('SELECT 1 / (id - id) FROM people'))).said).toEqual([
      'T',
      'E 22012',
      'Z E',
    ]);
    expect((await ask(query('SELECT id FROM people'))).said).toEqual(['E 25P02', 'Z E']);
    expect((await ask(query('ROLLBACK'), query('SELECT id FROM people'))).said.at(-2)).toBe(
      'C SELECT 5',
    );
  });

  test('a COPY that is cut ends in an error, so that nobody takes it for the whole', async () => {
    const { said, all } = await ask(query('COPY visits (id) TO STDOUT'), query('SELECT 1'));
    const copied = ['H', 'd', 'd', 'd', 'd', 'd', 'E 54000', 'Z I'];
    expect(said).toEqual([...copied, 'T', 'D 1', 'C SELECT 1', 'Z I']);
    expect(all).toContain('cut after 5 rows by policy bulk');
    expect(outcomes()[0]).toMatchObject({
      outcome: { status: 'failed', code: '54000' },
      obligations: { limited: { rows: 5 } },
    });
    const whole = await ask(query('COPY (SELECT id FROM visits WHERE id < 5) TO STDOUT'));
    expect(whole.said).toEqual(['H', 'd', 'd', 'd', 'd', 'c', 'C COPY 4', 'Z I']);
  });

  test('a bound in bytes holds as well', async () => {
    system.guard.replace(policies(rules('constant', LIMIT.replace('@rows("5")', '@bytes("50")'))));
    const answer = await ask(query('SELECT city FROM people'));
    // 5 + 2 + 4 + 6 bytes a row.
    expect(rowsIn(answer.said)).toBe(2);
    expect(warnings(answer)[0]).toContain('50 bytes');
  });
});
