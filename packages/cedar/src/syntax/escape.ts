/**
 * Strings of Cedar text, which are those of Rust: `\n \r \t \0 \' \" \\`, `\x` up to 7F, `\u{…}` of one to
 * six digits; in patterns `\*` is a star and a bare `*` anything. A bare carriage return is refused there
 * and so it is here.
 */
import type { Pattern } from '../ast.ts';
import { SyntaxFailure } from './error.ts';

/** What a string means whose quotes stand before `start` and at `end`. */
export function unescapeString(text: string, start: number, end: number): string {
  const raw = text.slice(start, end);
  if (!raw.includes('\\') && !raw.includes('\r')) return raw;
  return unescapePieces(text, start, end, false)[0]!;
}

export function unescapePattern(text: string, start: number, end: number): Pattern {
  return unescapePieces(text, start, end, true);
}

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  0: '\0',
  "'": "'",
  '"': '"',
  '\\': '\\',
};

function unescapePieces(text: string, start: number, end: number, isPattern: boolean): string[] {
  const pieces: string[] = [];
  let piece = '';
  let at = start;
  while (at < end) {
    const char = text[at]!;
    if (char === '\r') {
      throw new SyntaxFailure('a string cannot hold a carriage return', at, at + 1, 'write `\\r`');
    }
    if (isPattern && char === '*') {
      pieces.push(piece);
      piece = '';
      at++;
    } else if (char !== '\\') {
      piece += char;
      at++;
    } else {
      const next = text[at + 1]!;
      const simple = Object.hasOwn(SIMPLE, next) ? SIMPLE[next]! : undefined;
      if (simple !== undefined) {
        piece += simple;
        at += 2;
      } else if (isPattern && next === '*') {
        piece += '*';
        at += 2;
      } else {
        const [value, behind] = unescapeNumber(text, at, end);
        // A star that an escape spells is a wildcard like any other: Cedar unescapes first.
        if (isPattern && value === '*') {
          pieces.push(piece);
          piece = '';
        } else {
          piece += value;
        }
        at = behind;
      }
    }
  }
  pieces.push(piece);
  return pieces;
}

/** `\x41` or `\u{1F600}` at `at`: the character and the offset behind. */
function unescapeNumber(text: string, at: number, end: number): [string, number] {
  if (text[at + 1] === 'x') {
    const digits = text.slice(at + 2, Math.min(at + 4, end));
    if (!/^[0-7][0-9a-fA-F]$/.test(digits)) {
      throw new SyntaxFailure(
        '`\\x` takes two hexadecimal digits up to 7F',
        at,
        at + 2 + digits.length,
        'write other characters as `\\u{…}`',
      );
    }
    return [String.fromCharCode(Number.parseInt(digits, 16)), at + 4];
  }
  if (text[at + 1] === 'u') {
    const close = text.indexOf('}', at);
    // Underscores may stand between and behind the digits, and do not count.
    const digits = close === -1 || close >= end ? '' : text.slice(at + 3, close);
    const plain = digits.length <= UNICODE_ESCAPE_LENGTH_MAX ? digits.replaceAll('_', '') : '';
    const code = /^[0-9a-fA-F]{1,6}$/.test(plain) ? Number.parseInt(plain, 16) : -1;
    const isScalar = code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    if (text[at + 2] !== '{' || digits.startsWith('_') || !isScalar) {
      throw new SyntaxFailure(
        '`\\u{…}` takes one to six hexadecimal digits that name a Unicode scalar value',
        at,
        Math.min(at + 4 + digits.length, end),
      );
    }
    return [String.fromCodePoint(code), close + 1];
  }
  const written = String.fromCodePoint(text.codePointAt(at + 1) ?? 0);
  throw new SyntaxFailure(
    `\`\\${written}\` is no escape`,
    at,
    at + 1 + written.length,
    written === '*'
      ? '`\\*` is one only in a pattern of `like`'
      : 'a backslash itself is written `\\\\`',
  );
}

/** Six digits with more underscores between than anybody writes. */
const UNICODE_ESCAPE_LENGTH_MAX = 1_000;
