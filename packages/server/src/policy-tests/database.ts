/** The database that the SQL of a file's cases is about, as the gateway's catalog would know it. Pure. */
import type { Catalog, QualifiedName, Relation } from '@sealrail/facts';
import type { Path, Problem } from './facts.ts';
import type { RawDatabase } from './shape.ts';

export interface Database {
  readonly name: string;
  readonly catalog: Catalog;
  /** Data class → columns as `schema.table.column`. */
  readonly classes: Readonly<Record<string, readonly string[]>>;
}

const keyOf = ({ schema, name }: QualifiedName): string => `${schema}.${name}`;

/** `customers` is in the schema public, as it would be in SQL. */
function qualified(text: string): QualifiedName {
  const dot = text.indexOf('.');
  return dot < 0
    ? { schema: 'public', name: text }
    : { schema: text.slice(0, dot), name: text.slice(dot + 1) };
}

export function databaseOf(raw: RawDatabase, problem: Problem): Database {
  const relations = new Map<string, Relation>();
  for (const [text, table] of Object.entries(raw.tables)) {
    const relation = relationOf(text, table);
    relations.set(keyOf(relation), relation);
  }
  const routines = new Map(
    Object.entries(raw.routines).map(([text, routine]) => {
      const name = qualified(text);
      return [keyOf(name), { ...name, ...routine }] as const;
    }),
  );
  const catalog: Catalog = {
    epoch: 1,
    searchPath: ['pg_catalog', 'public'],
    relation: (schema, name) => relations.get(keyOf({ schema, name })),
    hasUserRoutine: (name) => [...routines.values()].some((routine) => routine.name === name),
    routine: (schema, name) => routines.get(keyOf({ schema, name })),
  };
  const classes = Object.entries(raw.classes).map(([name, columns]) => {
    const paths = columns.map((text, at) =>
      columnOf(text, relations, ['database', 'classes', name, at], problem),
    );
    return [name, paths] as const;
  });
  return { name: raw.name, catalog, classes: Object.fromEntries(classes) };
}

function relationOf(text: string, raw: RawDatabase['tables'][string]): Relation {
  const table = isPlain(raw) ? { columns: raw, kind: 'table' as const, of: [] } : raw;
  const { columns, kind, of, ...more } = table;
  const key = 'key' in more ? more.key : columns.includes('id') ? 'id' : undefined;
  return {
    ...qualified(text),
    kind,
    columns: columns.map((name) => ({ name, notNull: false })),
    keys: key === undefined ? [] : [typeof key === 'string' ? [key] : key],
    underlying: of.map(qualified),
    ...('rows' in more && more.rows !== undefined ? { rows: more.rows } : {}),
  };
}

const isPlain = (raw: RawDatabase['tables'][string]): raw is string[] => Array.isArray(raw);

/** A class on a column that is not there would protect nothing, and its cases would prove nothing. */
function columnOf(
  text: string,
  relations: ReadonlyMap<string, Relation>,
  path: Path,
  problem: Problem,
): string {
  const dot = text.lastIndexOf('.');
  const relation = relations.get(keyOf(qualified(text.slice(0, Math.max(dot, 0)))));
  const column = text.slice(dot + 1);
  if (relation?.columns.some(({ name }) => name === column)) return `${keyOf(relation)}.${column}`;
  problem(
    path,
    `${JSON.stringify(text)} is no column of database.tables`,
    'such as customers.email',
  );
  return text;
}
