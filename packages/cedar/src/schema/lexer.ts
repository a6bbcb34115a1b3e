/**
 * Tokens of the Cedar schema syntax, which are those of the policies. Comments are kept: those on lines
 * of their own before a token may document it, those behind it on its line document what ends there.
 */
import { SyntaxFailure } from '../syntax/error.ts';
import { unescapeString } from '../syntax/escape.ts';
import { Lexer } from '../syntax/lexer.ts';
import {
  type Position,
  SCHEMA_TEXT_LENGTH_MAX,
  SCHEMA_TOKENS_MAX,
  SchemaError,
} from './schema-error.ts';

export interface Token {
  readonly kind: 'word' | 'string' | 'symbol' | 'end';
  /** Of a string, what it stands for. */
  readonly text: string;
  readonly at: Position;
  /** The line that it ends on. */
  readonly endLine: number;
  /** The `///` lines right before it. */
  readonly doc: string | undefined;
}

export interface LexedSchema {
  readonly tokens: readonly Token[];
  /** By line: the comment that follows the line's last token. */
  readonly trailing: ReadonlyMap<number, string>;
}

export function lexSchema(text: string): LexedSchema {
  if (text.length > SCHEMA_TEXT_LENGTH_MAX) {
    throw new SchemaError(`the schema is longer than ${SCHEMA_TEXT_LENGTH_MAX} characters`);
  }
  if (!text.isWellFormed()) throw new SchemaError('the schema has half a surrogate pair');
  const tokens: Token[] = [];
  const trailing = new Map<number, string>();
  const lexer = new Lexer(text);
  let line = 1;
  let lineStart = 0;
  const countLines = (from: number, to: number): void => {
    for (let at = from; at < to; at += 1) {
      if (text.charCodeAt(at) !== 0x0a) continue;
      line += 1;
      lineStart = at + 1;
    }
  };

  for (;;) {
    const { kind, start, end, behind } = lexer;
    const comments = readComments(text.slice(behind, start), tokens.length > 0);
    if (comments.trailing !== undefined) trailing.set(line, comments.trailing);
    countLines(behind, start);
    const at = { line, column: start - lineStart + 1 };
    countLines(start, end);
    tokens.push({ ...readToken(lexer, at), at, endLine: line, doc: comments.doc });
    if (kind === 'end') return { tokens, trailing };
    if (tokens.length > SCHEMA_TOKENS_MAX) {
      throw new SchemaError(`the schema has more than ${SCHEMA_TOKENS_MAX} tokens`, at);
    }
    lexer.advance();
  }
}

/** Words and symbols of the schema syntax; the rest of what policies are made of means nothing here. */
function readToken(lexer: Lexer, at: Position): Pick<Token, 'kind' | 'text'> {
  const { text, kind, start, end, written } = lexer;
  switch (kind) {
    case 'end':
      return { kind: 'end', text: '' };
    case 'identifier':
      return { kind: 'word', text: written };
    case 'string':
      return { kind: 'string', text: readString(text, start + 1, end - 1, at) };
    case 'invalid':
      if (written === '?') return { kind: 'symbol', text: '?' };
      throw new SchemaError(
        written.startsWith('"') ? 'this string has no end' : `unexpected ${show(text, start)}`,
        at,
      );
    default:
      return { kind: 'symbol', text: written };
  }
}

function readString(text: string, start: number, end: number, at: Position): string {
  try {
    return unescapeString(text, start, end);
  } catch (failure) {
    if (failure instanceof SyntaxFailure) throw new SchemaError(failure.message, at);
    throw failure;
  }
}

/** What stands between two tokens: the rest of the first one's line, then lines of their own. */
function readComments(gap: string, isBehindToken: boolean): { trailing?: string; doc?: string } {
  if (!gap.includes('//')) return {};
  const [rest = '', ...lines] = gap.split(/[\n\r]/);
  if (!isBehindToken) lines.unshift(rest);
  let doc: string[] = [];
  for (const line of lines) {
    const [, comment] = /^\s*\/\/(.*)$/.exec(line) ?? [];
    if (comment === undefined) continue;
    if (comment.startsWith('/')) doc.push(comment.slice(1).trim());
    // A plain comment between is a heading, and what stands before it belongs to something else.
    else doc = [];
  }
  const [, trailing] = /\/\/+(.*)$/.exec(isBehindToken ? rest : '') ?? [];
  return {
    ...(trailing === undefined ? {} : { trailing: trailing.trim() }),
    ...(doc.length === 0 ? {} : { doc: doc.join(' ') }),
  };
}

function show(text: string, at: number): string {
  const code = text.codePointAt(at) ?? 0;
  return code > 0x20 && code < 0x7f
    ? `\`${String.fromCodePoint(code)}\``
    : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
