/**
 * Receipts: c2sp.org/tlog-proof. `extra` carries the entry, which is authenticated once the proof
 * holds.
 */

import { ENTRY_BYTES_MAX } from './bundle.ts';
import { decodeUtf8, encodeUtf8, fromBase64, parseDecimal, toBase64 } from './bytes.ts';
import { TlogError } from './errors.ts';
import { NOTE_BYTES_MAX } from './note.ts';
import { HASH_BYTES } from './sha256.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
const PROOF_HASHES_MAX = 63;
export const RECEIPT_BYTES_MAX = NOTE_BYTES_MAX + 2 * ENTRY_BYTES_MAX;

export interface Receipt {
  readonly index: bigint;
  readonly proof: readonly Uint8Array[];
  /** The entry's exact bytes; absent in proofs that others made. */
  readonly extra?: Uint8Array;
  /** The signed checkpoint, verbatim. */
  readonly checkpoint: Uint8Array;
}

export function formatReceipt({ index, proof, extra, checkpoint }: Receipt): Uint8Array {
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...proof.map(toBase64),
    '',
    '',
  ].join('\n');
  const head = encodeUtf8(lines);
  const out = new Uint8Array(head.length + checkpoint.length);
  out.set(head);
  out.set(checkpoint, head.length);
  return out;
}

const malformed = (what: string): TlogError =>
  new TlogError('RECEIPT_MALFORMED', `malformed receipt: ${what}`, {
    hint: `a receipt begins with the line ${HEADER}`,
  });

/** Throws RECEIPT_MALFORMED; what stands in the checkpoint is not looked at here. */
export function parseReceipt(bytes: Uint8Array): Receipt {
  if (bytes.length > RECEIPT_BYTES_MAX) throw malformed(`${bytes.length} bytes`);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw malformed('not UTF-8');
  const cut = text.indexOf('\n\n');
  if (cut < 0) throw malformed('no blank line before the checkpoint');
  const lines = text.slice(0, cut).split('\n');
  if (lines.shift() !== HEADER) throw malformed('line 1 is not the version');
  let extra: Uint8Array | undefined;
  if (lines[0]?.startsWith('extra ')) {
    extra = fromBase64(lines.shift()?.slice('extra '.length) ?? '');
    if (extra === undefined || extra.length > ENTRY_BYTES_MAX)
      throw malformed('the extra line is no base64 of an entry');
  }
  const index = parseDecimal(/^index (.*)$/.exec(lines.shift() ?? '')?.[1] ?? '');
  if (index === undefined) throw malformed('no index line');
  if (lines.length > PROOF_HASHES_MAX) throw malformed(`${lines.length} hashes`);
  const proof = lines.map((line, at) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) throw malformed(`hash ${at + 1} is no base64 of 32 bytes`);
    return hash;
  });
  // Cut by bytes, not by text: the checkpoint is kept as it is, to the byte.
  const checkpoint = bytes.slice(encodeUtf8(text.slice(0, cut + 2)).length);
  return { index, proof, checkpoint, ...(extra === undefined ? {} : { extra }) };
}
