/** The one request of c2sp.org/tlog-witness, and its answers. Pure. */
import { concat, decodeUtf8, encodeUtf8, fromBase64, parseDecimal, toBase64 } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import { type NoteSignature, parseNote } from '../note.ts';
import { HASH_BYTES } from '../sha256.ts';

/** As Sunlight's witness; a request of ours has some 5 KB. */
export const ADD_CHECKPOINT_BYTES_MAX = 128 << 10;
export const PROOF_HASHES_MAX = 63;
/** Of a 409: the witness's own size stands in the body. */
export const SIZE_TYPE = 'text/x.tlog.size';

export interface AddCheckpoint {
  /** Size of the last checkpoint that the witness is thought to have. */
  readonly old: bigint;
  /** Consistency of `old` with the checkpoint; empty where `old` is 0. */
  readonly proof: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: Uint8Array;
}

export function formatAddCheckpoint({ old, proof, checkpoint }: AddCheckpoint): Uint8Array {
  const head = [`old ${old}`, ...proof.map(toBase64), '', ''].join('\n');
  return concat(encodeUtf8(head), checkpoint);
}

/** Throws REQUEST_MALFORMED; what stands in the checkpoint is not looked at here. */
export function parseAddCheckpoint(bytes: Uint8Array): AddCheckpoint {
  if (bytes.length > ADD_CHECKPOINT_BYTES_MAX) throw malformed(`${bytes.length} bytes`);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw malformed('not UTF-8');
  const cut = text.indexOf('\n\n');
  if (cut < 0) throw malformed('no blank line before the checkpoint');
  const [first = '', ...lines] = text.slice(0, cut).split('\n');
  const old = parseDecimal(/^old (.*)$/.exec(first)?.[1] ?? '');
  if (old === undefined) throw malformed('line 1 is not "old SIZE"');
  if (lines.length > PROOF_HASHES_MAX) throw malformed(`${lines.length} hashes`);
  const proof = lines.map((line, at) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) throw malformed(`line ${at + 2} is no base64 of 32 bytes`);
    return hash;
  });
  return { old, proof, checkpoint: bytes.slice(encodeUtf8(text.slice(0, cut + 2)).length) };
}

/**
 * The signature lines of a 200, read as the end of a note over this text. Throws NOTE_MALFORMED.
 * Whose they are, and whether they hold, is not looked at here.
 */
export function parseSignatureLines(body: Uint8Array, text: string): readonly NoteSignature[] {
  const note = parseNote(concat(encodeUtf8(`${text}\n`), body));
  if (note.text === text) return note.signatures;
  // A blank line in the answer moves the border between text and signatures.
  throw new TlogError('NOTE_MALFORMED', 'malformed note: a blank line among signature lines');
}

function malformed(what: string): TlogError {
  return new TlogError('REQUEST_MALFORMED', `malformed add-checkpoint request: ${what}`);
}
