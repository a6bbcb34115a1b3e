/** users.yaml: who may connect, and what policies know them by. */
import { parseVerifier } from '../gateway/postgres/scram.ts';
import type { User } from './config.ts';
import { userKeys, userName, usersShape } from './shape.ts';
import { YamlSource } from './source.ts';

/** Throws ConfigError with everything that is wrong. A name that stands there twice is one of them. */
export function loadUsers(file: string): User[] {
  const source = new YamlSource(file);
  const raw = source.check(usersShape, userKeys);
  for (const [user, { scram }] of Object.entries(raw?.users ?? {})) {
    if (parseVerifier(scram)) continue;
    source.add(
      ['users', user, 'scram'],
      `users.${user}.scram is no SCRAM-SHA-256 verifier`,
      'passwords do not stand here: sealrail users add NAME makes a verifier',
    );
  }
  if (!raw || source.isWrong) throw source.error();
  return Object.entries(raw.users).map(([name, rest]) => ({ name, ...rest }));
}

/** Why nobody can have this name; undefined where somebody can. */
export function userNameProblem(name: string): string | undefined {
  if (name === '__proto__') return 'that is no name';
  return userName.safeParse(name).error?.issues[0]?.message;
}
