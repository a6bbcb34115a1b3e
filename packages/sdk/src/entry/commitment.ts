/** Commitments: a value stands in the log as a hash that tells nothing without its salt. log-design, Privacy. */
import { createHmac } from 'node:crypto';
import { encodeCanonical } from './canonical.ts';

export const SALT_BYTES = 32;
const DOMAIN = 'sealrail/commit/v1';

/**
 * HMAC-SHA-256(salt, "sealrail/commit/v1" ‖ 0x00 ‖ pointer ‖ 0x00 ‖ canonical value), lowercase hex.
 * The salt is what stops a dictionary: a bare hash of a national id is the id to whoever tries them all.
 */
export function commit(salt: Uint8Array, pointer: string, value: string): string {
  return createHmac('sha256', salt)
    .update(`${DOMAIN}\0${pointer}\0${encodeCanonical(value)}`)
    .digest('hex');
}
