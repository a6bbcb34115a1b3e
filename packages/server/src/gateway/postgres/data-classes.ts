/** Data classes of columns, as the configuration names them, and of what holds the same values under another name. */
import type { Catalog, QualifiedName } from '@sealrail/facts';
import type { PostgresTarget } from '../../config/config.ts';

export interface ClassesOptions {
  readonly target: Pick<PostgresTarget, 'classes'>;
  readonly catalog: Catalog | undefined;
}

/**
 * Of a partition or a child they are its parents' too, and of a parent its children's: a read of either
 * shows rows of the other. A generated column has those of what it is computed from.
 */
export function classesOfColumns(
  { target, catalog }: ClassesOptions,
  { schema, name }: QualifiedName,
  columns: readonly string[],
): string[] {
  const relation = catalog?.relation(schema, name);
  const generated = relation?.columns.filter((one) => one.from && columns.includes(one.name)) ?? [];
  const all = [...columns, ...generated.flatMap(({ from }) => from ?? [])];
  const tables = [{ schema, name }, ...(relation?.parents ?? []), ...(relation?.children ?? [])];
  const paths = new Set(
    tables.flatMap((table) => all.map((column) => `${table.schema}.${table.name}.${column}`)),
  );
  return classesWhere(target.classes, (path) => paths.has(path));
}

/** Anywhere below a view: what it does with them inside is not looked into. */
export function classesBelow(
  { target, catalog }: ClassesOptions,
  { schema, name }: QualifiedName,
): string[] {
  const below = catalog?.relation(schema, name)?.underlying ?? [];
  return classesWhere(target.classes, (path) =>
    below.some((one) => path.startsWith(`${one.schema}.${one.name}.`)),
  );
}

function classesWhere(
  classes: PostgresTarget['classes'],
  test: (path: string) => boolean,
): string[] {
  return Object.keys(classes)
    .filter((name) => classes[name]?.some(test))
    .sort();
}
