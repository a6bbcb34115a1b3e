/** Signed notes: c2sp.org/signed-note. The text ends in a newline; signatures stand behind a blank line. */
import { concat, decodeUtf8, encodeUtf8, fromBase64, toBase64, toHex } from './bytes.ts';
import { TlogError } from './errors.ts';
import { COSIGNATURE_V1, ED25519, isKeyName, type VerifierKey } from './vkey.ts';

export const NOTE_BYTES_MAX = 1_000_000;
export const NOTE_SIGNATURES_MAX = 100;
const SIGNATURE_BYTES = 64;

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

/** Ed25519 over the message: the only asynchronous edge of verifying, since browsers have only WebCrypto. */
export type Verifier = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => Promise<boolean>;

const malformed = (what: string, hint?: string): TlogError =>
  new TlogError('NOTE_MALFORMED', `malformed note: ${what}`, hint === undefined ? {} : { hint });

function parseSignature(line: string, at: number): NoteSignature {
  const match = /^\u2014 ([^ ]+) ([^ ]+)$/u.exec(line);
  const [, name = '', base64 = ''] = match ?? [];
  if (!match || !isKeyName(name))
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

export function formatNote(note: Note): Uint8Array {
  if (!note.text.endsWith('\n')) throw malformed('the text needs a final newline');
  const lines = note.signatures.map(({ name, id, blob }) => {
    const keyHash = Uint8Array.from({ length: 4 }, (_, i) =>
      Number.parseInt(id.slice(i * 2, i * 2 + 2), 16),
    );
    return `\u2014 ${name} ${toBase64(concat(keyHash, blob))}\n`;
  });
  return encodeUtf8(`${note.text}\n${lines.join('')}`);
}

/** What the key's signature covers: the text, for a cosignature behind a header that holds its time. */
function signedMessage(
  note: Note,
  key: VerifierKey,
  blob: Uint8Array,
): { message: Uint8Array; signature: Uint8Array } | undefined {
  if (key.type === ED25519) return { message: encodeUtf8(note.text), signature: blob };
  if (key.type !== COSIGNATURE_V1 || blob.length !== 8 + SIGNATURE_BYTES) return undefined;
  const seconds = new DataView(blob.buffer, blob.byteOffset, 8).getBigUint64(0);
  return {
    message: encodeUtf8(`cosignature/v1\ntime ${seconds}\n${note.text}`),
    signature: blob.slice(8),
  };
}

/**
 * Which of the known keys signed the note. Signatures of unknown keys are ignored; a known key whose
 * signature does not hold rejects the whole note. Of repeated signatures of one key the first counts.
 */
export async function verifyNote(
  note: Note,
  keys: readonly VerifierKey[],
  verifier: Verifier,
): Promise<VerifierKey[]> {
  const signed: VerifierKey[] = [];
  for (const { name, id, blob } of note.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id);
    if (key === undefined || signed.includes(key)) continue;
    const covered = signedMessage(note, key, blob);
    const holds =
      covered !== undefined &&
      covered.signature.length === SIGNATURE_BYTES &&
      (await verifier(key.publicKey, covered.message, covered.signature));
    if (!holds)
      throw new TlogError('NOTE_UNVERIFIED', `the signature of ${name}+${id} does not hold`);
    signed.push(key);
  }
  return signed;
}
