/** Where the configuration is, and how to reach the daemon that runs on it. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { CliError, EXIT, type Io } from './io.ts';

const NAME = 'sealrail.yaml';

/** `-c`, else SEALRAIL_CONFIG, else ./sealrail.yaml, else that of `npm start` in this folder or one above. */
export function configPath(given: string | undefined, io: Io): string {
  const named = given ?? io.env.SEALRAIL_CONFIG;
  if (named !== undefined) return resolve(io.cwd, named);
  for (let folder = io.cwd; ; folder = dirname(folder)) {
    for (const path of [join(folder, NAME), join(folder, '.sealrail', NAME)])
      if (existsSync(path)) return path;
    if (folder === dirname(folder)) break;
  }
  throw new CliError(
    EXIT.configuration,
    `there is no ${NAME} here or above`,
    'sealrail init writes one; -c FILE names another place; npm start brings a demo',
  );
}

export const configOf = (given: string | undefined, io: Io): Config =>
  loadConfig(configPath(given, io));

/** A request to the running daemon; a refusal to connect is exit code 69. */
export async function askDaemon(
  config: Config,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const { host, port } = config.api.listen;
  const url = `http://${host}:${port}${path}`;
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    throw new CliError(
      EXIT.unavailable,
      `no daemon answers at ${host}:${port}`,
      `sealrail up -c ${config.file} starts it (${cause instanceof Error ? cause.message : cause})`,
    );
  }
  if (response.ok) return response;
  const detail = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new CliError(
    response.status === 404 ? EXIT.usage : EXIT.unavailable,
    detail.detail ?? `the daemon answered ${response.status}`,
  );
}
