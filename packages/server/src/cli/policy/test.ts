/** `policy test`: the cases beside the policies, and what no case looks at. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type PolicySet, resolvedSchema, schemaText } from '@sealrail/sdk';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { FULFILMENT_OF_CASES, loadPolicies } from '../../config/policies.ts';
import { openParser, SERVER_LINES } from '../../gateway/postgres/parse.ts';
import { type Coverage, coverageOf, runCases, type StepResult } from '../../policy-tests/run.ts';
import { readTestFile, type TestCase, type TestFileOptions } from '../../policy-tests/test-file.ts';
import { type Command, counted, EXIT, type Io, paint, printable } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { policyFolder } from './folder.ts';

export const testVerb: Command = {
  line: 'policy test [DIR] [-c FILE]',
  does: 'run the cases beside the policies',
  help: `
Decides every case of every *.test.yaml beside the policies, and compares. docs/policies.md has the format.

  DIR        a folder of .cedar and .test.yaml files; without it, that of the configuration
  -c FILE    the configuration
  --json     one line: folder, files, cases, passed, failed [{file, line, column, name, differences
             [{what, expected, got}], decision {verdict, code, determining}}], coverage {undecided,
             unspared}; or error {message, problems}

Policies that decide no case, and forbids that no case comes near without being stopped, are named as
warnings. Exit codes: 0 every case holds, 1 one does not, 78 a file is wrong.`,
  run: testPolicies,
};

const ENDING = '.test.yaml';

async function testPolicies(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, CONFIG);
  const folder = policyFolder(positionals, values.config, io);
  const set = loadPolicies(folder, FULFILMENT_OF_CASES);
  try {
    const names = testFiles(folder);
    const testOptions = await options();
    const cases = readAll(folder, names, testOptions);
    const results = runCases(set, cases, testOptions.schema);
    const failed = results.filter(({ differences }) => differences.length > 0);
    const coverage = coverageOf(set, results);
    const passed = cases.length - new Set(failed.map(({ test }) => test)).size;
    const done = { folder, set, names, cases: cases.length, passed, failed, coverage };
    if (values.json) io.out(JSON.stringify(asJson(done)));
    else report(done, io);
    return failed.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    set.close();
  }
}

async function options(): Promise<TestFileOptions> {
  // The newest grammar is the one that reads most.
  const parse = await openParser(SERVER_LINES[SERVER_LINES.length - 1] ?? 18);
  return { schema: resolvedSchema(schemaText()), parse };
}

function testFiles(folder: string): readonly string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(ENDING));
  if (names.length > 0) return names.sort();
  const hint = 'docs/policies.md shows how to write one';
  throw new ConfigError([
    { file: folder, message: `holds no *${ENDING}: nothing is tested`, hint },
  ]);
}

/** What is wrong with the files is said of all of them at once. */
function readAll(
  folder: string,
  names: readonly string[],
  options: TestFileOptions,
): readonly TestCase[] {
  const problems: ConfigProblem[] = [];
  const cases = names.flatMap((name) => {
    try {
      return readTestFile(join(folder, name), options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return cases;
}

interface Report {
  readonly folder: string;
  readonly set: PolicySet;
  /** Of the files. */
  readonly names: readonly string[];
  readonly cases: number;
  readonly passed: number;
  /** Steps that came out otherwise. */
  readonly failed: readonly StepResult[];
  readonly coverage: Coverage;
}

function report({ set, names, cases, passed, failed, coverage }: Report, io: Io): void {
  for (const one of failed) io.out(`${paint(io, 'red', 'failed')} ${lineOf(one, set, io)}`);
  const place = (id: string): string => placeOf(set, id, io);
  for (const id of coverage.undecided) io.say(`warning: ${place(id)}: no case is decided by ${id}`);
  for (const id of coverage.unspared)
    io.say(`warning: ${place(id)}: no case spares ${id}: does it stop too much?`);
  const found = passed === cases ? 'all hold' : `${passed} hold, ${cases - passed} do not`;
  io.out(`${counted(cases, 'case')} in ${counted(names.length, 'file')}: ${found}`);
}

function lineOf({ test, step, decision, differences }: StepResult, set: PolicySet, io: Io): string {
  const { verdict, code, determining } = decision;
  const by = determining.map((id) => `${id} (${placeOf(set, id, io)})`);
  const got = `${verdict} ${code}${by.length > 0 ? ` by ${by.join(', ')}` : ''}`;
  const wanted = differences.map(
    ({ what, expected, got: instead }) => `${what}: expected ${expected}, got ${instead}`,
  );
  const place = `${relative(io.cwd, test.file)}:${step.line}:${step.column}`;
  return printable(`${place}: ${test.name}: ${wanted.join('; ')}; it was ${got}`);
}

function placeOf(set: PolicySet, id: string, io: Io): string {
  const policy = set.byId.get(id);
  return policy ? `${relative(io.cwd, policy.file)}:${policy.line}` : id;
}

function asJson({ folder, names, cases, passed, failed, coverage }: Report) {
  return {
    folder,
    files: names,
    cases,
    passed,
    failed: failed.map(({ test, step, decision, differences }) => ({
      file: test.file,
      line: step.line,
      column: step.column,
      name: test.name,
      differences,
      decision: {
        verdict: decision.verdict,
        code: decision.code,
        determining: decision.determining,
      },
    })),
    coverage,
  };
}
