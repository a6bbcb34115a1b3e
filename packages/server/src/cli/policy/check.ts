/** `policy check`: what is wrong with policies before they are in force, and what is odd about them. */
import { relative } from 'node:path';
import { parsePolicies } from '@sealrail/cedar';
import {
  type LintedPolicy,
  type LintFinding,
  lintPolicies,
  type PolicyFile,
  resolvedSchema,
  schemaText,
} from '@sealrail/sdk';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { loadPolicies, problemsOf, readPolicyFiles } from '../../config/policies.ts';
import { type Command, counted, EXIT, type Io } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { policyFolder } from './folder.ts';

export const checkVerb: Command = {
  line: 'policy check [DIR] [-c FILE]',
  does: 'parse, validate and look over policies',
  help: `
Says what is wrong, and warns of what is odd: policies that never decide anything because another one
covers them, copies, conditions that are always true or false, permits of everything.

  DIR        a folder of .cedar files; without it, that of the configuration
  -c FILE    the configuration
  --strict   a warning counts as wrong
  --json     one line: folder, policies (ids), policySet, findings [{rule, policy, file, line, column,
             message, hint, other {policy, file, line}}]; or error {message, problems}

Exit codes: 0 nothing is wrong, 78 something is.`,
  run: checkPolicies,
};

async function checkPolicies(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { ...CONFIG, strict: { type: 'boolean' } });
  const folder = policyFolder(positionals, values.config, io);
  const files = parseFiles(readPolicyFiles(folder));
  const schema = resolvedSchema(schemaText());
  const { policies, digest, close } = loadPolicies(folder);
  close();
  const findings = lintPolicies(files, schema);
  const isWrong = values.strict === true && findings.length > 0;
  if (values.json) {
    const ids = policies.map(({ id }) => id);
    io.out(JSON.stringify({ folder, policies: ids, policySet: digest, findings }));
    return isWrong ? EXIT.configuration : EXIT.ok;
  }
  for (const finding of findings) warn(finding, io);
  const said = findings.length === 0 ? 'nothing is wrong' : counted(findings.length, 'warning');
  const count = counted(policies.length, 'policy', 'policies');
  io.out(`${folder}: ${count}: ${said} (set ${digest.slice(0, 12)})`);
  return isWrong ? EXIT.configuration : EXIT.ok;
}

/** Throws ConfigError with every mistake of every file. */
function parseFiles(files: readonly PolicyFile[]): readonly LintedPolicy[] {
  const problems: ConfigProblem[] = [];
  const policies = files.flatMap(({ name, text }) => {
    const parsed = parsePolicies(text);
    if (parsed.ok)
      return parsed.policies.map((policy) => {
        const id = policy.annotations.get('id') ?? '';
        return { id, policy, file: name, text };
      });
    problems.push(...problemsOf(name, parsed.errors));
    return [];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return policies;
}

function warn(
  { file, line, column, rule, policy, message, hint, other }: LintFinding,
  io: Io,
): void {
  const at = other ? ` (${relative(io.cwd, other.file)}:${other.line})` : '';
  io.say(
    `warning: ${relative(io.cwd, file)}:${line}:${column}: ${policy}: ${message}${at} [${rule}]`,
  );
  io.say(`  hint: ${hint}`);
}
