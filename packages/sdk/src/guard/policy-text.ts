/** A Cedar text by its tokens: what it is named by, and whether Cedar's validator can bear it. */

interface Token {
  readonly text: string;
  readonly start: number;
}

/** Comments and space are matched and dropped; a string is one token whatever stands in it. */
const TOKEN =
  /\s+|\/\/[^\n\r]*|("(?:[^"\\]|\\[\s\S])*"|[A-Za-z_][A-Za-z0-9_]*|\d+|::|==|!=|<=|>=|&&|\|\||[^\s])/gy;

function* tokens(text: string): Generator<Token> {
  for (const match of text.matchAll(TOKEN)) {
    if (match[1] !== undefined) yield { text: match[1], start: match.index };
  }
}

/**
 * Brackets within brackets, and `if`s, of one policy. Cedar's parser and validator recurse, and past some
 * hundred levels they overwrite their own memory: the module is broken from then on, and every decision
 * after it fails. Measured: 100 levels stand, 200 do not.
 */
export const NESTING_MAX = 32;
/** Operators of one policy that may chain into one deep expression. Measured: 1,000 stand, 2,000 do not. */
export const OPERATORS_MAX = 500;
const CHAINING: ReadonlySet<string> = new Set(['&&', '||', '+', '-', '*', '.']);

/** Where a policy is too complex to be handed to Cedar; undefined where none is. */
export function tooComplex(text: string): { offset: number; message: string } | undefined {
  let nesting = 0;
  let conditionals = 0;
  let operators = 0;
  for (const token of tokens(text)) {
    if ('([{'.includes(token.text)) nesting++;
    else if (')]}'.includes(token.text)) nesting--;
    else if (token.text === 'if') conditionals++;
    else if (CHAINING.has(token.text)) operators++;
    else if (token.text === ';') nesting = conditionals = operators = 0;
    if (nesting + conditionals > NESTING_MAX) {
      return { offset: token.start, message: `nested deeper than ${NESTING_MAX} levels` };
    }
    if (operators > OPERATORS_MAX) {
      const message = `more than ${OPERATORS_MAX} operators in one policy: split it into several`;
      return { offset: token.start, message };
    }
  }
  return undefined;
}

/** The same policy however it is laid out or commented: its tokens, one space between each. */
export function normalizePolicy(text: string): string {
  return [...tokens(text)].map((token) => token.text).join(' ');
}

/** 1-based, in characters. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
}

/** Cedar counts bytes of UTF-8, JavaScript code units of UTF-16. */
export function fromByteOffset(text: string, byteOffset: number): number {
  return Buffer.from(text).subarray(0, byteOffset).toString('utf8').length;
}
