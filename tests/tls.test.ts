/** TLS as people run it: a daemon that other machines reach, a database that is verified, certificates that are renewed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runSealrail } from '../demo/daemon.ts';
import { type Issued, makeAuthority } from '../packages/server/testing/certificates.ts';
import { postgresProgram, runProgram } from './pgbench.ts';
import { entriesFrom, type System, startSystem } from './system.ts';

const authority = makeAuthority();
const people = makeAuthority('people');
const HOSTS = ['localhost', '127.0.0.1'];

let system: System;
let original: string;
beforeAll(async () => {
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    setup: 'CREATE TABLE t (id integer PRIMARY KEY); GRANT ALL ON t TO PUBLIC;',
    users: [{ name: 'alice', type: 'human', groups: ['writers'] }],
    certificate: authority.issue({ name: 'db', hosts: HOSTS }),
  });
  await system.stopDaemon();
  write('ca.crt', authority.cert);
  write('people.crt', people.cert);
  install(authority.issue({ name: 'gateway', hosts: HOSTS }));
  original = readFileSync(system.config, 'utf8')
    .replace('listen: 127.0.0.1', 'listen: 0.0.0.0')
    .replace(
      '    upstream:\n',
      '    tls: { cert: file:own.crt, key: file:own.key }\n    upstream:\n',
    )
    .replace('      accept:', '      ca: file:ca.crt\n      accept:');
  writeFileSync(system.config, original);
  await system.startDaemon();
});
afterAll(() => system?.stop());

function write(name: string, text: string): void {
  writeFileSync(join(system.folder, name), text, { mode: 0o600 });
}
function install({ cert, key }: Issued): void {
  write('own.crt', cert);
  write('own.key', key);
}
const sealrail = (...args: string[]) => runSealrail([...args, '-c', system.config]);
const ENCRYPTED = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

async function reload(): Promise<string> {
  const from = system.said.length;
  system.daemon.child.kill('SIGHUP');
  const answer = () => system.said.slice(from).find((line) => /reloaded|kept/.test(line));
  await expect.poll(answer, { timeout: 10_000 }).toBeDefined();
  return answer() ?? '';
}

test('sealrail sql goes through TLS, and the gateway through TLS to the database', async () => {
  const { code, stdout, stderr } = await sealrail('sql', 'SELECT id FROM t');
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'id\n--\n(0 rows)\n', stderr: '' });
  const plain = new pg.Client({ connectionString: system.url('alice'), ssl: false });
  await expect(plain.connect()).rejects.toThrow(/over TLS only/);
});

const pgbench = postgresProgram('pgbench');

test.skipIf(!pgbench)(
  'pgbench keeps several sessions through TLS, each bound to the channel',
  async () => {
    write('script.sql', 'SELECT id FROM t;\n');
    const verified = `sslmode=verify-full sslrootcert=${join(system.folder, 'ca.crt')}`;
    const { code, out } = await runProgram(
      pgbench ?? '',
      [
        ...['-n', '-M', 'prepared', '-c', '4', '-t', '25', '-f', join(system.folder, 'script.sql')],
        `host=localhost port=${system.gatewayPort} user=alice dbname=shop channel_binding=require ${verified}`,
      ],
      system.password('alice'),
    );
    expect(out).toContain('number of failed transactions: 0');
    expect(out).toContain('actually processed: 100/100');
    expect(code).toBe(0);
  },
);

test('a renewed certificate is in force after SIGHUP, sessions go on, and a wrong one changes nothing', async () => {
  const client = new pg.Client({
    connectionString: system.url('alice'),
    ssl: { ca: authority.cert },
  });
  await client.connect();
  const before = await entriesFrom(system.api, 0);
  const renewed = authority.issue({ name: 'gateway', hosts: HOSTS });
  install({ cert: renewed.cert, key: people.key });
  expect(await reload()).toMatch(/kept.*tls\.key is not the key/);
  install(renewed);
  // Who reads the configuration knows the new one already, and does not believe the old one.
  const early = await sealrail('sql', 'SELECT id FROM t');
  expect(early.code).toBe(69);
  expect(early.stderr).toMatch(/another certificate than the configuration names[\s\S]*SIGHUP/);
  expect(await reload()).toContain('reloaded');
  expect((await sealrail('sql', 'SELECT id FROM t')).code).toBe(0);
  expect((await client.query('SELECT id FROM t')).rows).toEqual([]);
  await client.end();
  const changes = (
    await entriesFrom<{ kind: string; refused?: string }>(system.api, before.length)
  ).filter(({ kind }) => kind === 'change');
  expect(changes.map(({ refused = 'in force' }) => refused)).toEqual([
    expect.stringContaining('tls.key is not the key'),
    'in force',
  ]);
});

test('a certificate of one’s own stands for the password, and without it nobody is let in', async () => {
  const { cert, key } = people.issue({ name: 'alice' });
  write('alice.crt', cert);
  write('alice.key', key);
  const text = original.replace(
    'file:own.key }',
    'file:own.key, clientCa: file:people.crt, clientCert: cert }',
  );
  writeFileSync(system.config, text);
  expect(await reload()).toContain('reloaded');
  const files = (name: string) => join(system.folder, name);
  const own = ['--cert', files('alice.crt'), '--key', files('alice.key')];
  expect((await sealrail('sql', 'SELECT id FROM t', '--as', 'alice', ...own)).code).toBe(0);
  const without = await sealrail('sql', 'SELECT id FROM t', '--as', 'alice');
  expect(without.code).toBe(77);
  expect(without.stdout).toMatch(/requires a valid client certificate/);
});

test('a database that cannot be verified keeps the daemon from starting, and says why', async () => {
  await system.stopDaemon();
  writeFileSync(system.config, original);
  const alone = await sealrail('explain', ENCRYPTED, '--as', 'alice', '--json');
  expect(JSON.parse(alone.stdout)).toMatchObject({ target: 'shop' });
  writeFileSync(system.config, original.replace('ca: file:ca.crt', 'ca: file:people.crt'));
  const { code, stderr } = await sealrail('up');
  expect(code).toBe(78);
  expect(stderr).toMatch(/cannot be trusted: its certificate.*upstream\.ca/);
  expect((await sealrail('explain', ENCRYPTED, '--as', 'alice')).stderr).toMatch(/upstream\.ca/);
});
