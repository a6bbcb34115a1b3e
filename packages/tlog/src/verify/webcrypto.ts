/** Ed25519 by WebCrypto: in browsers and wherever else there is one. ML-DSA is in none of them yet. */
import type { Verifier } from './note.ts';

/** WebCrypto takes no view of memory that may be shared, so it gets a copy. */
const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

/**
 * Rejects where nothing can be checked at all, which is not the same as a signature that does not
 * hold.
 */
export const webVerifier: Verifier = async (publicKey, message, signature, algorithm) => {
  if (algorithm !== 'Ed25519') return undefined;
  const subtle = globalThis.crypto?.subtle;
  if (!subtle)
    throw new Error('no WebCrypto here: a page has it on https, on localhost and from a file only');
  const key = await subtle
    .importKey('raw', copy(publicKey), { name: 'Ed25519' }, false, ['verify'])
    .catch((cause: Error) => {
      if (cause.name !== 'NotSupportedError') throw cause;
      throw new Error(
        'this browser has no Ed25519: Chromium 137, Firefox 129, Safari 17 and later have it',
        { cause },
      );
    });
  return subtle.verify({ name: 'Ed25519' }, key, copy(signature), copy(message));
};
