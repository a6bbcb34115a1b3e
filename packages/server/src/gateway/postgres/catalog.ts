/**
 * A snapshot of a database's catalog, read over a connection of its own and read again when DDL passed or
 * the snapshot is old. While it cannot be read nothing resolves, so what depends on names is denied.
 */
import type { Catalog, QualifiedName, Relation, Routine, Volatility } from '@sealrail/facts';
import pg from 'pg';

/** DDL that did not pass through this gateway is seen after at most this long. */
export const CATALOG_MS_MAX = 5_000;
const QUERY_MS_MAX = 10_000;

/** How to reach the server, and with what. */
export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
}

export interface CatalogReader {
  /** Undefined while the catalog is not known. */
  current(): Catalog | undefined;
  /** Reads again; resolves when what was committed before the call is in the snapshot. */
  refresh(): Promise<void>;
  readonly serverVersion: string;
  close(): Promise<void>;
}

const RELATIONS = `
  SELECT c.oid::int8, n.nspname, c.relname, c.relkind, greatest(c.reltuples, -1)::int8 AS rows,
    coalesce((SELECT json_agg(json_build_array(a.attname, a.attnotnull) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
    coalesce((SELECT json_agg(k.columns) FROM (
      SELECT (SELECT json_agg(a.attname) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(num, ord)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num WHERE u.ord <= i.indnkeyatts) AS columns
      FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL) k), '[]') AS keys
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast_temp%'`;

const VIEWS = `
  SELECT DISTINCT r.ev_class::int8 AS view, d.refobjid::int8 AS below
  FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
  WHERE d.refobjid <> r.ev_class`;

const ROUTINES = `
  SELECT n.nspname, p.proname AS name, p.provolatile, p.prosecdef
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
  UNION ALL SELECT n.nspname, o.oprname, 'v', false
  FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')`;

/** Changes whenever one of the catalogs that the snapshot is made of does; cheap enough to ask often. */
const FINGERPRINT = `
  SELECT concat_ws(' ',
    (SELECT count(*) || ':' || coalesce(max(age(xmin)::text || oid), '') || ':' || coalesce(sum(hashtext(xmin::text || oid::text)::int8), 0) FROM pg_class WHERE relkind IN ('r','p','v','m','f','S','i')),
    (SELECT count(*) || ':' || coalesce(sum(hashtext(xmin::text || oid::text)::int8), 0) FROM pg_proc WHERE oid >= 16384),
    (SELECT count(*) || ':' || coalesce(sum(hashtext(xmin::text || oid::text)::int8), 0) FROM pg_operator WHERE oid >= 16384),
    (SELECT count(*) || ':' || coalesce(sum(hashtext(xmin::text || oid::text)::int8), 0) FROM pg_rewrite WHERE oid >= 16384),
    (SELECT count(*) || ':' || coalesce(sum(hashtext(xmin::text || attrelid::text || attnum::text)::int8), 0) FROM pg_attribute WHERE attrelid >= 16384),
    current_schemas(true)::text) AS fingerprint`;

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
const SEQUENCE_COLUMNS = ['last_value', 'log_cnt', 'is_called'].map((name) => ({
  name,
  notNull: true,
}));

interface RelationRow {
  readonly oid: string;
  readonly nspname: string;
  readonly relname: string;
  readonly relkind: string;
  readonly rows: string;
  readonly columns: readonly (readonly [string, boolean])[];
  readonly keys: readonly (readonly string[] | null)[];
}

async function readRelations(client: pg.Client): Promise<Map<string, Relation>> {
  const { rows } = await client.query<RelationRow>(RELATIONS);
  const { rows: edges } = await client.query<{ view: string; below: string }>(VIEWS);
  const below = new Map<string, string[]>();
  for (const edge of edges) below.set(edge.view, [...(below.get(edge.view) ?? []), edge.below]);
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  /** Through views of views to the end; a view in a circle of rules is looked at once. */
  const underlying = (oid: string): QualifiedName[] => {
    const seen = new Set<string>();
    const pending = [...(below.get(oid) ?? [])];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      pending.push(...(below.get(next) ?? []));
    }
    return [...seen].flatMap((one) => {
      const row = byOid.get(one);
      return row ? [{ schema: row.nspname, name: row.relname }] : [];
    });
  };
  return new Map(
    rows.map((row) => {
      const columns = row.columns.map(([name, notNull]) => ({ name, notNull }));
      const notNull = new Set(columns.filter((column) => column.notNull).map(({ name }) => name));
      const relation: Relation = {
        schema: row.nspname,
        name: row.relname,
        kind: KINDS[row.relkind] ?? 'table',
        columns: row.relkind === 'S' ? SEQUENCE_COLUMNS : columns,
        // A unique column that may be null holds any number of null rows, but equality finds none of them.
        keys: row.keys.filter((key) => key !== null && key.length > 0) as string[][],
        underlying:
          row.nspname === 'pg_catalog' || row.nspname === 'information_schema'
            ? []
            : underlying(row.oid),
        ...(Number(row.rows) >= 0 && notNull.size >= 0 ? { rows: Number(row.rows) } : {}),
      };
      return [`${row.nspname}\0${row.relname}`, relation];
    }),
  );
}

async function readCatalog(client: pg.Client, epoch: number): Promise<Catalog> {
  const relations = await readRelations(client);
  const { rows: routines } = await client.query<{
    nspname: string;
    name: string;
    provolatile: string;
    prosecdef: boolean;
  }>(ROUTINES);
  const { rows: path } = await client.query<{ schemas: string[] }>(
    'SELECT current_schemas(true)::text[] AS schemas',
  );
  const names = new Set(routines.map(({ name }) => name));
  const byName = new Map<string, Routine>();
  for (const { nspname, name, provolatile, prosecdef } of routines) {
    const key = `${nspname}\0${name}`;
    const other = byName.get(key);
    byName.set(key, {
      schema: nspname,
      name,
      volatility: VOLATILITY[provolatile] ?? 'unknown',
      definerRights: prosecdef || other?.definerRights === true,
    });
  }
  return {
    epoch,
    searchPath: path[0]?.schemas ?? ['pg_catalog'],
    relation: (schema, name) => relations.get(`${schema}\0${name}`),
    hasUserRoutine: (name) => names.has(name),
    routine: (schema, name) => byName.get(`${schema}\0${name}`),
  };
}

/** Privileges that make an upstream role more than it should be; a gateway refuses to start over them. */
const PRIVILEGES = `
  SELECT rolsuper AS superuser, rolbypassrls AS bypassrls, rolcreaterole AS createrole, rolreplication AS replication,
    pg_has_role(current_user, 'pg_read_server_files', 'USAGE') AS pg_read_server_files,
    pg_has_role(current_user, 'pg_write_server_files', 'USAGE') AS pg_write_server_files,
    pg_has_role(current_user, 'pg_execute_server_program', 'USAGE') AS pg_execute_server_program,
    pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AS pg_signal_backend,
    EXISTS (SELECT FROM unnest(current_schemas(false)) s WHERE has_schema_privilege(s, 'CREATE')) AS create_in_search_path
  FROM pg_roles WHERE rolname = current_user`;

/** Names of the dangerous privileges that the role has and `accept` does not name. */
export async function refusedPrivileges(
  client: pg.Client,
  accept: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<Record<string, boolean>>(PRIVILEGES);
  const has = Object.entries(rows[0] ?? {}).filter(([, value]) => value);
  // A superuser has all of them, and naming one says it all.
  const found = rows[0]?.superuser ? ['superuser'] : has.map(([name]) => name);
  return found.filter((name) => !accept.includes(name));
}

export async function openCatalog(
  address: UpstreamAddress,
  accept: readonly string[],
): Promise<CatalogReader | { readonly refused: string }> {
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({
      ...address,
      application_name: 'sealrail catalog',
      connectionTimeoutMillis: QUERY_MS_MAX,
      query_timeout: QUERY_MS_MAX,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  let client = await connect();
  const { rows } = await client.query<{ version: string; encoding: string }>(
    "SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding",
  );
  const privileges = await refusedPrivileges(client, accept);
  const encoding = rows[0]?.encoding ?? '';
  const refused =
    encoding === 'SQL_ASCII'
      ? 'its encoding is SQL_ASCII, so that the bytes of a text have no meaning'
      : privileges.length > 0
        ? `its role ${address.user} has ${privileges.join(', ')}; name what you accept under upstream.accept, or use a plain role`
        : undefined;
  if (refused !== undefined) {
    await client.end();
    return { refused };
  }

  let epoch = 0;
  let snapshot: Catalog | undefined;
  let fingerprint = '';
  let readAtMs = 0;
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let closed = false;

  const read = async (): Promise<void> => {
    try {
      const started = Date.now();
      const answer = await client.query<{ fingerprint: string }>(FINGERPRINT);
      const now = answer.rows[0]?.fingerprint ?? '';
      if (!snapshot || now !== fingerprint) snapshot = await readCatalog(client, ++epoch);
      fingerprint = now;
      readAtMs = started;
    } catch {
      // The snapshot grows old and `current` forgets it; the connection is made anew for the next try.
      await client.end().catch(() => undefined);
      if (!closed) client = await connect().catch(() => client);
    }
  };
  /** One reading at a time; whoever asks during one waits for the next, which sees what is committed now. */
  const refresh = (): Promise<void> => {
    if (!running) {
      running = read().finally(() => {
        running = undefined;
      });
      return running;
    }
    queued ??= running.then(() => {
      queued = undefined;
      return refresh();
    });
    return queued;
  };
  await refresh();
  if (!snapshot) throw new Error('the catalog cannot be read');
  const timer = setInterval(() => void refresh(), CATALOG_MS_MAX / 3);
  timer.unref();
  return {
    serverVersion: rows[0]?.version ?? '',
    current: () => (Date.now() - readAtMs <= CATALOG_MS_MAX ? snapshot : undefined),
    refresh,
    close: async () => {
      closed = true;
      clearInterval(timer);
      await client.end();
    },
  };
}
