import { Datetime } from '@sealrail/cedar';
import type { Catalog, Relation, SqlReading } from '@sealrail/facts';
import { readSql } from '@sealrail/facts';
import { identifier, jsonOf } from '@sealrail/sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { User } from '../../config/config.ts';
import { type SqlActOptions, sqlAct } from './action.ts';
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
