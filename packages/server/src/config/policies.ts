/** Reads the policy folder of a configuration. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPolicySet, type PolicySet, schemaText } from '@sealrail/sdk';
import { ConfigError } from './errors.ts';

/** Throws ConfigError with every problem of every file. No policy at all permits nothing, and is refused as a mistake. */
export function loadPolicies(folder: string): PolicySet {
  let names: string[];
  try {
    names = readdirSync(folder)
      .filter((name) => name.endsWith('.cedar'))
      .sort();
  } catch {
    throw new ConfigError([
      {
        file: folder,
        message: 'there is no such folder of policies',
        hint: 'sealrail init writes starter policies',
      },
    ]);
  }
  if (names.length === 0)
    throw new ConfigError([
      { file: folder, message: 'holds no .cedar file: nothing would be permitted' },
    ]);
  const files = names.map((name) => ({
    name: join(folder, name),
    text: readFileSync(join(folder, name), 'utf8'),
  }));
  const result = loadPolicySet(files, schemaText());
  if (Array.isArray(result)) throw new ConfigError(result);
  return result as PolicySet;
}
