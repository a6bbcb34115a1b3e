/** The form of one rule, and the small questions that validators ask about what stands around a match. */
import type { DetectedKind } from './finding.ts';
import type { Shape } from './numbers.ts';

/** What a pattern found, before its validator has been asked. */
export interface Candidate {
  /** What is scanned: the text itself, or what some encoding in it decodes to. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly value: string;
  /** What the pattern needed before the value: a name and `=`, a boundary. */
  readonly lead: string;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Named {
  readonly id: string;
  readonly kind: DetectedKind;
  /** For docs/detectors.md: what it finds, and what it asks for beyond the pattern. */
  readonly about: string;
  /**
   * What makes the rule worth a try, cheap to look for: a short RE2 pattern, or a form of numbers. Every
   * text in which the rule finds something has one of both.
   */
  readonly gate?: string;
  readonly shape?: Shape;
}

/**
 * Patterns are written in the subset that RE2 and V8 read alike, without look-around, back-references or
 * unbounded repeats (tests/detect/patterns.test.ts is the linter), so that a match depends on a bounded
 * piece of text: that is what makes streaming exact and hostile input cheap.
 */
export interface PatternRule extends Named {
  /** Group 1 is what stands before the value, group 2 the value; what follows is context. */
  readonly pattern: string;
  readonly ignoreCase?: boolean;
  /** Where the value ends that a bounded repeat cannot span; at most `limit`. */
  readonly extend?: (text: string, start: number, end: number, limit: number) => number;
  /** Asked last, about the whole value. */
  readonly valid?: (candidate: Candidate) => boolean;
}

/** A rule that no pattern can say. */
export interface FindRule extends Named {
  /** In order, from bounded pieces of the text each. */
  readonly find: (text: string) => readonly Span[];
}

export type Rule = PatternRule | FindRule;

/** Longest a match may be, with what is extended; more is cut off and doubted. */
export const VALUE_LENGTH_MAX = 6_000;

/** True where a word stands shortly before the value. */
export function follows(
  { text, start }: Pick<Candidate, 'text' | 'start'>,
  words: RegExp,
  length = 64,
): boolean {
  return words.test(text.slice(Math.max(0, start - length), start));
}

/** Group 1 of patterns whose value begins behind no letter or digit; behind `%` its first two may be an escape. */
export const APART = '(^|[^0-9A-Za-z%])';
/** Behind values that end before a letter or digit; consumed, but no part of the value. */
export const ENDED = '(?:[^0-9A-Za-z]|$)';
/** The same for tokens, in whose alphabets `_` and `-` stand. */
export const TOKEN_APART = '(^|[^0-9A-Za-z_-])';
export const TOKEN_ENDED = '(?:[^0-9A-Za-z_-]|$)';

export function digitsOf(value: string): string {
  let digits = '';
  for (let at = 0; at < value.length; at++) {
    if (isDigit(value.charCodeAt(at))) digits += value[at];
  }
  return digits;
}

export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
export const isDotOrDash = (code: number): boolean => code === 0x2e || code === 0x2d;

/** False for the fraction of a number, and for a part of a dotted or dashed chain of digits. */
export function standsAlone({ text, start, end }: Span & { readonly text: string }): boolean {
  if (isDotOrDash(text.charCodeAt(start - 1)) && isDigit(text.charCodeAt(start - 2))) return false;
  return !(isDotOrDash(text.charCodeAt(end)) && isDigit(text.charCodeAt(end + 1)));
}
