/** What is wrong with a text, where, and what would be right. */
export interface ParseError {
  /** One sentence without the place: "expected `;`, found `}`". */
  readonly message: string;
  /** What to try instead, where something better than the message is known. */
  readonly hint?: string;
  /** Both from 1; the column counts UTF-16 code units. */
  readonly line: number;
  readonly column: number;
  /** UTF-16 code units into the text: from where to behind what. */
  readonly start: number;
  readonly end: number;
}

/** Leaves the policy that it was found in; the parser goes on behind it. Never leaves this folder. */
export class SyntaxFailure extends Error {
  readonly start: number;
  readonly end: number;
  readonly hint: string | undefined;

  constructor(message: string, start: number, end: number, hint?: string) {
    super(message);
    this.start = start;
    this.end = end;
    this.hint = hint;
  }
}

/** One line for people: `3:14: expected ";", found "}" (did you mean …?)`. */
export function formatParseError({ line, column, message, hint }: ParseError): string {
  return `${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`;
}

export function locateError(
  text: string,
  message: string,
  start: number,
  end: number,
  hint?: string,
): ParseError {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < start; at = text.indexOf('\n', at + 1)) {
    line++;
    lineStart = at + 1;
  }
  const place = { line, column: start - lineStart + 1, start, end };
  const error = { message: shorten(message), ...place };
  return hint === undefined ? error : { ...error, hint: shorten(hint) };
}

/** A name of a megabyte makes no message of a megabyte. */
const MESSAGE_LENGTH_MAX = 300;

const shorten = (text: string): string =>
  text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX).toWellFormed()}…`;
