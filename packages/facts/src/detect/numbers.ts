/**
 * How the numbers of a text are written: one pass that tells which of the rules about numbers are worth a
 * look. An automaton for all those forms together would need a state for every way to mix digits and
 * separators, which hostile text would go through.
 */

/** Forms of numbers, as bits. */
export const SHAPES = {
  /** 13 digits and more, up to two separators between two of them. */
  row: 1,
  /** 3-2-4 */
  ssn: 2,
  /** 4-4-4 */
  fours: 4,
  /** Seven or eight digits before a letter. */
  lettered: 8,
  /** 17 digits and more without a separator. */
  long: 16,
  /** 3.3.3-2, 3.4.4.2, 2.2.2-3.2 */
  dotted: 32,
  /** Six or eight digits, a dash or plus, and four. */
  dated: 64,
  /** Six digits, a dash, plus or letter, and three. */
  century: 128,
  /** Four groups of up to three digits with dots. */
  quad: 256,
  /** Two digits and more right behind a word of two letters. */
  country: 512,
  /** Two digits behind a word of two letters, or six digits right behind it. */
  nino: 1024,
  /** Two digits right behind a word of six letters. */
  fiscal: 2048,
} as const;

export type Shape = keyof typeof SHAPES;

const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const PLUS = 0x2b;
const UNDERSCORE = 0x5f;

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isCapital = (code: number): boolean => code >= 0x41 && code <= 0x5a;
const isLetter = (code: number): boolean =>
  (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
const isSeparator = (code: number): boolean =>
  code === SPACE || code === DASH || code === DOT || code === UNDERSCORE;

/** The forms that stand in the text, as a sum of SHAPES. `bytes` is its UTF-8, which is read faster. */
export function numberShapes(bytes: Uint8Array): number {
  let shapes = 0;
  let end = -9;
  /** Digits since the last thing that is no separator. */
  let row = 0;
  /** Groups of up to three digits with single dots between them. */
  let quad = 0;
  let last = 0;
  let beforeLast = 0;
  let first = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (!isDigit(bytes[at] ?? 0)) continue;
    const start = at;
    do at++;
    while (isDigit(bytes[at] ?? 0));
    const length = at - start;
    const gap = start - end;
    // Not read where it does not matter: a place before the first byte is slow to ask for.
    const separator = gap <= 2 ? (bytes[end] ?? 0) : 0;
    const joined = isSeparator(separator) && (gap === 1 || isSeparator(bytes[end + 1] ?? 0));
    if (!joined) {
      if (gap === 1 && separator === PLUS && length === 4 && (last === 6 || last === 8))
        shapes |= SHAPES.dated;
      row = 0;
      quad = 0;
      first = 0;
      beforeLast = 0;
      last = 0;
    }
    row += length;
    quad = length > 3 ? 0 : joined && gap === 1 && separator === DOT ? quad + 1 : 1;
    if (row >= 13) shapes |= SHAPES.row;
    if (length >= 17) shapes |= SHAPES.long;
    if (quad >= 4) shapes |= SHAPES.quad;
    if (length === 2 && isDotted(first, beforeLast, last)) shapes |= SHAPES.dotted;
    if (length === 4) {
      if (beforeLast === 3 && last === 2) shapes |= SHAPES.ssn;
      if (beforeLast === 4 && last === 4) shapes |= SHAPES.fours;
      if (separator === DASH && gap === 1 && (last === 6 || last === 8)) shapes |= SHAPES.dated;
    }
    if (length >= 6 && length <= 8) shapes |= shapesBehind(bytes, at, length);
    if (start > 0) shapes |= shapesBefore(bytes, start, length);
    first = beforeLast;
    beforeLast = last;
    last = length;
    end = at;
  }
  return shapes;
}

/** 3.3.3-2, 3.4.4.2 and (2.)2.2-3.2, of which this is what stands before the last group. */
const isDotted = (first: number, second: number, third: number): boolean =>
  (first === 3 && second === third && (third === 3 || third === 4)) ||
  (first === 2 && second === 2 && third === 3);

/** What follows six to eight digits. */
function shapesBehind(bytes: Uint8Array, end: number, length: number): number {
  const next = bytes[end] ?? 0;
  if (length === 6) {
    const between = next === DASH || next === PLUS || isLetter(next);
    return between && isDigit(bytes[end + 1] ?? 0) ? SHAPES.century : 0;
  }
  return isLetter(next) || (next === DASH && isLetter(bytes[end + 1] ?? 0)) ? SHAPES.lettered : 0;
}

/** What stands before digits. */
function shapesBefore(bytes: Uint8Array, start: number, length: number): number {
  const before = bytes[start - 1] ?? 0;
  if (isLetter(before)) {
    let letters = 1;
    while (letters < 7 && letters < start && isLetter(bytes[start - 1 - letters] ?? 0)) letters++;
    if (letters < start && isDigit(bytes[start - 1 - letters] ?? 0)) return 0;
    if (letters === 6 && length === 2) return SHAPES.fiscal;
    if (letters !== 2 || length < 2) return 0;
    return length === 2 || length === 6 ? SHAPES.country | SHAPES.nino : SHAPES.country;
  }
  if (before !== SPACE || length !== 2 || start < 3) return 0;
  const two = isCapital(bytes[start - 2] ?? 0) && isCapital(bytes[start - 3] ?? 0);
  return two && (start === 3 || !isLetter(bytes[start - 4] ?? 0)) ? SHAPES.nino : 0;
}
