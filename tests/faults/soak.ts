/** Crashes, many times over: `npm run soak -- faults`; the last figures stand in SOAK.md. */
import { runSchedule } from '../../packages/tlog/testing/crash-schedule.ts';
import { killRepeatedly } from './kill.ts';

const KILLS = 100;
const SCHEDULES = 20_000;

export async function soakFaults({
  seed,
  say,
}: {
  readonly seed: number;
  readonly say: (line: string) => void;
}): Promise<object> {
  for (let at = 0; at < SCHEDULES; at++) {
    await runSchedule(seed + at).catch((cause: unknown) => {
      throw new Error(`crash schedule with seed ${seed + at}`, { cause });
    });
    if ((at + 1) % 2_000 === 0) say(`${at + 1} crash schedules`);
  }
  const report = await killRepeatedly({ kills: KILLS, seed, progress: say });
  return { schedules: SCHEDULES, ...report, missing: 0 };
}
