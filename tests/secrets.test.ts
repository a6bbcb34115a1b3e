/** No secret in clear in the tree: what clients send as values, in any place, stands nowhere in the log. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type System, startSystem } from './system.ts';

const SECRETS = {
  literal: 'S3CRET-literal-7f3a',
  escaped: 'S3CRET-escaped-91bc',
  dollar: 'S3CRET-dollar-44de',
  parameter: 'S3CRET-parameter-0c9f',
  denied: 'S3CRET-denied-5e1d',
  broken: 'S3CRET-broken-22aa',
  comment: 'S3CRET-comment-6b6b',
  password: 'S3CRET-password-d00d',
  wrongPassword: 'S3CRET-wrong-pass-18ef',
  errorText: 'S3CRET-error-text-3c3c',
  copied: 'S3CRET-copied-a1a1',
  number: '918273645546372',
};

const sealrail = fileURLToPath(new URL('../packages/server/bin/sealrail.js', import.meta.url));

let system: System;
beforeAll(async () => {
  system = await startSystem({
    database: 'vault',
    role: 'vault_role',
    users: [{ name: 'svc', type: 'service', groups: ['writers'] }],
    setup: `CREATE TABLE t (id integer PRIMARY KEY, note text NOT NULL UNIQUE);
      GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON t TO PUBLIC;`,
  });
});
afterAll(() => system?.stop());

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

const holding = (folder: string, secret: string): string[] =>
  files(folder).filter((path) => readFileSync(path).includes(secret));

test('literals, parameters, passwords and error texts stand in no file of the log, and in none in clear', async () => {
  const client = new pg.Client({ connectionString: system.url('svc') });
  client.on('error', () => undefined);
  await client.connect();
  const quiet = (text: string, values?: unknown[]) =>
    client.query(text, values).catch(() => undefined);
  await quiet(`INSERT INTO t VALUES (1, '${SECRETS.literal}')`);
  await quiet(`INSERT INTO t VALUES (2, E'it\\'s ${SECRETS.escaped}')`);
  await quiet(`INSERT INTO t VALUES (3, $tag$${SECRETS.dollar}$tag$)`);
  await quiet('INSERT INTO t VALUES (4, $1)', [SECRETS.parameter]);
  await quiet(`DELETE FROM t WHERE note <> '${SECRETS.denied}'`);
  await quiet(`SELEC ${SECRETS.broken} '${SECRETS.broken}`);
  await quiet(`SELECT 1 /* ${SECRETS.comment} */ -- ${SECRETS.comment}`);
  await quiet(`CREATE ROLE r LOGIN PASSWORD '${SECRETS.password}'`);
  await quiet(`INSERT INTO t VALUES (5, '${SECRETS.errorText}')`);
  await quiet(`INSERT INTO t VALUES (6, '${SECRETS.errorText}')`);
  await quiet(`SELECT * FROM t WHERE id = ${SECRETS.number}`);
  await quiet(`COPY (SELECT '${SECRETS.copied}') TO STDOUT`);
  await client.end();
  const intruder = new pg.Client({
    host: '127.0.0.1',
    port: system.gatewayPort,
    user: 'svc',
    password: SECRETS.wrongPassword,
    database: 'vault',
  });
  await intruder.connect().catch(() => undefined);
  await system.stopDaemon();

  for (const [what, secret] of Object.entries(SECRETS)) {
    expect(holding(join(system.folder, 'data'), secret), what).toEqual([]);
    expect(holding(join(system.folder, 'state'), secret), what).toEqual([]);
  }
  // The search can find: what the statements are about stands there in clear.
  expect(holding(join(system.folder, 'data/log'), 'INSERT INTO t VALUES').length).toBeGreaterThan(
    0,
  );
  // No dictionary either: of a value that is easily guessed, the log holds no plain hash.
  const plain = createHash('sha256').update(SECRETS.literal).digest('hex');
  expect(holding(join(system.folder, 'data/log'), plain)).toEqual([]);
});

test('erasing a subject leaves nothing that could open its values, and every receipt and the log hold', async () => {
  const keys = join(system.folder, 'data/private/keys');
  const before = files(keys).map((path) => readFileSync(path));
  const own = before.find((bytes) => bytes.includes('service:svc'))?.subarray(0, 32);
  expect(own).toHaveLength(32);
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [sealrail, ...args], { cwd: system.folder, encoding: 'utf8' });
  const receipt = run('log', 'prove', '3', '-o', 'before.tlog-proof');
  expect(receipt.status).toBe(0);
  const erased = run('log', 'erase', '--subject', 'service:svc', '--reason', 'asked for', '--json');
  expect(JSON.parse(erased.stdout)).toMatchObject({ subject: 'service:svc', erased: true });
  // The key, in no file and in none of its forms, and no value.
  const forms = [own ?? '', own?.toString('hex') ?? '', own?.toString('base64') ?? ''];
  for (const path of [
    ...files(join(system.folder, 'data')),
    ...files(join(system.folder, 'state')),
  ])
    for (const form of [...forms, ...Object.values(SECRETS)])
      expect(readFileSync(path).includes(form), path).toBe(false);
  const vkey = readFileSync(system.vkeyFile, 'utf8').trim();
  for (const what of ['before.tlog-proof', 'data/log'])
    expect(run('verify', what, '--key', vkey).status, what).toBe(0);
  const told = run('log', 'tail', '--kind', 'change', '-n', '1', '--json');
  expect(JSON.parse(told.stdout).entry).toMatchObject({ what: 'erasure', subject: 'service:svc' });
});
