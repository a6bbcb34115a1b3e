import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCanonical } from '@sealrail/sdk';
import { TILE_WIDTH } from '@sealrail/tlog';
import { afterAll, describe, expect, test } from 'vitest';
import { rebuildHistory, WISHED_ENTRIES_MAX, WISHED_MS } from './rebuild-history.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
const privateDir = mkdtempSync(join(tmpdir(), 'sealrail-rebuild-'));
afterAll(() => rmSync(privateDir, { recursive: true, force: true }));

const reserve = [{ policy: 'rate', key: 'agent:bot', cost: 1, windowMs: 60_000 }];
const entryAt = (ageMs: number, more: object = {}, decision: object = { reserve }): Buffer =>
  Buffer.from(
    JSON.stringify({
      kind: 'decision',
      id: 'd',
      time: new Date(NOW - ageMs).toISOString(),
      principal: { type: 'agent', id: 'bot', proof: 'token' },
      resources: [],
      decision: { verdict: 'allow', enforced: true, ...decision },
      ...more,
    }),
  );

function logOf(entries: readonly Uint8Array[]) {
  let reads = 0;
  const read = async (index: number): Promise<Uint8Array> => {
    reads++;
    return entries[index] ?? new Uint8Array(0);
  };
  const bundle = async (index: number) => {
    const found = entries.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH);
    return found.length === TILE_WIDTH ? found : undefined;
  };
  return { size: entries.length, read, bundle, reads: () => reads };
}
const rebuild = (entries: readonly Uint8Array[], memoryMs = 60_000) =>
  rebuildHistory({ log: logOf(entries), privateDir, memoryMs, nowMs: NOW });
const bot = { principal: 'agent:bot' };
const usedIn = ({ history }: Awaited<ReturnType<typeof rebuild>>): number =>
  history.counted(bot, 'rate', { limit: 9, windowMs: 60_000, cost: 1 }, NOW).used;

describe('the history at a start', () => {
  test('has everything of the window, over full bundles and the last partial one', async () => {
    const entries = Array.from({ length: 2 * TILE_WIDTH + 10 }, (_, at) => entryAt(600 - at));
    const rebuilt = await rebuild(entries);
    expect(usedIn(rebuilt)).toBe(entries.length);
    expect(rebuilt.sinceMs).toBe(0);
    expect(usedIn(await rebuild([]))).toBe(0);
  });

  test('reads no further back than is needed, or than is cheap', async () => {
    const days = Array.from({ length: 20 * TILE_WIDTH }, () => entryAt(86_400_000));
    const log = logOf([...days, entryAt(10)]);
    const rebuilt = await rebuildHistory({ log, privateDir, memoryMs: 60_000, nowMs: NOW });
    expect(usedIn(rebuilt)).toBe(1);
    expect(log.reads()).toBeLessThan(10);
    expect(NOW - rebuilt.sinceMs).toBeGreaterThan(WISHED_MS);
    const far = Array.from({ length: WISHED_ENTRIES_MAX + 8 * TILE_WIDTH }, () => entryAt(600_000));
    const cheap = await rebuild(far);
    expect(NOW - cheap.sinceMs).toBeLessThan(70_000);
    expect((await rebuild(far, 700_000)).sinceMs).toBe(0);
  });

  test('is not fooled by one bundle from before the clock was set forward', async () => {
    const recent = Array.from({ length: TILE_WIDTH }, () => entryAt(10));
    const begins = entryAt(86_400_000, { kind: 'system' });
    const middle = [begins, ...recent.slice(1)];
    expect(usedIn(await rebuild([...recent, ...middle, ...recent]))).toBe(3 * TILE_WIDTH - 1);
  });

  test('goes on over what does not read', async () => {
    expect(usedIn(await rebuild([entryAt(1), Buffer.from('{'), entryAt(0)]))).toBe(2);
  });

  test('takes what was too large for the entry from where it stands, and refuses to start without it', async () => {
    const text = encodeCanonical(reserve);
    const digest = createHash('sha256').update(text).digest('hex');
    const payloads = [{ at: '/decision/reserve', digest, bytes: text.length }];
    const entries = [entryAt(1, { payloads }, { reserve: [] })];
    await expect(rebuild(entries)).rejects.toThrow(/history cannot be rebuilt/);
    mkdirSync(join(privateDir, 'blobs'));
    writeFileSync(join(privateDir, 'blobs', digest), text);
    expect(usedIn(await rebuild(entries))).toBe(1);
  });
});
