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
/** c2sp.org/tlog-cosignature, post-quantum. */
export const MLDSA44 = 0x06;
export type KeyType = typeof ED25519 | typeof COSIGNATURE_V1 | typeof MLDSA44;
export type Algorithm = 'Ed25519' | 'ML-DSA-44';

const PUBLIC_KEY_BYTES: ReadonlyMap<number, number> = new Map([
  [ED25519, 32],
  [COSIGNATURE_V1, 32],
  [MLDSA44, 1312],
]);

export const algorithmOf = (type: number): Algorithm =>
  type === MLDSA44 ? 'ML-DSA-44' : 'Ed25519';
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
  /** 32 bytes for Ed25519, 1,312 for ML-DSA-44. */
  readonly publicKey: Uint8Array;
}

/** No white space of any script and no `+`: either would let one line be read as two. */
export function isNoteName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}\p{Cs}+]/u.test(name);
}

/** Longer names may stand in a note that others signed too, but no key that is used here has one. */
export function isKeyName(name: string): boolean {
  return isNoteName(name) && encodeUtf8(name).length <= KEY_NAME_BYTES_MAX;
}

export function keyId(name: string, type: number, publicKey: Uint8Array, sha256: Sha256): string {
  return toHex(
    sha256(concat(encodeUtf8(`${name}\n`), Uint8Array.of(type), publicKey)).subarray(0, 4),
  );
}

export function verifierKey(
  name: string,
  publicKey: Uint8Array,
  sha256: Sha256,
  type: KeyType = ED25519,
): VerifierKey {
  if (!isKeyName(name)) {
    throw new TlogError('KEY_MALFORMED', `${JSON.stringify(name)} is no key name`, {
      hint: 'a name has 1 to 255 bytes, no white space and no +',
    });
  }
  return { name, id: keyId(name, type, publicKey, sha256), type, publicKey };
}

export function formatVkey(key: VerifierKey): string {
  return `${key.name}+${key.id}+${toBase64(concat(Uint8Array.of(key.type), key.publicKey))}`;
}

const PRIVATE = 'PRIVATE+KEY+';

const HINTS = {
  'verifier key': 'it looks like example.com/log+33d7b496+AeHTu4Q3h…, on one line',
  'secret key': 'it looks like PRIVATE+KEY+example.com/log+33d7b496+…, on one line',
} as const;

/** Never says what the key was: a secret one would stand in a log file then. */
function refuse(kind: keyof typeof HINTS, what: string): never {
  throw new TlogError('KEY_MALFORMED', `not a ${kind}: ${what}`, { hint: HINTS[kind] });
}

/** Cuts at the first two `+` only: base64 may hold more of them. */
function cut(kind: keyof typeof HINTS, text: string): [string, string, Uint8Array] {
  const first = text.indexOf('+');
  const second = text.indexOf('+', first + 1);
  if (first < 0 || second < 0) refuse(kind, 'it needs a name, an id and a key with + between them');
  const data = fromBase64(text.slice(second + 1));
  if (data === undefined) refuse(kind, 'the key is not canonical base64');
  return [text.slice(0, first), text.slice(first + 1, second), data];
}

export function parseVkey(text: string, sha256: Sha256): VerifierKey {
  const no = (what: string): never => refuse('verifier key', what);
  if (text.startsWith(PRIVATE)) no('it is a secret key; nobody but the log may have it');
  const [name, id, data] = cut('verifier key', text);
  const type = data[0];
  const publicKey = data.slice(1);
  if (!isKeyName(name)) no(`${JSON.stringify(name)} is no key name`);
  const expected = type === undefined ? undefined : PUBLIC_KEY_BYTES.get(type);
  if (type === undefined || expected === undefined) return no(`type ${type} is not supported`);
  if (publicKey.length !== expected)
    no(`a key of ${algorithmOf(type)} has ${expected} bytes, this one ${publicKey.length}`);
  if (keyId(name, type, publicKey, sha256) !== id) no('its id does not belong to its name and key');
  return { name, id, type, publicKey };
}

export interface SecretKey {
  readonly name: string;
  readonly id: string;
  /** Of Ed25519 or of ML-DSA-44, 32 bytes. */
  readonly seed: Uint8Array;
  readonly type: typeof ED25519 | typeof MLDSA44;
}

export function formatSecretKey(key: SecretKey): string {
  return `${PRIVATE}${key.name}+${key.id}+${toBase64(concat(Uint8Array.of(key.type), key.seed))}`;
}

/** The id is of the *public* key: the caller derives that and compares (node.ts does). */
export function parseSecretKey(text: string): SecretKey {
  if (!text.startsWith(PRIVATE)) refuse('secret key', `it has to begin with ${PRIVATE}`);
  const [name, id, data] = cut('secret key', text.slice(PRIVATE.length));
  const type = [ED25519, MLDSA44].find((one) => one === data[0]);
  if (!isKeyName(name) || !/^[0-9a-f]{8}$/.test(id) || type === undefined || data.length !== 33)
    return refuse('secret key', 'it is no key of Ed25519 or ML-DSA-44 in its text form');
  return { name, id, seed: data.slice(1), type: type === MLDSA44 ? MLDSA44 : ED25519 };
}
