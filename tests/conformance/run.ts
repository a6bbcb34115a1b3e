/** `npm run conformance -- NAME [--json]`: our code against other people's test data, and ours. */
import { parseArgs } from 'node:util';
import { type CorpusName, corpus } from '../corpora.ts';
import { corpusCases, handwrittenCases, policyJsonCases, schemaCases } from './cedar.ts';
import { FORMATS, formatCases } from './formats.ts';
import { merkleCases } from './merkle.ts';
import { type Case, isExact, runSuite, type Suite } from './suite.ts';
import { tesseraCases } from './tessera.ts';
import { witnessCases } from './witness.ts';

const EXIT_USAGE = 64;
const EXIT_DIFFERENT = 65;
const EXIT_UNAVAILABLE = 69;

/** Of a run that is planned: it says so instead of passing with nothing done. */
const NOT_BUILT = ['postgres', 'authzen'];

function casesFrom(name: CorpusName, read: (folder: string) => Iterable<Case>): Iterable<Case> {
  const folder = corpus(name);
  if (folder) return read(folder);
  process.stderr.write(`the corpus "${name}" is not here: run scripts/corpora\n`);
  process.exit(EXIT_UNAVAILABLE);
}

async function tlogSuites(): Promise<Suite[]> {
  return [
    await runSuite('merkle', casesFrom('merkle', merkleCases)),
    await runSuite('tessera', casesFrom('tessera', tesseraCases)),
    ...(await Promise.all(FORMATS.map((format) => runSuite(format, formatCases(format))))),
    await runSuite('witness', witnessCases()),
  ];
}

async function cedarSuites(): Promise<Suite[]> {
  return [
    await runSuite('corpus', casesFrom('cedar', corpusCases)),
    await runSuite('handwritten', casesFrom('cedar', handwrittenCases)),
    await runSuite('policy-json', casesFrom('cedar', policyJsonCases)),
    await runSuite('schema', casesFrom('cedar', schemaCases)),
  ];
}

const RUNS: ReadonlyMap<string, () => Promise<Suite[]>> = new Map([
  ['cedar', cedarSuites],
  ['tlog', tlogSuites],
]);

function usage(problem: string): never {
  process.stderr.write(
    `${problem}\n  usage: npm run conformance -- ${[...RUNS.keys()].join('|')} [--json]\n`,
  );
  process.exit(EXIT_USAGE);
}

function readArguments(): { readonly name: string; readonly json: boolean } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' } },
    });
    return { name: positionals.join(' '), json: values.json ?? false };
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const { name, json } = readArguments();
if (NOT_BUILT.includes(name)) usage(`there is no conformance run for ${name} yet`);
const run = RUNS.get(name);
if (!run) usage(name === '' ? 'name a run' : `there is no conformance run ${name}`);

const suites = await run();
for (const suite of suites) {
  const talk = json ? process.stderr : process.stdout;
  talk.write(
    `${isExact(suite) ? '✓' : '✗'} ${suite.name}: ${suite.exact} of ${suite.total} exact\n`,
  );
  for (const { id, expected, got } of suite.differences)
    talk.write(`  ${id}: expected ${expected}, got ${got}\n`);
}
const ok = suites.every(isExact);
process.stdout.write(
  json ? `${JSON.stringify({ name, suites, ok })}\n` : `${ok ? 'all exact' : 'not all exact'}\n`,
);
process.exitCode = ok ? 0 : EXIT_DIFFERENT;
