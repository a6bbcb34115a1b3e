/** The command that whoever compares implementations runs; its last line is a contract. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { isExact, runSuite } from './suite.ts';

const run = (...args: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('run.ts', import.meta.url)), ...args], {
    encoding: 'utf8',
  });

describe.skipIf(!corpus('merkle') || !corpus('tessera'))('conformance of tlog', () => {
  test('is exact in every suite, and the last line says so', () => {
    const { stdout, status } = run('tlog', '--json');
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(result).toMatchObject({ name: 'tlog', ok: true });
    const totals = result.suites.map((suite: { name: string; total: number }) => suite.total);
    expect(totals.slice(0, 2)).toEqual([518, 16]);
    for (const suite of result.suites) expect(suite).toMatchObject({ exact: suite.total });
    expect(status).toBe(0);
  });
});

describe('a run that there is not', () => {
  test.each(['postgres', 'authzen', 'nonsense', '', 'constructor'])(
    '%j is refused, not passed',
    (name) => {
      const { stdout, stderr, status } = run(name, '--json');
      expect(stdout).toBe('');
      expect(stderr).toMatch(/conformance/);
      expect(status).toBe(64);
    },
  );

  test('a corpus that is not here makes the run unavailable, not exact', () => {
    const done = spawnSync(
      process.execPath,
      [fileURLToPath(new URL('run.ts', import.meta.url)), 'tlog', '--json'],
      { encoding: 'utf8', env: { ...process.env, SEALRAIL_CORPORA: '/nowhere' } },
    );
    expect(done.stderr).toMatch(/corpus|scripts\/corpora/);
    expect(done.status).not.toBe(0);
  });
});

describe('a suite', () => {
  test('lists what differs, counts a throw as a difference, and is not exact when empty', async () => {
    const suite = await runSuite('made up', [
      { id: 'a', expected: 'x', run: () => 'x' },
      { id: 'b', expected: 'x', run: () => 'y' },
      {
        id: 'c',
        expected: 'x',
        run: () => {
          throw new Error('no');
        },
      },
    ]);
    expect(suite).toEqual({
      name: 'made up',
      total: 3,
      exact: 1,
      differences: [
        { id: 'b', expected: 'x', got: 'y' },
        { id: 'c', expected: 'x', got: 'threw: no' },
      ],
    });
    expect(isExact(suite)).toBe(false);
    expect(isExact(await runSuite('empty', []))).toBe(false);
  });

  test('counts every difference and lists a bounded number of them', async () => {
    const cases = Array.from({ length: 1_000 }, (_, at) => ({
      id: `${at}`,
      expected: 'x',
      run: () => 'y',
    }));
    const suite = await runSuite('all wrong', cases);
    expect(suite).toMatchObject({ total: 1_000, exact: 0 });
    expect(suite.differences).toHaveLength(100);
  });
});
