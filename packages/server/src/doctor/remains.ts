/** What of Sealrail is in a database: nothing, and whoever leaves has that checked. */
import type { PostgresTarget } from '../config/config.ts';
import { connectOwn } from '../gateway/postgres/catalog.ts';
import { addressOf } from '../gateway/postgres/gateway.ts';
import type { Named } from './observed.ts';
import { readNames } from './surroundings.ts';

export interface Remains {
  /** Objects of any kind that bear the name. */
  readonly installed: Named;
  /** What the upstream's role owns: clients made it, through the gateway or around it. */
  readonly owned: Named;
  /** Sessions that a gateway holds open there now, by role. */
  readonly sessions: Named;
}

const INSTALLED = `
  SELECT format('%s %s', kind, name) AS name FROM (
    SELECT 'schema' AS kind, nspname AS name FROM pg_catalog.pg_namespace
    UNION ALL SELECT 'relation', relname FROM pg_catalog.pg_class
    UNION ALL SELECT 'function', proname FROM pg_catalog.pg_proc
    UNION ALL SELECT 'trigger', tgname FROM pg_catalog.pg_trigger
    UNION ALL SELECT 'event trigger', evtname FROM pg_catalog.pg_event_trigger
    UNION ALL SELECT 'extension', extname FROM pg_catalog.pg_extension
    UNION ALL SELECT 'type', typname FROM pg_catalog.pg_type
    UNION ALL SELECT 'policy', polname FROM pg_catalog.pg_policy
    UNION ALL SELECT 'rule', rulename FROM pg_catalog.pg_rewrite
    UNION ALL SELECT 'server', srvname FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT 'publication', pubname FROM pg_catalog.pg_publication
    UNION ALL SELECT 'replication slot', slot_name FROM pg_catalog.pg_replication_slots
    UNION ALL SELECT 'setting', setting FROM pg_catalog.pg_db_role_setting, unnest(setconfig) setting
  ) objects WHERE name ILIKE '%sealrail%'`;

const OWNED = `
  SELECT format('%s.%s', nspname, relname) AS name FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
  JOIN pg_catalog.pg_roles r ON r.oid = relowner
  WHERE rolname = current_user AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT rolsuper`;

const SESSIONS = `
  SELECT usename AS name FROM pg_catalog.pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE '%sealrail:%'`;

/** In a transaction that can change nothing. Rejects where the server cannot be asked. */
export async function readRemains(target: PostgresTarget): Promise<Remains> {
  const client = await connectOwn(addressOf(target));
  try {
    await client.query('BEGIN TRANSACTION READ ONLY');
    return {
      installed: await readNames(client, INSTALLED),
      owned: await readNames(client, OWNED),
      sessions: await readNames(client, SESSIONS),
    };
  } finally {
    await client.end().catch(() => undefined);
  }
}
