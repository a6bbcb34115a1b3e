import { Datetime } from '@sealrail/cedar';
import type { Catalog, Relation, SqlReading } from '@sealrail/facts';
import { readSql } from '@sealrail/facts';
import { identifier, jsonOf } from '@sealrail/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { User } from '../../config/config.ts';
import { type SqlActOptions, STATEMENTS_KEPT_MAX, StatementsKept, sqlAct } from './action.ts';
import { openParser } from './parse.ts';

const parse = await openParser(18);

const table = (name: string, columns: string, more: Partial<Relation> = {}): Relation => ({
  schema: 'public',
  name,
  kind: 'table',
  columns: columns.split(' ').map((column) => ({ name: column, notNull: false })),
  keys: [['id']],
  underlying: [],
  ...more,
});
const relations = new Map(
  [
    table('customers', 'id email note', { rows: 500 }),
    table('customers_old', 'id email note', { parents: [{ schema: 'public', name: 'customers' }] }),
    table('people', 'id mail', {
      kind: 'view',
      keys: [],
      underlying: [{ schema: 'public', name: 'customers' }],
    }),
    table('Odd "Name"', 'id'),
  ].map((relation) => [relation.name, relation]),
);
const catalog: Catalog = {
  epoch: 1,
  searchPath: ['pg_catalog', 'public'],
  relation: (schema, name) => (schema === 'public' ? relations.get(name) : undefined),
  hasUserRoutine: () => false,
  routine: (schema, name) =>
    schema === 'public' && name === 'tidy'
      ? { schema, name, volatility: 'volatile', definerRights: true }
      : undefined,
};

const user: User = {
  name: 'ann',
  type: 'agent',
  groups: ['agents'],
  roles: ['reader'],
  scram: 'SCRAM-SHA-256$4096:c2FsdA==$a:b',
};
const act = (text: string, more: Partial<SqlActOptions> = {}) =>
  sqlAct({
    reading: readSql({ text, parse, catalog }),
    user,
    target: { name: 'shop', env: 'prod', classes: { personal: ['public.customers.email'] } },
    session: 's1',
    inTransaction: false,
    text,
    nowMs: Date.UTC(2026, 10, 29, 23, 5, 6, 789),
    ip: '127.0.0.1',
    catalog,
    ...more,
  });
const accessTo = (text: string, id: string) =>
  act(text).action.requests.find(({ resource }) => resource.id === id)?.context.access;

describe('the action of a statement', () => {
  test('is one request for each verb and resource, every entity up to the environment', () => {
    const { action, resources } = act('DELETE FROM customers WHERE id = 7');
    expect(action.requests.map((request) => [request.action, request.resource.id])).toEqual([
      ['sql.select', 'shop.public.customers'],
      ['sql.delete', 'shop.public.customers'],
    ]);
    expect(resources.map(({ action: name }) => name)).toEqual(['sql.select', 'sql.delete']);
    const parents = new Map(
      action.entities.map(({ uid, parents: above }) => [uid.id, above[0]?.id]),
    );
    expect(parents.get('shop.public.customers')).toBe('shop.public');
    expect(parents.get('shop.public')).toBe('shop');
    expect(parents.get('shop')).toBe('prod');
    expect(action.requests[0]?.principal).toEqual({ type: 'Agent', id: 'ann' });
  });

  test('says which classes are shown, derived and written, and where they come from', () => {
    expect(accessTo('SELECT email FROM customers', 'shop.public.customers')).toMatchObject({
      shownClasses: ['personal'],
      derivedClasses: [],
    });
    expect(
      accessTo("SELECT id FROM customers WHERE email = 'x'", 'shop.public.customers'),
    ).toMatchObject({ shownClasses: [], derivedClasses: ['personal'] });
    const updated = act("UPDATE customers SET email = 'x' WHERE id = 1").action.requests;
    expect(updated.find(({ action }) => action === 'sql.update')?.context.access).toMatchObject({
      written: ['email'],
      writtenClasses: ['personal'],
    });
  });

  test('follows a class to a partition and through a view', () => {
    expect(accessTo('SELECT email FROM customers_old', 'shop.public.customers_old')).toMatchObject({
      shownClasses: ['personal'],
    });
    expect(accessTo('SELECT mail FROM people', 'shop.public.people')).toMatchObject({
      shownClasses: [],
      derivedClasses: ['personal'],
    });
    expect(accessTo('SELECT mail FROM people', 'shop.public.customers')).toMatchObject({
      derivedClasses: ['personal'],
      allColumns: true,
    });
  });

  test('names a routine that is called as what the catalog knows of it', () => {
    const { action } = act('CALL public.tidy()');
    const routine = action.entities.find(({ uid }) => uid.type === 'Routine');
    expect(routine).toMatchObject({
      uid: { id: 'shop.public.tidy' },
      attrs: { definerRights: true },
    });
  });

  test('has the clock in UTC, Monday first', () => {
    expect(act('SELECT 1').meta).toMatchObject({
      now: new Datetime(Date.UTC(2026, 10, 29, 23, 5, 6, 789)),
      hour: 23,
      weekday: 7,
    });
  });
});

describe('identifiers', () => {
  test('need no quotes only where they cannot be taken for anything else', () => {
    expect(identifier('orders_2')).toBe('orders_2');
    expect(identifier('Orders')).toBe('"Orders"');
    expect(identifier('a"b.c')).toBe('"a""b.c"');
    expect(act('SELECT * FROM "Odd ""Name"""').resources[0]?.id).toBe('shop.public."Odd ""Name"""');
  });

  test('never give two objects one id', () => {
    const name = fc.string({
      unit: fc.constantFrom('a', 'B', '.', '"', '_', '1'),
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(name, name, name, name, (a, b, c, d) => {
        fc.pre(a !== c || b !== d);
        expect(`${identifier(a)}.${identifier(b)}`).not.toBe(`${identifier(c)}.${identifier(d)}`);
      }),
    );
  });
});

describe('what goes into the log', () => {
  test('is a statement without a value, and the values apart', () => {
    const text = "SELECT note FROM customers WHERE note = 'hunter2' AND id = $1 -- kept quiet";
    const { statement, values, facts, resources, meta } = act(text, { binds: ['42', null] });
    expect(statement).toBe('SELECT note FROM customers WHERE note = $2 AND id = $1');
    expect(values).toEqual([
      { at: '/literals/2', value: "'hunter2'" },
      { at: '/binds/1', value: '42' },
      { at: '/bytes', value: text },
    ]);
    expect(JSON.stringify([statement, facts, resources, jsonOf(meta)])).not.toMatch(
      /hunter2|quiet/,
    );
  });

  test('of a text that does not parse is the whole text, as one value', () => {
    const text = "SELEC 'hunter2'";
    const made = act(text);
    expect(made).not.toHaveProperty('statement');
    expect(made.values.map(({ at }) => at)).toEqual(['/statement', '/bytes']);
    expect(made.facts).toMatchObject({ sql: { doubts: ['syntax'] } });
    expect(JSON.stringify([made.facts, made.resources])).not.toContain('hunter2');
  });

  test('of a text that is too large to read is the same', () => {
    const reading: SqlReading = readSql({
      text: `SELECT '${'x'.repeat(300_000)}'`,
      parse,
      catalog,
    });
    expect(act('SELECT 1', { reading })).not.toHaveProperty('statement');
    expect(reading.facts.doubts).toEqual(['too-large']);
  });
});

describe('statements that come again', () => {
  const target = {
    name: 'shop',
    env: 'prod',
    classes: { personal: ['public.customers.email'] },
  } as const;
  const texts = [
    'SELECT email FROM customers WHERE id = 1',
    'SELECT email FROM customers WHERE id = 2',
    'DELETE FROM customers WHERE 1 = 1',
    'DELETE FROM customers WHERE 1 = 2',
    'SELECT id FROM customers LIMIT 1',
    'SELECT id FROM customers LIMIT 2',
  ];

  test('are told apart by everything but their values: kept or not, the act is the same', () => {
    const kept = new StatementsKept();
    const { scram: _, ...rest } = user;
    const other: User = { ...rest, scram: user.scram, groups: [] };
    for (const text of [...texts, ...texts]) {
      for (const more of [{}, { inTransaction: true }, { user: other }, { catalog: undefined }]) {
        const options = { target, ...more } as Partial<SqlActOptions>;
        expect(act(text, { ...options, kept })).toEqual(act(text, options));
      }
    }
  });

  test('share what the guard then need not look at again', () => {
    const kept = new StatementsKept();
    const [first, second] = texts.map((text) => act(text, { target, kept }));
    expect(second?.action.entities).toBe(first?.action.entities);
    expect(second?.action.requests[0]?.context.sql).toBe(first?.action.requests[0]?.context.sql);
    expect(second?.values).not.toEqual(first?.values);
    for (let at = 0; at < STATEMENTS_KEPT_MAX + 10; at++)
      act(`SELECT 1 AS a${at}`, { target, kept });
    expect(act(texts[0] ?? '', { target, kept })).toEqual(act(texts[0] ?? '', { target }));
  });
});
