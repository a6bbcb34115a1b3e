/** Random DELETEs over the table `s`, hostile ones among them: for comparing scopes with what is really deleted. */
import type { Random } from './generate.ts';

/** 300 rows; every kind of key that there is. */
export const SCOPE_TABLE = `
CREATE TABLE public.s (id int PRIMARY KEY, a int NOT NULL, b text, c boolean, k1 int NOT NULL,
  k2 int NOT NULL, un int UNIQUE, UNIQUE (k1, k2));
INSERT INTO public.s SELECT i, i % 7, 'n' || i, i % 2 = 0, i / 10, i % 10, CASE WHEN i % 3 = 0 THEN i END
  FROM generate_series(0, 299) i;
`;
export const SCOPE_ROWS = 300;

const COLUMNS = [
  ...['id', 's.id', 'a', 'b', 'c', 'k1', 'k2', 'un', 's.un', 'ctid'],
  ...['v.x', 'v.y', 'w.id', 'w.a'],
];
const VALUES = [
  ...['1', '2', '0', '-1', '5', '1.5', "'1'", 'NULL', 'true', 'false', "'n5'", '1 + 1', 'abs(-3)'],
  ...["'(0,1)'", '(SELECT 1)', '(SELECT max(id) FROM s z)', '(SELECT id)', '(SELECT s.id)'],
  ...['(SELECT w.id)', 'random()::int', '299', '300'],
];
const CONDITIONS = [
  ...['true', 'false', 'NULL', '1 = 1', '1 = 0', "'t'", 'NOT true', 'c', 'NOT c', 'c IS TRUE'],
  ...['coalesce(c, true)', 'CASE WHEN true THEN c END', "'a' = 'b'", '1 IN (2, 3)', 'NULL IS NULL'],
  ...[
    '1 IS DISTINCT FROM NULL',
    '5 BETWEEN 1 AND 3',
    '(SELECT false)',
    'EXISTS (SELECT 1 WHERE false)',
  ],
  ...[
    "'f'::bool OR 'off'::bool",
    '0::bool',
    'coalesce(NULL, false)',
    'NULL = NULL',
    'c IN (true, false)',
  ],
];
const JOINED = [
  '(VALUES (1, 2), (3, 4)) v(x, y)',
  '(SELECT id x, a y FROM s) v',
  'LATERAL (VALUES (w.id, w.a)) v(x, y)',
  '(VALUES ((SELECT max(id) FROM s), 1)) v(x, y)',
];

export function randomDelete(random: Random): string {
  const pick = (items: readonly string[]): string => items[random(items.length)] ?? '';
  const column = () => pick(COLUMNS);
  const value = () => pick(VALUES);
  const atoms: (() => string)[] = [
    () => `${column()} = ${value()}`,
    () => `${value()} = ${column()}`,
    () => `${column()} IN (${value()}, ${value()})`,
    () => `${column()} ${pick(['<', '>', '<=', '>=', '<>'])} ${value()}`,
    () => `${column()} BETWEEN ${value()} AND ${value()}`,
    () => `${column()} = ${column()}`,
    () => `${column()} IS ${pick(['', 'NOT '])}NULL`,
    () => `(${column()}, ${column()}) = (${value()}, ${value()})`,
    () => `(${column()}, ${column()}) IN ((${value()}, ${value()}), (${value()}, ${value()}))`,
    () => `${column()} = ANY (ARRAY[${value()}, ${value()}])`,
    () => `${column()} IS ${pick(['', 'NOT '])}DISTINCT FROM ${value()}`,
    () => pick(CONDITIONS),
    () => `${column()}::${pick(['text', 'bool', 'int'])} = ${value()}`,
    () => `${column()} = ANY ('{1,2}')`,
    () => `${column()} IN (SELECT ${pick(['id', 'a'])} FROM s LIMIT 3)`,
  ];
  const predicate = (depth: number): string => {
    const atom = atoms[random(atoms.length)];
    if (depth === 0 || random(3) === 0) return atom ? atom() : 'true';
    const [a, b] = [predicate(depth - 1), predicate(depth - 1)];
    return pick([`NOT (${a})`, `(${a} OR ${b})`, `(${a} AND ${b})`, `(${a} AND ${b})`]);
  };
  const where = predicate(3);
  const from = /\bv\./.test(where) ? [pick(JOINED)] : [];
  if (/\bw\./.test(`${where} ${from.join()}`)) from.unshift(pick(['s w', 's w(a, id)', 's AS w']));
  return `DELETE FROM s${from.length > 0 ? ` USING ${from.join(', ')}` : ''} WHERE ${where}`;
}
