/** What the gateway's own role at the server may do: more than the work needs is a way around the gateway. */
import type pg from 'pg';

/**
 * postgres-gateway.md section 0, Upstream role. Membership counts without inheritance too: a member can
 * become the role. CREATE on a schema that names are looked up in would let a client change what they mean.
 */
const PRIVILEGES = `
  SELECT rolsuper AS superuser, rolbypassrls AS bypassrls, rolcreaterole AS createrole,
    rolreplication AS replication,
    pg_has_role(current_user, 'pg_read_server_files', 'MEMBER') AS pg_read_server_files,
    pg_has_role(current_user, 'pg_write_server_files', 'MEMBER') AS pg_write_server_files,
    pg_has_role(current_user, 'pg_execute_server_program', 'MEMBER') AS pg_execute_server_program,
    pg_has_role(current_user, 'pg_signal_backend', 'MEMBER') AS pg_signal_backend,
    EXISTS (SELECT FROM unnest(current_schemas(false)) s WHERE has_schema_privilege(s, 'CREATE'))
      AS create_in_search_path
  FROM pg_catalog.pg_roles WHERE rolname = current_user`;

/** Names of the dangerous privileges that the role has and `accept` does not name. */
export async function checkUpstreamRole(
  client: pg.Client,
  accept: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<Record<string, boolean>>(PRIVILEGES);
  const [row] = rows;
  if (!row) throw new Error('the server does not say what its current role may do');
  // A superuser has all of them, and naming one says it all.
  const found = row.superuser ? ['superuser'] : Object.keys(row).filter((name) => row[name]);
  return found.filter((name) => !accept.includes(name));
}

/** Why this server must not be used through a gateway; undefined where it may. */
export async function refuseUpstream(
  client: pg.Client,
  accept: readonly string[],
): Promise<string | undefined> {
  const { rows } = await client.query<{ role: string; encoding: string }>(
    "SELECT current_user AS role, current_setting('server_encoding') AS encoding",
  );
  if (rows[0]?.encoding === 'SQL_ASCII') {
    return 'its encoding is SQL_ASCII, so that the bytes of a text have no meaning';
  }
  const privileges = await checkUpstreamRole(client, accept);
  if (privileges.length === 0) return undefined;
  const has = `its role ${rows[0]?.role ?? ''} has ${privileges.join(', ')}`;
  return `${has}; name what you accept under upstream.accept, or use a plain role`;
}
