import { expect, test } from 'vitest';
import { runSimulation } from '../testing/crash-schedule.ts';

// More of them: npm run soak -- faults. One of them again: SEALRAIL_SEED=the seed that is named.
const SEEDS = 500;
const firstSeed = Number(process.env.SEALRAIL_SEED ?? 1);

test(`nothing acknowledged is lost and nothing signed is contradicted in ${SEEDS} histories of crashes`, async () => {
  const report = await runSimulation({ seeds: SEEDS, firstSeed });
  expect(report.violations).toEqual([]);
  // The histories are worth something: they crash, in recovery too, and there is something to lose.
  expect(report.crashes).toBeGreaterThan(SEEDS);
  expect(report.crashesInRecovery).toBeGreaterThan(SEEDS / 4);
  expect(report.faults).toBeGreaterThan(SEEDS / 20);
  expect(report.acknowledged).toBeGreaterThan(100 * SEEDS);
  expect(report.checkpoints).toBeGreaterThan(SEEDS);
}, 300_000);

test('a disk whose flushes do nothing is found out: the oracle can fail', async () => {
  const everything = await runSimulation({ seeds: 20, forget: 'everything' });
  expect(everything.violations.length).toBeGreaterThan(5);
  const frames = await runSimulation({ seeds: 130, forget: 'frames', violationsMax: 130 });
  const problems = frames.violations.flatMap(({ problems }) => problems).join('\n');
  // Either the entry is gone, or a later one shows that it is: both are found.
  expect(problems).toMatch(/entry \d+ was acknowledged and is lost|is damaged at offset/);
}, 60_000);
