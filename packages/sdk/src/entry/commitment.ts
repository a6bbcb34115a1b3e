/** Commitments: a value stands in the log as a hash that tells nothing without its salt. */
import { createHmac } from 'node:crypto';
import { encodeCanonical } from './canonical.ts';
import type { Json } from './entry.ts';

export const SALT_BYTES = 32;
const DOMAIN = 'sealrail/commit/v1';

/**
 * HMAC-SHA-256(salt, "sealrail/commit/v1" ‖ 0x00 ‖ JSON pointer ‖ 0x00 ‖ canonical value), lowercase hex.
 * The salt is what stops a dictionary: a bare hash of a national id is the id to whoever tries them all.
 * The pointer is inside, so that a commitment cannot be shown as one to another field.
 */
export function commit(salt: Uint8Array, pointer: string, value: Json): string {
  return createHmac('sha256', salt)
    .update(`${DOMAIN}\0${pointer}\0${encodeCanonical(value)}`)
    .digest('hex');
}
