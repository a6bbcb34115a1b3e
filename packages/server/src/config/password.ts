/** SCRAM verifiers (RFC 5803), in the form that PostgreSQL stores: a password never stands anywhere. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, randomInt } from 'node:crypto';

/** PostgreSQL's own count, so that a gateway costs clients what the server would. */
export const ITERATIONS = 4_096;
export const PASSWORD_LENGTH_MIN = 8;
export const PASSWORD_LENGTH_MAX = 256;

/** Why this password cannot be used; undefined where it can. */
export function passwordProblem(password: string): string | undefined {
  if (password.length < PASSWORD_LENGTH_MIN || password.length > PASSWORD_LENGTH_MAX)
    return `a password has ${PASSWORD_LENGTH_MIN} to ${PASSWORD_LENGTH_MAX} characters`;
  // RFC 4013: outside ASCII a password needs SASLprep, which clients do differently. Refused, rather
  // than accepted from one client and not from the next.
  if (!/^[\x20-\x7e]*$/.test(password))
    return 'a password has printable ASCII characters only: others are prepared differently by different clients';
  return undefined;
}

/** `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY` of a usable password. */
export function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(16),
  iterations = ITERATIONS,
): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const server = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${server}`;
}

/** Without letters and digits that are taken for each other. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const RANDOM_LENGTH = 24;

/** Easy to read out and to type; 118 bits. */
export function randomPassword(): string {
  return Array.from({ length: RANDOM_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
