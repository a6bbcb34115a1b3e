/** Which folder of policies a verb works on. */
import { dirname, resolve } from 'node:path';
import { configKeys, configShape } from '../../config/shape.ts';
import { YamlSource } from '../../config/source.ts';
import { type Io, usage } from '../io.ts';
import { configPath } from '../place.ts';

/**
 * The folder that is named, else that of the configuration. Of the configuration nothing else is looked
 * at: whoever tests policies has no need of the secrets that a daemon needs.
 */
export function policyFolder(
  positionals: readonly string[],
  config: string | undefined,
  io: Io,
): string {
  const [given] = positionals;
  if (positionals.length > 1) throw usage('one folder of policies at a time');
  if (given !== undefined) return resolve(io.cwd, given);
  const file = configPath(config, io);
  const source = new YamlSource(file);
  const raw = source.check(configShape, configKeys);
  if (raw === undefined) throw source.error();
  return resolve(dirname(file), raw.policies);
}
