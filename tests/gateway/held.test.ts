/**
 * The promise itself: no effect before its decision is on disk. The log's flush is held back by hand, and
 * until it is let go not one byte of the statement reaches the server, and none of an answer the client.
 */

import { rmSync } from 'node:fs';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  type EntryFields,
  openGuard,
  type PolicySet,
  type Recorder,
  systemClock,
} from '@sealrail/sdk';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../demo/postgres.ts';
import { scramVerifier } from '../../packages/server/src/config/password.ts';
import { loadPolicies } from '../../packages/server/src/config/policies.ts';
import {
  type Gateway,
  openPostgresGateway,
} from '../../packages/server/src/gateway/postgres/gateway.ts';
import { scratch } from '../system.ts';

const PASSWORD = 'correct-horse-battery';
let folder: string;
let postgres: RunningPostgres;
let spy: Server;
let gateway: Gateway;
let policySet: PolicySet;
/** Bytes that went up to the server and down to the gateway, as a wire between them sees it. */
const seen = { up: '', sessions: new Set<Socket>() };

/** A log that answers when it is told to. */
const held = {
  holding: false,
  failing: false,
  waiting: [] as (() => void)[],
  release(): void {
    held.holding = false;
    for (const go of held.waiting.splice(0)) go();
  },
};
const recorder: Recorder = {
  clock: systemClock(),
  record: (fields: EntryFields) => {
    const id = crypto.randomUUID();
    if (fields.kind !== 'decision') return { id, atMs: Date.now(), durable: Promise.resolve(0) };
    const durable = held.failing
      ? Promise.reject(new Error('the disk is full'))
      : new Promise<number>((resolve) =>
          held.holding ? held.waiting.push(() => resolve(0)) : resolve(0),
        );
    durable.catch(() => undefined);
    return { id, atMs: Date.now(), durable };
  },
};

beforeAll(async () => {
  folder = scratch('held');
  postgres = await startPostgres({ dir: `${folder}/pg` });
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  await admin.query('CREATE TABLE t (id integer PRIMARY KEY)');
  await admin.end();
  spy = createServer((down) => {
    const up = dial(postgres.port, '127.0.0.1');
    seen.sessions.add(down);
    down.on('data', (chunk) => {
      seen.up += chunk.toString('latin1');
      up.write(chunk);
    });
    up.on('data', (chunk) => down.write(chunk));
    for (const socket of [up, down]) socket.on('error', () => undefined);
    down.on('close', () => up.destroy());
    up.on('close', () => down.destroy());
  });
  await new Promise<void>((resolve) => spy.listen(0, '127.0.0.1', () => resolve()));
  const address = spy.address();
  policySet = loadPolicies(
    fileURLToPath(new URL('../../packages/server/policies', import.meta.url)),
  );
  gateway = await openPostgresGateway({
    target: {
      kind: 'postgres',
      name: 'postgres',
      env: 'prod',
      mode: 'enforce',
      listen: { host: '127.0.0.1', port: 0 },
      upstream: {
        host: '127.0.0.1',
        port: typeof address === 'object' && address ? address.port : 0,
        user: 'postgres',
        database: 'postgres',
        password: postgres.password,
        accept: ['superuser'],
      },
      classes: {},
    },
    users: () => [
      {
        name: 'svc',
        type: 'service',
        groups: ['writers'],
        roles: [],
        scram: scramVerifier(PASSWORD),
      },
    ],
    guard: openGuard({ recorder, policySet }),
    recorder,
    newId: () => crypto.randomUUID(),
    nowMs: () => Date.now(),
    nowUs: () => performance.now() * 1_000,
  });
});
afterAll(async () => {
  held.release();
  await gateway?.close(100);
  for (const socket of seen.sessions) socket.destroy();
  spy?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function connect(): Promise<pg.Client> {
  const { port } = gateway.address;
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'svc',
    password: PASSWORD,
    database: 'postgres',
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.each([
  ['a read by the simple protocol', (client: pg.Client) => client.query('SELECT 4711 AS marker')],
  [
    'a read by the extended protocol',
    (client: pg.Client) => client.query('SELECT $1::int4 AS marker', [4711]),
  ],
  ['a write', (client: pg.Client) => client.query('INSERT INTO t VALUES (4711)')],
  ['a denial', (client: pg.Client) => client.query('DELETE FROM t').catch((error: Error) => error)],
])('while the log holds back, %s sends nothing up and answers nothing', async (_name, send) => {
  const client = await connect();
  held.holding = true;
  seen.up = '';
  let answered = false;
  const answer = send(client).then((result: unknown) => {
    answered = true;
    return result;
  });
  await pause(400);
  expect(seen.up).not.toMatch(/4711|marker|denied/);
  expect(answered).toBe(false);
  held.release();
  await answer;
  expect(answered).toBe(true);
  expect(seen.up).toMatch(/4711|marker|denied/);
  await client.end();
});

test('when the log fails, the statement does not go up, and the client is told so with 58000', async () => {
  const client = await connect();
  held.failing = true;
  seen.up = '';
  const error = await client.query('INSERT INTO t VALUES (99)').then(
    () => ({ code: 'none' }),
    (failure: { code?: string }) => failure,
  );
  held.failing = false;
  expect(error.code).toBe('58000');
  expect(seen.up).not.toContain('INSERT');
  const after = await connect();
  expect((await after.query('SELECT id FROM t WHERE id = 99')).rows).toEqual([]);
  await after.end();
});
