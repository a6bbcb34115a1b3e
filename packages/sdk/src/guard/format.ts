/**
 * Policies in the one layout that Cedar's own formatter gives. Somebody else's program rewrites what
 * guards: so what comes out is parsed by our parser and has to say the same, comments included. Pure.
 */
import { formatPolicies } from '@cedar-policy/cedar-wasm/nodejs';
import { type ParseError, parsePolicies, printPolicies } from '@sealrail/cedar';
import { positionAt, tooComplex } from './policy-text.ts';

export type Formatted =
  | { readonly ok: true; readonly text: string }
  /** At least one. */
  | { readonly ok: false; readonly problems: readonly FormatProblem[] };

type FormatProblem = Pick<ParseError, 'line' | 'column' | 'message' | 'hint'>;

const LINE_WIDTH = 100;
const INDENT_WIDTH = 2;

/** Formatting what is formatted changes nothing. A text without a policy stays as it is. */
export function formatPolicyText(text: string): Formatted {
  const complex = tooComplex(text);
  if (complex) return wrong(text, complex.offset, complex.message);
  const before = parsePolicies(text);
  if (!before.ok) return { ok: false, problems: before.errors };
  if (before.policies.length === 0) return { ok: true, text };
  const answer = formatPolicies({
    policyText: text,
    lineWidth: LINE_WIDTH,
    indentWidth: INDENT_WIDTH,
  });
  if (answer.type === 'failure') return wrong(text, 0, 'the formatter refuses it');
  const made = answer.formatted_policy;
  const after = parsePolicies(made);
  if (!after.ok || printPolicies(after.policies) !== printPolicies(before.policies))
    return wrong(text, 0, 'the formatter would change what it says');
  if (commentsOf(made) !== commentsOf(text))
    return wrong(text, 0, 'the formatter would lose a comment');
  return { ok: true, text: made };
}

function wrong(text: string, offset: number, message: string): Formatted {
  const hint = 'lay it out by hand, or take the comment out of the middle of an expression';
  return { ok: false, problems: [{ ...positionAt(text, offset), message, hint }] };
}

/** In their order, without the space around them; what looks like one in a string is none. */
function commentsOf(text: string): string {
  const found = text.match(/"(?:[^"\\]|\\[\s\S])*"|\/\/[^\n\r]*/g) ?? [];
  const comments = found.filter((one) => one.startsWith('//'));
  return comments.map((one) => one.trimEnd()).join('\n');
}
