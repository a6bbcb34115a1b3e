/**
 * `npm test`: everything that has to pass, from a bare machine. Says what it could not run and why,
 * and ends with a line `N passed, N failed, N skipped` over all steps.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Counts from the step's own report; absent: the step is one test, by its exit code. */
  readonly counts?: (folder: string) => Counts;
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
];

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
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const ok = done.status === 0;
  const counts = step.counts?.(folder);
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
