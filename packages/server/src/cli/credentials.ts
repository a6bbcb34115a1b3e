/** As whom `sealrail sql` connects, and with what. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/config.ts';
import { type Io, usage } from './io.ts';

/** Beside the configuration, mode 0600; `npm start` writes one for its demo users. */
export const DEMO_PASSWORDS = 'demo-passwords.json';

function demoPasswords(config: Config): ReadonlyMap<string, string> {
  try {
    const text = readFileSync(join(dirname(config.file), DEMO_PASSWORDS), 'utf8');
    return new Map(Object.entries(JSON.parse(text) as Record<string, string>));
  } catch {
    return new Map();
  }
}

/** The user that was asked for, else SEALRAIL_USER, else the first of the demo, else the only one there is. */
export function userOf(asked: string | undefined, config: Config, io: Io): string {
  const named = asked ?? io.env.SEALRAIL_USER;
  if (named !== undefined) return named;
  const [demo] = demoPasswords(config).keys();
  if (demo !== undefined) return demo;
  const [first, ...others] = config.users;
  if (first && others.length === 0) return first.name;
  const names = config.users.map(({ name }) => name).slice(0, 10);
  throw usage(
    'it is not clear as whom',
    names.length > 0 ? `--as one of ${names.join(', ')}` : 'sealrail users add NAME adds somebody',
  );
}

export async function passwordOf(user: string, config: Config, io: Io): Promise<string> {
  const known =
    io.env.SEALRAIL_PASSWORD ??
    demoPasswords(config).get(user) ??
    (await io.askSecret?.(`password for ${user}: `));
  if (known !== undefined) return known;
  const names = [...demoPasswords(config).keys()];
  throw usage(
    `there is no password for ${user}`,
    names.length > 0 ? `--as one of ${names.join(', ')}` : 'set SEALRAIL_PASSWORD',
  );
}

export function targetOf(asked: string | undefined, config: Config): Config['targets'][number] {
  const target = config.targets.find(({ name }) => asked === undefined || name === asked);
  if (target) return target;
  const names = config.targets.map(({ name }) => name);
  throw usage(`there is no target ${JSON.stringify(asked)}`, `known are ${names.join(', ')}`);
}
