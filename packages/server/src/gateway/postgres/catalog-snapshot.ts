/** Reads a database's catalog in one snapshot of the server's, and makes of it what facts are looked up in. */
import type { Catalog, QualifiedName, Relation, Routine, Volatility } from '@sealrail/facts';
import type pg from 'pg';

/** Relations that a snapshot may hold; past it the database is refused rather than half known. */
export const RELATIONS_MAX = 200_000;

const OURS = "NOT IN ('pg_catalog', 'information_schema')";
/** Objects below it came with the server: FirstNormalObjectId. */
const USER_OID = 16_384;

const RELATIONS = `
  SELECT c.oid::text, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
    c.reltuples::float8 AS rows,
    coalesce((SELECT json_agg(json_build_array(a.attname, a.attnotnull, a.attnum,
        CASE WHEN a.attgenerated <> '' THEN (SELECT json_agg(DISTINCT b.attname)
          FROM pg_catalog.pg_attrdef f
          JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::regclass
            AND d.refobjid = c.oid AND d.refobjsubid <> a.attnum
            AND (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid
              OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                AND d.objsubid = a.attnum)
          JOIN pg_catalog.pg_attribute b ON b.attrelid = c.oid AND b.attnum = d.refobjsubid
          WHERE f.adrelid = c.oid AND f.adnum = a.attnum) END) ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
    coalesce((SELECT json_agg(k.columns) FROM (
      SELECT (SELECT json_agg(a.attname)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(num, ord)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num
        WHERE u.ord <= i.indnkeyatts) AS columns
      FROM pg_catalog.pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL) k), '[]') AS keys
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%'
  LIMIT ${RELATIONS_MAX + 1}`;

/** What a view reads, and what the rules of a table write or read in its place. */
const UNDERLYING = `
  SELECT DISTINCT r.ev_class::text AS above, d.refobjid::text AS below
  FROM pg_catalog.pg_rewrite r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
    AND d.refclassid = 'pg_catalog.pg_class'::regclass
  WHERE d.refobjid <> r.ev_class AND r.oid >= ${USER_OID}`;

const PARENTS = `
  SELECT inhrelid::text AS above, inhparent::text AS below FROM pg_catalog.pg_inherits`;

const ROUTINES = `
  SELECT n.nspname AS schema, p.proname AS name, p.provolatile AS volatility, p.prosecdef AS definer
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname ${OURS}`;

/** Names that a call, an operator or a cast may mean besides what the server came with. */
const NAMES = `
  SELECT p.proname AS name FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname ${OURS}
  UNION SELECT o.oprname FROM pg_catalog.pg_operator o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname ${OURS}
  UNION SELECT '::' || t.typname FROM pg_catalog.pg_cast c
    JOIN pg_catalog.pg_type t ON t.oid = c.casttarget WHERE c.oid >= ${USER_OID}
  UNION SELECT '::' || t.typname FROM pg_catalog.pg_cast c
    JOIN pg_catalog.pg_type t ON t.oid = c.castsource WHERE c.oid >= ${USER_OID}`;

const TYPES = `
  SELECT n.nspname AS schema, t.typname AS name, t.typtype = 'e' AS enum
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname ${OURS}`;

/** Changes with any row that a snapshot is made of; of row estimates only a doubling counts. */
const watched = (table: string, where: string): string => `
  (SELECT count(*) || ':' || coalesce(sum(hashtextextended(w.xmin::text || w.ctid::text, 0)), 0)
    FROM pg_catalog.${table} w WHERE ${where})`;
const FINGERPRINT = `SELECT pg_current_snapshot()::text AS seen, concat_ws(' ',
  ${watched('pg_class', "w.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')")},
  (SELECT sum(hashtextextended(oid || ':' || CASE WHEN reltuples < 0 THEN -1
    ELSE floor(ln(reltuples + 1) / ln(2)) END, 0)) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p')),
  ${watched('pg_attribute', `w.attrelid >= ${USER_OID}`)},
  ${watched('pg_index', `w.indrelid >= ${USER_OID}`)},
  ${watched('pg_rewrite', `w.oid >= ${USER_OID}`)},
  ${watched('pg_inherits', 'true')},
  ${watched('pg_proc', `w.oid >= ${USER_OID}`)},
  ${watched('pg_operator', `w.oid >= ${USER_OID}`)},
  ${watched('pg_cast', `w.oid >= ${USER_OID}`)},
  ${watched('pg_type', `w.oid >= ${USER_OID}`)},
  ${watched('pg_namespace', 'true')},
  ${watched('pg_db_role_setting', 'true')}) AS fingerprint`;

/** Which transactions are visible: while it stays the same, nothing at all has changed. */
const SEEN = 'SELECT pg_current_snapshot()::text AS seen';

export interface Seen {
  readonly seen: string;
  readonly fingerprint: string;
}

export async function readSeen(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ seen: string }>(SEEN);
  return rows[0]?.seen ?? '';
}

/** Both from one snapshot, so that a change between them cannot be missed. */
export async function readFingerprint(client: pg.Client): Promise<Seen> {
  const { rows } = await client.query<Seen>(FINGERPRINT);
  const [row] = rows;
  if (!row) throw new Error('the server gave no fingerprint of its catalog');
  return row;
}

const KINDS: Readonly<Record<string, Relation['kind']>> = {
  r: 'table',
  p: 'partitioned',
  v: 'view',
  m: 'matview',
  f: 'foreign',
  S: 'sequence',
};
const VOLATILITY: Readonly<Record<string, Volatility>> = {
  i: 'immutable',
  s: 'stable',
  v: 'volatile',
};

interface RelationRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly rows: number;
  readonly columns: readonly (readonly [string, boolean, number, readonly string[] | null])[];
  readonly keys: readonly (readonly string[] | null)[];
}

interface Edge {
  readonly above: string;
  readonly below: string;
}

/** The whole catalog as of one moment, with the fingerprint of that moment. */
export async function readCatalog(
  client: pg.Client,
  epoch: number,
): Promise<{ readonly catalog: Catalog; readonly at: Seen }> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    const at = await readFingerprint(client);
    const relations = await readRelations(client);
    const routines = await readRoutines(client);
    const { rows: names } = await client.query<{ name: string }>(NAMES);
    const enumType = await readEnums(client);
    const { rows: path } = await client.query<{ schemas: string[] }>(
      'SELECT current_schemas(true)::text[] AS schemas',
    );
    const userNames = new Set(names.map(({ name }) => name));
    const catalog: Catalog = {
      epoch,
      searchPath: path[0]?.schemas ?? ['pg_catalog'],
      relation: (schema, name) => relations.get(keyOf({ schema, name })),
      hasUserRoutine: (name) => userNames.has(name),
      routine: (schema, name) => routines.get(keyOf({ schema, name })),
      enumType,
    };
    return { catalog, at };
  } finally {
    await client.query('ROLLBACK');
  }
}

const keyOf = ({ schema, name }: QualifiedName): string => `${schema}\0${name}`;
const isSystem = ({ schema }: { readonly schema: string }): boolean =>
  schema === 'pg_catalog' || schema === 'information_schema';

async function readRelations(client: pg.Client): Promise<ReadonlyMap<string, Relation>> {
  const { rows } = await client.query<RelationRow>(RELATIONS);
  if (rows.length > RELATIONS_MAX) {
    throw new Error(`the database has more than ${RELATIONS_MAX} relations`);
  }
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  const closure = (edges: readonly Edge[]) => {
    const below = new Map<string, string[]>();
    for (const edge of edges) below.set(edge.above, [...(below.get(edge.above) ?? []), edge.below]);
    return (oid: string): QualifiedName[] =>
      reached(oid, below)
        .flatMap((one) => byOid.get(one) ?? [])
        .map(named);
  };
  const underlying = closure((await client.query<Edge>(UNDERLYING)).rows);
  const inherits = (await client.query<Edge>(PARENTS)).rows;
  const parents = closure(inherits);
  const children = closure(inherits.map(({ above, below }) => ({ above: below, below: above })));
  return new Map(
    rows.map((row) => {
      const above = parents(row.oid);
      const beneath = children(row.oid);
      const relation: Relation = {
        ...named(row),
        kind: KINDS[row.kind] ?? 'table',
        columns: row.columns.map(([name, notNull, number, from]) => ({
          name,
          notNull,
          number,
          ...(from === null ? {} : { from }),
        })),
        oid: Number(row.oid),
        // Of a unique column that may be null, equality still finds one row at most.
        keys: row.keys.filter((key) => key !== null && key.length > 0).map((key) => key ?? []),
        underlying: isSystem(row) ? [] : underlying(row.oid),
        ...(row.rows >= 0 ? { rows: Math.round(row.rows) } : {}),
        ...(above.length > 0 ? { parents: above } : {}),
        ...(beneath.length > 0 ? { children: beneath } : {}),
      };
      return [keyOf(relation), relation];
    }),
  );
}

const named = ({ schema, name }: QualifiedName): QualifiedName => ({ schema, name });

/** Through views of views to the end; rules in a circle are followed once. */
function reached(from: string, below: ReadonlyMap<string, readonly string[]>): string[] {
  const seen = new Set<string>();
  const pending = [...(below.get(from) ?? [])];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    pending.push(...(below.get(next) ?? []));
  }
  return [...seen];
}

async function readRoutines(client: pg.Client): Promise<ReadonlyMap<string, Routine>> {
  const { rows } = await client.query<
    QualifiedName & { readonly volatility: string; readonly definer: boolean }
  >(ROUTINES);
  const routines = new Map<string, Routine>();
  for (const row of rows) {
    const other = routines.get(keyOf(row));
    routines.set(keyOf(row), {
      ...named(row),
      // Of several with one name it is not known which is meant.
      volatility: other ? 'unknown' : (VOLATILITY[row.volatility] ?? 'unknown'),
      definerRights: row.definer || other?.definerRights === true,
    });
  }
  return routines;
}

async function readEnums(client: pg.Client): Promise<NonNullable<Catalog['enumType']>> {
  const { rows } = await client.query<QualifiedName & { readonly enum: boolean }>(TYPES);
  const enums = new Set(rows.filter((row) => row.enum).map(keyOf));
  const schemasOf = new Map<string, string[]>();
  for (const { schema, name } of rows) {
    schemasOf.set(name, [...(schemasOf.get(name) ?? []), schema]);
  }
  return (schema, name) => {
    if (schema !== undefined) return enums.has(keyOf({ schema, name }));
    const [only, ...others] = schemasOf.get(name) ?? [];
    return only !== undefined && others.length === 0 && enums.has(keyOf({ schema: only, name }));
  };
}
