/**
 * The same text as somebody else would read it: escapes undone, invisible characters left out (base64 and
 * hexadecimal: decoded.ts). Each view knows where its characters stand in the text, so that what is found in
 * it can be masked there.
 */
import { nibble } from './base64.ts';

export interface View {
  readonly text: string;
  /** Where the unit at this offset begins in the text that was scanned. */
  readonly start: (at: number) => number;
  /** Where the unit before this offset ends there. */
  readonly end: (at: number) => number;
}

export const identity = (text: string): View => ({ text, start: (at) => at, end: (at) => at });

/** Text that is being written anew, with the place in the text before of every unit. */
class Rewriter {
  readonly #view: View;
  readonly #units: Uint16Array;
  readonly #places: Uint32Array;
  #length = 0;
  #changed = false;

  constructor(view: View) {
    this.#view = view;
    // No rewriting makes a text longer.
    this.#units = new Uint16Array(view.text.length);
    this.#places = new Uint32Array(view.text.length + 1);
  }

  keep(code: number, place: number): void {
    this.#units[this.#length] = code;
    this.#places[this.#length++] = place;
  }

  /** Undefined: nothing instead. */
  replace(code: number | undefined, place: number): void {
    this.#changed = true;
    if (code === undefined) return;
    if (code <= 0xffff) {
      this.keep(code, place);
    } else {
      this.keep(0xd800 + ((code - 0x10000) >> 10), place);
      this.keep(0xdc00 + ((code - 0x10000) & 0x3ff), place);
    }
  }

  view(): View | undefined {
    if (!this.#changed) return undefined;
    const places = this.#places;
    const before = this.#view;
    places[this.#length] = before.text.length;
    const place = (at: number): number => places[at] ?? before.text.length;
    return {
      text: utf16.decode(this.#units.subarray(0, this.#length)),
      start: (at) => before.start(place(at)),
      end: (at) => before.end(place(at)),
    };
  }
}

const utf16 = new TextDecoder('utf-16le', { ignoreBOM: true });

/** Characters that are not seen, as ranges from and to. */
const INVISIBLE: readonly (readonly [number, number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180e],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x2064],
  [0x206a, 0x206f],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
];
const INVISIBLE_TO = 0;
/** ASCII's character for those of other shapes; 0 for what is not seen; absent for everything else. */
const FOLDS = new Map<number, number>();
for (const [from, to] of INVISIBLE)
  for (let code = from; code <= to; code++) FOLDS.set(code, INVISIBLE_TO);
for (const space of [0xa0, 0x202f, 0x205f, 0x3000]) FOLDS.set(space, 0x20);
for (let code = 0x2000; code <= 0x200a; code++) FOLDS.set(code, 0x20);
for (let code = 0x2010; code <= 0x2015; code++) FOLDS.set(code, 0x2d);
for (const dash of [0x2212, 0xfe58, 0xfe63]) FOLDS.set(dash, 0x2d);
for (let code = 0xff01; code <= 0xff5e; code++) FOLDS.set(code, code - 0xfee0);
for (const zero of [0x660, 0x6f0, 0x966])
  for (let digit = 0; digit < 10; digit++) FOLDS.set(zero + digit, 0x30 + digit);

/**
 * Escapes of URLs, JSON, strings of SQL and other languages, and HTML as what they stand for; invisible
 * characters left out; digits, letters, dashes and spaces of other shapes as ASCII's. Undefined where there
 * is none of that.
 */
export function plainView(view: View): View | undefined {
  const { text } = view;
  const rewriter = new Rewriter(view);
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    const found =
      code === PERCENT || code === BACKSLASH || code === AMPERSAND
        ? escapeAt(text, at, code)
        : undefined;
    const meant = found?.code ?? code;
    const folded = meant < 0x80 ? undefined : FOLDS.get(meant);
    if (folded !== undefined) rewriter.replace(folded === INVISIBLE_TO ? undefined : folded, at);
    else if (found !== undefined) rewriter.replace(meant, at);
    else rewriter.keep(code, at);
    at += found?.length ?? 1;
  }
  return rewriter.view();
}

const PERCENT = 0x25;
const BACKSLASH = 0x5c;
const AMPERSAND = 0x26;
const BRACE = 0x7b;

interface Escape {
  readonly code: number;
  readonly length: number;
}

function escapeAt(text: string, at: number, first: number): Escape | undefined {
  if (first === PERCENT) return numberAt(text, at, 1, 16, 2, 2);
  const kind = text.charCodeAt(at + 1) | 0x20;
  if (first === AMPERSAND) {
    if (text.charCodeAt(at + 1) !== 0x23) return undefined;
    const hex = (text.charCodeAt(at + 2) | 0x20) === 0x78;
    const found = hex ? numberAt(text, at, 3, 16, 1, 6) : numberAt(text, at, 2, 10, 1, 7);
    return found && text.charCodeAt(at + found.length) === 0x3b
      ? { ...found, length: found.length + 1 }
      : found;
  }
  if (kind === 0x78) return numberAt(text, at, 2, 16, 2, 2);
  if (kind !== 0x75) return numberAt(text, at, 1, 8, 3, 3);
  if (text.charCodeAt(at + 1) === 0x55) return numberAt(text, at, 2, 16, 8, 8);
  if (text.charCodeAt(at + 2) !== BRACE) return numberAt(text, at, 2, 16, 4, 4);
  const found = numberAt(text, at, 3, 16, 1, 6);
  return found && { ...found, length: found.length + 1 };
}

/** At least and at most so many digits of this radix, behind what introduces them. */
function numberAt(
  text: string,
  at: number,
  skip: number,
  radix: number,
  least: number,
  most: number,
): Escape | undefined {
  let code = 0;
  let digits = 0;
  for (; digits < most; digits++) {
    const value = nibble(text.charCodeAt(at + skip + digits));
    if (value < 0 || value >= radix) break;
    code = code * radix + value;
  }
  return digits < least || code > 0x10ffff ? undefined : { code, length: skip + digits };
}
