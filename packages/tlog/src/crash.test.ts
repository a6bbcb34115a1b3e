import { expect, test } from 'vitest';
import { runSchedule } from '../testing/crash-schedule.ts';

const SCHEDULES = 1_000;
const first = Number(process.env.SEALRAIL_SEED ?? 1);

test(`nothing acknowledged is lost and nothing signed is contradicted in ${SCHEDULES} crash schedules`, async () => {
  for (let seed = first; seed < first + SCHEDULES; seed++) {
    await runSchedule(seed).catch((cause: unknown) => {
      throw new Error(`SEALRAIL_SEED=${seed}: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    });
  }
}, 180_000);

test('a disk whose flushes do nothing is caught: the harness can fail', async () => {
  let caught = 0;
  for (let seed = 1; seed <= 60; seed++) {
    await runSchedule(seed, true).catch(() => caught++);
  }
  expect(caught).toBeGreaterThan(10);
}, 60_000);
