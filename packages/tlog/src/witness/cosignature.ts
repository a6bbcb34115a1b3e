/**
 * Cosignatures of type 0x04: c2sp.org/tlog-cosignature. A witness says that, as of a time, this was the
 * largest tree that it had seen of the log, and that every earlier one was a prefix of it. Pure.
 */
import { concat, encodeUtf8, SIZE_MAX } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import type { NoteSignature } from '../note.ts';
import type { VerifierKey } from '../vkey.ts';

/** Before the signature in the blob: seconds since 1970, big-endian. */
export const TIME_BYTES = 8;

/** Cosigns under one key; the secret stays inside. */
export interface Cosigner {
  /** Of type COSIGNATURE_V1. */
  readonly key: VerifierKey;
  /** Ed25519, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** What is signed: the time, then the text of the checkpoint with its final newline. */
export function cosignatureMessage(text: string, seconds: bigint): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** `text` is that of a checkpoint; `seconds` since 1970, above 0. */
export function cosign(text: string, seconds: bigint, { key, sign }: Cosigner): NoteSignature {
  if (seconds <= 0n || seconds > SIZE_MAX) throw new RangeError(`${seconds} is no time to sign`);
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setBigUint64(0, seconds);
  const blob = concat(time, sign(cosignatureMessage(text, seconds)));
  return { name: key.name, id: key.id, blob };
}

/**
 * The time in a blob. Throws NOTE_UNVERIFIED past 2^63−1, which the specification forbids: a reader with
 * signed integers would take it for a time before 1970.
 */
export function cosignatureTime(blob: Uint8Array, who: string): bigint {
  const seconds = new DataView(blob.buffer, blob.byteOffset, TIME_BYTES).getBigUint64(0);
  if (seconds <= SIZE_MAX) return seconds;
  throw new TlogError('NOTE_UNVERIFIED', `the cosignature of ${who} has a time past 2^63−1`);
}
