/** Commitments: a value stands in the log as a hash that tells nothing without its salt. */
import { hash } from 'node:crypto';
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
  return hmac(salt, `${DOMAIN}\0${pointer}\0${encodeCanonical(value)}`);
}

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const inner = new Uint8Array(BLOCK_BYTES);
const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES);

/**
 * HMAC-SHA-256 (RFC 2104) of a text under a key of at most one block, lowercase hex. By two plain hashes:
 * Node's own Hmac makes a key object each time, which costs four times as much as the hashing, and every
 * value that a client sends is committed to.
 */
function hmac(key: Uint8Array, text: string): string {
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const byte = key[at] ?? 0;
    inner[at] = byte ^ 0x36;
    outer[at] = byte ^ 0x5c;
  }
  const message = Buffer.allocUnsafe(BLOCK_BYTES + Buffer.byteLength(text));
  message.set(inner);
  message.write(text, BLOCK_BYTES);
  outer.set(Buffer.from(hash('sha256', message, 'binary'), 'binary'), BLOCK_BYTES);
  return hash('sha256', outer);
}
