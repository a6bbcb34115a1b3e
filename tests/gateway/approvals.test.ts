/**
 * A held statement from end to end: real clients before the real gateway, a daemon process, its command
 * line, and the log that says what happened. An approval that lets anything else through, or the same
 * twice, is a hole in every policy that relies on one.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from '@sealrail/sdk';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ApprovalView } from '../../packages/server/src/approvals/view.ts';
import { run } from '../../packages/server/src/cli/main.ts';
import { postgresProgram, runProgram } from '../pgbench.ts';
import { entriesFrom, type System, scratch, startSystem } from '../system.ts';

const POLICIES = `
@id("all") @severity("info") @message("everything") @hint("none")
permit (principal, action in Action::"sql.any", resource);
@id("deletes") @severity("high") @unless("approved") @approvers("dba") @quorum("1") @ttl("15m")
@message("deleting many rows needs a dba") @hint("delete by key")
forbid (principal, action == Action::"sql.delete", resource) when { context.sql.scope != Scope::"key" };
@id("updates") @severity("high") @unless("approved") @approvers("dba") @quorum("2") @ttl("15m")
@message("changing many rows needs two dbas") @hint("update by key")
forbid (principal, action == Action::"sql.update", resource) when { context.sql.scope != Scope::"key" };
@id("people-decide") @severity("info") @message("people decide on requests") @hint("ask one")
permit (principal is Human, action == Action::"approval.grant", resource);
@id("security-applies") @severity("info") @message("security applies") @hint("ask security")
permit (principal in Group::"security", action == Action::"policy.apply", resource);
@id("loosening") @severity("high") @unless("approved") @approvers("security") @quorum("1") @ttl("1h")
@message("loosening needs another person") @hint("ask security")
forbid (principal, action == Action::"policy.apply", resource) when { context.change.loosens };
`;
const psql = postgresProgram('psql') ?? '';

interface Refused {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

let system: System;
let folder: string;
let admin: pg.Client;

beforeAll(async () => {
  folder = scratch('approvals');
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies/main.cedar'), POLICIES);
  system = await startSystem({
    database: 'shop',
    role: 'plain',
    setup: `CREATE TABLE t (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0);
      GRANT ALL ON t TO PUBLIC;`,
    policies: join(folder, 'policies'),
    users: [
      { name: 'svc', type: 'service', groups: [] },
      { name: 'bot', type: 'agent', groups: ['dba'] },
      { name: 'rita', type: 'human', groups: ['dba'] },
      { name: 'alice', type: 'human', groups: ['dba'] },
      { name: 'bob', type: 'human', groups: ['dba'] },
      { name: 'eve', type: 'human', groups: [] },
      { name: 'sam', type: 'human', groups: ['security'] },
      { name: 'sue', type: 'human', groups: ['security'] },
    ],
  });
  admin = new pg.Client({ connectionString: system.postgres.url('shop') });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await system?.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => admin.query('TRUNCATE t; INSERT INTO t SELECT generate_series(1, 100)'));

async function connect(user: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: system.url(user) });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const refused = (running: Promise<unknown>): Promise<Refused> =>
  running.then(
    () => ({ message: 'it was not refused' }),
    (error: Refused) => error,
  );

const rows = async (): Promise<number> =>
  Number((await admin.query('SELECT count(*) FROM t')).rows[0].count);

/** Runs one command as somebody; what it says on either stream is its text. */
async function sealrail(user: string, ...words: string[]) {
  let text = '';
  const add = (line: string): void => {
    text += `${line}\n`;
  };
  const write = (line: string): boolean => {
    text += line;
    return true;
  };
  const code = await run([...words, '-c', system.config], {
    stdout: { write },
    stderr: { write },
    out: add,
    say: add,
    env: { SEALRAIL_USER: user, SEALRAIL_PASSWORD: system.password(user) },
    cwd: folder,
    askSecret: undefined,
    color: false,
  });
  return { code, text };
}

async function requests(): Promise<readonly ApprovalView[]> {
  const answer = await fetch(`${system.api}/api/approvals`);
  return ((await answer.json()) as { approvals: ApprovalView[] }).approvals;
}

async function request(id: string): Promise<ApprovalView> {
  const found = (await requests()).find((one) => one.id === id);
  if (!found) throw new Error(`no request ${id}`);
  return found;
}

const idOf = ({ detail = '' }: Refused): string =>
  /request ([0-9a-f-]{36})/.exec(detail)?.[1] ?? '';

const steps = async (id: string): Promise<string[]> => {
  const entries = await entriesFrom<Entry>(system.api, 0);
  return entries.flatMap((entry) =>
    entry.kind === 'approval' && entry.request === id ? [entry.step] : [],
  );
};

describe('a held statement', () => {
  test('says SR001, who may approve it and where, and changes nothing', async () => {
    const client = await connect('svc');
    const notices: string[] = [];
    client.on('notice', ({ message }) => notices.push(message ?? ''));
    const held = await refused(client.query('DELETE FROM t WHERE id > 10'));
    const id = idOf(held);
    expect(held).toMatchObject({
      code: 'SR001',
      message: 'held by policy deletes: deleting many rows needs a dba',
      detail: expect.stringMatching(
        /^decision [0-9a-f-]{36}\n.*\/entries\/.*\nrequest [0-9a-f-]{36}$/,
      ),
      hint: `one member of dba must approve (policy deletes): sealrail approvals approve ${id}; then send exactly the same again`,
    });
    expect(notices).toEqual([`request ${id} waits to be approved at ${system.api}/approvals`]);
    expect(await rows()).toBe(100);
    // The session goes on, and the same again is the same request.
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    expect(idOf(await refused(client.query('DELETE FROM t WHERE id > 10')))).toBe(id);
    expect(await steps(id)).toEqual(['request']);
    expect(await request(id)).toMatchObject({
      state: 'pending',
      requestedBy: ['service:svc'],
      action: 'sql.delete',
      statement: 'DELETE FROM t WHERE id > $1',
    });
    await client.end();
  });

  test('that was approved runs once, when it is sent again, and is held after that', async () => {
    const client = await connect('svc');
    const text = 'DELETE FROM t WHERE id > 20';
    const id = idOf(await refused(client.query(text)));
    const approved = await sealrail(
      'alice',
      'approvals',
      'approve',
      id,
      '--reason',
      'looked at it',
    );
    expect(approved).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^[0-9a-f-]+ {2}approved/),
    });
    expect((await client.query(text)).rowCount).toBe(80);
    expect(await rows()).toBe(20);
    const again = await refused(client.query(text));
    expect(again.code).toBe('SR001');
    expect(idOf(again)).not.toBe(id);
    expect(await steps(id)).toEqual(['request', 'grant', 'use']);
    expect(await request(id)).toMatchObject({ state: 'used', grants: [{ by: 'alice' }] });
    await client.end();
  });

  test('is not approved for other bytes, other values, or anybody else', async () => {
    const client = await connect('svc');
    const id = idOf(await refused(client.query('DELETE FROM t WHERE id > $1', [30])));
    await sealrail('alice', 'approvals', 'approve', id);
    const other = await connect('bot');
    for (const send of [
      () => client.query('DELETE FROM t WHERE id > $1', [29]),
      () => client.query('DELETE FROM t WHERE id > 30'),
      () => client.query('DELETE  FROM t WHERE id > $1', [30]),
      () => other.query('DELETE FROM t WHERE id > $1', [30]),
    ])
      expect((await refused(send())).code).toBe('SR001');
    expect(await rows()).toBe(100);
    expect((await client.query('DELETE FROM t WHERE id > $1', [30])).rowCount).toBe(70);
    await client.end();
    await other.end();
  });

  test('that was prepared under a name is approved with what the name stands for', async () => {
    const client = await connect('svc');
    const approve = async (text: string) => {
      await sealrail('alice', 'approvals', 'approve', idOf(await refused(client.query(text))));
    };
    // What it prepares is judged as what it will do.
    const prepare = async (text: string) => {
      await approve(text);
      await client.query(text);
    };
    await prepare('PREPARE gone AS DELETE FROM t WHERE id > 90');
    await approve('EXECUTE gone');
    await client.query('DEALLOCATE gone');
    await prepare('PREPARE gone AS DELETE FROM t WHERE id > 10');
    expect((await refused(client.query('EXECUTE gone'))).code).toBe('SR001');
    expect(await rows()).toBe(100);
    await client.query('DEALLOCATE gone');
    await prepare('PREPARE gone AS DELETE FROM t WHERE id > 90');
    await client.query('EXECUTE gone');
    expect(await rows()).toBe(90);
    await client.end();
  });

  test('in a transaction fails it, and the approved one runs in another', async () => {
    const client = await connect('svc');
    const text = 'DELETE FROM t WHERE id > 95';
    await client.query('BEGIN');
    await client.query('INSERT INTO t VALUES (1000)');
    const held = await refused(client.query(text));
    expect(held.code).toBe('SR001');
    expect(await refused(client.query('SELECT 1'))).toMatchObject({ code: '25P02' });
    expect((await client.query('COMMIT')).command).toBe('ROLLBACK');
    expect(await rows()).toBe(100);
    await sealrail('alice', 'approvals', 'approve', idOf(held));
    await client.query('BEGIN');
    expect((await client.query(text)).rowCount).toBe(5);
    await client.query('COMMIT');
    expect(await rows()).toBe(95);
    await client.end();
  });

  test.skipIf(psql === '')('reads in psql like any error, with the notice before it', async () => {
    const text = 'DELETE FROM t WHERE id > 50';
    const args = ['-X', '-c', text, system.url('svc')];
    const first = await runProgram(psql, args, system.password('svc'));
    const id = /request ([0-9a-f-]{36}) waits/.exec(first.out)?.[1] ?? '';
    expect(first.code).toBe(1);
    expect(first.out).toMatch(
      /^NOTICE: {2}request .* waits to be approved at .*\nERROR: {2}held by policy deletes: /,
    );
    expect(first.out).toMatch(/HINT: {2}one member of dba must approve/);
    await sealrail('alice', 'approvals', 'approve', id);
    expect(await runProgram(psql, args, system.password('svc'))).toEqual({
      code: 0,
      out: 'DELETE 50\n',
    });
    expect((await runProgram(psql, args, system.password('svc'))).code).toBe(1);
  });
});

describe('whoever decides', () => {
  test('is two different people where two are asked for, and none of them asked', async () => {
    const client = await connect('rita');
    const text = 'UPDATE t SET n = 1 WHERE id > 10';
    const id = idOf(await refused(client.query(text)));
    const own = await sealrail('rita', 'approvals', 'approve', id);
    expect(own).toMatchObject({
      code: 77,
      text: expect.stringMatching(/nobody approves what is done by them/),
    });
    const first = await sealrail('alice', 'approvals', 'approve', id);
    expect(first).toMatchObject({
      code: 0,
      text: expect.stringMatching(/1 of 2 of dba \(so far alice\)/),
    });
    expect(await sealrail('alice', 'approvals', 'approve', id)).toMatchObject({
      code: 77,
      text: expect.stringMatching(/you have approved it already; it takes 2 different people/),
    });
    expect((await refused(client.query(text))).code).toBe('SR001');
    expect((await sealrail('bob', 'approvals', 'approve', id)).code).toBe(0);
    expect((await client.query(text)).rowCount).toBe(90);
    expect(await steps(id)).toEqual(['request', 'grant', 'grant', 'use']);
    await client.end();
  });

  test('is a person of the group, with the right password; each try is an entry', async () => {
    const client = await connect('svc');
    const id = idOf(await refused(client.query('DELETE FROM t WHERE id > 41')));
    const before = (await entriesFrom<Entry>(system.api, 0)).length;
    expect(await sealrail('eve', 'approvals', 'approve', id)).toMatchObject({
      code: 77,
      text: expect.stringMatching(/only members of dba decide on this/),
    });
    expect((await sealrail('bot', 'approvals', 'approve', id)).code).toBe(77);
    const answer = await fetch(`${system.api}/api/approvals/${id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: 'alice', password: 'guess', ruling: 'approve', reason: 'x' }),
    });
    expect(answer.status).toBe(401);
    const entries = (await entriesFrom<Entry>(system.api, before)).filter(
      ({ kind }) => kind !== 'access' && kind !== 'system',
    );
    expect(entries.map(({ kind }) => kind)).toEqual(['decision', 'outcome', 'decision', 'session']);
    expect(entries[1]).toMatchObject({ outcome: { status: 'failed', code: 'not-an-approver' } });
    expect(entries[2]).toMatchObject({ decision: { verdict: 'deny' } });
    expect(entries[3]).toMatchObject({ result: 'refused', code: '28P01' });
    expect(await request(id)).toMatchObject({ state: 'pending', grants: [] });
    await client.end();
  });

  test('second finds it decided, where two decide at once', async () => {
    const client = await connect('svc');
    const id = idOf(await refused(client.query('DELETE FROM t WHERE id > 42')));
    const codes = await Promise.all([
      sealrail('alice', 'approvals', 'approve', id).then(({ code }) => code),
      sealrail('bob', 'approvals', 'approve', id).then(({ code }) => code),
    ]);
    expect(codes.sort()).toEqual([0, 64]);
    expect(await steps(id)).toEqual(['request', 'grant']);
    await client.end();
  });

  test('says no, which answers the same statement; whoever asked may withdraw', async () => {
    const client = await connect('svc');
    const id = idOf(await refused(client.query('DELETE FROM t WHERE id > 43')));
    expect((await sealrail('alice', 'approvals', 'deny', id, '--reason', 'not today')).code).toBe(
      0,
    );
    expect(await refused(client.query('DELETE FROM t WHERE id > 43'))).toMatchObject({
      code: 'SR001',
      message: expect.stringMatching(/alice said no: not today/),
    });
    expect(await sealrail('bob', 'approvals', 'approve', id)).toMatchObject({
      code: 64,
      text: expect.stringMatching(/it is denied already by alice: not today/),
    });
    await client.end();
    const rita = await connect('rita');
    const own = idOf(await refused(rita.query('DELETE FROM t WHERE id > 43')));
    expect((await sealrail('rita', 'approvals', 'deny', own)).code).toBe(0);
    expect(await steps(own)).toEqual(['request', 'cancel']);
    await rita.end();
  });

  test('gets a clear error for what does not exist', async () => {
    const nobody = '01931234-5678-7abc-8def-0123456789ab';
    expect(await sealrail('alice', 'approvals', 'approve', nobody)).toMatchObject({
      code: 64,
      text: expect.stringMatching(/there is no request/),
    });
    expect((await sealrail('alice', 'approvals', 'approve', 'no/thing')).code).toBe(64);
  });
});

describe('a restart', () => {
  test('finds the same requests in the log: one waits on, one is approved, one is used up', async () => {
    const client = await connect('svc');
    const ids: string[] = [];
    for (const from of [61, 62, 63])
      ids.push(idOf(await refused(client.query(`DELETE FROM t WHERE id > ${from}`))));
    for (const id of ids.slice(1)) await sealrail('alice', 'approvals', 'approve', id);
    await client.query('DELETE FROM t WHERE id > 63');
    await client.end();
    const before = await requests();
    await system.stopDaemon();
    await system.startDaemon();
    expect(await requests()).toEqual(before);
    const again = await connect('svc');
    expect(idOf(await refused(again.query('DELETE FROM t WHERE id > 61')))).toBe(ids[0]);
    await again.query('DELETE FROM t WHERE id > 62');
    expect((await refused(again.query('DELETE FROM t WHERE id > 63'))).code).toBe('SR001');
    await again.end();
  });
});

describe('policies that loosen', () => {
  test('are in force once somebody else approved them and they are applied again', async () => {
    const client = await connect('svc');
    const waiting = idOf(await refused(client.query('DELETE FROM t WHERE id > 71')));
    await client.end();
    const next = join(folder, 'next');
    mkdirSync(next);
    const text = readFileSync(join(folder, 'policies/main.cedar'), 'utf8');
    writeFileSync(
      join(next, 'main.cedar'),
      text
        .replace('deleting many rows needs a dba', 'deleting rows needs a dba')
        .replace('@quorum("2")', '@quorum("1")'),
    );
    const held = await sealrail('sam', 'policy', 'apply', next, '--why', 'two were too many');
    expect(held).toMatchObject({
      code: 75,
      text: expect.stringMatching(/held by policy loosening/),
    });
    const id = /request ([0-9a-f-]{36})/.exec(held.text)?.[1] ?? '';
    expect((await sealrail('sam', 'approvals', 'approve', id)).code).toBe(77);
    expect((await sealrail('sue', 'approvals', 'approve', id, '--reason', 'agreed')).code).toBe(0);
    const applied = await sealrail('sam', 'policy', 'apply', next, '--why', 'two were too many');
    expect(applied).toMatchObject({ code: 0, text: expect.stringMatching(/in force/) });
    expect(await steps(id)).toEqual(['request', 'grant', 'use']);
    // What was asked under the old words of a policy is void.
    expect(await request(waiting)).toMatchObject({
      state: 'cancelled',
      ended: { reason: 'policy deletes is not what it was' },
    });
    expect(await sealrail('alice', 'approvals', 'approve', waiting)).toMatchObject({
      code: 64,
      text: expect.stringMatching(/cancelled already: policy deletes is not what it was/),
    });
  });
});
