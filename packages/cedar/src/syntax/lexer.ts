/**
 * Cedar text into tokens, one at a time and without copying: the current token is `kind` from `start` to
 * `end`. Blanks are Unicode's, comments run from `//` to the end of the line.
 */

export type TokenKind =
  | 'identifier'
  | 'number'
  | 'string'
  | 'slot'
  | 'end'
  /** No token starts so; a string without its closing quote is one of these. */
  | 'invalid'
  | Punctuation;

type Punctuation =
  | '@'
  | '.'
  | ','
  | ';'
  | ':'
  | '::'
  | '('
  | ')'
  | '{'
  | '}'
  | '['
  | ']'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>='
  | '>'
  | '||'
  | '&&'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '!'
  | '=';

export class Lexer {
  readonly text: string;
  kind: TokenKind = 'end';
  start = 0;
  end = 0;
  /** Where the token before the current one ended. */
  behind = 0;

  constructor(text: string) {
    this.text = text;
    this.advance();
  }

  /** The current token as written. */
  get written(): string {
    return this.text.slice(this.start, this.end);
  }

  advance(): void {
    const { text } = this;
    this.behind = this.end;
    const start = skipBlanks(text, this.end);
    this.start = start;
    if (start >= text.length) {
      this.kind = 'end';
      this.end = text.length;
      return;
    }
    const code = text.charCodeAt(start);
    if (isIdentifierStart(code)) {
      this.kind = 'identifier';
      this.end = identifierEnd(text, start);
    } else if (isDigit(code)) {
      this.kind = 'number';
      this.end = digitsEnd(text, start);
    } else if (code === 34) {
      const end = stringEnd(text, start);
      this.kind = end === -1 ? 'invalid' : 'string';
      this.end = end === -1 ? text.length : end;
    } else if (code === 63 && isIdentifierStart(text.charCodeAt(start + 1))) {
      this.kind = 'slot';
      this.end = identifierEnd(text, start + 1);
    } else {
      this.kind = punctuationAt(text, start, code);
      this.end = start + (this.kind === 'invalid' ? 1 : this.kind.length);
    }
  }
}

export function skipBlanks(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === 32 || (code >= 9 && code <= 13)) at++;
    else if (code === 47 && text.charCodeAt(at + 1) === 47) at = lineEnd(text, at + 2);
    else if (code >= 0x85 && isUnicodeBlank(code)) at++;
    else return at;
  }
}

function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return at;
    at++;
  }
  return at;
}

/** Unicode's White_Space, which is not what `\s` means in JavaScript: U+0085 is one, U+FEFF is none. */
function isUnicodeBlank(code: number): boolean {
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

const isIdentifierStart = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;

function identifierEnd(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (!isIdentifierStart(code) && !isDigit(code)) return at;
    at++;
  }
}

function digitsEnd(text: string, from: number): number {
  let at = from + 1;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

/** Behind the closing quote, or -1. A backslash takes the next character with it, except a line's end. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 34) return at + 1;
    if (code === 92) {
      if (text.charCodeAt(at + 1) === 10) return -1;
      at += 2;
    } else at++;
  }
  return -1;
}

const SINGLE: ReadonlySet<string> = new Set('@.,;(){}[]+-*/%');

function punctuationAt(text: string, at: number, code: number): Punctuation | 'invalid' {
  const next = text.charCodeAt(at + 1);
  switch (code) {
    case 58:
      return next === 58 ? '::' : ':';
    case 61:
      return next === 61 ? '==' : '=';
    case 33:
      return next === 61 ? '!=' : '!';
    case 60:
      return next === 61 ? '<=' : '<';
    case 62:
      return next === 61 ? '>=' : '>';
    case 124:
      return next === 124 ? '||' : 'invalid';
    case 38:
      return next === 38 ? '&&' : 'invalid';
    default: {
      const char = text[at]!;
      return SINGLE.has(char) ? (char as Punctuation) : 'invalid';
    }
  }
}
