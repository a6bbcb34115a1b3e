import { locateError, type ParseError, SyntaxFailure } from './error.ts';
import { Lexer, skipBlanks, type TokenKind } from './lexer.ts';
import { ERRORS_MAX, type ParseLimits } from './limits.ts';
import { hintFor } from './suggest.ts';

/** The tokens of one text with what was found wrong so far, and the counters that keep it bounded. */
export class TokenStream extends Lexer {
  readonly errors: ParseError[] = [];
  readonly limits: ParseLimits;
  /** Of the expression that was parsed last. */
  depth = 0;
  #nesting = 0;
  #nodes = 0;

  constructor(text: string, limits: ParseLimits) {
    super(text);
    this.limits = limits;
  }

  /** Whether no more errors are wanted. */
  get isFull(): boolean {
    return this.errors.length >= ERRORS_MAX;
  }

  /** A method and no comparison, because a compiler believes that `kind` stays what it was. */
  is(kind: TokenKind): boolean {
    return this.kind === kind;
  }

  isWord(word: string): boolean {
    return this.kind === 'identifier' && this.written === word;
  }

  /** Takes the current token if it is of that kind. */
  take(kind: TokenKind): boolean {
    if (this.kind !== kind) return false;
    this.advance();
    return true;
  }

  /** Whether a word follows the current token. */
  isWordNext(): boolean {
    return /[A-Za-z_]/.test(this.text[skipBlanks(this.text, this.end)] ?? '');
  }

  takeWord(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.advance();
    return true;
  }

  expect(kind: TokenKind, wanted = `\`${kind}\``, hint?: string): void {
    if (!this.take(kind)) throw this.unexpected(wanted, hint);
  }

  /** What to throw where the grammar allows only `wanted`. */
  unexpected(wanted: string, hint?: string): SyntaxFailure {
    if (this.kind === 'invalid' && this.text[this.start] === '"') {
      const lineEnd = this.text.indexOf('\n', this.start);
      return new SyntaxFailure(
        'this string has no closing quote',
        this.start,
        lineEnd === -1 ? this.text.length : lineEnd,
      );
    }
    return new SyntaxFailure(
      `expected ${wanted}, found ${this.describeToken()}`,
      this.start,
      this.end,
      hint ?? hintFor(this.written),
    );
  }

  describeToken(): string {
    if (this.kind === 'end') return 'the end of the text';
    if (this.kind === 'invalid') return describeCharacter(this.text.codePointAt(this.start)!);
    const { written } = this;
    if (this.kind === 'string') return written.length <= 40 ? written : 'a string';
    return `\`${written.length <= 60 ? written : `${written.slice(0, 60)}…`}\``;
  }

  /** Records what is wrong though the grammar is kept, so that parsing can go on right there. */
  report(message: string, start: number, end: number, hint?: string): void {
    if (!this.isFull) this.errors.push(locateError(this.text, message, start, end, hint));
  }

  /** Records what ended a policy. Anything else that was thrown is a bug and goes on. */
  reportFailure(failure: unknown): void {
    if (!(failure instanceof SyntaxFailure)) throw failure;
    this.report(failure.message, failure.start, failure.end, failure.hint);
  }

  /** Before what may hold an expression inside brackets: the parser's own stack is as deep as these are. */
  enter(): void {
    if (++this.#nesting > this.limits.nestingMax) {
      throw new SyntaxFailure(
        `nested deeper than ${this.limits.nestingMax} levels`,
        this.start,
        this.end,
      );
    }
  }

  leave(): void {
    this.#nesting--;
  }

  /** Counts a node whose deepest operand is `depth` deep. */
  countNode(depth: number, start: number): void {
    this.depth = depth + 1;
    if (this.depth > this.limits.treeDepthMax) {
      throw new SyntaxFailure(
        `the expression is more than ${this.limits.treeDepthMax} operators deep`,
        start,
        this.behind,
        'many alternatives are a set: `[…].contains(x)`, `x in […]`',
      );
    }
    if (++this.#nodes > this.limits.nodesMax) {
      throw new SyntaxFailure(
        `the policy has more than ${this.limits.nodesMax} operators and operands`,
        start,
        this.behind,
      );
    }
  }

  /** Before each policy: the counters are of one. */
  resetCounters(): void {
    this.#nesting = 0;
    this.#nodes = 0;
    this.depth = 0;
  }
}

function describeCharacter(code: number): string {
  const isVisible = code > 0x20 && code < 0x7f;
  if (isVisible) return `\`${String.fromCodePoint(code)}\``;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
