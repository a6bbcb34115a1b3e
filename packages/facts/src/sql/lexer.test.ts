import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { preparedText, templateOf, tokenize } from './lexer.ts';

describe('taking literals out', () => {
  const cases: [string, string, number][] = [
    ["SELECT 'a''b'", 'SELECT $1', 1],
    ["SELECT 'a\\' , 1 --'", 'SELECT $1 , $2', 2],
    ["SELECT E'a\\'b' , 1", 'SELECT $1 , $2', 2],
    ["SELECT e'\\\\', n'x', b'01', x'1F', U&'\\0061'", 'SELECT $1, $2, $3, $4, $5', 5],
    ["SELECT 'a' -- c\n  'b', 2", 'SELECT $1, $2', 2],
    ["SELECT 'a' 'b'", 'SELECT $1 $2', 2],
    ["SELECT E'a'\n'\\'b'", 'SELECT $1', 1],
    ['SELECT $$a$b$$, $t$x$$y$t$, $t$ $tt$ $t$', 'SELECT $1, $2, $3', 3],
    [`SELECT $${'t'.repeat(300)}$secret$${'t'.repeat(300)}$`, 'SELECT $1', 1],
    ['SELECT a$b$c, "x""1", U&"\\0061"', 'SELECT a$b$c, "x""1", U&"\\0061"', 0],
    [
      'SELECT 1, 1.5, .5, 1., 1e10, 1.5E-3, 0x1F, 0b01, 0o17, 1_000',
      'SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10',
      10,
    ],
    ['SELECT a[1:2], 1..2', 'SELECT a[$1:$2], $3..$4', 4],
    ["SELECT'a'FROM t", 'SELECT $1 FROM t', 1],
    ['SELECT $3, 7', 'SELECT $3, $4', 1],
    ['SELECT 1/* a /* b */ c */+2--x', 'SELECT $1 +$2', 2],
    ['SELECT 1 <@-- x\n 2', 'SELECT $1 <@ $2', 2],
    ['SELECT é1, 名前 FROM t', 'SELECT é1, 名前 FROM t', 0],
    ["SELECT 'never closed", 'SELECT $1', 1],
    ['SELECT $x$ never closed', 'SELECT $1', 1],
    ['SELECT /* never closed', 'SELECT', 0],
    [
      "SELECT 1::int, date '2020-01-01', interval '1' day",
      'SELECT $1::int, date $2, interval $3 day',
      3,
    ],
    ['  SELECT\t\n 1  ', 'SELECT $1', 1],
  ];
  test.each(cases)('%s', (text, template, literals) => {
    expect(templateOf(text).template).toBe(template);
    expect(templateOf(text).literals).toHaveLength(literals);
  });

  test('numbers literals behind the highest parameter of the text, in order', () => {
    const { literals, parameters } = templateOf("SELECT $2, 'a', $1, 5");
    expect(parameters).toBe(2);
    expect(literals).toEqual([
      { n: 3, kind: 'string', text: "'a'" },
      { n: 4, kind: 'number', text: '5' },
    ]);
  });

  test('bounds what a parameter number can do to a template', () => {
    const { template } = templateOf(`SELECT $${'9'.repeat(40)}, 1`);
    expect(template.length).toBeLessThan(80);
  });

  test('tokens cover any text without a gap, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        let at = 0;
        for (const { start, end } of tokenize(text)) {
          expect(start).toBe(at);
          expect(end).toBeGreaterThan(start);
          at = end;
        }
        expect(at).toBe(text.length);
      }),
    );
  });

  test('no value that a client wrote survives, in any kind of quoting', () => {
    const secret = fc.stringMatching(/^[a-z]{6,12}$/).map((word) => `zq${word}`);
    const quoted = fc.tuple(secret, fc.integer({ min: 0, max: 7 })).map(([word, kind]) => {
      const forms = [
        `'${word}'`,
        `E'\\'${word}'`,
        `$$${word}$$`,
        `$q$'${word}$$$q$`,
        `'x'\n  '${word}'`,
        `U&'${word}'`,
        `/* ${word} */ 1`,
        `1 -- ${word}\n`,
      ];
      return { word, text: forms[kind] ?? '' };
    });
    fc.assert(
      fc.property(fc.array(quoted, { minLength: 1, maxLength: 5 }), (values) => {
        const { template } = templateOf(`SELECT ${values.map(({ text }) => text).join(', ')}`);
        for (const { word } of values) expect(template).not.toContain(word);
      }),
    );
  });
});

describe('the query inside a PREPARE', () => {
  test('begins behind AS, past types and names that look like it', () => {
    expect(preparedText('PREPARE p AS SELECT 1')).toBe('SELECT 1');
    expect(preparedText('PREPARE "as" (int, numeric(10, 2)) AS DELETE FROM t WHERE a AS')).toBe(
      'DELETE FROM t WHERE a AS',
    );
    expect(preparedText('prepare p/* as */as\nSELECT 1 AS x')).toBe('SELECT 1 AS x');
    expect(preparedText('SELECT 1')).toBeUndefined();
  });
});
