/**
 * Cosignatures: c2sp.org/tlog-cosignature, of type 0x04 (Ed25519) and 0x06 (ML-DSA-44). A witness says that,
 * as of a time, this was the largest tree that it had seen of the log, and that every earlier one was a
 * prefix of it. Pure.
 */
import { concat, encodeUtf8, SIZE_MAX } from '../bytes.ts';
import { parseCheckpointText } from '../checkpoint.ts';
import { TlogError } from '../errors.ts';
import type { NoteSignature } from '../note.ts';
import { MLDSA44, type VerifierKey } from '../vkey.ts';

/** Before the signature in the blob: seconds since 1970, big-endian. */
export const TIME_BYTES = 8;

/** Cosigns under one key; the secret stays inside. */
export interface Cosigner {
  /** Of type COSIGNATURE_V1 or MLDSA44. */
  readonly key: VerifierKey;
  sign(message: Uint8Array): Uint8Array;
}

/**
 * What a cosigner signs over the text of a checkpoint. Under Ed25519 that is the time and the whole text;
 * under ML-DSA-44 the cosigner's name, the time, and what the checkpoint says, without extension lines:
 * for that the text has to be a checkpoint, or CHECKPOINT_MALFORMED is thrown.
 */
export function cosignatureMessage(
  { name, type }: Pick<VerifierKey, 'name' | 'type'>,
  text: string,
  seconds: bigint,
): Uint8Array {
  if (type !== MLDSA44) return encodeUtf8(`cosignature/v1\ntime ${seconds}\n${text}`);
  const { origin, size, root } = parseCheckpointText(text);
  return concat(
    encodeUtf8('subtree/v1\n\0'),
    shortString(name),
    u64(seconds),
    shortString(origin),
    u64(0n),
    u64(size),
    root,
  );
}

/** `opaque<1..2^8-1>` of RFC 8446. */
function shortString(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  if (bytes.length < 1 || bytes.length > 255)
    throw new TlogError(
      'CHECKPOINT_MALFORMED',
      `a name of ${bytes.length} bytes cannot be cosigned`,
    );
  return concat(Uint8Array.of(bytes.length), bytes);
}

function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** `text` is that of a checkpoint; `seconds` since 1970, above 0. */
export function cosign(text: string, seconds: bigint, { key, sign }: Cosigner): NoteSignature {
  if (seconds <= 0n || seconds > SIZE_MAX) throw new RangeError(`${seconds} is no time to sign`);
  const blob = concat(u64(seconds), sign(cosignatureMessage(key, text, seconds)));
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
