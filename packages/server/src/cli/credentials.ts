/** Passwords for `sealrail sql`: from the environment, or those that `npm start` made for its demo users. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { CliError, EXIT, type Io } from './io.ts';

/** Beside the configuration, mode 0600; only the demo writes one. */
export const DEMO_PASSWORDS = 'demo-passwords.json';

export function passwordOf(user: string, config: Config, io: Io): string {
  if (io.env.SEALRAIL_PASSWORD !== undefined) return io.env.SEALRAIL_PASSWORD;
  const file = join(config.file, '..', DEMO_PASSWORDS);
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>)
    : {};
  const found = known[user];
  if (found !== undefined) return found;
  const names = Object.keys(known);
  throw new CliError(
    EXIT.usage,
    `there is no password for ${user}`,
    names.length > 0 ? `--as one of ${names.join(', ')}` : 'set SEALRAIL_PASSWORD, and --as USER',
  );
}
