/** Node's own crypto behind the ports of the pure part. */
import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { TlogError } from './errors.ts';
import type { Hashing } from './hashing/hashing.ts';
import { openHashing } from './hashing/kernel.ts';
import type { Signer } from './note.ts';
import type { Sha256 } from './sha256.ts';
import type { Verifier } from './verify/note.ts';
import {
  type Algorithm,
  algorithmOf,
  COSIGNATURE_V1,
  ED25519,
  type KeyType,
  keyId,
  MLDSA44,
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

/** What precedes a public key, and a seed, in their DER forms: RFC 8410, RFC 9881. */
const DER: Readonly<Record<Algorithm, { readonly spki: Buffer; readonly pkcs8: Buffer }>> = {
  Ed25519: {
    spki: Buffer.from('302a300506032b6570032100', 'hex'),
    pkcs8: Buffer.from('302e020100300506032b657004220420', 'hex'),
  },
  'ML-DSA-44': {
    spki: Buffer.from('30820532300b06096086480165030403110382052100', 'hex'),
    pkcs8: Buffer.from('3034020100300b060960864801650304031104228020', 'hex'),
  },
};

/** Both algorithms on Node 24.6 and later; before it, ML-DSA-44 is not there to check with. */
export const verifySignature: Verifier = async (publicKey, message, signature, algorithm) => {
  const der = Buffer.concat([DER[algorithm].spki, publicKey]);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (error) {
    // Any 32 bytes are a key of Ed25519, and any 1,312 one of ML-DSA-44.
    if (algorithm === 'ML-DSA-44') return undefined;
    throw error;
  }
  return verify(null, message, key, signature);
};

function privateKeyObject(
  seed: Uint8Array,
  algorithm: Algorithm,
): { key: KeyObject; publicKey: Uint8Array } {
  const { spki, pkcs8 } = DER[algorithm];
  const key = createPrivateKey({
    key: Buffer.concat([pkcs8, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { key, publicKey: new Uint8Array(der.subarray(spki.length)) };
}

/** From 32 random bytes; the text form is what a key file holds. ML-DSA-44 is for witnesses only. */
export function secretKeyFromSeed(
  name: string,
  seed: Uint8Array,
  type: SecretKey['type'] = ED25519,
): SecretKey {
  const { publicKey } = privateKeyObject(seed, algorithmOf(type));
  return { name, seed, type, id: keyId(name, type, publicKey, sha256) };
}

/** From a Go-style secret key; refuses one whose id is not that of its public key. */
export function openSigner(secretKey: string): Signer {
  const secret = parseSecretKey(secretKey);
  if (secret.type === ED25519) return signerOf(secret, ED25519);
  throw new TlogError('KEY_MALFORMED', 'a log signs under Ed25519', {
    hint: 'a key of ML-DSA-44 is for a witness: not everybody can check it yet',
  });
}

/**
 * A witness's, from the same form of secret key. Not the key of a log: an Ed25519 cosignature does not say
 * whose it is, so one key has one duty.
 */
export function openCosigner(secretKey: string): Cosigner {
  const secret = parseSecretKey(secretKey);
  return signerOf(secret, secret.type === MLDSA44 ? MLDSA44 : COSIGNATURE_V1);
}

function signerOf({ name, id, seed, type: own }: SecretKey, type: KeyType): Signer {
  const { key, publicKey } = privateKeyObject(seed, algorithmOf(type));
  if (keyId(name, own, publicKey, sha256) !== id) {
    throw new TlogError('KEY_MALFORMED', 'the secret key does not belong to its id');
  }
  return {
    key: verifierKey(name, publicKey, sha256, type),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}
