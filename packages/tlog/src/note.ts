/**
 * Signed notes: c2sp.org/signed-note. The text ends in a newline; signatures stand behind a blank
 * line.
 */
import { concat, decodeUtf8, encodeUtf8, fromBase64, fromHex, toBase64, toHex } from './bytes.ts';
import { TlogError } from './errors.ts';
import { ED25519, isNoteName, MLDSA44, type VerifierKey } from './vkey.ts';
import { cosignatureMessage, cosignatureTime, TIME_BYTES } from './witness/cosignature.ts';

/** As Go's x/mod/sumdb/note, so that what others accept is accepted here. */
export const NOTE_BYTES_MAX = 1_000_000;
export const NOTE_SIGNATURES_MAX = 100;
const ED25519_SIGNATURE_BYTES = 64;
const MLDSA44_SIGNATURE_BYTES = 2420;

export interface NoteSignature {
  readonly name: string;
  /** 8 lowercase hex digits. */
  readonly id: string;
  /** What follows the key id: the signature, for 0x04 behind an 8-byte time. */
  readonly blob: Uint8Array;
}

export interface Note {
  /** With its final newline: exactly what an Ed25519 signature covers. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** Signs under one key; the secret stays inside. */
export interface Signer {
  readonly key: VerifierKey;
  /** Ed25519, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

const malformed = (what: string, hint?: string): TlogError =>
  new TlogError('NOTE_MALFORMED', `malformed note: ${what}`, hint === undefined ? {} : { hint });

function parseSignature(line: string, at: number): NoteSignature {
  const match = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
  const [, name = '', base64 = ''] = match ?? [];
  if (!match || !isNoteName(name))
    throw malformed(`signature line ${at} is not "\u2014 name base64"`);
  const bytes = fromBase64(base64);
  if (bytes === undefined) throw malformed(`signature line ${at} is not canonical base64`);
  if (bytes.length < 5) throw malformed(`signature line ${at} holds ${bytes.length} bytes`);
  return { name, id: toHex(bytes.subarray(0, 4)), blob: bytes.slice(4) };
}

/** Throws NOTE_MALFORMED for anything that the specification does not allow; verifies nothing. */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > NOTE_BYTES_MAX) throw malformed(`${bytes.length} bytes`);
  const whole = decodeUtf8(bytes);
  if (whole === undefined) throw malformed('not UTF-8');
  // Control characters could hide a line from whoever reads the note on a terminal.
  if (/[\0-\x09\x0b-\x1f]/.test(whole)) throw malformed('a control character other than newline');
  const cut = whole.lastIndexOf('\n\n');
  if (cut < 0) throw malformed('no blank line before signatures');
  const text = whole.slice(0, cut + 1);
  const tail = whole.slice(cut + 2);
  if (!tail.endsWith('\n')) throw malformed('the last line has no newline');
  const lines = tail.slice(0, -1).split('\n');
  if (lines.length > NOTE_SIGNATURES_MAX) throw malformed(`${lines.length} signatures`);
  return { text, signatures: lines.map((line, at) => parseSignature(line, at + 1)) };
}

/**
 * Throws NOTE_MALFORMED for what `parseNote` would not give back the same: a line break in a name,
 * say.
 */
export function formatNote(note: Note): Uint8Array {
  const lines = note.signatures.map(({ name, id, blob }) => {
    if (!/^[0-9a-f]{8}$/.test(id)) throw malformed(`${JSON.stringify(id)} is no key id`);
    return `\u2014 ${name} ${toBase64(concat(fromHex(id), blob))}\n`;
  });
  const bytes = encodeUtf8(`${note.text}\n${lines.join('')}`);
  const read = parseNote(bytes);
  if (read.text !== note.text || read.signatures.length !== lines.length)
    throw malformed('a name or the text would be read as something else');
  return bytes;
}

export function signNote(text: string, signers: readonly Signer[]): Uint8Array {
  const signatures = signers.map((signer) => ({
    name: signer.key.name,
    id: signer.key.id,
    blob: signer.sign(encodeUtf8(text)),
  }));
  return formatNote({ text, signatures });
}

/** What a key is said to have signed; whether it did is for a `Verifier` to say. */
export interface SignatureClaim {
  readonly key: VerifierKey;
  readonly message: Uint8Array;
  /** 64 bytes of Ed25519, 2,420 of ML-DSA-44. */
  readonly signature: Uint8Array;
  /** Of a cosignature: seconds since 1970. */
  readonly time?: bigint;
}

/**
 * The claims of the keys that the caller knows, at most one a key: of repeated signatures the first
 * counts. Signatures of unknown keys are passed over, which is how witnesses and new keys join a
 * note.
 */
export function signatureClaims(note: Note, keys: readonly VerifierKey[]): SignatureClaim[] {
  const claims = new Map<VerifierKey, SignatureClaim>();
  for (const { name, id, blob } of note.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id);
    if (key && !claims.has(key)) claims.set(key, claimOf(note, key, blob));
  }
  return [...claims.values()];
}

/**
 * The text; for c2sp.org/tlog-cosignature behind a header that holds the time in the blob's first 8
 * bytes.
 */
function claimOf(note: Note, key: VerifierKey, blob: Uint8Array): SignatureClaim {
  const timeBytes = key.type === ED25519 ? 0 : TIME_BYTES;
  const signatureBytes = key.type === MLDSA44 ? MLDSA44_SIGNATURE_BYTES : ED25519_SIGNATURE_BYTES;
  const who = `${key.name}+${key.id}`;
  if (blob.length !== timeBytes + signatureBytes) {
    throw new TlogError(
      'NOTE_UNVERIFIED',
      `the signature of ${who} has ${blob.length} bytes instead of ${timeBytes + signatureBytes}`,
    );
  }
  const signature = blob.slice(timeBytes);
  if (timeBytes === 0) return { key, message: encodeUtf8(note.text), signature };
  const time = cosignatureTime(blob, who);
  return { key, message: cosignatureMessage(key, note.text, time), signature, time };
}
