/** Where the configuration is, and how to reach the daemon that runs on it. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { formatAddress } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { CliError, EXIT, type Io } from './io.ts';

const NAME = 'sealrail.yaml';
/** Where `npm start` keeps everything of the demo. */
const DEMO_FOLDER = '.sealrail';

/** `-c`, else SEALRAIL_CONFIG, else sealrail.yaml here or above, or that of `npm start` there. */
export function configPath(given: string | undefined, io: Io): string {
  const named = given ?? io.env.SEALRAIL_CONFIG;
  if (named !== undefined) return resolve(io.cwd, named);
  for (let folder = io.cwd; ; folder = dirname(folder)) {
    for (const path of [join(folder, NAME), join(folder, DEMO_FOLDER, NAME)])
      if (existsSync(path)) return trusted(path);
    if (folder === dirname(folder)) break;
  }
  throw new CliError(
    EXIT.configuration,
    `there is no ${NAME} here or above`,
    'sealrail init writes one; -c FILE names another place; npm start brings a demo',
  );
}

/**
 * A configuration runs programs (`exec:`), so one that was only found, in a folder that somebody else may
 * write to, is not run: whoever names it has looked at it.
 */
function trusted(path: string): string {
  const own = process.getuid?.();
  const { uid } = statSync(path);
  if (own === undefined || uid === own || uid === 0) return path;
  throw new CliError(
    EXIT.configuration,
    `${path} belongs to another user (uid ${uid})`,
    `if you trust it: -c ${path}`,
  );
}

export const configOf = (given: string | undefined, io: Io): Promise<Config> =>
  loadConfig(configPath(given, io), io.env);

/** Nobody listens where the daemon would. */
export class NoDaemon extends CliError {}

/** A request to the running daemon; throws NoDaemon where none answers, exit code 69. */
export async function askDaemon(
  config: Config,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const address = formatAddress(config.api.listen);
  let response: Response;
  try {
    response = await fetch(`http://${address}${path}`, init);
  } catch {
    throw new NoDaemon(
      EXIT.unavailable,
      `no daemon answers at ${address}`,
      `sealrail up -c ${config.file} starts it`,
    );
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  if (response.status === 401)
    throw new CliError(EXIT.denied, problem.detail ?? 'not authenticated');
  const isAsked = response.status >= 400 && response.status < 500 && response.status !== 429;
  throw new CliError(
    isAsked ? EXIT.usage : EXIT.unavailable,
    problem.detail ?? `the daemon answered ${response.status}`,
  );
}
