/** A restart must neither forget a yes nor find one that was used; nor read a whole log to know. */
import { TILE_WIDTH } from '@sealrail/tlog';
import { expect, test } from 'vitest';
import { actOf, approvalsWorld, PEOPLE } from '../../testing/approvals-world.ts';
import type { PastEntries } from '../past-entries.ts';
import { PENDING_MS_MAX } from './approvals.ts';
import { rebuildRequests } from './rebuild-requests.ts';
import { APPROVED_MS_MAX } from './requests.ts';

type World = ReturnType<typeof approvalsWorld>;

/** Counts what is read; full bundles come as a whole where they are published. */
function pastOf(world: World, published: number) {
  const { entries } = world.log;
  const read = new Set<number>();
  const at = (index: number): Uint8Array => {
    read.add(index);
    return entries[index] ?? new Uint8Array(0);
  };
  const past: PastEntries = {
    size: entries.length,
    read: async (index) => at(index),
    bundle: async (bundle) =>
      (bundle + 1) * TILE_WIDTH > published
        ? undefined
        : Array.from({ length: TILE_WIDTH }, (_, i) => at(bundle * TILE_WIDTH + i)),
  };
  return { past, read };
}

async function ask(world: World, text: string): Promise<string> {
  const { durable, denial } = world.guard.decide(actOf('delete', 'b', text));
  await durable;
  return denial?.requests?.[0] ?? '';
}

async function fill(world: World, entries: number): Promise<void> {
  const detail = { note: '"kind":"approval" "uses":[' };
  const fields = { kind: 'system', event: 'heartbeat', detail } as const;
  for (let i = 0; i < entries; i++) await world.recorder.record(fields, {}).durable;
}

async function grant(world: World, id: string): Promise<void> {
  const [, bob] = PEOPLE;
  if (!bob) throw new Error('nobody is there');
  await world.store.inTurn(() => world.store.grant(id, bob, 'fine'));
}

test('requests come back from bundles and from single entries, whatever stands between them', async () => {
  const world = approvalsWorld();
  const [pending, approved, used] = [
    await ask(world, 'x'),
    await ask(world, 'y'),
    await ask(world, 'z'),
  ];
  await grant(world, approved);
  await fill(world, 2 * TILE_WIDTH);
  await grant(world, used);
  await world.guard.decide(actOf('delete', 'b', 'z')).durable;
  for (const published of [0, TILE_WIDTH, 2 * TILE_WIDTH]) {
    const requests = await rebuildRequests(pastOf(world, published).past, world.nowMs());
    expect(requests.all()).toEqual(world.store.all());
    expect([pending, approved, used].map((id) => requests.get(id)?.state)).toEqual([
      'pending',
      'approved',
      'used',
    ]);
  }
});

test('what is older than anything can be good for is not read', async () => {
  const world = approvalsWorld();
  await ask(world, 'x');
  await fill(world, 4 * TILE_WIDTH);
  world.wait(PENDING_MS_MAX + APPROVED_MS_MAX);
  await fill(world, TILE_WIDTH);
  const id = await ask(world, 'x');
  const { past, read } = pastOf(world, world.log.entries.length);
  const requests = await rebuildRequests(past, world.nowMs());
  expect(requests.all().map((one) => one.id)).toEqual([id]);
  expect(Math.min(...read)).toBeGreaterThanOrEqual(2 * TILE_WIDTH);
});

test('no more entries are read than the bound, and a yes whose request stands before it counts for nothing', async () => {
  const world = approvalsWorld();
  const id = await ask(world, 'x');
  await fill(world, 3 * TILE_WIDTH);
  await grant(world, id);
  const { past, read } = pastOf(world, 0);
  const requests = await rebuildRequests(past, world.nowMs(), TILE_WIDTH);
  expect(requests.all()).toEqual([]);
  expect(Math.min(...read)).toBeGreaterThanOrEqual(2 * TILE_WIDTH);
});
