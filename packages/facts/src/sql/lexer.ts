/**
 * PostgreSQL's lexical rules (scan.l, with standard_conforming_strings on), as far as needed to take every
 * literal out of a text: for the log, which must not hold values, and for comparing texts that differ
 * in values only. Never used to decide what a statement does: that is the real parser's.
 */
import type { Literal } from './facts.ts';

export interface Template {
  /** Literals as `$n`, comments gone, white space folded. */
  readonly template: string;
  readonly literals: readonly Literal[];
  /** Highest `$n` of the text itself. */
  readonly parameters: number;
}

type TokenKind = Literal['kind'] | 'space' | 'param' | 'word' | 'quoted' | 'other';

/** Offsets into the text, in UTF-16 code units. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const DOT = 0x2e;
const UNDERSCORE = 0x5f;
const AMPERSAND = 0x26;
const OPERATORS = new Set([...'+-*/<>=~!@#%^&|`?'].map((char) => char.charCodeAt(0)));

const isNewline = (code: number): boolean => code === 0x0a || code === 0x0d;
const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d);
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isLetter = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
/** Everything that is not ASCII is part of a name, white space of other scripts too. */
const startsName = (code: number): boolean => isLetter(code) || code === UNDERSCORE || code >= 0x80;
const continuesTag = (code: number): boolean => startsName(code) || isDigit(code);
const continuesName = (code: number): boolean => continuesTag(code) || code === DOLLAR;
const isHexDigit = (code: number): boolean =>
  isDigit(code) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
const isOctalDigit = (code: number): boolean => code >= 0x30 && code <= 0x37;
const isBinaryDigit = (code: number): boolean => code === 0x30 || code === 0x31;

/** Behind the closing quote; the end of the text where there is none. */
function quotedEnd(text: string, from: number, quote: number, escapes: boolean): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (escapes && code === BACKSLASH) at++;
    else if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) return at + 1;
      at++;
    }
  }
  return text.length;
}

/**
 * Where the next part of a string begins, behind its quote: strings with a newline between them are one,
 * and comments up to a newline may stand there too. Undefined where no part follows.
 */
function continuation(text: string, from: number): number | undefined {
  let newline = false;
  for (let at = from; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) {
      newline ||= isNewline(code);
      at++;
    } else if (text.startsWith('--', at)) {
      at = commentEnd(text, at);
    } else {
      return newline && code === QUOTE ? at + 1 : undefined;
    }
  }
  return undefined;
}

function stringEnd(text: string, from: number, escapes: boolean): number {
  let end = quotedEnd(text, from, QUOTE, escapes);
  for (let next = continuation(text, end); next !== undefined; next = continuation(text, end)) {
    end = quotedEnd(text, next, QUOTE, escapes);
  }
  return end;
}

function commentEnd(text: string, from: number): number {
  if (text.startsWith('--', from)) {
    let at = from;
    while (at < text.length && !isNewline(text.charCodeAt(at))) at++;
    return at;
  }
  let depth = 0;
  for (let at = from; at < text.length; ) {
    if (text.startsWith('/*', at)) {
      depth++;
      at += 2;
    } else if (text.startsWith('*/', at)) {
      at += 2;
      if (--depth === 0) return at;
    } else {
      at++;
    }
  }
  return text.length;
}

/** Behind the closing `$tag$`; undefined where the `$` opens none. */
function dollarEnd(text: string, from: number): number | undefined {
  let at = from + 1;
  if (startsName(text.charCodeAt(at))) {
    while (continuesTag(text.charCodeAt(at))) at++;
  }
  if (text.charCodeAt(at) !== DOLLAR) return undefined;
  const tag = text.slice(from, at + 1);
  const close = text.indexOf(tag, at + 1);
  return close < 0 ? text.length : close + tag.length;
}

/** Digits with single underscores between them; `from` where there are none. */
function digitsEnd(text: string, from: number, digit: (code: number) => boolean): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (digit(code)) at++;
    else if (code === UNDERSCORE && digit(text.charCodeAt(at + 1))) at += 2;
    else return at;
  }
}

const RADIX: Readonly<Record<string, (code: number) => boolean>> = {
  x: isHexDigit,
  o: isOctalDigit,
  b: isBinaryDigit,
};

function numberEnd(text: string, from: number): number {
  const digit = text[from] === '0' ? RADIX[text[from + 1]?.toLowerCase() ?? ''] : undefined;
  if (digit) {
    const end = digitsEnd(text, from + 2, digit);
    if (end > from + 2) return end;
  }
  let end = digitsEnd(text, from, isDigit);
  // `1..10` is two numbers with dots between them.
  if (text.charCodeAt(end) === DOT && text.charCodeAt(end + 1) !== DOT) {
    end = digitsEnd(text, end + 1, isDigit);
  }
  if (text[end]?.toLowerCase() === 'e') {
    const sign = text[end + 1] === '+' || text[end + 1] === '-' ? 1 : 0;
    const exponent = digitsEnd(text, end + 1 + sign, isDigit);
    if (exponent > end + 1 + sign) end = exponent;
  }
  return end;
}

function operatorEnd(text: string, from: number): number {
  let at = from + 1;
  while (
    OPERATORS.has(text.charCodeAt(at)) &&
    !text.startsWith('--', at) &&
    !text.startsWith('/*', at)
  ) {
    at++;
  }
  return at;
}

/** A quote behind a prefix letter: E'…', B'…', X'…', N'…', U&'…', U&"…". */
function prefixed(text: string, at: number): { kind: TokenKind; end: number } | undefined {
  const letter = text[at]?.toLowerCase();
  const next = text.charCodeAt(at + 1);
  if (next === QUOTE) {
    if (letter === 'e') return { kind: 'string', end: stringEnd(text, at + 2, true) };
    if (letter === 'n') return { kind: 'string', end: stringEnd(text, at + 2, false) };
    if (letter === 'b' || letter === 'x') {
      return { kind: 'bits', end: stringEnd(text, at + 2, false) };
    }
  }
  if (letter !== 'u' || next !== AMPERSAND) return undefined;
  const quote = text.charCodeAt(at + 2);
  if (quote === QUOTE) return { kind: 'string', end: stringEnd(text, at + 3, false) };
  if (quote === DOUBLE_QUOTE) {
    return { kind: 'quoted', end: quotedEnd(text, at + 3, DOUBLE_QUOTE, false) };
  }
  return undefined;
}

function dollar(text: string, at: number): { kind: TokenKind; end: number } {
  let end = at + 1;
  while (isDigit(text.charCodeAt(end))) end++;
  if (end > at + 1) return { kind: 'param', end };
  const close = dollarEnd(text, at);
  return close === undefined ? { kind: 'other', end: at + 1 } : { kind: 'dollar', end: close };
}

function nextToken(text: string, at: number): { kind: TokenKind; end: number } {
  const code = text.charCodeAt(at);
  if (isSpace(code)) return { kind: 'space', end: at + 1 };
  if (text.startsWith('--', at) || text.startsWith('/*', at)) {
    return { kind: 'space', end: commentEnd(text, at) };
  }
  if (code === QUOTE) return { kind: 'string', end: stringEnd(text, at + 1, false) };
  if (code === DOUBLE_QUOTE) {
    return { kind: 'quoted', end: quotedEnd(text, at + 1, DOUBLE_QUOTE, false) };
  }
  if (code === DOLLAR) return dollar(text, at);
  if (code === DOT && text.charCodeAt(at + 1) === DOT) return { kind: 'other', end: at + 2 };
  if (isDigit(code) || (code === DOT && isDigit(text.charCodeAt(at + 1)))) {
    return { kind: 'number', end: numberEnd(text, at) };
  }
  if (startsName(code)) {
    const quoted = prefixed(text, at);
    if (quoted) return quoted;
    let end = at + 1;
    while (continuesName(text.charCodeAt(end))) end++;
    return { kind: 'word', end };
  }
  return { kind: 'other', end: OPERATORS.has(code) ? operatorEnd(text, at) : at + 1 };
}

/** Total over any text: what does not end is a token to the end, so nothing slips through. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const { kind, end } = nextToken(text, at);
    tokens.push({ kind, start: at, end });
    at = end;
  }
  return tokens;
}

const LITERALS: ReadonlySet<TokenKind> = new Set(['string', 'number', 'bits', 'dollar']);
const isLiteral = (kind: TokenKind): kind is Literal['kind'] => LITERALS.has(kind);

/** Numbers of parameters past this are the server's to refuse; they must not make a template grow. */
const PARAMETERS_MAX = 65_535;

/** The text without its literals; what is left can be shown to anybody. */
export function templateOf(text: string): Template {
  const tokens = tokenize(text);
  let parameters = 0;
  for (const { kind, start, end } of tokens) {
    if (kind !== 'param') continue;
    parameters = Math.max(parameters, Math.min(Number(text.slice(start + 1, end)), PARAMETERS_MAX));
  }
  const literals: Literal[] = [];
  // Joined at the end: to look at a text that grows would copy it each time.
  const parts: string[] = [];
  let last = 0;
  let spaced = false;
  for (const { kind, start, end } of tokens) {
    if (kind === 'space') {
      spaced = parts.length > 0;
      continue;
    }
    const own = text.slice(start, end);
    const n = parameters + literals.length + 1;
    const shown = isLiteral(kind) ? `$${n}` : own;
    if (isLiteral(kind)) literals.push({ n, kind, text: own });
    // `SELECT'a'` is two tokens; `SELECT$1` would be one.
    const fuses = continuesName(last) && continuesName(shown.charCodeAt(0));
    if (spaced || fuses) parts.push(' ');
    parts.push(shown);
    last = shown.charCodeAt(shown.length - 1);
    spaced = false;
  }
  return { template: parts.join(''), literals, parameters };
}

/** The query inside `PREPARE name [(types)] AS query`; undefined where the text is something else. */
export function preparedText(text: string): string | undefined {
  let depth = 0;
  for (const { kind, start, end } of tokenize(text)) {
    const own = text.slice(start, end);
    if (own === '(') depth++;
    else if (own === ')') depth--;
    else if (kind === 'word' && depth === 0 && own.toLowerCase() === 'as') {
      return text.slice(end).trim();
    }
  }
  return undefined;
}
