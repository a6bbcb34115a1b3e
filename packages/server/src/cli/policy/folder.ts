/** Which folder of policies a verb works on. */
import { resolve } from 'node:path';
import { type Io, usage } from '../io.ts';
import { configOf } from '../place.ts';

/** The folder that is named, else that of the configuration. */
export async function policyFolder(
  positionals: readonly string[],
  config: string | undefined,
  io: Io,
): Promise<string> {
  const [given] = positionals;
  if (positionals.length > 1) throw usage('one folder of policies at a time');
  return given === undefined ? (await configOf(config, io)).policies : resolve(io.cwd, given);
}
