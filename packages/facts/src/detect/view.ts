/**
 * The same text as somebody else would read it: escapes undone, invisible characters left out, base64 and
 * hex decoded. Each view knows where its characters stand in the text, so that what is found in it can be
 * masked there.
 */
import { sextet } from './base64.ts';

export interface View {
  readonly text: string;
  /** Where the unit at this offset begins in the text that was scanned. */
  readonly start: (at: number) => number;
  /** Where the unit before this offset ends there. */
  readonly end: (at: number) => number;
}

/** Shorter runs of base64 or hexadecimal characters hold nothing that a rule could find. */
export const RUN_LENGTH_MIN = 20;
/** Of what a run decodes to, pieces of text shorter than this are chance. */
const STRETCH_LENGTH_MIN = 12;

export const identity = (text: string): View => ({ text, start: (at) => at, end: (at) => at });

/** Characters that are not seen, as ranges. */
const INVISIBLE =
  '\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u206a-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0';
const SPACES = '\\u00a0\\u2000-\\u200a\\u202f\\u205f\\u3000';
const DASHES = '\\u2010-\\u2015\\u2212\\ufe58\\ufe63\\uff0d';
const OTHER_SHAPES = '\\uff01-\\uff5e\\u0660-\\u0669\\u06f0-\\u06f9\\u0966-\\u096f';
/** Invisible characters become nothing; digits, letters, dashes and spaces of other shapes become ASCII's. */
const FOLDED = new RegExp(`[${INVISIBLE}${SPACES}${DASHES}${OTHER_SHAPES}]`, 'g');

function fold(char: string): string {
  const code = char.charCodeAt(0);
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
  if (code >= 0x660 && code <= 0x669) return String.fromCharCode(code - 0x630);
  if (code >= 0x6f0 && code <= 0x6f9) return String.fromCharCode(code - 0x6c0);
  if (code >= 0x966 && code <= 0x96f) return String.fromCharCode(code - 0x936);
  if ((code >= 0x2010 && code <= 0x2015) || code === 0x2212 || code === 0xfe58 || code === 0xfe63)
    return '-';
  if (
    code === 0xa0 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  )
    return ' ';
  return '';
}

/** Undefined where nothing is to be folded. */
export const foldedView = (view: View): View | undefined => replacedView(view, FOLDED, fold);

const ESCAPES =
  /%([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\u\{?([0-9A-Fa-f]{4,6})\}?|\\U([0-9A-Fa-f]{8})|\\([0-3][0-7]{2})|&#([0-9]{1,7});?|&#[xX]([0-9A-Fa-f]{1,6});?/g;

function escaped(whole: string, groups: readonly (string | undefined)[]): string {
  const [percent, x, u, long, octal, decimal, hex] = groups;
  const sixteen = percent ?? x ?? u ?? long ?? hex;
  const code =
    sixteen !== undefined
      ? Number.parseInt(sixteen, 16)
      : octal !== undefined
        ? Number.parseInt(octal, 8)
        : Number(decimal);
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

/** Escapes of URLs, JSON, strings of SQL and other languages, and HTML. */
export const unescapedView = (view: View): View | undefined => replacedView(view, ESCAPES, escaped);

function replacedView(
  view: View,
  pattern: RegExp,
  replacement: (whole: string, groups: readonly (string | undefined)[]) => string,
): View | undefined {
  const { text } = view;
  const pieces: string[] = [];
  /** Where pieces that stand for something else begin, here and there, in turns. */
  const starts: number[] = [];
  let done = 0;
  let length = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const put = replacement(match[0], match.slice(1));
    if (match.index > done) {
      pieces.push(text.slice(done, match.index));
      starts.push(length, done);
      length += match.index - done;
    }
    pieces.push(put);
    starts.push(length, match.index);
    length += put.length;
    done = match.index + match[0].length;
  }
  if (done === 0) return undefined;
  pieces.push(text.slice(done));
  starts.push(length, done);
  const within = (at: number): number => {
    let low = 0;
    let high = starts.length / 2 - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[2 * middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    const [here = 0, there = 0, next = text.length + 1, nextThere = text.length] = starts.slice(
      2 * low,
      2 * low + 4,
    );
    // Inside of a replacement there is no more than its beginning.
    return next - here === nextThere - there || next > text.length ? there + (at - here) : there;
  };
  return {
    text: pieces.join(''),
    start: (at) => view.start(within(at)),
    end: (at) => view.end(within(at)),
  };
}

/** A run of characters that may encode something. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly hex: boolean;
}

const isHex = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x61 && code <= 0x66) ||
  (code >= 0x41 && code <= 0x46);

/** Steps over what cannot be inside of a long run, so that ordinary text costs little. */
export function encodedRuns(text: string): Run[] {
  const runs: Run[] = [];
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
    // What is too short goes on to the next place that could be inside of a run.
    while (end < text.length && sextet(text.charCodeAt(end)) >= 0) end++;
    if (end - start >= RUN_LENGTH_MIN) runs.push({ start, end, hex: isHexRun(text, start, end) });
    floor = end + 1;
    probe = end + RUN_LENGTH_MIN;
  }
  return runs;
}

function isHexRun(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isHex(text.charCodeAt(at))) return false;
  return true;
}

const isText = (byte: number): boolean =>
  (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Pieces of text that a run decodes to, whichever of its characters is the first of a group: where the
 * encoded thing begins inside of the run is not known.
 */
export function decodedViews(view: View, run: Run): View[] {
  const views: View[] = [];
  const [group, step] = run.hex ? [2, 1] : [4, 3];
  for (let skip = 0; skip < group; skip++) {
    const from = run.start + skip;
    const bytes = run.hex
      ? hexBytes(view.text, from, run.end)
      : base64Bytes(view.text, from, run.end);
    for (const [start, end] of stretches(bytes)) {
      // A byte takes 2 characters of hexadecimal, or 4 of base64 take 3 bytes.
      const at = (unit: number): number => from + Math.floor(((start + unit) * group) / step);
      const endAt = (unit: number): number =>
        Math.min(run.end, from + Math.ceil(((start + unit) * group) / step));
      views.push({
        text: textOf(bytes.subarray(start, end)),
        start: (unit) => view.start(at(unit)),
        end: (unit) => view.end(endAt(unit)),
      });
    }
  }
  return views;
}

function* stretches(bytes: Uint8Array): Generator<readonly [number, number]> {
  let start = 0;
  for (let at = 0; at <= bytes.length; at++) {
    if (at < bytes.length && isText(bytes[at] ?? 0)) continue;
    if (at - start >= STRETCH_LENGTH_MIN) yield [start, at];
    start = at + 1;
  }
}

function hexBytes(text: string, from: number, end: number): Uint8Array {
  const bytes = new Uint8Array((end - from) >> 1);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] =
      (nibble(text.charCodeAt(from + 2 * at)) << 4) | nibble(text.charCodeAt(from + 2 * at + 1));
  }
  return bytes;
}

const nibble = (code: number): number => (code & 0xf) + (code > 0x39 ? 9 : 0);

function base64Bytes(text: string, from: number, end: number): Uint8Array {
  const units = end - from;
  const bytes = new Uint8Array(Math.floor((units * 3) / 4));
  let bits = 0;
  let count = 0;
  let length = 0;
  for (let at = from; at < end; at++) {
    bits = ((bits << 6) | sextet(text.charCodeAt(at))) & 0xffff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[length++] = (bits >> count) & 0xff;
    }
  }
  return bytes;
}

const latin1 = new TextDecoder('latin1');
const textOf = (bytes: Uint8Array): string => latin1.decode(bytes);
