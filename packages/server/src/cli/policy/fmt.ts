/** `policy fmt`: policies in one layout, so that a change to them shows what changed and nothing else. */
import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { formatPolicyText, type PolicyFile } from '@sealrail/sdk';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { problemsOf, readPolicyFile, readPolicyFiles } from '../../config/policies.ts';
import { CliError, type Command, counted, EXIT, type Io } from '../io.ts';
import { CONFIG, parseOptions } from '../options.ts';
import { policyFolder } from './folder.ts';

export const fmtVerb: Command = {
  line: 'policy fmt [--check] [DIR|FILE]',
  does: "lay out policies as Cedar's formatter does",
  help: `
Comments are kept, and what comes out is parsed again: a file whose meaning would change is left alone.

  DIR|FILE   a folder of .cedar files or one of them; without it, the folder of the configuration
  -c FILE    the configuration
  --check    writes nothing, and names the files that are laid out otherwise
  --json     one line: files (number), changed (paths); or error {message, problems}

Exit codes: 0 done, 1 with --check and a file that is laid out otherwise, 78 a file is wrong.`,
  run: formatFiles,
};

async function formatFiles(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { ...CONFIG, check: { type: 'boolean' } });
  const isCheck = values.check === true;
  const files = filesOf(positionals, values.config, io);
  const changed = formatAll(files);
  if (!isCheck) for (const { name, text } of changed) replaceFile(name, text);
  const names = changed.map(({ name }) => name);
  if (values.json) io.out(JSON.stringify({ files: files.length, changed: names }));
  else {
    for (const name of names) io.out(relative(io.cwd, name));
    const what = isCheck ? 'laid out otherwise' : 'laid out anew';
    io.say(`${counted(files.length, 'file')}: ${names.length} ${what}`);
  }
  return isCheck && names.length > 0 ? EXIT.failed : EXIT.ok;
}

function filesOf(
  positionals: readonly string[],
  config: string | undefined,
  io: Io,
): readonly PolicyFile[] {
  const [given = ''] = positionals;
  if (given.endsWith('.cedar') && positionals.length === 1)
    return [readPolicyFile(resolve(io.cwd, given))];
  return readPolicyFiles(policyFolder(positionals, config, io));
}

/** Those that come out otherwise; none is touched as long as one of them is wrong. */
function formatAll(files: readonly PolicyFile[]): readonly PolicyFile[] {
  const problems: ConfigProblem[] = [];
  const changed = files.flatMap(({ name, text }) => {
    const formatted = formatPolicyText(text);
    if (formatted.ok) return formatted.text === text ? [] : [{ name, text: formatted.text }];
    problems.push(...problemsOf(name, formatted.problems));
    return [];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return changed;
}

/** Whole or not at all: half a file of forbids would allow what the other half forbids. */
function replaceFile(name: string, text: string): void {
  const file = realpathSync(name);
  const next = `${file}.next`;
  try {
    writeFileSync(next, text, { mode: statSync(file).mode & 0o777 });
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw new CliError(EXIT.configuration, `couldn't write ${name}: ${(error as Error).message}`);
  }
}
