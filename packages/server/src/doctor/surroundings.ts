/** Reads what surrounds a target from its catalog, in a transaction that can change nothing. */
import type pg from 'pg';
import { checkUpstreamRole } from '../gateway/postgres/upstream-role.ts';
import {
  HIDDEN_KINDS,
  type HiddenKind,
  NAMES_MAX,
  type Named,
  type Surroundings,
} from './observed.ts';

const PINNED = "'(client_encoding|standard_conforming_strings)='";
const OWN =
  "nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_toast%'";

/** Each gives one column `name`. Those of extensions are the extension's, and it is named itself. */
const HIDDEN: Readonly<Record<HiddenKind, string>> = {
  'definer-functions': `SELECT format('%s.%s', nspname, proname) AS name FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace WHERE prosecdef AND ${OWN}`,
  extensions: `SELECT extname AS name FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql'`,
  'foreign-servers': `SELECT format('%s (%s)', srvname, fdwname) AS name FROM pg_catalog.pg_foreign_server s
    JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = srvfdw`,
  triggers: `SELECT format('%s on %s.%s', tgname, nspname, relname) AS name FROM pg_catalog.pg_trigger
    JOIN pg_catalog.pg_class c ON c.oid = tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE NOT tgisinternal AND ${OWN}`,
  'event-triggers': `SELECT evtname AS name FROM pg_catalog.pg_event_trigger`,
  rules: `SELECT format('%s on %s.%s', rulename, nspname, relname) AS name FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_class c ON c.oid = ev_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE rulename <> '_RETURN' AND ${OWN}`,
  'row-security': `SELECT format('%s on %s.%s', polname, nspname, relname) AS name FROM pg_catalog.pg_policy
    JOIN pg_catalog.pg_class c ON c.oid = polrelid JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace`,
  'untrusted-languages': `SELECT lanname AS name FROM pg_catalog.pg_language
    WHERE NOT lanpltrusted AND lanname NOT IN ('internal', 'c')`,
};

const PINNED_ELSEWHERE = `
  SELECT format('%s for %s', setting, coalesce(rolname, 'all roles')) AS name
  FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(setconfig) setting
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = setrole
  WHERE setting ~ ${PINNED} AND setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database
    WHERE datname = current_database()))`;

const PINNED_IN_FUNCTIONS = `
  SELECT format('%s.%s', nspname, proname) AS name FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace
  WHERE EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting ~ ${PINNED})`;

/** A gateway's sessions say so in their names; the database and the role of others are shown to everybody. */
const AROUND = `
  SELECT usename AS name FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
    AND coalesce(application_name, '') !~ 'sealrail(:| catalog| doctor)'`;

const ONES = `
  SELECT current_setting('server_version') AS version, current_user AS role,
    current_database() AS database, current_setting('server_encoding') AS encoding,
    current_setting('listen_addresses') AS "listenAddresses", pg_is_in_recovery() AS "isStandby",
    (SELECT version FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()) AS tls`;

interface Ones extends Omit<Surroundings, 'tls' | 'privileges' | 'hidden' | 'around'> {
  readonly tls: string | null;
}

/** Rejects where the server does not answer; leaves the connection outside of any transaction. */
export async function readSurroundings(client: pg.Client): Promise<Surroundings> {
  await client.query('BEGIN TRANSACTION READ ONLY');
  try {
    const { rows } = await client.query<Ones>(ONES);
    const [ones] = rows;
    if (!ones) throw new Error('the server does not say what it is');
    const hidden: [HiddenKind, Named][] = [];
    for (const kind of HIDDEN_KINDS) hidden.push([kind, await readNames(client, HIDDEN[kind])]);
    return {
      ...ones,
      tls: ones.tls ?? undefined,
      privileges: await checkUpstreamRole(client, []),
      pinnedElsewhere: await readNames(client, PINNED_ELSEWHERE),
      pinnedInFunctions: await readNames(client, PINNED_IN_FUNCTIONS),
      hidden: Object.fromEntries(hidden) as Record<HiddenKind, Named>,
      around: await readNames(client, AROUND),
    };
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** All are counted at the server, so that a large catalog costs no memory here. */
export async function readNames(client: pg.Client, query: string): Promise<Named> {
  const { rows } = await client.query<{ name: string; count: number }>(
    `SELECT name::text, sum(count(*)) OVER ()::int AS count FROM (${query}) found
     GROUP BY name ORDER BY name::text COLLATE "C" LIMIT ${NAMES_MAX}`,
  );
  return { count: rows[0]?.count ?? 0, names: rows.map(({ name }) => name) };
}
