/** A catalog in memory, for tests of facts: the attack fixture's tables and a view. */
import type { Catalog, Relation } from '@sealrail/facts';

const table = (
  name: string,
  columns: string,
  keys: string[][] = [['id']],
  more: Partial<Relation> = {},
): Relation => ({
  schema: 'public',
  name,
  kind: 'table',
  columns: columns
    .split(' ')
    .map((column) => ({ name: column.replace('!', ''), notNull: column.endsWith('!') })),
  keys,
  underlying: [],
  ...more,
});

const system = (name: string, columns: string): Relation => ({
  ...table(name, columns, []),
  schema: 'pg_catalog',
});

const relations = [
  table('users', 'id! ssn! name! email! city!'),
  table('notes', 'id! body!'),
  table('audit', 'id! note!'),
  table('staging', 'id! note!'),
  table('t', 'id! name! n!'),
  table('order_items', 'order_id! line! product quantity active', [['order_id', 'line']]),
  table('people', 'id ssn', [], {
    kind: 'view',
    underlying: [{ schema: 'public', name: 'users' }],
  }),
  table('remote', 'id! secret', [], { kind: 'foreign' }),
  system('pg_class', 'oid! relname! relnamespace! relkind!'),
  system('pg_settings', 'name setting'),
  system('pg_authid', 'rolname rolpassword'),
  system('pg_stat_activity', 'pid query'),
];

export function memoryCatalog(userRoutines: readonly string[] = []): Catalog {
  const byName = new Map(
    relations.map((relation) => [`${relation.schema}.${relation.name}`, relation]),
  );
  return {
    epoch: 1,
    searchPath: ['pg_catalog', 'public'],
    relation: (schema, name) => byName.get(`${schema}.${name}`),
    hasUserRoutine: (name) => userRoutines.includes(name),
    routine: () => undefined,
  };
}
