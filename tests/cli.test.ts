/** Commands that talk to a running daemon, as processes, as people and scripts run them. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSealrail, sealrailBin } from '../demo/daemon.ts';
import { type System, startSystem } from './system.ts';

const SETUP = `
CREATE TABLE things (id bigint PRIMARY KEY, note text, at timestamptz);
INSERT INTO things VALUES
  (9007199254740993, E'red\\x1b[31m\\nand more', '2024-02-29 12:00Z'), (2, NULL, NULL);
CREATE TABLE numbers AS SELECT generate_series(1, 1001) AS n;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT ALL ON things, numbers TO PUBLIC;`;

let system: System;
beforeAll(async () => {
  system = await startSystem({
    database: 'shop',
    role: 'shop_role',
    setup: SETUP,
    users: [
      { name: 'alice', type: 'human', groups: ['writers'] },
      { name: 'agent-1', type: 'agent', groups: ['agents'] },
    ],
  });
});
afterAll(() => system?.stop());

const sealrail = (...args: string[]) => runSealrail([...args, '-c', system.config]);
const json = async (...args: string[]) => {
  const { code, stdout } = await sealrail(...args, '--json');
  return { code, ...(JSON.parse(stdout) as Record<string, unknown>) };
};

describe('sql', () => {
  test('shows values as the server wrote them, and controls no terminal', async () => {
    const { code, stdout } = await sealrail('sql', 'SELECT * FROM things ORDER BY id DESC');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'id               | note                    | at',
        '-----------------+-------------------------+-----------------------',
        '9007199254740993 | red\\u001b[31m\\nand more | 2024-02-29 12:00:00+00',
        '2                |                         |',
        '(2 rows)',
        '',
      ].join('\n'),
    );
  });

  test('as JSON nothing is lost: null is null, and a large number keeps its digits', async () => {
    const found = await json(
      'sql',
      'SELECT id, note FROM things ORDER BY id; UPDATE things SET note = NULL WHERE id = 2',
    );
    expect(found).toEqual({
      code: 0,
      results: [
        {
          command: 'SELECT',
          rowCount: 2,
          fields: ['id', 'note'],
          rows: [
            ['2', null],
            ['9007199254740993', 'red\u001b[31m\nand more'],
          ],
          more: 0,
        },
        { command: 'UPDATE', rowCount: 1, fields: [], rows: [], more: 0 },
      ],
    });
  });

  test('of a large table the first rows are shown and the rest is counted', async () => {
    const { stdout, stderr } = await sealrail('sql', 'SELECT n FROM numbers ORDER BY n');
    expect(stdout).toContain('\n1000\n(1001 rows)\n');
    expect(stderr).toContain('1 of them are not shown');
  });

  test.each([
    ['DELETE FROM things', 77, '42501'],
    ['SELEC 1', 77, '42601'],
    ['SELECT 1 / 0 FROM things', 1, '22012'],
  ])('%s ends with %i', async (text, exit, sqlstate) => {
    const { code, error } = (await json('sql', text)) as { code: number; error?: object };
    expect({ code, error }).toMatchObject({ code: exit, error: { code: sqlstate } });
  });

  test('a denial shows message, decision and hint', async () => {
    const { code, stdout } = await sealrail('sql', 'DELETE FROM things');
    expect(code).toBe(77);
    expect(stdout).toMatch(
      /^ERROR: {2}denied by policy sql-unscoped-write: .+\nDETAIL: {2}decision [0-9a-f-]{36}\n/,
    );
    expect(stdout).toContain('\nHINT:  name the rows in WHERE\n');
  });

  test('a wrong password is a denial, and is not shown', async () => {
    const args = ['sql', 'SELECT 1', '-c', system.config];
    const { code, stdout } = await runSealrail(args, { SEALRAIL_PASSWORD: 'not the password' });
    expect(code).toBe(77);
    expect(stdout).toContain('password authentication failed');
    expect(stdout).not.toContain('not the password');
  });
});

describe('explain', () => {
  const TEXT = 'DELETE FROM things WHERE note = note';

  test('shows verdict, policies and facts, and records and executes nothing', async () => {
    const before = (await json('status')) as { size?: number };
    const { code, stdout } = await sealrail('explain', TEXT);
    expect(code).toBe(77);
    expect(stdout).toMatch(/^verdict {5}deny \(forbidden\) for alice on shop\npolicies {4}\S/);
    expect(stdout).toContain('\nasks        sql.delete on shop.public.things\n');
    const allowed = await sealrail('explain', 'SELECT id FROM things', '--as', 'alice');
    expect([allowed.code, allowed.stdout.split(' (')[0]]).toEqual([0, 'verdict     allow']);
    expect(((await json('status')) as { size?: number }).size).toBe(before.size);
  });

  test('without a daemon the same is found from the same policies and catalog', async () => {
    const withDaemon: Record<string, unknown> = await json('explain', TEXT);
    await system.stopDaemon();
    try {
      const { code, stdout, stderr } = await sealrail('explain', TEXT, '--json');
      expect(stderr).toContain('no daemon answers');
      const { denial: _, ...alone } = JSON.parse(stdout) as Record<string, unknown>;
      const { denial: __, ...asked } = withDaemon;
      expect({ code, ...alone }).toEqual(asked);
    } finally {
      await system.startDaemon();
    }
  });
});

describe('log', () => {
  test('tail -f shows a decision within half a second of its answer', async () => {
    const args = [sealrailBin, 'log', 'tail', '-f', '-n', '1', '--kind', 'decision', '--json'];
    const child = spawn(process.execPath, [...args, '-c', system.config]);
    const seen: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => seen.push(line));
    try {
      await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(1);
      await sealrail('sql', 'SELECT id FROM things WHERE id = 77');
      const answered = performance.now();
      await expect.poll(() => seen.length, { interval: 20 }).toBe(2);
      expect(performance.now() - answered).toBeLessThan(500);
      expect(seen[1]).toContain('SELECT id FROM things WHERE id = $1');
    } finally {
      child.kill();
    }
  });

  test('a denial is found by the id that the client was given, proved, and verified elsewhere', async () => {
    const { error } = (await json('sql', 'DROP TABLE things')) as { error?: { detail: string } };
    const id = /decision ([0-9a-f-]{36})/.exec(error?.detail ?? '')?.[1] ?? '';
    const shown = (await json('log', 'show', id)) as { index?: number; entry?: object };
    expect(shown.entry).toMatchObject({ id, kind: 'decision', decision: { verdict: 'deny' } });
    const file = join(system.folder, 'denial.tlog-proof');
    const proved = await json('log', 'prove', id, '-o', file);
    expect(proved).toEqual({ code: 0, index: shown.index, file });
    const verified = await runSealrail(['verify', file, '--key', system.vkeyFile, '--json']);
    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, index: shown.index });
  });

  test('search finds what was denied, and shows its outcome in a line', async () => {
    await sealrail('sql', 'SELECT count(*) FROM numbers');
    const { stdout } = await sealrail('log', 'search', 'public.numbers', '--verdict', 'allow');
    expect(stdout).toMatch(
      /^ +\d+ \S+ allow {4}alice {6}sql\.select shop\.public\.numbers \[\S+\] SELECT/m,
    );
  });

  test('what the daemon refuses is said in its words', async () => {
    const { code, stderr } = await sealrail('log', 'show', '999999999');
    expect([code, stderr]).toEqual([64, 'error: there is no entry 999999999\n']);
  });
});

describe('the daemon', () => {
  test('status says what is guarded, and how', async () => {
    const { code, stdout } = await sealrail('status');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^log {7}sealrail\.invalid\//);
    expect(stdout).toContain(`shop: postgres, prod, enforce, on 127.0.0.1:${system.gatewayPort}`);
    expect(stdout).toContain('rollback of the whole machine is not detected');
  });

  test('takes over a user that was added, and lets nobody else in under that name', async () => {
    const added = (await json(
      'users',
      'add',
      'carol',
      '--type',
      'human',
      '--group',
      'writers',
    )) as {
      password?: string;
    };
    const asCarol = (password: string) =>
      runSealrail(['sql', 'SELECT 1 AS one', '--as', 'carol', '-c', system.config], {
        SEALRAIL_PASSWORD: password,
      });
    expect((await asCarol(added.password ?? '')).code).toBe(77);
    system.daemon.child.kill('SIGHUP');
    await expect.poll(() => system.said.at(-1)).toContain('reloaded');
    expect((await asCarol(added.password ?? '')).stdout).toContain('(1 row)');
    expect((await asCarol('guessed-password')).code).toBe(77);
    expect(readFileSync(join(system.folder, 'users.yaml'), 'utf8')).not.toContain(added.password);
  });
});
