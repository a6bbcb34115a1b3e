/** SCRAM verifiers (RFC 5803), in the form that PostgreSQL stores: a password never stands anywhere. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

export const ITERATIONS = 4096;

/**
 * Outside ASCII a password would need SASLprep, which clients do differently: refused rather than
 * accepted by one client and not by the next.
 */
export const isUsablePassword = (password: string): boolean =>
  /^[\x20-\x7e]{8,256}$/.test(password);

export function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(16),
  iterations = ITERATIONS,
): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}

/** Easy to type, 120 bits. */
export function randomPassword(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789';
  const bytes = randomBytes(24);
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('');
}
