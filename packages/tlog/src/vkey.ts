/**
 * Verifier keys and secret keys in the text forms of c2sp.org/signed-note and of Go's
 * x/mod/sumdb/note: `name+8 hex digits+base64(type ‖ key)` and `PRIVATE+KEY+name+8 hex
 * digits+base64(type ‖ seed)`.
 */
import { concat, encodeUtf8, fromBase64, toBase64, toHex } from './bytes.ts';
import { TlogError } from './errors.ts';
import type { Sha256 } from './sha256.ts';

export const ED25519 = 0x01;
export const COSIGNATURE_V1 = 0x04;
/**
 * c2sp.org/tlog-cosignature: an ML-DSA-44 cosignature holds the lengths of name and origin in one
 * byte.
 */
export const KEY_NAME_BYTES_MAX = 255;

export interface VerifierKey {
  readonly name: string;
  /** 8 lowercase hex digits: SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4]. */
  readonly id: string;
  readonly type: number;
  /** 32 bytes for Ed25519. */
  readonly publicKey: Uint8Array;
}

/** No white space of any script and no `+`: either would let one line be read as two. */
export function isKeyName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}\p{Cs}+]/u.test(name);
}

/**
 * Longer names may stand in a note that others signed too, but no key that is used here has one.
 */
const fits = (name: string): boolean => encodeUtf8(name).length <= KEY_NAME_BYTES_MAX;

export function keyId(name: string, type: number, publicKey: Uint8Array, sha256: Sha256): string {
  return toHex(
    sha256(concat(encodeUtf8(`${name}\n`), Uint8Array.of(type), publicKey)).subarray(0, 4),
  );
}

export function verifierKey(name: string, publicKey: Uint8Array, sha256: Sha256): VerifierKey {
  if (!isKeyName(name) || !fits(name)) {
    throw new TlogError('KEY_MALFORMED', `${JSON.stringify(name)} is no key name`, {
      hint: 'a name has 1 to 255 bytes, no white space and no +',
    });
  }
  return { name, id: keyId(name, ED25519, publicKey, sha256), type: ED25519, publicKey };
}

export function formatVkey(key: VerifierKey): string {
  return `${key.name}+${key.id}+${toBase64(concat(Uint8Array.of(key.type), key.publicKey))}`;
}

function refuse(what: string): never {
  throw new TlogError('KEY_MALFORMED', `not a verifier key: ${what}`, {
    hint: 'it looks like example.com/log+33d7b496+AeHTu4Q3h…, on one line',
  });
}

/** Cuts at the first two `+` only: base64 may hold more of them. */
function cut(text: string): [string, string, Uint8Array] {
  const first = text.indexOf('+');
  const second = text.indexOf('+', first + 1);
  if (first < 0 || second < 0) refuse('it needs a name, an id and a key with + between them');
  const data = fromBase64(text.slice(second + 1));
  if (data === undefined) refuse('the key is not canonical base64');
  return [text.slice(0, first), text.slice(first + 1, second), data];
}

export function parseVkey(text: string, sha256: Sha256): VerifierKey {
  const [name, id, data] = cut(text);
  const type = data[0];
  const publicKey = data.slice(1);
  if (!isKeyName(name) || !fits(name)) refuse(`${JSON.stringify(name)} is no key name`);
  if (type !== ED25519 && type !== COSIGNATURE_V1) refuse(`keys of type ${type} are not supported`);
  if (publicKey.length !== 32)
    refuse(`an Ed25519 key has 32 bytes, this one has ${publicKey.length}`);
  if (keyId(name, type, publicKey, sha256) !== id)
    refuse('its id does not belong to its name and key');
  return { name, id, type, publicKey };
}

export interface SecretKey {
  readonly name: string;
  readonly id: string;
  /** Ed25519 seed, 32 bytes. */
  readonly seed: Uint8Array;
}

const PRIVATE = 'PRIVATE+KEY+';

export function formatSecretKey(key: SecretKey): string {
  return `${PRIVATE}${key.name}+${key.id}+${toBase64(concat(Uint8Array.of(ED25519), key.seed))}`;
}

/** The id is of the *public* key: the caller derives that and compares (node.ts does). */
export function parseSecretKey(text: string): SecretKey {
  if (!text.startsWith(PRIVATE)) refuse('a secret key begins with PRIVATE+KEY+');
  const [name, id, data] = cut(text.slice(PRIVATE.length));
  if (
    !isKeyName(name) ||
    !fits(name) ||
    !/^[0-9a-f]{8}$/.test(id) ||
    data[0] !== ED25519 ||
    data.length !== 33
  ) {
    refuse('the secret key is not an Ed25519 key in its text form');
  }
  return { name, id, seed: data.slice(1) };
}
