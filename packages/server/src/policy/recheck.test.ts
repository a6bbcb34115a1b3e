/** A recheck that cannot fail would prove nothing: each of these is a log that somebody with its key made. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBlobsAtRest } from '@sealrail/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resignForTest, writeDecisionsForTest } from '../../testing/decisions-at-rest.ts';
import { recheckLog } from './recheck.ts';

let folder = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sealrail-recheck-'));
  await writeDecisionsForTest(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const recheck = (since?: string) => {
  const [, size] = readFileSync(join(folder, 'data/log/checkpoint'), 'utf8').split('\n');
  return recheckLog({
    files: { folder: join(folder, 'data/log'), size: Number(size) },
    blobs: openBlobsAtRest(join(folder, 'data/private')),
    since,
  });
};

describe('a recheck', () => {
  test('of an honest log finds every decision as it was logged', () => {
    expect(recheck()).toMatchObject({ size: 29, decisions: 18, same: 16, different: 0 });
  });

  test('finds the one denial that was rewritten into an allowance, and signed again', async () => {
    await resignForTest(folder, (text, index) =>
      index === 2
        ? text
            .replaceAll('"forbidden"', '"allowed"')
            .replace('"verdict":"deny"', '"verdict":"allow"')
        : text,
    );
    const found = recheck();
    expect(found).toMatchObject({ same: 15, different: 1 });
    expect(found.differences).toMatchObject([
      { index: 2, members: [{ member: 'verdict', logged: 'allow', recomputed: 'deny' }, {}, {}] },
    ]);
  });

  test('finds an allowance whose facts were made harmless afterwards', async () => {
    await resignForTest(folder, (text, index) =>
      index === 2 ? text.replace('"scope":"none"', '"scope":"key"') : text,
    );
    expect(recheck().differences.map(({ index }) => index)).toEqual([2]);
  });

  test('names the place whose bytes are no entry', async () => {
    await resignForTest(folder, (text, index) => (index === 2 ? `${text} ` : text));
    expect(recheck()).toMatchObject({ different: 0, damaged: [{ index: 2 }] });
  });

  test('counts what it could not make again because a blob was erased, and says why', () => {
    for (const name of readdirSync(join(folder, 'data/private/blobs')))
      rmSync(join(folder, 'data/private/blobs', name));
    const found = recheck();
    expect(found).toMatchObject({ same: 0, different: 0 });
    expect(found.notRecomputed).toEqual({ 'blob-missing': 16, 'not-understood': 2 });
  });

  test('since a time leaves out what was decided before it, and nothing else', () => {
    for (const second of ['02', '17', '30']) {
      const since = `2025-11-24T16:00:${second}.000000Z`;
      const later = Number(second);
      // One entry a second: entry n has the time n + 1.
      const decisions = [0, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 15, 17, 19, 21, 23, 25, 27];
      expect(recheck(since).decisions).toBe(decisions.filter((at) => at + 1 >= later).length);
    }
  });
});
