/** Ed25519 by WebCrypto: in browsers and wherever else there is one. */
import type { Verifier } from './note.ts';

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

export const webVerifier: Verifier = async (publicKey, message, signature) => {
  const key = await globalThis.crypto.subtle.importKey(
    'raw',
    copy(publicKey),
    { name: 'Ed25519' },
    false,
    ['verify'],
  );
  return globalThis.crypto.subtle.verify({ name: 'Ed25519' }, key, copy(signature), copy(message));
};
