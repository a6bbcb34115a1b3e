/** `npm run soak -- NAME`: the long runs; their last figures stand beside the tests in a SOAK.md. */
import { soakCedar } from './cedar/soak.ts';
import { soakFaults } from './faults/soak.ts';

type Soak = (options: {
  readonly seed: number;
  readonly say: (line: string) => void;
}) => object | Promise<object>;

const SOAKS: Readonly<Record<string, Soak>> = { cedar: soakCedar, faults: soakFaults };

const [name = ''] = process.argv.slice(2);
const soak = SOAKS[name];
if (!soak) {
  const names = Object.keys(SOAKS).join(', ');
  console.error(`error: there is no soak ${JSON.stringify(name)}; there is ${names}`);
  process.exit(64);
}
const seed = Number(process.env.SEALRAIL_SEED ?? Date.now() % 2 ** 32);
console.error(`seed ${seed}`);
const report = await soak({ seed, say: (line) => console.error(line) });
console.log(JSON.stringify({ soak: name, ...report, seed }));
