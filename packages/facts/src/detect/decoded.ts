/**
 * What base64 and hexadecimal in a text decode to, as one view: every piece of text that comes out, whichever
 * character of a run is taken for the first of a group, since where the encoded thing begins inside of the
 * run is not known.
 */
import { nibble, sextet } from './base64.ts';
import type { View } from './view.ts';

/** Shorter runs of base64 or hexadecimal characters hold nothing that a rule could find. */
export const RUN_LENGTH_MIN = 20;
/** Of what a run decodes to, pieces of text shorter than this are chance. */
const STRETCH_LENGTH_MIN = 12;

/** Undefined where nothing decodes to text. */
export function decodedView(view: View): View | undefined {
  const { text } = view;
  let decoder: Decoder | undefined;
  // Every long run holds one of the places that are looked at, so that ordinary text costs little.
  let floor = 0;
  for (let probe = RUN_LENGTH_MIN - 1; probe < text.length; ) {
    if (sextet(text.charCodeAt(probe)) < 0) {
      floor = probe + 1;
      probe += RUN_LENGTH_MIN;
      continue;
    }
    let start = probe;
    while (start > floor && sextet(text.charCodeAt(start - 1)) >= 0) start--;
    let end = probe + 1;
    while (end < text.length && sextet(text.charCodeAt(end)) >= 0) end++;
    if (end - start >= RUN_LENGTH_MIN) {
      decoder ??= new Decoder(text);
      decoder.decode(start, end);
    }
    floor = end + 1;
    probe = end + RUN_LENGTH_MIN;
  }
  return decoder?.view(view);
}

/** 1 for bytes that text is made of. */
const IS_TEXT = new Uint8Array(256).fill(1, 0x20, 0x7f);
for (const byte of [0x09, 0x0a, 0x0d]) IS_TEXT[byte] = 1;

const latin1 = new TextDecoder('latin1');

/** One piece of text that came out. */
interface Piece {
  /** Where it begins in the view. */
  readonly at: number;
  /** Where its run, as it was read, begins in the text; and how many bytes of that came before the piece. */
  readonly from: number;
  readonly skipped: number;
  readonly hex: boolean;
}

const NOTHING = new Uint8Array(0);

class Decoder {
  readonly #text: string;
  readonly #pieces: Piece[] = [];
  #bytes: Uint8Array = NOTHING;
  #length = 0;
  /** Where the piece that is being read begins. */
  #begun = 0;

  constructor(text: string) {
    this.#text = text;
  }

  decode(start: number, end: number): void {
    const digits = hexFrom(this.#text, start);
    if (isHexRun(this.#text, digits, end)) {
      for (const from of [digits, digits + 1]) this.#hex(from, end);
    } else {
      for (let from = start; from < start + 4; from++) this.#base64(from, end);
    }
  }

  #hex(from: number, end: number): void {
    const text = this.#text;
    this.#reserve(end - from);
    let read = 0;
    for (let at = from; at + 1 < end; at += 2, read++) {
      const byte = (nibble(text.charCodeAt(at)) << 4) | nibble(text.charCodeAt(at + 1));
      if (IS_TEXT[byte] === 1) this.#bytes[this.#length++] = byte;
      else this.#finish({ from, hex: true }, read);
    }
    this.#finish({ from, hex: true }, read);
  }

  #base64(from: number, end: number): void {
    const text = this.#text;
    const run = { from, hex: false };
    this.#reserve(end - from);
    const bytes = this.#bytes;
    let length = this.#length;
    let read = 0;
    let bits = 0;
    let count = 0;
    for (let at = from; at < end; at++) {
      bits = (bits << 6) | sextet(text.charCodeAt(at));
      count += 6;
      if (count < 8) continue;
      count -= 8;
      const byte = (bits >> count) & 0xff;
      bits &= 0xff;
      if (IS_TEXT[byte] === 1) {
        bytes[length++] = byte;
      } else if (length > this.#begun) {
        this.#length = length;
        this.#finish(run, read);
        length = this.#length;
      }
      read++;
    }
    this.#length = length;
    this.#finish(run, read);
  }

  /** Keeps the piece that ends here, with something behind it that no rule reads across; or drops it. */
  #finish({ from, hex }: Pick<Piece, 'from' | 'hex'>, read: number): void {
    const length = this.#length - this.#begun;
    if (length < STRETCH_LENGTH_MIN) {
      this.#length = this.#begun;
      return;
    }
    this.#pieces.push({ at: this.#begun, from, skipped: read - length, hex });
    this.#bytes[this.#length++] = 0;
    this.#begun = this.#length;
  }

  /** Room for what this many characters decode to, and for what ends its pieces. */
  #reserve(units: number): void {
    const needed = this.#length + units + 1;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }

  view(view: View): View | undefined {
    if (this.#pieces.length === 0) return undefined;
    return {
      text: latin1.decode(this.#bytes.subarray(0, this.#length)),
      start: (at) => view.start(this.#place(at, at, Math.floor)),
      end: (at) => view.end(this.#place(at, at - 1, Math.ceil)),
    };
  }

  /** Two characters of hexadecimal are a byte, four of base64 are three. */
  #place(at: number, inside: number, round: (place: number) => number): number {
    const piece = this.#pieceAt(inside);
    const bytes = piece.skipped + at - piece.at;
    return piece.from + round(piece.hex ? 2 * bytes : (4 * bytes) / 3);
  }

  #pieceAt(at: number): Piece {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.at ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return this.#pieces[low] ?? { at: 0, from: 0, skipped: 0, hex: false };
  }
}

/** Behind `x` or `0x`, as bytes are written in SQL and in code. */
function hexFrom(text: string, start: number): number {
  if ((text.charCodeAt(start) | 0x20) === 0x78) return start + 1;
  return text[start] === '0' && (text.charCodeAt(start + 1) | 0x20) === 0x78 ? start + 2 : start;
}

function isHexRun(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (nibble(text.charCodeAt(at)) < 0) return false;
  return true;
}
