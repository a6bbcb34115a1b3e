/** A real server with everything in it that hides from a reader of statements, looked at through the command. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, type RunningPostgres, startPostgres } from '../../../../demo/postgres.ts';
import type { Io } from '../cli/io.ts';
import { run } from '../cli/main.ts';
import type { PostgresTarget } from '../config/config.ts';
import { type DoctorFinding, examine } from './examine.ts';
import { HIDDEN_KINDS, type HiddenKind, NAMES_MAX, type Named, type Observed } from './observed.ts';

const PLAIN = `
  CREATE ROLE plain LOGIN PASSWORD 'PASSWORD';
  CREATE ROLE mighty LOGIN BYPASSRLS CREATEROLE PASSWORD 'PASSWORD';
  GRANT pg_read_server_files TO mighty;
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  GRANT CREATE ON SCHEMA public TO mighty;`;

const HIDDEN = `
  CREATE SCHEMA app;
  CREATE TABLE app.orders (id int, owner name);
  CREATE FUNCTION app.raise_pay() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM app.orders';
  CREATE FUNCTION app.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE FUNCTION app.audit_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE TRIGGER audit AFTER INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.audit();
  CREATE EVENT TRIGGER audit_ddl ON ddl_command_end EXECUTE FUNCTION app.audit_ddl();
  CREATE RULE keep AS ON DELETE TO app.orders DO INSTEAD NOTHING;
  ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON app.orders USING (owner = current_user);
  CREATE FOREIGN DATA WRAPPER elsewhere;
  CREATE SERVER warehouse FOREIGN DATA WRAPPER elsewhere;
  CREATE FUNCTION app.old_texts() RETURNS text LANGUAGE sql SET standard_conforming_strings = off AS 'SELECT ''a''';
  ALTER ROLE mighty SET standard_conforming_strings = off;`;

let folder: string;
let postgres: RunningPostgres;
let admin: pg.Client;
let relay: Server;
let relayPort: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealrail-doctor-'));
  chmodSync(folder, 0o711);
  postgres = await startPostgres({ dir: join(folder, 'postgres') });
  const maker = new pg.Client({ connectionString: postgres.url() });
  await maker.connect();
  await maker.query('CREATE DATABASE shop');
  await maker.query('CREATE DATABASE hidden');
  await maker.end();
  for (const [database, text] of [
    ['shop', PLAIN.replaceAll("PASSWORD'", `${postgres.password}'`)],
    ['hidden', HIDDEN],
  ] as const) {
    const client = new pg.Client({ connectionString: postgres.url(database) });
    await client.connect();
    await client.query(text);
    if (database === 'hidden') admin = client;
    else await client.end();
  }
  relayPort = await freePort();
  relay = createServer((client) => {
    const upstream = connect(postgres.port, '127.0.0.1');
    client.on('error', () => undefined).pipe(upstream);
    upstream.on('error', () => undefined).pipe(client);
  });
  await new Promise<void>((resolve) => relay.listen(relayPort, '127.0.0.1', resolve));
}, 120_000);

afterAll(async () => {
  relay.close();
  await admin.end();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Case {
  readonly role: string;
  readonly database: string;
  readonly port?: number;
  readonly password?: string;
  readonly accept?: string;
}

const doctor = (given: Case, ...args: string[]) => command('doctor', given, args);

async function command(
  name: 'doctor' | 'eject',
  given: Case,
  args: readonly string[],
): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const write = (text: string) => lines.push(text.replace(/\n$/, ''));
  const io: Io = {
    stdout: { write },
    stderr: { write },
    out: write,
    say: write,
    env: { SHOP: given.password ?? postgres.password },
    cwd: folder,
    askSecret: undefined,
    color: false,
  };
  const home = join(folder, 'home');
  rmSync(home, { recursive: true, force: true });
  await run(['init', home, '--origin', 'example.com/doctor'], {
    ...io,
    out: () => undefined,
    say: () => undefined,
  });
  const config = join(home, 'doctor.yaml');
  writeFileSync(
    config,
    `log: { dir: ./data, state: ./state, origin: example.com/doctor, key: file:log.key }
identity: { users: users.yaml }
targets:
  shop:
    kind: postgres
    env: test
    mode: observe
    listen: 127.0.0.1:6432
    upstream: { url: postgres://${given.role}@127.0.0.1:${given.port ?? postgres.port}/${given.database}, password: env:SHOP, accept: [${given.accept ?? ''}] }
policies: ./policies
api: { listen: 127.0.0.1:7070 }
`,
    { mode: 0o600 },
  );
  const code = await run([name, 'shop', '-c', config, ...args], io);
  const text = lines.join('\n');
  return { code, text: args.includes('--json') ? text : stable(text, given.port) };
}

function stable(text: string, port = postgres.port): string {
  return text
    .replaceAll(String(port), '<port>')
    .replace(/PostgreSQL \d+\.\d+/g, 'PostgreSQL <version>')
    .replace(/line \d+/g, 'line <line>');
}

describe('sealrail doctor', () => {
  test('says of a database with everything hidden in it what is there, and what to do', async () => {
    const { code, text } = await doctor({ role: 'plain', database: 'hidden' });
    await expect(`${text}\n`).toMatchFileSnapshot('testdata/hidden.txt');
    expect(code).toBe(0);
  });

  test('a role that can go around the gateway blocks, and what is accepted only warns', async () => {
    const blocked = await doctor({ role: 'mighty', database: 'shop', accept: 'createrole' });
    await expect(`${blocked.text}\n`).toMatchFileSnapshot('testdata/mighty.txt');
    expect(blocked.code).toBe(78);
  });

  test('a role whose own settings the handshake overrides is guarded all the same', async () => {
    const { text } = await doctor({ role: 'mighty', database: 'hidden' }, '--json');
    const { findings } = JSON.parse(text) as { findings: DoctorFinding[] };
    const codes = findings.map(({ code }) => code);
    expect(codes).not.toContain('handshake');
    expect(findings.find(({ code }) => code === 'pinned-elsewhere')).toMatchObject({
      severity: 'warning',
      count: 1,
      names: ['standard_conforming_strings=off for mighty'],
    });
  });

  test('what relays the connection shows', async () => {
    const { code, text } = await doctor(
      { role: 'plain', database: 'shop', port: relayPort },
      '--json',
    );
    const { findings } = JSON.parse(text) as { findings: DoctorFinding[] };
    expect(findings.find((one) => one.code === 'pooler')?.severity).toBe('note');
    expect(code).toBe(0);
  });

  test('nothing is changed in the database: it may not be, and no object is there afterwards that was not before', async () => {
    const count = async () =>
      (
        await admin.query(
          'SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_proc) AS objects, pg_current_xact_id_if_assigned() AS xid, txid_snapshot_xmax(txid_current_snapshot()) AS next',
        )
      ).rows[0];
    const before = await count();
    await doctor({ role: 'plain', database: 'hidden' });
    expect(await count()).toEqual(before);
  });

  test('a server that is not there ends with 69, a wrong password with 78', async () => {
    const absent = await doctor({ role: 'plain', database: 'shop', port: await freePort() });
    expect(absent.code).toBe(69);
    expect(absent.text).toContain('cannot be looked at');
    const wrong = await doctor({ role: 'plain', database: 'shop', password: 'wrong' });
    expect([wrong.code, wrong.text]).toEqual([78, expect.stringContaining('password')]);
  });

  test('a catalog full of functions is counted in full and named in part', async () => {
    await admin.query(
      `DO $$ BEGIN FOR i IN 1..25 LOOP EXECUTE format('CREATE FUNCTION app.f%s() RETURNS int LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''', i); END LOOP; END $$`,
    );
    const { text } = await doctor({ role: 'plain', database: 'hidden' }, '--json');
    const { findings } = JSON.parse(text) as { findings: DoctorFinding[] };
    const found = findings.find(({ code }) => code === 'definer-functions');
    expect([found?.count, found?.names?.length]).toEqual([26, NAMES_MAX]);
  });
});

describe('sealrail eject', () => {
  test('says where clients connect again, and that nothing is in the database', async () => {
    const { code, text } = await command('eject', { role: 'plain', database: 'shop' }, []);
    await expect(`${text}\n`).toMatchFileSnapshot('testdata/eject.txt');
    expect(code).toBe(0);
  });

  test('what bears the name all the same is told, and so is what clients made', async () => {
    await admin.query('GRANT CREATE ON SCHEMA app TO plain');
    await admin.query('CREATE TABLE app.sealrail_leftover (id int)');
    await admin.query('SET ROLE plain; CREATE TABLE app.made (id int); RESET ROLE');
    const { code, text } = await command('eject', { role: 'plain', database: 'hidden' }, [
      '--json',
    ]);
    const { database } = JSON.parse(text) as { database: Record<string, Named> };
    expect(code).toBe(1);
    expect(database.installed?.names).toContain('relation sealrail_leftover');
    expect(database.owned).toEqual({ count: 1, names: ['app.made'] });
  });

  test('a database that does not answer keeps nobody from leaving, and is not called clean', async () => {
    const { code, text } = await command(
      'eject',
      { role: 'plain', database: 'shop', port: await freePort() },
      [],
    );
    expect(code).toBe(69);
    expect(text).toContain('point the connection strings of clients back');
    expect(text).not.toContain('checked');
  });
});

const NONE: Named = { count: 0, names: [] };
const SEEN: Observed = {
  surroundings: {
    version: '18.4',
    role: 'app',
    database: 'shop',
    encoding: 'UTF8',
    privileges: [],
    tls: undefined,
    isStandby: false,
    listenAddresses: 'localhost',
    pinnedElsewhere: NONE,
    pinnedInFunctions: NONE,
    hidden: Object.fromEntries(HIDDEN_KINDS.map((kind) => [kind, NONE])) as Record<
      HiddenKind,
      Named
    >,
    around: NONE,
  },
  between: { isRelayed: false, isPooled: false, isTransactionPooled: false },
  handshake: undefined,
  openAddresses: [],
};
const TARGET: PostgresTarget = {
  kind: 'postgres',
  name: 'shop',
  env: 'prod',
  mode: 'observe',
  listen: { host: '127.0.0.1', port: 6432 },
  upstream: { host: '10.0.0.5', port: 5432, user: 'app', database: 'shop', accept: [] },
  classes: {},
};
const severities = (observed: Observed): Record<string, string> =>
  Object.fromEntries(examine(TARGET, observed).map(({ code, severity }) => [code, severity]));

describe('what is seen is weighed', () => {
  test('a pooler of transactions blocks, one of sessions warns', () => {
    const between = { isRelayed: true, isPooled: true, isTransactionPooled: true };
    expect(severities({ ...SEEN, between }).pooler).toBe('blocker');
    const session = { ...between, isTransactionPooled: false };
    expect(severities({ ...SEEN, between: session }).pooler).toBe('warning');
  });

  test('a server that the parser does not know, or whose texts have no meaning, blocks', () => {
    const surroundings = { ...SEEN.surroundings, version: '12.9', encoding: 'SQL_ASCII' };
    const found = severities({ ...SEEN, surroundings });
    expect([found.version, found.encoding]).toEqual(['blocker', 'blocker']);
  });

  test('a way over a network in clear warns, and so does a port that others reach', () => {
    const found = severities(SEEN);
    expect([found.tls, found.port]).toEqual(['warning', 'warning']);
  });
});
