/**
 * `npm test`: everything that has to pass, from a bare machine. Says what it could not run and why,
 * and ends with a line `N passed, N failed, N skipped` over all steps.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CorpusName, corpus } from '../tests/corpora.ts';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** A third-party corpus without which the step is skipped by name. */
  readonly needs?: CorpusName;
  /** Counts from the step's own report, or what it printed; absent: the step is one test, by its exit code. */
  readonly counts?: (output: string) => Counts;
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const node = process.execPath;
const script = (file: string, ...args: string[]) => [node, join(root, file), ...args];
const folder = mkdtempSync(join(tmpdir(), 'sealrail-test-'));
const report = join(folder, 'vitest.json');

const steps: readonly Step[] = [
  { name: 'biome', command: script('node_modules/@biomejs/biome/bin/biome', 'check') },
  { name: 'knip', command: script('node_modules/knip/bin/knip.js') },
  {
    name: 'vitest',
    command: script(
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ),
    counts: vitestCounts,
  },
  { name: 'the demo', command: script('demo/demo.ts', '--json') },
  { name: 'attack cases', command: script('tests/attacks/run.ts', '--json'), counts: attackCounts },
  {
    name: 'conformance of the log',
    command: script('tests/conformance/run.ts', 'tlog', '--json'),
    counts: conformanceCounts,
    needs: 'merkle',
  },
  {
    name: 'conformance of Cedar',
    command: script('tests/conformance/run.ts', 'cedar', '--json'),
    counts: conformanceCounts,
    needs: 'cedar',
  },
  { name: 'kill -9 under load, 5 times', command: script('tests/faults/kill.ts', '5') },
];

/** A step that prints its result as the last line, in one of the documented forms. */
function lastLine(output: string): Record<string, unknown> {
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Every executable case is a test; what is not built is skipped by name, never passed. */
function attackCounts(output: string): Counts {
  const { pass, fail, skipped } = lastLine(output) as {
    pass?: number;
    fail?: readonly unknown[];
    skipped?: readonly { id: string; reason: string }[];
  };
  return {
    passed: pass ?? 0,
    failed: fail?.length ?? 1,
    skipped: (skipped ?? []).map(({ id, reason }) => `attack ${id}: ${reason}`),
  };
}

function conformanceCounts(output: string): Counts {
  const suites = (lastLine(output).suites ?? []) as readonly { total: number; exact: number }[];
  const passed = suites.reduce((sum, { exact }) => sum + exact, 0);
  const failed = suites.reduce((sum, { total, exact }) => sum + total - exact, 0);
  return { passed, failed: suites.length === 0 ? 1 : failed, skipped: [] };
}

function vitestCounts(): Counts {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: [] };
  const result = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numFailedTestSuites: number;
    testResults: { assertionResults: { status: string; fullName: string }[] }[];
  };
  const skipped = result.testResults
    .flatMap((file) => file.assertionResults)
    .filter((test) => test.status === 'skipped' || test.status === 'pending')
    .map((test) => test.fullName);
  // A file that fails to load holds no failed test, and must not count as none.
  const failed = Math.max(result.numFailedTests, result.numFailedTestSuites > 0 ? 1 : 0);
  return { passed: result.numPassedTests, failed, skipped };
}

let passed = 0;
let failed = 0;
const skipped: string[] = [];
for (const step of steps) {
  const started = Date.now();
  console.log(`\n== ${step.name}`);
  const [command = node, ...args] = step.command;
  if (step.needs && !corpus(step.needs)) {
    skipped.push(`${step.name}: the corpus ${step.needs} is not there`);
    continue;
  }
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', step.counts && step.name !== 'vitest' ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const ok = done.status === 0;
  const counts = step.counts?.(done.stdout ?? '');
  passed += counts?.passed ?? (ok ? 1 : 0);
  // A step that ends badly fails even if its own report shows no failed test.
  failed += counts === undefined ? (ok ? 0 : 1) : Math.max(counts.failed, ok ? 0 : 1);
  skipped.push(...(counts?.skipped ?? []));
  console.log(
    `== ${step.name}: ${ok ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
}
rmSync(folder, { recursive: true, force: true });

for (const name of skipped) console.log(`skipped: ${name}`);
console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
