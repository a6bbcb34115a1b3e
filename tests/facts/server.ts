/** A real PostgreSQL with the attack fixture, the shop, and a parser and a catalog over it: shared by a file of tests. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Catalog, readSql, type SqlReading } from '@sealrail/facts';
import pg from 'pg';
import { startPostgres } from '../../demo/postgres.ts';
import {
  type CatalogReader,
  openCatalog,
} from '../../packages/server/src/gateway/postgres/catalog.ts';
import { openParser } from '../../packages/server/src/gateway/postgres/parse.ts';
import { attacksFolder } from '../corpora.ts';
import { scratch } from '../system.ts';
import { SHOP } from './benign.ts';

export interface FactsServer {
  /** As superuser. */
  readonly client: pg.Client;
  readonly reader: CatalogReader;
  readonly url: string;
  catalog(): Catalog;
  read(text: string): SqlReading;
  connect(): Promise<pg.Client>;
  stop(): Promise<void>;
}

export async function startFactsServer(): Promise<FactsServer> {
  const dir = scratch('facts');
  const postgres = await startPostgres({ dir });
  const connect = async (database: string) => {
    const client = new pg.Client({ connectionString: postgres.url(database) });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const admin = await connect('postgres');
  await admin.query('CREATE DATABASE appdb');
  await admin.query('ALTER DATABASE appdb SET search_path = public, shop');
  await admin.end();
  const client = await connect('appdb');
  await client.query(readFileSync(join(attacksFolder, 'fixture.sql'), 'utf8'));
  await client.query(SHOP);
  await client.query('RESET ALL');
  const { host, port, user, password } = pgAddress(postgres.url());
  const address = { host, port, user, password, database: 'appdb' };
  const reader = await openCatalog(() => address, ['superuser']);
  if ('refused' in reader) throw new Error(reader.refused);
  const parse = await openParser(18);
  const catalog = () => {
    const current = reader.current();
    if (!current) throw new Error('the catalog is not known');
    return current;
  };
  return {
    client,
    reader,
    url: postgres.url('appdb'),
    catalog,
    read: (text) => readSql({ text, parse, catalog: catalog() }),
    connect: () => connect('appdb'),
    stop: async () => {
      await reader.close();
      await client.end();
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function pgAddress(url: string) {
  const { hostname, port, username, password } = new URL(url);
  return { host: hostname, port: Number(port), user: username, password };
}
