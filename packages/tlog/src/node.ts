/** Node's own crypto behind the ports of the pure part. */
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { TlogError } from './errors.ts';
import type { Hashing } from './hashing/hashing.ts';
import { openHashing } from './hashing/kernel.ts';
import type { Signer } from './note.ts';
import type { Sha256 } from './sha256.ts';
import type { Verifier } from './verify/note.ts';
import {
  COSIGNATURE_V1,
  ED25519,
  keyId,
  parseSecretKey,
  type SecretKey,
  verifierKey,
} from './vkey.ts';
import type { Cosigner } from './witness/cosignature.ts';

export type { Signer } from './note.ts';

// Asking for 'binary' saves the allocation of a Buffer in C++: about 1.8 times as fast as 'buffer'.
export const sha256: Sha256 = (data) => Buffer.from(hash('sha256', data, 'binary'), 'binary');

/** Many hashes at once, by vectors: for whole logs. */
export const hashing: Hashing = openHashing(sha256);

// RFC 8410: what precedes the 32 bytes of an Ed25519 key in its DER forms.
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

const publicKeyObject = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });

export const verifyEd25519: Verifier = async (publicKey, message, signature) =>
  verify(null, message, publicKeyObject(publicKey), signature);

function privateKeyObject(seed: Uint8Array): { key: KeyObject; publicKey: Uint8Array } {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { key, publicKey: new Uint8Array(der.subarray(SPKI_PREFIX.length)) };
}

/** From 32 random bytes; the text form is what a key file holds. */
export function secretKeyFromSeed(name: string, seed: Uint8Array): SecretKey {
  return { name, seed, id: keyId(name, ED25519, privateKeyObject(seed).publicKey, sha256) };
}

/** From a Go-style secret key; refuses one whose id is not that of its public key. */
export function openSigner(secretKey: string): Signer {
  return signerOf(secretKey, ED25519);
}

/**
 * A witness's, from the same form of secret key. Not the key of a log: an Ed25519 cosignature does not say
 * whose it is, so one key has one duty.
 */
export function openCosigner(secretKey: string): Cosigner {
  return signerOf(secretKey, COSIGNATURE_V1);
}

function signerOf(secretKey: string, type: typeof ED25519 | typeof COSIGNATURE_V1): Signer {
  const { name, id, seed } = parseSecretKey(secretKey);
  const { key, publicKey } = privateKeyObject(seed);
  if (keyId(name, ED25519, publicKey, sha256) !== id) {
    throw new TlogError('KEY_MALFORMED', 'the secret key does not belong to its id');
  }
  return {
    key: verifierKey(name, publicKey, sha256, type),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}
