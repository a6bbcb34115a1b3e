/** The two commands of the README, as whoever has just cloned this runs them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSealrail } from '../demo/daemon.ts';
import { freePort, isFree } from '../demo/port.ts';
import { scratch } from './system.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

let folder: string;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = scratch('demo');
  chmodSync(folder, 0o711);
  env = {
    SEALRAIL_DEMO_DIR: join(folder, 'shop'),
    SEALRAIL_DEMO_PORT: String(await freePort()),
    SEALRAIL_DEMO_API_PORT: String(await freePort()),
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out(): string;
  err(): string;
}

function run(script: string, args: readonly string[], more: Readonly<Record<string, string>>): Ran {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    env: { ...process.env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, out: () => said.out, err: () => said.err };
}

async function start(more: Readonly<Record<string, string>> = env): Promise<Ran> {
  const ran = run('demo/start.ts', [], more);
  const isUp = async () => ran.out().includes('Ctrl-C') || ran.child.exitCode !== null;
  await expect.poll(isUp, { timeout: 90_000, interval: 100 }).toBe(true);
  return ran;
}

/** One sentence, and the exit code. */
async function refusal(more: Readonly<Record<string, string>>): Promise<[number | null, string]> {
  const { ended, err } = run('demo/start.ts', [], { ...env, ...more });
  return [await ended, err().trim().split('\n').at(-1) ?? ''];
}

const isNothingLeft = async (): Promise<boolean> =>
  !existsSync(join(folder, 'shop/postgres/data/postmaster.pid')) &&
  (await isFree(Number(env.SEALRAIL_DEMO_PORT))) &&
  (await isFree(Number(env.SEALRAIL_DEMO_API_PORT)));

const statusOf = async (): Promise<{ size: number; vkey: string }> => {
  const answer = await fetch(`http://127.0.0.1:${env.SEALRAIL_DEMO_API_PORT}/api/status`);
  return (await answer.json()) as { size: number; vkey: string };
};

describe('npm start', { timeout: 180_000 }, () => {
  test('prints three commands that work; a second start is refused; Ctrl-C leaves nothing', async () => {
    const demo = await start();
    const commands = demo
      .out()
      .split('\n')
      .filter((line) => line.includes('npx sealrail '));
    const results = [];
    for (const line of commands) {
      const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, a, b]) => a ?? b ?? '');
      results.push(await runSealrail(words.slice(2)));
    }
    expect(results.map(({ code }) => code)).toEqual([0, 77, 0]);
    expect(results[1]?.stdout).toContain('denied by policy sql-unscoped-write');
    // As the README shows it.
    const [first = ''] = commands;
    const more = first
      .slice(first.lastIndexOf('"') + 1)
      .split(' ')
      .filter((word) => word !== '');
    const text = 'SELECT name, email FROM customers WHERE id = 42';
    const masked = await runSealrail(['sql', text, ...more]);
    const shown = readFileSync(join(root, 'README.md'), 'utf8').split(`"${text}"\n`)[1] ?? '';
    expect(masked.stdout.trimEnd().split('\n').slice(0, 3)).toEqual(shown.split('\n').slice(0, 3));
    expect(results[2]?.stdout).toMatch(/deny +alice +sql\.delete shop\.public\.customers/);

    expect(await refusal({})).toEqual([
      69,
      expect.stringMatching(/^error: a demo runs in \S+ already \(process \d+\): stop it/),
    ]);
    expect(await refusal({ SEALRAIL_DEMO_DIR: join(folder, 'other') })).toEqual([
      69,
      `error: port ${env.SEALRAIL_DEMO_PORT}, for the gateway, is taken by another process: stop it, or set SEALRAIL_DEMO_PORT to a free one`,
    ]);

    // The terminal sends one, and npm passes on another.
    demo.child.kill('SIGINT');
    demo.child.kill('SIGINT');
    expect(await demo.ended).toBe(0);
    expect(await isNothingLeft()).toBe(true);
  });

  test('a start after a kill -9 cleans up after it and continues the same log', async () => {
    const killed = await start();
    const before = await statusOf();
    killed.child.kill('SIGKILL');
    await killed.ended;
    const demo = await start();
    expect(demo.err()).not.toContain('filling the shop');
    const after = await statusOf();
    expect(after.vkey).toBe(before.vkey);
    expect(after.size).toBeGreaterThan(before.size);
    demo.child.kill('SIGTERM');
    expect(await demo.ended).toBe(0);
    expect(await isNothingLeft()).toBe(true);
  });

  test('a folder that cannot be written and a port that is none are said in a sentence', async () => {
    expect(await refusal({ SEALRAIL_DEMO_DIR: '/dev/null/shop' })).toEqual([
      78,
      expect.stringMatching(/^error: \/dev\/null\/shop cannot be written: /),
    ]);
    expect(await refusal({ SEALRAIL_DEMO_PORT: '65536' })).toEqual([
      78,
      'error: SEALRAIL_DEMO_PORT: "65536" is no port',
    ]);
  });
});

describe('npm run demo', { timeout: 180_000 }, () => {
  test('does the main job, checks it, and leaves a tree that verifies by its files and a key', async () => {
    const out = join(folder, 'out');
    const { ended, out: stdout, err } = run('demo/demo.ts', ['--json', '--dir', out], {});
    expect([await ended, err()]).toEqual([0, expect.stringContaining('one flipped byte: entry ')]);
    const lines = stdout().trim().split('\n');
    const summary = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
    expect(lines.length).toBe(1);
    expect(Object.keys(summary)).toEqual([
      'allowed',
      'denied',
      'masked',
      'entries',
      'verified',
      'seconds',
    ]);
    expect(summary).toMatchObject({ allowed: 6, denied: 7, masked: 1, verified: true });
    const vkey = join(out, 'log.vkey');
    const verified = await runSealrail(['verify', join(out, 'log'), '--key', vkey, '--json']);
    expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, entries: summary.entries });
  });

  test('never removes what is no tree', async () => {
    mkdirSync(join(folder, 'mine/log'), { recursive: true });
    writeFileSync(join(folder, 'mine/log/diary.txt'), 'dear diary');
    const { ended, err } = run('demo/demo.ts', ['--dir', join(folder, 'mine')], {});
    expect(await ended).toBe(78);
    expect(err()).toContain('diary.txt, which is no part of a log');
    expect(readFileSync(join(folder, 'mine/log/diary.txt'), 'utf8')).toBe('dear diary');
  });
});
