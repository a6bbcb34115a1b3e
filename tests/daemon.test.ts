/** The daemon as its operator meets it: reload, modes, a second instance, damage, what it says and how it ends. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DemoError, startDaemonProcess } from '../demo/place.ts';
import { entriesFrom, type System, startSystem } from './system.ts';

const shipped = fileURLToPath(new URL('../packages/server/policies', import.meta.url));

interface SeenEntry {
  readonly id: string;
  readonly kind: string;
  readonly seq: number;
  readonly prev: string;
  readonly event?: string;
  readonly statement?: string;
  readonly what?: string;
  readonly refused?: string;
  readonly rule?: string;
  readonly about?: readonly string[];
  readonly source: { readonly epoch: number };
  readonly decision?: {
    readonly verdict: string;
    readonly enforced: boolean;
    readonly mode: string;
  };
  readonly outcome?: { readonly status: string; readonly provisional?: boolean };
  readonly settles?: number;
}

let system: System;
let policies: string;
beforeAll(async () => {
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    users: [
      { name: 'alice', type: 'human', groups: ['writers'] },
      { name: 'agent-1', type: 'agent', groups: ['agents'] },
    ],
    setup:
      'CREATE TABLE t (id integer PRIMARY KEY, note text); INSERT INTO t VALUES (1); GRANT USAGE ON SCHEMA public TO PUBLIC; GRANT ALL ON t TO PUBLIC;',
  });
  policies = join(system.folder, 'own-policies');
  cpSync(shipped, policies, { recursive: true });
  edit((text) => text.replace(/^policies: .*$/m, 'policies: ./own-policies'));
  await system.stopDaemon();
  await system.startDaemon();
});
afterAll(() => system?.stop());

const edit = (change: (text: string) => string) =>
  writeFileSync(system.config, change(readFileSync(system.config, 'utf8')));

async function query(user: string, text: string): Promise<string> {
  const client = new pg.Client({ connectionString: system.url(user) });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(text);
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client.end();
  }
}

/** SIGHUP, and what the daemon says of it. */
async function reload(): Promise<string> {
  const from = system.said.length;
  system.daemon.child.kill('SIGHUP');
  const answer = () => system.said.slice(from).find((line) => /reloaded|kept/.test(line));
  await expect.poll(answer, { timeout: 10_000 }).toBeDefined();
  return answer() ?? '';
}
const entries = (from = 0) => entriesFrom<SeenEntry>(system.api, from);

describe('reloading', () => {
  test('takes a new policy set over at once, as one change entry', async () => {
    const before = (await entries()).length;
    expect(await query('alice', 'SELECT id FROM t')).toBe('ok');
    const closed =
      '@id("closed") @severity("high") @message("closed for repairs") @hint("come back later")\nforbid (principal, action in Action::"sql.any", resource);\n';
    writeFileSync(join(policies, 'closed.cedar'), closed);
    expect(await reload()).toContain('reloaded');
    expect(await query('alice', 'SELECT id FROM t')).toBe('42501');
    writeFileSync(join(policies, 'closed.cedar'), '');
    await reload();
    expect(await query('alice', 'SELECT id FROM t')).toBe('ok');
    const changes = (await entries(before)).filter(
      ({ kind, what }) => kind === 'change' && what === 'policy-set',
    );
    expect(changes.length).toBe(2);
  });

  test('keeps the old set where the new one does not validate, and says file, line and column', async () => {
    const before = (await entries()).length;
    const file = join(policies, 'broken.cedar');
    writeFileSync(
      file,
      '@id("x") @severity("low") @message("m") @hint("h")\nforbid (principal, action, resource) when { context.sql.scop == 1 };\n',
    );
    const said = await reload();
    expect(said).toContain('kept');
    expect(said).toMatch(/broken\.cedar:2:\d+/);
    expect(await query('alice', 'SELECT id FROM t')).toBe('ok');
    expect(await query('alice', 'DELETE FROM t')).toBe('42501');
    const refused = (await entries(before)).filter(
      ({ kind, refused }) => kind === 'change' && refused !== undefined,
    );
    expect(refused.length).toBe(1);
    writeFileSync(file, '');
    await reload();
  });

  test('observing decides and logs, and blocks nothing; a group can be enforced by itself', async () => {
    edit((text) => text.replace('mode: enforce', 'mode: { enforce: [agents] }'));
    await reload();
    const before = (await entries()).length;
    expect(await query('agent-1', 'DELETE FROM t')).toBe('42501');
    expect(await query('alice', 'SELEC 1')).toBe('42601');
    expect(await query('alice', 'DELETE FROM t WHERE id = id')).toBe('ok');
    const decisions = (await entries(before)).flatMap(({ decision }) =>
      decision ? [decision] : [],
    );
    expect(
      decisions.map(({ verdict, enforced, mode }) => `${verdict} ${enforced} ${mode}`),
    ).toEqual(['deny true enforce', 'deny false observe', 'deny false observe']);
    edit((text) => text.replace('mode: { enforce: [agents] }', 'mode: enforce'));
    await reload();
    expect(await query('alice', 'DELETE FROM t')).toBe('42501');
  });

  test('what a running gateway stands on is not changed under it', async () => {
    edit((text) => text.replace('kind: postgres', 'kind: postgress'));
    expect(await reload()).toContain('kept');
    edit((text) => text.replace('kind: postgress', 'kind: postgres'));
    edit((text) =>
      text.replace(/listen: 127\.0\.0\.1:(\d+)\n {4}upstream/, 'listen: 127.0.0.1:1\n    upstream'),
    );
    expect(await reload()).toContain('restart');
    edit((text) =>
      text.replace('listen: 127.0.0.1:1\n', `listen: 127.0.0.1:${system.gatewayPort}\n`),
    );
    expect(await reload()).toContain('reloaded');
  });
});

describe('outcomes', () => {
  test('inside a transaction they are provisional, and its end settles them', async () => {
    const before = (await entries()).length;
    const client = new pg.Client({ connectionString: system.url('alice') });
    await client.connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO t VALUES (2, 'x')");
    await client.query('COMMIT');
    await client.query("INSERT INTO t VALUES (3, 'y')");
    await client.query("INSERT INTO t VALUES (3, 'again')").catch(() => undefined);
    await client.end();
    // The last outcome may still be on its way to the disk when its client has its answer.
    const outcomes = async () => (await entries(before)).filter(({ kind }) => kind === 'outcome');
    const words = async () =>
      (await outcomes()).map(
        ({ outcome }) => `${outcome?.status}${outcome?.provisional ? '?' : ''}`,
      );
    await expect.poll(words).toEqual(['executed?', 'executed?', 'committed', 'executed', 'failed']);
    expect((await outcomes())[2]?.settles).toBe(2);
  });
});

describe('starting and stopping', () => {
  const failure = async (config = system.config): Promise<DemoError> => {
    const started = await startDaemonProcess(config, () => undefined).catch(
      (error: unknown) => error,
    );
    if (!(started instanceof DemoError)) throw new Error('it started');
    return started;
  };

  test('a second instance on the same log is refused with one sentence, and exit code 69', async () => {
    const error = await failure();
    expect(error.exit).toBe(69);
    expect(error.message).toMatch(/another process holds this log: pid \d+/);
  });

  test('a clean stop is an entry, and the next start continues the same chain', async () => {
    const before = await entries();
    expect(await system.stopDaemon()).toBe(0);
    await system.startDaemon();
    const after = await entries();
    expect(after.length).toBeGreaterThan(before.length);
    expect(after.slice(0, before.length).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    const start = after.findLast(({ kind, event }) => kind === 'system' && event === 'start');
    const stop = after.findLast(({ kind, event }) => kind === 'system' && event === 'stop');
    expect([start?.seq, stop && after.indexOf(stop) + 1]).toEqual([
      0,
      start && after.indexOf(start),
    ]);
    expect(start?.source.epoch).toBe((stop?.source.epoch ?? 0) + 1);
  });

  test('an allowed action without an outcome becomes a finding at the next start', async () => {
    const client = new pg.Client({ connectionString: system.url('alice') });
    client.on('error', () => undefined);
    await client.connect();
    const cut = client
      .query('SELECT count(*) FROM generate_series(1, 500000000)')
      .catch(() => undefined);
    const allowed = async () =>
      (await entries()).find(({ statement }) => statement?.includes('generate_series'));
    await expect.poll(async () => (await allowed())?.decision?.verdict).toBe('allow');
    const decision = await allowed();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await system.stopDaemon('SIGKILL');
    await cut;
    await system.startDaemon();
    const finding = (await entries()).findLast(({ kind }) => kind === 'finding');
    expect(finding?.rule).toBe('decision-without-outcome');
    expect(finding?.about).toContain(decision?.id);
  });

  test('damage to what was acknowledged is refused by file and offset, never repaired', async () => {
    await system.stopDaemon();
    const folder = join(system.folder, 'data/journal');
    const path = join(folder, readdirSync(folder).find((name) => name.endsWith('.seg')) ?? '');
    const good = readFileSync(path);
    const bad = Buffer.from(good);
    bad[4096 + 100] = (bad[4096 + 100] ?? 0) ^ 1;
    writeFileSync(path, bad);
    const error = await failure();
    expect(error.exit).toBe(78);
    expect(error.message).toMatch(/\.seg is damaged at offset 4096/);
    expect(readFileSync(path).equals(bad)).toBe(true);
    writeFileSync(path, good);
    await system.startDaemon();
  });

  test('an unreachable database and mistakes in the file each say so, and no secret is said', async () => {
    await system.stopDaemon();
    const text = readFileSync(system.config, 'utf8');
    edit((before) => before.replace(/@127\.0\.0\.1:\d+\//, '@127.0.0.1:1/'));
    expect(await failure()).toMatchObject({
      exit: 69,
      message: expect.stringContaining('127.0.0.1:1'),
    });
    writeFileSync(system.config, text.replace('policies:', 'polices:'));
    expect(await failure()).toMatchObject({
      exit: 78,
      message: expect.stringMatching(
        /sealrail\.yaml:\d+:\d+: unknown key "polices"[\s\S]*policies/,
      ),
    });
    writeFileSync(system.config, text.replace(/password: file:\S+/, 'password: hunter2hunter2'));
    const clear = await failure();
    expect(clear).toMatchObject({ exit: 78 });
    expect(clear.message).not.toContain('hunter2');
    writeFileSync(system.config, text);
    await system.startDaemon();
  });
});
