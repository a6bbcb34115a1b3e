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

type Kind = Literal['kind'] | 'space' | 'param' | 'word' | 'other';

interface Token {
  readonly kind: Kind;
  readonly end: number;
}

const WORD_START = /[A-Za-z_\u0080-\u{10ffff}]/u;
const WORD = /[A-Za-z0-9_$\u0080-\u{10ffff}]/u;
const isSpace = (char: string | undefined): boolean =>
  char !== undefined && ' \t\n\r\f\v'.includes(char);
const isDigit = (char: string | undefined): boolean =>
  char !== undefined && char >= '0' && char <= '9';
const OPERATOR = '+-*/<>=~!@#%^&|`?';

/** Behind the closing quote; the end of the text where there is none. */
function quotedEnd(text: string, from: number, quote: string, backslash: boolean): number {
  for (let at = from; at < text.length; at++) {
    if (backslash && text[at] === '\\') at++;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return text.length;
}

/** Adjacent strings with a newline between them are one literal. */
function stringEnd(text: string, from: number, backslash: boolean): number {
  let end = quotedEnd(text, from, "'", backslash);
  for (;;) {
    const gap = /^\s*?\n\s*'/.exec(text.slice(end, end + 4096));
    if (!gap) return end;
    end = quotedEnd(text, end + gap[0].length, "'", backslash);
  }
}

function commentEnd(text: string, from: number): number {
  if (text.startsWith('--', from)) {
    const end = text.slice(from).search(/[\n\r]/);
    return end < 0 ? text.length : from + end;
  }
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith('/*', at)) {
      depth++;
      at++;
    } else if (text.startsWith('*/', at)) {
      at++;
      if (--depth === 0) return at + 1;
    }
  }
  return text.length;
}

function dollarEnd(text: string, from: number): number | undefined {
  const tag = /^\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/.exec(
    text.slice(from, from + 130),
  )?.[0];
  if (tag === undefined) return undefined;
  const close = text.indexOf(tag, from + tag.length);
  return close < 0 ? text.length : close + tag.length;
}

const NUMBER =
  /^(?:0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)/;

function nextToken(text: string, at: number): Token {
  const char = text[at] ?? '';
  const next = text[at + 1];
  if (isSpace(char)) return { kind: 'space', end: at + 1 };
  if (text.startsWith('--', at) || text.startsWith('/*', at))
    return { kind: 'space', end: commentEnd(text, at) };
  if (char === "'") return { kind: 'string', end: stringEnd(text, at + 1, false) };
  if (char === '"') return { kind: 'other', end: quotedEnd(text, at + 1, '"', false) };
  if (next === "'" && 'eE'.includes(char))
    return { kind: 'string', end: stringEnd(text, at + 2, true) };
  if (next === "'" && 'bBxX'.includes(char))
    return { kind: 'bits', end: stringEnd(text, at + 2, false) };
  if (next === "'" && 'nN'.includes(char))
    return { kind: 'string', end: stringEnd(text, at + 2, false) };
  if ('uU'.includes(char) && next === '&' && (text[at + 2] === "'" || text[at + 2] === '"')) {
    const quote = text[at + 2] as string;
    if (quote === '"') return { kind: 'other', end: quotedEnd(text, at + 3, quote, false) };
    return { kind: 'string', end: stringEnd(text, at + 3, false) };
  }
  if (char === '$' && isDigit(next)) {
    const digits = /^\$[0-9]+/.exec(text.slice(at, at + 32))?.[0] ?? '$';
    return { kind: 'param', end: at + digits.length };
  }
  if (char === '$') {
    const end = dollarEnd(text, at);
    return end === undefined ? { kind: 'other', end: at + 1 } : { kind: 'dollar', end };
  }
  if (isDigit(char) || (char === '.' && isDigit(next))) {
    const number = NUMBER.exec(text.slice(at, at + 4096))?.[0] ?? char;
    return { kind: 'number', end: at + number.length };
  }
  if (WORD_START.test(char)) {
    let end = at + 1;
    while (end < text.length && WORD.test(text[end] ?? '')) end++;
    return { kind: 'word', end };
  }
  if (OPERATOR.includes(char)) {
    let end = at + 1;
    while (
      end < text.length &&
      OPERATOR.includes(text[end] ?? '') &&
      !/^(--|\/\*)/.test(text.slice(end, end + 2))
    )
      end++;
    return { kind: 'other', end };
  }
  return { kind: 'other', end: at + 1 };
}

/** Total over any text: what does not end is a literal to the end, so nothing slips through. */
export function templateOf(text: string): Template {
  const tokens: { kind: Kind; text: string }[] = [];
  for (let at = 0; at < text.length; ) {
    const token = nextToken(text, at);
    tokens.push({ kind: token.kind, text: text.slice(at, token.end) });
    at = token.end;
  }
  let parameters = 0;
  for (const token of tokens)
    if (token.kind === 'param') parameters = Math.max(parameters, Number(token.text.slice(1)));
  const literals: Literal[] = [];
  let template = '';
  let spaced = false;
  for (const { kind, text: part } of tokens) {
    if (kind === 'space') {
      spaced = template !== '';
      continue;
    }
    if (spaced) template += ' ';
    spaced = false;
    if (kind === 'string' || kind === 'number' || kind === 'bits' || kind === 'dollar') {
      const n = parameters + literals.length + 1;
      literals.push({ n, kind, text: part });
      template += `$${n}`;
    } else {
      template += part;
    }
  }
  return { template, literals, parameters };
}
