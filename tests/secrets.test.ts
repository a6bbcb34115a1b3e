/** No secret in clear in the tree: what clients send as values, in any place, stands nowhere in the log. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
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
