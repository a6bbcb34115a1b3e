/**
 * Checks a note's signatures: the one asynchronous edge of verifying, since browsers have only
 * WebCrypto.
 */
import { TlogError } from '../errors.ts';
import { type Note, signatureClaims } from '../note.ts';
import { type Algorithm, algorithmOf, type VerifierKey } from '../vkey.ts';

/** Whether a signature holds; undefined where this platform does not have the algorithm. */
export type Verifier = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  algorithm: Algorithm,
) => Promise<boolean | undefined>;

/**
 * Which of the known keys signed the note (c2sp.org/signed-note §Signatures); none is for the
 * caller to refuse. A known key whose signature does not hold rejects the whole note with
 * NOTE_UNVERIFIED. One that nobody here can check is as if it were of an unknown key.
 */
export async function verifyNote(
  note: Note,
  keys: readonly VerifierKey[],
  verifier: Verifier,
): Promise<VerifierKey[]> {
  const signed: VerifierKey[] = [];
  for (const { key, message, signature } of signatureClaims(note, keys)) {
    const holds = await verifier(key.publicKey, message, signature, algorithmOf(key.type));
    if (holds === undefined) continue;
    if (!holds)
      throw new TlogError(
        'NOTE_UNVERIFIED',
        `the signature of ${key.name}+${key.id} does not hold`,
      );
    signed.push(key);
  }
  return signed;
}
