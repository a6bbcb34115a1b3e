/** Reads the policy folder of a configuration. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  EVERYTHING,
  type Fulfilment,
  loadPolicySet,
  POLICY_CHARACTERS_MAX,
  type PolicyFile,
  type PolicySet,
  schemaText,
  withShadow,
} from '@sealrail/sdk';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { checkWritable } from './source.ts';

/** What the gateways of this version carry out, and the daemon for its own administration. */
export const FULFILMENT: Fulfilment = {
  'sql.': ['approved', 'within-rate', 'tainted'],
  // Whatever returns stored columns reads them, a RETURNING as well: so this is where results are bound.
  'sql.select': ['approved', 'within-rate', 'tainted', 'masked', 'limited'],
  'policy.': ['approved', 'within-rate', 'tainted'],
};

/**
 * For cases beside the policies: of a surface that does not exist here yet a case says what its policies
 * mean, and not that nobody carries them out.
 */
export const FULFILMENT_OF_CASES: Fulfilment = { ...EVERYTHING, ...FULFILMENT };

/**
 * Throws ConfigError with every problem of every file. No policy at all permits nothing, and is refused as
 * a mistake.
 */
export function loadPolicies(folder: string, fulfilment: Fulfilment = FULFILMENT): PolicySet {
  return loadPolicyFiles(readPolicyFiles(folder), fulfilment);
}

/** Of files that may have been read elsewhere than where they will stand. */
export function loadPolicyFiles(files: readonly PolicyFile[], fulfilment = FULFILMENT): PolicySet {
  const result = loadPolicySet(files, schemaText(), fulfilment);
  if ('engine' in result) return result;
  throw new ConfigError(result);
}

/**
 * The set with the shadow policies of the folder, which stand in a folder of their own: nobody disarms a policy
 * by a word in it. What is wrong with them is refused like everything else. Throws ConfigError.
 */
export function addShadow(set: PolicySet, folder: string): PolicySet {
  const shadowFolder = join(folder, 'shadow');
  if (!existsSync(shadowFolder)) return set;
  if (!readdirSync(shadowFolder).some((name) => name.endsWith('.cedar'))) return set;
  const enforced = set.policies.map(({ file, text }) => ({ name: file, text }));
  const joint = loadPolicyFiles([...enforced, ...readPolicyFiles(shadowFolder)]);
  return withShadow(set, joint);
}

type TextProblem = Omit<ConfigProblem, 'file'>;

/** What a parser says of a text, as problems of the file that it is. */
export const problemsOf = (file: string, problems: readonly TextProblem[]): ConfigProblem[] =>
  problems.map(({ line, column, message, hint }) => ({
    file,
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    message,
    ...(hint === undefined ? {} : { hint }),
  }));

/** Every *.cedar file of a folder by its path; throws ConfigError where there is none, or one is not ours. */
export const readPolicyFiles = (folder: string): readonly PolicyFile[] =>
  policyFiles(folder).map((name) => readPolicyFile(join(folder, name)));

function policyFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.cedar'));
  } catch {
    throw new ConfigError([
      {
        file: folder,
        message: 'there is no such folder of policies',
        hint: 'sealrail init writes starter policies',
      },
    ]);
  }
  const open = checkWritable(folder, statSync(folder));
  if (open) throw new ConfigError([open]);
  if (names.length > 0) return names.sort();
  throw new ConfigError([
    {
      file: folder,
      message: 'holds no .cedar file: nothing would be permitted',
      hint: 'sealrail init writes starter policies',
    },
  ]);
}

export function readPolicyFile(path: string): PolicyFile {
  const refuse = (message: string): never => {
    throw new ConfigError([{ file: path, message }]);
  };
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return refuse('is no file');
    if (stat.size > POLICY_CHARACTERS_MAX)
      return refuse(`has ${stat.size} bytes, and at most ${POLICY_CHARACTERS_MAX} are read`);
    const open = checkWritable(path, stat);
    if (open) throw new ConfigError([open]);
    return { name: path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return refuse(`cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
