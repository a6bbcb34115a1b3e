/** `npm run soak -- NAME`: the long runs; their last figures stand beside the tests in a SOAK.md. */
type Soak = (options: {
  readonly seed: number;
  readonly say: (line: string) => void;
}) => object | Promise<object>;

/** Loaded when asked for: each needs other parts of the build. */
const SOAKS: ReadonlyMap<string, () => Promise<Soak>> = new Map([
  ['cedar', async (): Promise<Soak> => (await import('./cedar/soak.ts')).soakCedar],
  ['faults', async (): Promise<Soak> => (await import('./faults/soak.ts')).soakFaults],
]);

const [name = ''] = process.argv.slice(2);
const load = SOAKS.get(name);
if (!load) {
  const names = [...SOAKS.keys()].join(', ');
  console.error(`error: there is no soak ${JSON.stringify(name)}; there is ${names}`);
  process.exit(64);
}
const soak = await load();
const seed = Number(process.env.SEALRAIL_SEED ?? Date.now() % 2 ** 32);
console.error(`seed ${seed}`);
const report = await soak({ seed, say: (line) => console.error(line) });
console.log(JSON.stringify({ soak: name, ...report, seed }));
