/** Relations of the server's own that hold values of other tables, or texts that other sessions sent. */
import type { QualifiedName, SqlReading } from '@sealrail/facts';
import type { PostgresTarget } from '../../config/config.ts';

/** Samples of columns, and statements with their literals. */
const VALUES = /^pg_(stats|statistic|stat_statements)/;

/** The first of them that a statement reads; undefined where it reads none. */
export function sideDoorOf({ facts }: SqlReading): string | undefined {
  const found = facts.tablesRead.find(
    (table) => table.schema === 'pg_toast' || VALUES.test(table.name),
  );
  if (found) return `${found.schema}.${found.name}`;
  const activity = facts.uses.some(
    ({ resource, columns, allColumns }) =>
      resource.kind === 'table' &&
      resource.schema === 'pg_catalog' &&
      resource.name === 'pg_stat_activity' &&
      (allColumns || columns.includes('query')),
  );
  return activity ? 'pg_catalog.pg_stat_activity.query' : undefined;
}

/** Every table that the configuration names a column of. */
export function classedTables({ classes }: Pick<PostgresTarget, 'classes'>): QualifiedName[] {
  const paths = Object.values(classes).flat();
  const names = new Set(paths.map((path) => path.split('.').slice(0, 2).join('.')));
  return [...names].map((name) => {
    const [schema = '', table = ''] = name.split('.');
    return { schema, name: table };
  });
}
