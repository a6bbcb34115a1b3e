/** Statements that mean something else than they look like; each is a way through that somebody could try. */
import { readSql, type SqlFacts, type SqlStatement } from '@sealrail/facts';
import { describe, expect, test } from 'vitest';
import { openParser } from '../../packages/server/src/gateway/postgres/parse.ts';
import { memoryCatalog } from './catalog.ts';

const parse = await openParser(18);
const catalog = memoryCatalog(['purge', 'dblink_exec']);
const read = (text: string) => readSql({ text, parse, catalog });
const facts = (text: string): SqlFacts => read(text).facts;
const effects = (text: string): SqlStatement['effects'] => {
  const reading = read(text);
  return reading.kind === 'statement' ? reading.effects : [];
};
const users = (text: string) =>
  facts(text).uses.find(
    ({ verb, resource }) => verb === 'select' && 'name' in resource && resource.name === 'users',
  );

describe('a column that is used where it is not named', () => {
  test.each([
    // The number of a result column.
    'SELECT id, ssn FROM users ORDER BY 2',
    'SELECT name, ssn FROM users GROUP BY 1, 2',
    'SELECT DISTINCT ON (2) id, ssn FROM users',
    'SELECT u.*, 1 FROM users u ORDER BY 2',
    'SELECT * FROM users JOIN notes USING (id) ORDER BY 2',
    'SELECT id FROM (SELECT id, ssn AS s FROM users) q ORDER BY s',
    // An output name that is sorted by.
    'SELECT id, ssn AS x FROM users ORDER BY x',
    // Whole rows, under every name that they have.
    'SELECT users FROM users',
    'SELECT (u).ssn FROM users u',
    'SELECT count(u.*) FROM users u',
    'SELECT ROW(u.*) FROM users u',
    'SELECT u FROM (SELECT * FROM users) u',
    'SELECT x IS NULL FROM users AS x(a, b, c, d, e)',
    // Columns that are compared by a join.
    'SELECT n.id FROM users u NATURAL JOIN (SELECT id, ssn FROM users) n',
    'SELECT a.id FROM users a JOIN users b USING (ssn)',
    'SELECT 1 FROM users a JOIN users b ON a.ssn = b.ssn',
    // Clauses where nobody looks.
    "SELECT count(*) FILTER (WHERE ssn LIKE '1%') FROM users",
    "SELECT string_agg(name, ',' ORDER BY ssn) FROM users",
    'SELECT rank() OVER (PARTITION BY ssn) FROM users',
    'SELECT rank() OVER w FROM users WINDOW w AS (ORDER BY ssn)',
    'SELECT 1 FROM users GROUP BY GROUPING SETS ((ssn), ())',
    'SELECT 1 FROM notes LIMIT (SELECT substr(ssn, 1, 1)::int FROM users LIMIT 1)',
    'SELECT * FROM notes, LATERAL generate_series(1, (SELECT length(ssn) FROM users LIMIT 1)) g',
    "SELECT * FROM notes, JSON_TABLE('[]', '$' COLUMNS (a int)) j, users WHERE j.a::text = ssn",
    "INSERT INTO notes (body) VALUES ('x') ON CONFLICT (id) DO UPDATE SET body = (SELECT ssn FROM users LIMIT 1)",
    'SELECT ARRAY(SELECT ssn FROM users)',
    'SELECT (1, 2) IN (SELECT id, length(ssn) FROM users)',
    'SELECT xmlelement(name a, ssn) FROM users',
    "SELECT JSON_OBJECT('a': ssn) FROM users",
    'SELECT CASE WHEN ssn > $1 THEN 1 END FROM users',
    'SELECT coalesce(ssn) FROM users',
    'SELECT ssn COLLATE "C" FROM users',
    'SELECT ssn FROM users UNION ALL SELECT body FROM notes',
    'WITH RECURSIVE r AS (SELECT ssn FROM users UNION ALL SELECT ssn FROM r) SELECT ssn FROM r',
    'SELECT ssn INTO z FROM users',
    'MERGE INTO notes n USING users u ON n.body = u.ssn WHEN MATCHED THEN DELETE',
    'UPDATE notes SET body = ssn FROM users WHERE notes.id = users.id',
  ])('%s', (text) => {
    const { doubts } = facts(text);
    if (doubts.length === 0) expect(users(text)?.derived).toContain('ssn');
  });

  test.each([
    // A name that is only ours would hide the column of the query around it.
    "SELECT (SELECT ssn FROM unnest(to_tsvector('a')) AS ssn) FROM users",
    "SELECT (SELECT ssn FROM json_populate_record(n, '{}') AS ssn) FROM users, notes n",
    'SELECT (SELECT ssn FROM coalesce(n, n) AS ssn) FROM users, notes n',
    "SELECT (SELECT name FROM (SELECT CASE WHEN true THEN '1' ELSE '1'::name END) q) FROM users",
    'SELECT (SELECT ssn FROM (SELECT (SELECT ssn.* FROM (SELECT 1) ssn(x))) q) FROM users',
    "SELECT (SELECT 1 AS ssn WHERE ssn LIKE '1%') FROM users",
    "SELECT 1 FROM unnest(to_tsvector('a')) AS ssn, LATERAL (SELECT ssn FROM users AS ssn(a, b, c)) q",
  ])('%s', (text) => {
    const columns = users(text)?.derived ?? [];
    expect(
      facts(text).doubts.length > 0 || columns.includes('ssn') || columns.includes('name'),
    ).toBe(true);
  });

  test('a bare column is shown, and only that', () => {
    expect(users('SELECT q.s FROM (SELECT id, ssn s FROM users) q')).toMatchObject({
      columns: ['id', 'ssn'],
      shown: ['ssn'],
      derived: [],
    });
  });
});

describe('a call that does not look like one', () => {
  test.each([
    ['SELECT (5).pg_sleep', 'sleep'],
    ['SELECT x.pg_sleep FROM generate_series(1, 1) x', 'sleep'],
    ['SELECT (u).lo_unlink FROM users u', 'large-object'],
    ['SELECT "pg_sleep"(1)', 'sleep'],
    ['SELECT 1 FROM notes WHERE pg_catalog.pg_terminate_backend(id)', 'backend-control'],
    ['VALUES (pg_read_file($1))', 'file'],
    ['SELECT * FROM ROWS FROM (generate_series(1, 2), pg_ls_dir($1)) x', 'file'],
    ['CREATE TABLE x (a int DEFAULT pg_advisory_lock(1))', 'lock'],
    ['CREATE INDEX ON users ((pg_sleep(1)))', 'sleep'],
    ['INSERT INTO notes (body) VALUES (pg_notify($1, $2)::text)', 'notify'],
    ['EXECUTE q(lo_export(1, $1))', 'file'],
    ['PREPARE q AS SELECT pg_sleep(1)', 'sleep'],
    ['DECLARE c CURSOR FOR SELECT dblink($1, $2)', 'network'],
  ] as const)('%s', (text, risk) => expect(facts(text).risks).toContain(risk));

  test.each([
    'SELECT u.purge FROM users u',
    'SELECT (u).purge FROM users u',
    'SELECT purge.purge FROM unnest(ARRAY[1]) AS purge',
    'SELECT * FROM purge()',
    'SELECT 1 ORDER BY purge()',
    'SELECT id FROM users TABLESAMPLE purge(1)',
    'SELECT id OPERATOR(public.=) 1 FROM users',
    'SELECT 1 ORDER BY 1 USING OPERATOR(public.<)',
    "SELECT 'x'::purge",
    'SELECT CAST(1 AS public.purge)',
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT purge()::int $$',
    'EXPLAIN SELECT purge()',
  ])('%s', (text) => expect(facts(text).doubts.length).toBeGreaterThan(0));
});

describe('a write that does not look like one', () => {
  test.each([
    'WITH a AS (SELECT 1), b AS (DELETE FROM users) SELECT * FROM a',
    'SELECT * FROM notes WHERE id IN (WITH d AS (SELECT 1) SELECT * FROM d); DELETE FROM users',
    'COPY (WITH d AS (DELETE FROM users RETURNING 1) SELECT * FROM d) TO STDOUT',
    'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ DELETE FROM users $$',
    'CREATE FUNCTION f() RETURNS void BEGIN ATOMIC; DELETE FROM users; END',
    'CREATE RULE r AS ON INSERT TO notes DO ALSO DELETE FROM users',
    'PREPARE q AS DELETE FROM users',
    'EXPLAIN DELETE FROM users',
  ])('%s', (text) => {
    expect(facts(text)).toMatchObject({ scope: 'none', readOnly: false });
    expect(facts(text).tablesWritten).toContainEqual({ schema: 'public', name: 'users' });
  });

  test.each([
    ['loose', 'INSERT INTO users SELECT * FROM users ON CONFLICT (id) DO UPDATE SET name = $1'],
    [
      'loose',
      "INSERT INTO notes VALUES (generate_series(1, 9999), 'x') ON CONFLICT (id) DO UPDATE SET body = 'x'",
    ],
    ['loose', 'DELETE FROM users USING (VALUES (1), (2)) v(i), users w WHERE users.id = w.id'],
    ['range', 'DELETE FROM users USING (VALUES (1), (2)) v(i) WHERE users.id = v.i'],
    ['loose', 'DELETE FROM users USING users w, LATERAL (VALUES (w.id)) v(i) WHERE users.id = v.i'],
    ['range', 'DELETE FROM users USING notes n WHERE users.id = n.id AND n.id = 5'],
    ['loose', 'DELETE FROM users USING users w(ssn, id) WHERE users.id = w.ssn AND w.id = $1'],
    ['loose', 'DELETE FROM users WHERE id = (SELECT users.id)'],
    ['key', 'DELETE FROM users WHERE id = (SELECT max(id) FROM notes)'],
    ['loose', 'DELETE FROM users WHERE id::bool'],
    ['loose', 'DELETE FROM users WHERE id::bool = true'],
    ['loose', 'DELETE FROM users WHERE id = random()::int'],
    ['loose', 'DELETE FROM users WHERE id IS NOT DISTINCT FROM id + 0'],
    ['loose', "DELETE FROM users WHERE id BETWEEN '0' AND '99999999'"],
    ['loose', 'DELETE FROM users WHERE id >= 0 AND id < 1e9'],
    ['loose', "DELETE FROM users WHERE name BETWEEN '-infinity' AND 'infinity'"],
    ['loose', 'DELETE FROM order_items WHERE active IN (true, false)'],
    ['loose', 'DELETE FROM users WHERE id = ANY (ARRAY(SELECT id FROM users))'],
    ['loose', 'DELETE FROM users WHERE id = ANY ((SELECT array_agg(id) FROM users)::int[])'],
    ['range', 'DELETE FROM users WHERE id = ANY ($1)'],
    ['key', "DELETE FROM users WHERE id = ANY ('{1,2}'::int[])"],
    [
      'loose',
      'DELETE FROM users WHERE id IN (SELECT id FROM users ORDER BY id FETCH FIRST 5 ROWS WITH TIES)',
    ],
    ['always-true', 'DELETE FROM users WHERE NOT (id = 1 AND id <> 1)'],
    ['always-true', 'DELETE FROM users WHERE id IN (1, 2, id)'],
    ['always-true', "DELETE FROM users WHERE 't'"],
    ['always-true', 'DELETE FROM users WHERE (SELECT true)'],
    ['always-true', 'DELETE FROM users WHERE current_user IS NOT NULL'],
    ['always-true', "DELETE FROM users WHERE 1 = '01'"],
    ['always-true', 'DELETE FROM users WHERE 0.1 + 0.2 = 0.3'],
    ['always-true', 'DELETE FROM users WHERE ctid IS NOT NULL'],
    ['always-true', "DELETE FROM users WHERE name ~ '.*'"],
    ['loose', 'DELETE FROM people WHERE id = 1'],
    ['key', 'DELETE FROM users WHERE CURRENT OF c'],
    ['key', "DELETE FROM users WHERE ctid = '(0,1)'"],
    ['key', 'DELETE FROM users WHERE (id, name) = (1, $1)'],
    ['loose', `DELETE FROM users WHERE id IN (${Array.from({ length: 1_001 }, (_, n) => n)})`],
    ['key', `DELETE FROM users WHERE id IN (${Array.from({ length: 1_000 }, (_, n) => n)})`],
  ] as const)('%s: %.80s', (scope, text) => {
    expect(facts(text)).toMatchObject({ scope });
  });
});

describe('settings', () => {
  test.each([
    [
      "UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
      'setting',
    ],
    ["SELECT set_config('session_replication_role', 'replica', true)", 'disable-trigger'],
    ['SET LOCAL ROLE admin', 'role'],
    ['RESET SESSION AUTHORIZATION', 'role'],
    ["SET client_encoding TO 'LATIN1'", 'setting'],
    ["SET NAMES 'SJIS'", 'setting'],
    ["SET local_preload_libraries = 'x'", 'program'],
    ['SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'setting'],
    ['SET default_transaction_read_only = off', 'setting'],
    ["SET app.tenant = '5'", 'setting'],
    ['ALTER DATABASE appdb SET standard_conforming_strings = off', 'setting'],
    ['CREATE FUNCTION f() RETURNS int LANGUAGE sql SET role = admin AS $$ SELECT 1 $$', 'role'],
  ] as const)('%s', (text, risk) => expect(facts(text).risks).toContain(risk));

  test.each([
    'UPDATE pg_settings SET setting = $1 WHERE name = $2',
    "UPDATE pg_settings SET setting = 'x' WHERE name LIKE 'a%'",
    "UPDATE pg_settings SET setting = 'x' WHERE name = 'a' OR true",
    "SELECT set_config('role', name, false) FROM users",
    "SELECT set_config(setting_name => 'role', new_value => 'x', is_local => false)",
  ])('that are not written out are code: %s', (text) => {
    expect(facts(text).doubts).toContain('dynamic');
  });

  test('a search_path passes, and is told, so that later names can be looked up anew', () => {
    expect(facts("SELECT pg_catalog.set_config('search_path', '', false)")).toMatchObject({
      doubts: [],
      risks: [],
    });
    expect(effects("SELECT set_config('search_path', '', false)")).toEqual([
      { kind: 'set', name: 'search_path' },
    ]);
    expect(effects('CREATE TEMP TABLE users (id int)')).toContainEqual({
      kind: 'set',
      name: 'temporary objects',
    });
    expect(facts('CREATE TABLE a (id int); SELECT * FROM public.users').doubts).toEqual([
      'search-path',
    ]);
  });
});

describe('effects', () => {
  test('are at least one for each statement, in order', () => {
    expect(
      effects(
        'BEGIN; SAVEPOINT a; PREPARE p AS SELECT é FROM users; EXECUTE p; SELECT 1; ROLLBACK TO a; COMMIT',
      ),
    ).toEqual([
      { kind: 'begin' },
      { kind: 'savepoint', name: 'a' },
      { kind: 'prepare', name: 'p', text: 'SELECT é FROM users' },
      { kind: 'execute', name: 'p' },
      { kind: 'other' },
      { kind: 'rollback-to', name: 'a' },
      { kind: 'commit' },
    ]);
  });

  test.each([
    ['DEALLOCATE p', { kind: 'deallocate', name: 'p' }],
    ['DEALLOCATE ALL', { kind: 'deallocate' }],
    ['DECLARE c CURSOR WITH HOLD FOR SELECT 1', { kind: 'declare', name: 'c' }],
    ['FETCH 5 FROM c', { kind: 'fetch', name: 'c' }],
    ['MOVE c', { kind: 'fetch', name: 'c' }],
    ['CLOSE c', { kind: 'close', name: 'c' }],
    ['CLOSE ALL', { kind: 'close' }],
    ['DISCARD ALL', { kind: 'discard-all' }],
    ['DISCARD PLANS', { kind: 'other' }],
    ['RESET ALL', { kind: 'reset', name: 'all' }],
    ['COPY users FROM STDIN', { kind: 'copy-in' }],
    ['COPY users TO STDOUT', { kind: 'copy-out' }],
    ["COPY users TO '/tmp/x'", { kind: 'other' }],
    ['EXPLAIN ANALYZE EXECUTE p', { kind: 'execute', name: 'p' }],
    ['DROP TABLE users', { kind: 'ddl' }],
  ])('%s', (text, effect) => expect(effects(text)[0]).toEqual(effect));

  test('code that nobody looked into may have changed every name', () => {
    expect(effects('DO $$ BEGIN END $$')).toContainEqual({ kind: 'set', name: 'all' });
    expect(effects('SELECT purge()')).toContainEqual({ kind: 'set', name: 'all' });
  });
});

describe('bounds', () => {
  const doubts = (text: string) => facts(text).doubts;
  test('of the depth', () => {
    expect(doubts(`SELECT ${'NOT '.repeat(300)}true`)).toEqual([]);
    expect(doubts(`SELECT ${'NOT '.repeat(450)}true`)).toContain('too-deep');
  });
  test('of the number of statements', () => {
    expect(doubts('SELECT 1;'.repeat(1_000))).toEqual([]);
    expect(doubts('SELECT 1;'.repeat(1_001))).toEqual(['too-large']);
  });
  test('of the bytes', () => {
    expect(doubts(`SELECT '${'é'.repeat((256 * 1024 - 10) / 2)}'`)).toEqual([]);
    expect(doubts(`SELECT '${'é'.repeat(128 * 1024)}'`)).toEqual(['too-large']);
  });
  test('of the nodes', () => {
    const rows = (count: number) =>
      `VALUES ${Array.from({ length: count }, () => '(1,1,1,1,1,1)').join(',')}`;
    expect(doubts(rows(1_000))).toEqual([]);
    const tree = Array.from({ length: 200_001 }, () => ({ A_Const: { ival: { ival: 1 } } }));
    const select = {
      SelectStmt: { targetList: [{ ResTarget: { val: { A_ArrayExpr: { elements: tree } } } }] },
    };
    const huge = () => ({ kind: 'tree', version: 180_000, stmts: [{ stmt: select }] }) as const;
    expect(readSql({ text: 'x', parse: huge, catalog }).facts.doubts).toContain('too-large');
  });
  test('half a character and a NUL are refused before the parser sees them', () => {
    expect(doubts("SELECT '\ud83d'")).toEqual(['encoding']);
    expect(doubts('SELECT 1\0; DROP TABLE users')).toEqual(['encoding']);
  });
});

test('a node that is new to us is not understood, wherever it stands', () => {
  const statement = (stmt: unknown) =>
    readSql({
      text: 'x',
      parse: () => ({ kind: 'tree', version: 190_000, stmts: [{ stmt }] }),
      catalog,
    }).facts.doubts;
  expect(statement({ BrandNewStmt: {} })).toEqual(['opaque-code']);
  const target = (val: unknown) => ({ SelectStmt: { targetList: [{ ResTarget: { val } }] } });
  expect(statement(target({ BrandNewExpr: {} }))).toEqual(['opaque-code']);
  // A relation under a member that the walk does not know is seen all the same.
  const hidden = { SelectStmt: { targetList: [], newClause: { RangeVar: { relname: 'users' } } } };
  expect(statement(hidden)).toEqual(['opaque-code']);
});
