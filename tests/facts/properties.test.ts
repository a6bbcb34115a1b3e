/** What must not change facts, and what must not hide a write: spelling, comments, and being wrapped. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSql, type SqlFacts } from '@sealrail/facts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tokenize } from '../../packages/facts/src/sql/lexer.ts';
import { openParser } from '../../packages/server/src/gateway/postgres/parse.ts';
import { parseCases } from '../attacks/case.ts';
import { attacksFolder } from '../corpora.ts';
import { memoryCatalog } from './catalog.ts';

const parse = await openParser(18);
const catalog = memoryCatalog(['purge', 'dblink_exec', 'users_audit']);
const facts = (text: string): SqlFacts => readSql({ text, parse, catalog }).facts;
const withoutTemplate = ({ template: _, ...rest }: SqlFacts) => rest;

const attacks = parseCases(readFileSync(join(attacksFolder, 'cases.jsonl'), 'utf8')).filter(
  ({ surface, dialect }) => surface === 'sql' && dialect === 'postgres',
);
const texts = attacks.flatMap(({ steps }) =>
  steps.flatMap(({ sql, pg }) => [
    ...(sql === undefined ? [] : [sql]),
    ...(pg ?? []).flatMap((message) => ('Parse' in message ? [message.Parse.sql] : [])),
  ]),
);

const WRITES = [
  'DELETE FROM users',
  'DELETE FROM users WHERE id = 7 RETURNING id',
  "UPDATE users SET name = 'x' WHERE name LIKE '%' RETURNING *",
  'INSERT INTO notes (body) SELECT ssn FROM users WHERE id > 3 RETURNING id',
  "INSERT INTO t VALUES (1, 'a', 'b') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
  'MERGE INTO users u USING notes n ON u.id = n.id WHEN MATCHED THEN DELETE',
];
const READS = [
  'SELECT id, ssn FROM users WHERE name = $1 ORDER BY 2',
  'SELECT u.s FROM users AS u(id, s) JOIN notes USING (id)',
  'WITH x AS (SELECT * FROM users) SELECT count(*) FROM x, notes n WHERE x.id = n.id',
  'SELECT (SELECT max(ssn) FROM users) FROM t GROUP BY id',
];

/** The same text, spelled differently where spelling means nothing. */
function respell(text: string, choice: () => number): string {
  return tokenize(text)
    .map(({ kind, start, end }) => {
      const own = text.slice(start, end);
      const noise = [' ', '\n', ' /* ; DROP TABLE users */ ', ' -- x\n', '\t'][choice() % 5] ?? ' ';
      if (kind === 'space') return noise;
      // What names something in the fixture is lower case, and may be quoted; the rest are keywords.
      if (kind !== 'word') return own;
      if (/^(users|notes|t|u|n|x|s|id|ssn|name|body)$/.test(own)) {
        return [own, own.toUpperCase(), `"${own}"`][choice() % 3] ?? own;
      }
      return choice() % 2 === 0 ? own.toUpperCase() : own.toLowerCase();
    })
    .join('');
}

describe('facts', () => {
  test('do not depend on case, quoting, white space or comments', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WRITES, ...READS),
        fc.array(fc.nat({ max: 29 }), { minLength: 80, maxLength: 80 }),
        (text, choices) => {
          let at = 0;
          const spelled = respell(text, () => choices[at++ % choices.length] ?? 0);
          expect(withoutTemplate(facts(spelled))).toEqual(withoutTemplate(facts(text)));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of a write are not lost by wrapping it', () => {
    const wraps: ((text: string, n: number) => string)[] = [
      (text) => `EXPLAIN ANALYZE ${text}`,
      (text) => `EXPLAIN (FORMAT json) ${text}`,
      (text, n) => `PREPARE p${n} AS ${text}`,
      (text) => `SELECT 1; ${text}`,
      (text) => `${text}; COMMIT`,
      (text) => `BEGIN; SAVEPOINT a; ${text}`,
      (text) => `CREATE SCHEMA x; ${text}`,
      (text) => `/* a */ ${text} -- b`,
    ];
    const inner: ((text: string) => string)[] = [
      (text) => `WITH w AS (${text}) SELECT 1`,
      (text) => `WITH a AS (SELECT 1), w AS (${text}) SELECT * FROM notes, a`,
      (text) => `COPY (${text}) TO STDOUT`,
      (text) => `WITH w AS (${text}) INSERT INTO audit (note) VALUES ('x')`,
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...WRITES),
        fc.constantFrom(...inner, undefined),
        fc.array(fc.constantFrom(...wraps), { maxLength: 3 }),
        (write, inside, outside) => {
          const held = facts(write);
          const text = outside.reduce(
            (wrapped, wrap, n) => wrap(wrapped, n),
            inside && /RETURNING/.test(write) ? inside(write) : write,
          );
          const { tablesWritten, scope, doubts, readOnly } = facts(text);
          // Some wrappings are no SQL: then nothing of them is forwarded.
          if (doubts.includes('syntax')) return;
          expect(tablesWritten, text).toEqual(expect.arrayContaining([...held.tablesWritten]));
          const order = ['none', 'always-true', 'loose', 'range', 'key', 'no-write'];
          expect(order.indexOf(scope), text).toBeLessThanOrEqual(order.indexOf(held.scope));
          expect(readOnly).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of a read name every column, however deep it is wrapped', () => {
    fc.assert(
      fc.property(fc.constantFrom(...READS), fc.nat({ max: 3 }), (read, depth) => {
        let text = read;
        for (let n = 0; n < depth; n++) text = `SELECT * FROM (${text}) q${n}`;
        const columns = (one: string) =>
          facts(one).uses.find(({ resource }) => 'name' in resource && resource.name === 'users')
            ?.columns;
        expect(columns(text)).toEqual(columns(read));
        expect(facts(text).doubts).toEqual([]);
      }),
    );
  });
});

describe('reading', () => {
  test('never throws, whatever the text is', () => {
    const word = fc.constantFrom(
      ...[
        'SELECT',
        'FROM',
        'users',
        'WHERE',
        'id',
        '=',
        '1',
        '(',
        ')',
        ',',
        '*',
        'WITH',
        'AS',
        'x',
      ],
      ...[
        'DELETE',
        'UPDATE',
        'SET',
        'INSERT INTO',
        'VALUES',
        'ON CONFLICT',
        'DO',
        'MERGE',
        'JOIN',
        'USING',
      ],
      ...[
        'UNION',
        'ORDER BY',
        'GROUP BY',
        "'a'",
        '$1',
        ';',
        '::',
        'text',
        '.',
        'CASE',
        'WHEN',
        'END',
        'LATERAL',
      ],
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 14 }), (words) => {
        const reading = readSql({ text: words.join(' '), parse, catalog });
        expect(reading.facts.uses.length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });

  test('takes a tree of any shape for what it does not understand', () => {
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, 1, 'a', true),
        fc.dictionary(
          fc.constantFrom(
            'SelectStmt',
            'targetList',
            'fromClause',
            'RangeVar',
            'relname',
            'val',
            'FuncCall',
            'New',
          ),
          tie('node'),
          { maxKeys: 3 },
        ),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.array(tree, { minLength: 1, maxLength: 2 }), (stmts) => {
        const reading = readSql({
          text: 'x',
          parse: () => ({ kind: 'tree', version: 180_000, stmts: stmts.map((stmt) => ({ stmt })) }),
          catalog,
        });
        expect(reading.kind).toBe('statement');
      }),
    );
  });
});

describe('attack cases', () => {
  test('there are some', () => expect(texts.length).toBeGreaterThan(25));

  /** What the baseline policy of the cases would say of these facts; `hold` is as good as a refusal here. */
  function refused({ doubts, risks, uses, scope }: SqlFacts): boolean {
    const personal = (columns: readonly string[]) =>
      columns.some((column) => /^(ssn|email)$/.test(column));
    const verbs = uses.map(({ verb }) => verb);
    return (
      doubts.length > 0 ||
      risks.length > 0 ||
      ['none', 'always-true', 'loose'].includes(scope) ||
      verbs.some((verb) =>
        ['copy', 'call', 'grant', 'truncate', 'ddl', 'maintain'].includes(verb),
      ) ||
      uses.some(({ derived, shown }) => personal(derived) || personal(shown))
    );
  }

  test.each(
    attacks.map(({ id, steps }) => [id, steps.at(-1)?.expect?.join('|') ?? '', steps] as const),
  )('%s is %s', (_, expected, steps) => {
    const judged = steps.filter(({ sql }) => sql !== undefined).map(({ sql }) => facts(sql ?? ''));
    const parsed = steps.flatMap(({ pg }) =>
      (pg ?? []).flatMap((message) => ('Parse' in message ? [facts(message.Parse.sql)] : [])),
    );
    expect([...judged, ...parsed].some(refused)).toBe(expected !== 'ALLOW');
  });
});
