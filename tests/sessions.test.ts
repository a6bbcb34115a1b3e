/** Who is connected shows, and a session that somebody ends is over on both sides, with an entry that says who. */
import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Io } from '../packages/server/src/cli/io.ts';
import { run } from '../packages/server/src/cli/main.ts';
import { entriesFrom, type System, startSystem } from './system.ts';

let system: System;
let admin: pg.Client;

beforeAll(async () => {
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    users: [
      { name: 'alice', type: 'human', groups: ['writers'] },
      { name: 'bot', type: 'agent', groups: ['agents'] },
    ],
    setup:
      'CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t VALUES (1); GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON t TO PUBLIC;',
  });
  admin = new pg.Client({ connectionString: system.postgres.url('shop') });
  await admin.connect();
}, 120_000);
afterAll(async () => {
  await admin?.end();
  await system?.stop();
});

async function sealrail(args: readonly string[], user = 'alice', password = system.password(user)) {
  const lines: string[] = [];
  const write = (text: string) => lines.push(text);
  const io: Io = {
    stdout: { write },
    stderr: { write },
    out: write,
    say: write,
    env: { SEALRAIL_USER: user, SEALRAIL_PASSWORD: password },
    cwd: system.folder,
    askSecret: undefined,
    color: false,
  };
  const code = await run([...args, '-c', system.config], io);
  return { code, text: lines.join('\n') };
}

interface Shown {
  readonly id: string;
  readonly user: string;
  readonly inTransaction: boolean;
  readonly waiting: number;
  readonly lastDecision?: { readonly verdict: string };
}

async function sessionOf(user: string): Promise<Shown | undefined> {
  const { text } = await sealrail(['sessions', 'ls', '--json']);
  const { sessions } = JSON.parse(text) as { sessions: Shown[] };
  return sessions.find((one) => one.user === user);
}

async function connect(user: string): Promise<{ client: pg.Client; ended: Promise<string> }> {
  const client = new pg.Client({ connectionString: system.url(user) });
  const ended = new Promise<string>((resolve) => {
    client.on('error', (error) => resolve((error as { code?: string }).code ?? error.message));
  });
  await client.connect();
  return { client, ended };
}

test('a session shows with its transaction and its last decision, and who ends it stands in the log', async () => {
  const { client, ended } = await connect('alice');
  await client.query('BEGIN');
  await client.query("UPDATE t SET note = 'not kept' WHERE id = 1");
  const shown = await sessionOf('alice');
  expect(shown).toMatchObject({ inTransaction: true, lastDecision: { verdict: 'allow' } });
  const id = shown?.id ?? '';
  const killed = await sealrail(['sessions', 'kill', id]);
  expect(killed).toEqual({ code: 0, text: 'ended: session of alice on shop' });
  expect(await ended).toBe('57P01');
  expect(await sessionOf('alice')).toBeUndefined();
  await expect
    .poll(async () => (await admin.query('SELECT note FROM t')).rows, { timeout: 5_000 })
    .toEqual([{ note: null }]);
  // Its entry is handed over as it ends, and on disk a moment later.
  const isOver = (one: Record<string, unknown>) => one.event === 'end' && one.session === id;
  const read = () => entriesFrom<Record<string, unknown>>(system.api, 0);
  await expect.poll(async () => (await read()).some(isOver), { timeout: 5_000 }).toBe(true);
  const entries = await read();
  const at = entries.findIndex(({ event }) => event === 'kill');
  expect(entries[at]).toMatchObject({
    kind: 'session',
    client: { session: id, user: 'alice' },
    principal: { type: 'human', id: 'alice' },
    result: 'ok',
  });
  const end = entries.findIndex(isOver);
  expect(end).toBeGreaterThan(at);
  expect(entries[end]).toMatchObject({ code: '57P01' });
});

test('what runs at the server is cancelled, so that it neither goes on nor takes effect', async () => {
  await admin.query('BEGIN; UPDATE t SET note = NULL WHERE id = 1');
  const { client } = await connect('alice');
  const running = client.query("UPDATE t SET note = 'late' WHERE id = 1").then(
    () => 'done',
    () => 'failed',
  );
  await expect.poll(async () => (await sessionOf('alice'))?.waiting ?? 0).toBeGreaterThan(0);
  const id = (await sessionOf('alice'))?.id ?? '';
  expect((await sealrail(['sessions', 'kill', id])).code).toBe(0);
  expect(await running).toBe('failed');
  // The lock is still held by us: only a cancelled statement is gone.
  const waiting = async () =>
    (
      await admin.query(
        'SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE $1',
        [`%${id}%`],
      )
    ).rows[0]?.n;
  await expect.poll(waiting, { timeout: 5_000 }).toBe(0);
  await admin.query('COMMIT');
  expect((await admin.query('SELECT note FROM t')).rows).toEqual([{ note: null }]);
});

test('nobody ends one without a password, an agent ends only its own, and an unknown one is said to be so', async () => {
  const { client, ended } = await connect('alice');
  const own = await connect('bot');
  const id = (await sessionOf('alice'))?.id ?? '';
  const wrong = createHash('sha256').update('wrong').digest('hex');
  expect((await sealrail(['sessions', 'kill', id], 'alice', wrong)).code).toBe(77);
  const refused = await sealrail(['sessions', 'kill', id], 'bot');
  expect(refused.code).toBe(77);
  expect(refused.text).toContain('only people end the sessions of others');
  expect((await client.query('SELECT id FROM t')).rowCount).toBe(1);
  const botId = (await sessionOf('bot'))?.id ?? '';
  expect((await sealrail(['sessions', 'kill', botId], 'bot')).code).toBe(0);
  expect(await own.ended).toBe('57P01');
  expect((await sealrail(['sessions', 'kill', botId], 'bot')).code).toBe(64);
  expect((await sealrail(['sessions', 'kill', id])).code).toBe(0);
  expect(await ended).toBe('57P01');
});
