/**
 * Facts against a real PostgreSQL: what it refuses to a role without the column, what it labels in its
 * results, and how many rows it deletes. What we miss here, an attacker reads or deletes.
 */
import { spawnSync } from 'node:child_process';
import { readSql, type SqlFacts } from '@sealrail/facts';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CATALOG_MS_MAX, openCatalog } from '../../packages/server/src/gateway/postgres/catalog.ts';
import { openParser } from '../../packages/server/src/gateway/postgres/parse.ts';
import { checkUpstreamRole } from '../../packages/server/src/gateway/postgres/upstream-role.ts';
import { BENIGN } from './benign.ts';
import { Generator, randomOf } from './generate.ts';
import { randomDelete, SCOPE_ROWS, SCOPE_TABLE } from './predicates.ts';
import { type FactsServer, pgAddress, startFactsServer } from './server.ts';

let server: FactsServer;
/** May read every column of users but ssn. */
let blind: pg.Client;
let ssn: { tableID: number; columnID: number };

beforeAll(async () => {
  server = await startFactsServer();
  await server.client.query(SCOPE_TABLE);
  await server.client.query(`
    DELETE FROM users WHERE id BETWEEN 1003 AND 9000;
    CREATE ROLE blind; GRANT USAGE ON SCHEMA public TO blind;
    GRANT SELECT (id, name, email, city) ON users TO blind; GRANT SELECT ON notes, t TO blind`);
  await server.reader.refresh();
  blind = await server.connect();
  await blind.query("SET ROLE blind; SET statement_timeout = '1s'");
  await server.client.query("SET statement_timeout = '1s'");
  const { rows } = await server.client.query("SELECT 'public.users'::regclass::oid AS oid");
  ssn = { tableID: rows[0].oid, columnID: 2 };
});
afterAll(async () => {
  await blind.end();
  await server.stop();
});

const SEEDS = Number(process.env.SEALRAIL_FACTS_SEEDS ?? 1_500);
/** Another run looks at other statements; a failure names the seed. */
const FIRST = Date.now() % 1_000_000_000;

/** Whether the server lets a role without ssn run it; undefined where it is no valid statement. */
async function needsSsn(text: string): Promise<boolean | undefined> {
  try {
    await blind.query(`EXPLAIN ${text}`);
    return false;
  } catch (error) {
    return error instanceof pg.DatabaseError && error.code === '42501' ? true : undefined;
  }
}

/** A value of ssn in a field that does not carry ssn's label, so that a mask by label would miss it. */
async function leaks(text: string): Promise<boolean> {
  const labelled = (at: number, fields: readonly pg.FieldDef[]) =>
    fields[at]?.tableID === ssn.tableID && fields[at]?.columnID === ssn.columnID;
  try {
    const { rows, fields } = await server.client.query<unknown[]>({ text, rowMode: 'array' });
    return rows.some((row) =>
      row.some(
        (value, at) =>
          !labelled(at, fields) &&
          /900000\d{3}|90000[19]\d{3}|123006789/.test(JSON.stringify(value) ?? ''),
      ),
    );
  } catch {
    return false;
  }
}

const usersRead = ({ uses }: SqlFacts) =>
  uses.find(
    ({ verb, resource }) => verb === 'select' && 'name' in resource && resource.name === 'users',
  );

describe('lineage', () => {
  test('a query that PostgreSQL refuses without the column has it among its columns', {
    timeout: 120_000,
  }, async () => {
    let valid = 0;
    let needed = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const { text } = new Generator(randomOf(seed)).query();
      const needs = await needsSsn(text);
      if (needs === undefined) continue;
      valid++;
      const { facts } = server.read(text);
      if (!needs || facts.doubts.length > 0) continue;
      needed++;
      const use = usersRead(facts);
      expect(use?.columns, `seed ${seed}: ${text}`).toContain('ssn');
      // Only shown is what a mask by label covers: then no value may come without its label.
      if (!use?.derived.includes('ssn'))
        expect(await leaks(text), `seed ${seed}: ${text}`).toBe(false);
    }
    // A generator that makes no sense any more would find nothing, for the wrong reason.
    expect(valid).toBeGreaterThan(SEEDS / 10);
    expect(needed).toBeGreaterThan(SEEDS / 50);
  });
});

describe('scope', () => {
  test('a write that is held by a key deletes a few rows, and one in a range not the whole table', {
    timeout: 120_000,
  }, async () => {
    const seen = new Map<string, number>();
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      const text = randomDelete(randomOf(seed));
      const { facts } = server.read(text);
      await server.client.query('BEGIN');
      const rows = await server.client.query(text).then(
        (result) => result.rowCount ?? 0,
        () => undefined,
      );
      await server.client.query('ROLLBACK');
      if (rows === undefined) continue;
      seen.set(facts.scope, (seen.get(facts.scope) ?? 0) + 1);
      if (facts.scope === 'key') expect(rows, `seed ${seed}: ${text}`).toBeLessThan(25);
    }
    expect(seen.get('key') ?? 0).toBeGreaterThan(SEEDS / 50);
    expect(seen.get('loose') ?? 0).toBeGreaterThan(SEEDS / 50);
    expect(SCOPE_ROWS).toBeGreaterThan(25);
  });
});

describe('ordinary statements', () => {
  test('run on the server, and leave no doubt and no risk', async () => {
    const client = await server.connect();
    for (const text of BENIGN) {
      const { facts } = server.read(text);
      expect({ text, doubts: facts.doubts, risks: facts.risks }).toEqual({
        text,
        doubts: [],
        risks: [],
      });
      await client.query(text);
    }
    await client.end();
  });

  const psql = spawnSync('psql', ['--version']).status === 0;
  /** Catalog queries of the backslash commands; those that a release asks of a later server in vain are left out. */
  test.skipIf(!psql)('psql describes tables, views and the rest without a doubt', async () => {
    const commands = [
      '\\d',
      '\\d+',
      '\\d users',
      '\\d+ shop.orders',
      '\\d shop.large_orders',
      '\\dt+ *.*',
    ];
    const more = [
      '\\di+',
      '\\dn+',
      '\\df+ purge',
      '\\du+',
      '\\dp',
      '\\dx',
      '\\sf purge',
      '\\dT+',
      '\\ds',
      '\\dm',
    ];
    const asked = [...commands, ...more].flatMap((command) => {
      const { stdout } = spawnSync('psql', ['-X', '-E', server.url, '-c', command], {
        encoding: 'utf8',
      });
      return [...stdout.matchAll(/\*+ QUERY \*+\n([\s\S]*?)\n\*{20,}/g)].map(
        (match) => match[1] ?? '',
      );
    });
    expect(asked.length).toBeGreaterThan(40);
    const client = await server.connect();
    for (const text of asked) {
      const runs = await client.query(text).then(
        () => true,
        () => false,
      );
      const { facts } = server.read(text);
      if (runs)
        expect({ text, doubts: facts.doubts, risks: facts.risks }).toEqual({
          text,
          doubts: [],
          risks: [],
        });
    }
    await client.end();
  });
});

describe('the catalog snapshot', () => {
  test('has keys, nullability, views to the end, partitions and enums', () => {
    const catalog = server.catalog();
    expect(catalog.searchPath).toEqual(['pg_catalog', 'public', 'shop']);
    expect(catalog.relation('public', 'users')).toMatchObject({
      kind: 'table',
      keys: [['id']],
      underlying: [],
    });
    expect(catalog.relation('shop', 'order_items')?.keys).toEqual([['order_id', 'line']]);
    expect(catalog.relation('shop', 'large_orders')).toMatchObject({ kind: 'view' });
    expect(
      catalog
        .relation('shop', 'large_orders')
        ?.underlying.map(({ name }) => name)
        .sort(),
    ).toEqual(['customers', 'orders']);
    expect(catalog.relation('shop', 'orders')?.kind).toBe('partitioned');
    expect(catalog.relation('shop', 'orders_1')?.parents).toEqual([
      { schema: 'shop', name: 'orders' },
    ]);
    expect(catalog.enumType?.(undefined, 'order_status')).toBe(true);
    expect(catalog.enumType?.(undefined, 'customers')).toBe(false);
    expect(catalog.hasUserRoutine('purge')).toBe(true);
    expect(catalog.hasUserRoutine('lower')).toBe(false);
    expect(catalog.routine('public', 'purge')).toMatchObject({ volatility: 'volatile' });
  });

  test('a change raises the epoch, and nothing else does', async () => {
    const before = server.catalog().epoch;
    await server.reader.refresh();
    await server.client.query("UPDATE notes SET body = 'x' WHERE id = 1");
    await server.reader.refresh();
    expect(server.catalog().epoch).toBe(before);
    await server.client.query(
      'CREATE FUNCTION public.lower(int) RETURNS int LANGUAGE sql AS $$SELECT 1$$',
    );
    await server.reader.refresh();
    expect(server.catalog().epoch).toBe(before + 1);
    expect(server.read('SELECT lower(name) FROM users').facts.doubts).toEqual(['ambiguous']);
    await server.client.query('DROP FUNCTION public.lower(int)');
    await server.reader.refresh();
    expect(server.read('SELECT lower(name) FROM users').facts.doubts).toEqual([]);
  });

  test('a new column, a new key and a new search_path are seen', async () => {
    await server.client.query('CREATE TABLE public.later (a int)');
    await server.reader.refresh();
    expect(server.read('UPDATE later SET a = 1 WHERE a = 2').facts.scope).toBe('range');
    await server.client.query('ALTER TABLE later ADD b text; CREATE UNIQUE INDEX ON later (a)');
    await server.reader.refresh();
    expect(server.read('UPDATE later SET b = NULL WHERE a = 2').facts).toMatchObject({
      scope: 'key',
      doubts: [],
    });
    await server.client.query('ALTER DATABASE appdb SET search_path = shop');
    await server.reader.refresh();
    expect(server.catalog().searchPath).toEqual(['pg_catalog', 'shop']);
    expect(server.read('SELECT * FROM later').facts.doubts).toEqual(['unresolved-name']);
    await server.client.query('ALTER DATABASE appdb SET search_path = public, shop');
    await server.reader.refresh();
  });

  test('is forgotten when the server cannot be asked, and comes back', async () => {
    await server.client.query("CREATE ROLE watcher LOGIN PASSWORD 'watcher'");
    const { host, port } = pgAddress(server.url);
    const address = { host, port, user: 'watcher', password: 'watcher', database: 'appdb' };
    const reader = await openCatalog(() => address, []);
    if ('refused' in reader) throw new Error(reader.refused);
    const { epoch } = reader.current() ?? { epoch: 0 };
    await server.client.query(`ALTER ROLE watcher NOLOGIN;
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'watcher'`);
    await reader.refresh();
    expect(reader.current()?.epoch).toBe(epoch);
    await expect.poll(() => reader.current(), { timeout: CATALOG_MS_MAX + 3_000 }).toBeUndefined();
    await server.client.query('ALTER ROLE watcher LOGIN');
    await reader.refresh();
    await reader.refresh();
    expect(reader.current()?.relation('public', 'users')).toBeDefined();
    await reader.close();
  });
});

describe('the upstream role', () => {
  test('is refused for every privilege that reaches past its tables, and accepted by name', async () => {
    await server.client.query(`
      CREATE ROLE plain LOGIN; CREATE ROLE reader LOGIN IN ROLE pg_read_server_files;
      CREATE ROLE maker LOGIN CREATEROLE BYPASSRLS; CREATE ROLE owner LOGIN;
      GRANT CREATE ON SCHEMA public TO owner`);
    const refused = async (role: string, accept: string[] = []) => {
      const client = await server.connect();
      await client.query(`SET SESSION AUTHORIZATION ${role}`);
      const found = await checkUpstreamRole(client, accept);
      await client.end();
      return found;
    };
    expect(await refused('plain')).toEqual([]);
    expect(await refused('reader')).toEqual(['pg_read_server_files']);
    expect(await refused('maker')).toEqual(['bypassrls', 'createrole']);
    expect(await refused('owner')).toEqual(['create_in_search_path']);
    expect(await refused('postgres')).toEqual(['superuser']);
    expect(await refused('maker', ['bypassrls', 'createrole'])).toEqual([]);
  });

  test('a database whose bytes have no encoding is refused', async () => {
    await server.client.query(
      "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'",
    );
    const address = { ...pgAddress(server.url), database: 'ascii' };
    const reader = await openCatalog(() => address, ['superuser']);
    expect(reader).toMatchObject({ refused: expect.stringContaining('SQL_ASCII') });
  });
});

describe('every supported grammar', () => {
  test('gives the same facts for what all of them read', async () => {
    const parsers = await Promise.all(([15, 16, 17, 18] as const).map(openParser));
    const texts = [
      ...BENIGN,
      'MERGE INTO users u USING notes n ON u.id = 1 WHEN MATCHED THEN DELETE',
    ];
    for (const text of texts) {
      const all = parsers.map((parse) => readSql({ text, parse, catalog: server.catalog() }).facts);
      for (const facts of all) expect(facts).toEqual(all[3]);
    }
  });
});
