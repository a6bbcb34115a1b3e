/** The database that the SQL cases name: loaded afresh before each case, compared around each step. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { attacksFolder } from '../corpora.ts';

const TABLES = ['users', 'notes', 'audit', 'staging', 't'];

export class Fixture {
  readonly #client: pg.Client;
  #masked: readonly string[] = [];
  readonly #script = readFileSync(join(attacksFolder, 'fixture.sql'), 'utf8');

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** As superuser, straight to the server: what the gateway does must not be able to hide from it. */
  static async open(connectionString: string): Promise<Fixture> {
    const client = new pg.Client({ connectionString });
    client.on('error', () => undefined);
    await client.connect();
    return new Fixture(client);
  }

  async reset(): Promise<void> {
    await this.#client.query(this.#script);
    await this.#client.query('RESET ALL; SET search_path = public, pg_catalog');
    const { rows } = await this.#client.query<{ ssn: string; email: string }>(
      'SELECT ssn, email FROM public.users',
    );
    this.#masked = rows.flatMap(({ ssn, email }) => [ssn, email]).filter((value) => value !== null);
  }

  /** True where a text holds a value of a column that the baseline policy masks. */
  holdsMasked(text: string): boolean {
    return this.#masked.some((value) => text.includes(value));
  }

  /** Everything that a case might change, as one text that differs if anything did. */
  async snapshot(): Promise<string> {
    const parts: string[] = [];
    const add = async (name: string, query: string) => {
      try {
        const { rows } = await this.#client.query({ text: query, rowMode: 'array' });
        parts.push(`${name}: ${JSON.stringify(rows)}`);
      } catch (error) {
        // A dropped table is a difference, and must not look like an unchanged one.
        parts.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    for (const table of TABLES) {
      await add(
        table,
        `SELECT count(*), md5(string_agg(x::text, '~' ORDER BY id)) FROM public.${table} x`,
      );
    }
    await add(
      'pg_class',
      `SELECT oid, relname, relnamespace, relkind, relowner, relrowsecurity, relfilenode, relacl::text FROM pg_class
       WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'information_schema'::regnamespace) ORDER BY oid`,
    );
    await add(
      'pg_proc',
      `SELECT oid, proname, md5(prosrc), proacl::text FROM pg_proc WHERE oid >= 16384 ORDER BY oid`,
    );
    await add('pg_trigger', 'SELECT oid, tgname, tgenabled FROM pg_trigger ORDER BY oid');
    await add(
      'pg_auth_members',
      'SELECT roleid, member, admin_option FROM pg_auth_members ORDER BY 1, 2',
    );
    await add(
      'pg_roles',
      'SELECT rolname, rolsuper, rolcanlogin, rolconfig::text FROM pg_roles ORDER BY 1',
    );
    await add('pg_largeobject', 'SELECT loid, md5(data) FROM pg_largeobject ORDER BY loid, pageno');
    await add(
      'pg_db_role_setting',
      'SELECT setdatabase, setrole, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2',
    );
    await add(
      'pg_settings',
      "SELECT name, setting FROM pg_settings WHERE source IN ('configuration file', 'database', 'global') ORDER BY 1",
    );
    return parts.join('\n');
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}
