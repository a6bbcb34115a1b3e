import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  entryAt,
  memorySource,
  memoryTree,
  testSigner,
  vkeyOf,
} from '../../../../tests/tlog/memory-tree.ts';
import { hashing, verifySignature } from '../node.ts';
import { directorySource } from './directory.ts';
import { exportTree } from './export.ts';
import { verifyTree } from './index.ts';

const signer = testSigner('example.com/export');
const trust = { vkey: vkeyOf(signer), verifier: verifySignature, hashing };
const treeOf = (count: number, entry = entryAt) =>
  memoryTree(
    Array.from({ length: count }, (_, at) => entry(at)),
    [signer],
  );
const folders: string[] = [];
const scratch = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-export-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
const verify = (folder: string, more = {}) =>
  verifyTree({ source: directorySource(folder), ...trust, ...more });

describe('an export', () => {
  test('is a copy that verifies by itself, with nothing beside the tree', async () => {
    const to = scratch();
    const files = treeOf(600);
    const done = await exportTree({ from: memorySource(files), to, ...trust });
    expect(done).toMatchObject({ report: { ok: true, size: 600n }, filesCopied: files.size });
    expect(await verify(to)).toMatchObject({ ok: true, entries: 600, findings: [] });
  });

  test('copies only what is new, and checks what is there', async () => {
    const to = scratch();
    await exportTree({ from: memorySource(treeOf(600)), to, ...trust });
    const held = [readFileSync(join(to, 'checkpoint'))];
    const more = treeOf(900);
    const done = await exportTree({ from: memorySource(more), to, held, ...trust });
    expect(done.report).toMatchObject({
      ok: true,
      against: 'consistent with your checkpoint at 600',
    });
    // Of the bundles: the third, which was not full, and the fourth; the first two were there.
    expect(done.filesCopied).toBeLessThan(more.size);
    expect(await verify(to)).toMatchObject({ ok: true, entries: 900 });
    writeFileSync(join(to, 'tile/entries/000'), Buffer.alloc(100));
    const bad = await exportTree({ from: memorySource(more), to, ...trust });
    expect(bad.report.ok).toBe(false);
    expect(bad.report.findings[0]?.path).toBe('tile/entries/000');
  });

  test('of a log that does not verify has no checkpoint', async () => {
    const to = scratch();
    const files = new Map(treeOf(300));
    files.set('tile/entries/000', Buffer.alloc(10));
    const { report } = await exportTree({ from: memorySource(files), to, ...trust });
    expect(report.ok).toBe(false);
    expect(readdirSync(to)).not.toContain('checkpoint');
  });

  test('of a log that was rewritten since the last one keeps what it had', async () => {
    const to = scratch();
    await exportTree({ from: memorySource(treeOf(600)), to, ...trust });
    const kept = readFileSync(join(to, 'checkpoint'));
    const other = treeOf(700, (at) => entryAt(at === 3 ? 9_999 : at));
    const { report } = await exportTree({ from: memorySource(other), to, held: [kept], ...trust });
    expect(report.ok).toBe(false);
    expect(readFileSync(join(to, 'checkpoint'))).toEqual(kept);
    expect(await verify(to)).toMatchObject({ ok: true, entries: 600 });
  });

  test('finds the start of a full tile where the log has no partial one any more', async () => {
    const to = scratch();
    const now = treeOf(300);
    const later = treeOf(600);
    const files = new Map(now);
    for (const place of ['tile/0/001', 'tile/entries/001']) {
      files.delete(`${place}.p/44`);
      files.set(place, later.get(place) ?? new Uint8Array());
    }
    const { report } = await exportTree({ from: memorySource(files), to, ...trust });
    expect(report.ok).toBe(true);
    expect(await verify(to)).toMatchObject({ ok: true, entries: 300 });
  });
});
