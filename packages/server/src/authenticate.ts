/** Who somebody is, outside a gateway: by the same passwords, checked against the same verifiers. */
import type { Recorder } from '@sealrail/sdk';
import type { User } from './config/config.ts';
import { isPassword, mockVerifier, parseVerifier } from './gateway/postgres/scram.ts';
import { OWN_TARGET } from './own-act.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface AuthenticationPorts {
  readonly users: () => readonly User[];
  readonly recorder: Recorder;
  /** For names that do not exist. */
  readonly secret: Uint8Array;
}

/** SQLSTATE invalid_password: what gateways say to the same mistake. */
const WRONG_PASSWORD = '28P01';

/** An unknown name costs the same work as a wrong password, and either is an entry. */
export async function authenticate(
  { user: name, password }: Credentials,
  action: string,
  { users, secret, recorder }: AuthenticationPorts,
): Promise<User | undefined> {
  const user = users().find((one) => one.name === name);
  const verifier = (user && parseVerifier(user.scram)) ?? mockVerifier(name, secret);
  if ((await isPassword(password, verifier)) && user) return user;
  await recorder.record(
    {
      kind: 'session',
      event: 'authentication',
      target: OWN_TARGET,
      client: { action },
      result: 'refused',
      code: WRONG_PASSWORD,
    },
    {},
  ).durable;
  return undefined;
}
