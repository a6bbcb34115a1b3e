/** What a case expects, and how what came differs from it. Pure. */
import {
  CODES,
  type Code,
  type Decision,
  type Denial,
  VERDICTS,
  type Verdict,
} from '@sealrail/sdk';
import type { Path, Problem } from './facts.ts';
import type { RawAct, RawExpectation } from './shape.ts';

export interface Expectation {
  readonly verdict?: Verdict;
  readonly code?: Code;
  /** Policies that are among those that decide. */
  readonly by: readonly string[];
  readonly message?: string;
  readonly hint?: string;
  /** Exactly these, each as far as it is written. */
  readonly obligations?: readonly Readonly<Record<string, unknown>>[];
}

/** One thing that came out otherwise. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly got: string;
}

export const listOf = (names: string | readonly string[]): readonly string[] =>
  typeof names === 'string' ? [names] : names;

/** `deny by sql-unscoped-write`, or a section; a word that is no verdict and no code is a problem. */
export function expectationOf(
  raw: NonNullable<RawAct['expect']>,
  path: Path,
  problem: Problem,
): Expectation {
  const given = typeof raw === 'string' ? fromText(raw) : raw;
  const { verdict, code, by = [], ...more } = given;
  const known = [...VERDICTS, ...CODES];
  for (const word of [verdict, code])
    if (word !== undefined && !known.some((one) => one === word))
      problem(path, `${JSON.stringify(word)} is no verdict and no code`, known.join(', '));
  const said = Object.entries(more).filter(([, value]) => value !== undefined);
  return {
    ...(isVerdict(verdict) ? { verdict } : {}),
    ...(isCode(code) ? { code } : {}),
    by: listOf(by),
    ...Object.fromEntries(said),
  };
}

function fromText(text: string): RawExpectation {
  const [, word = text, names] = /^(\S+)(?:\s+by\s+(.+))?$/.exec(text.trim()) ?? [];
  const by = names === undefined ? {} : { by: names.split(/\s*,\s*/) };
  return isVerdict(word) ? { verdict: word, ...by } : { code: word, ...by };
}

const isVerdict = (word: string | undefined): word is Verdict =>
  VERDICTS.some((one) => one === word);
const isCode = (word: string | undefined): word is Code => CODES.some((one) => one === word);

export function compareDecision(
  expected: Expectation,
  decision: Decision,
  denial: Denial | undefined,
): Difference[] {
  const found: Difference[] = [];
  const compare = (what: string, wanted: string | undefined, got: string): void => {
    if (wanted !== undefined && wanted !== got) found.push({ what, expected: wanted, got });
  };
  compare('verdict', expected.verdict, decision.verdict);
  compare('code', expected.code, decision.code);
  const deciding = policiesOf(decision);
  for (const id of expected.by) if (!deciding.has(id)) found.push(byAnother(id, deciding));
  compare('message', expected.message, denial?.message ?? '');
  compare('hint', expected.hint, denial?.hint ?? '');
  const { obligations } = expected;
  if (obligations && !sameObligations(obligations, decision.obligations)) {
    const got = JSON.stringify(decision.obligations);
    found.push({ what: 'obligations', expected: JSON.stringify(obligations), got });
  }
  return found;
}

const byAnother = (id: string, deciding: ReadonlySet<string>): Difference => ({
  what: 'by',
  expected: id,
  got: deciding.size === 0 ? 'no policy' : [...deciding].join(', '),
});

/** Every policy without which the decision would be another. */
export const policiesOf = ({ determining, obligations, holds }: Decision): ReadonlySet<string> =>
  new Set([...determining, ...holds, ...obligations.map(({ policy }) => policy)]);

function sameObligations(
  expected: NonNullable<Expectation['obligations']>,
  got: Decision['obligations'],
): boolean {
  const left = [...got];
  for (const wanted of expected) {
    const at = left.findIndex((one) => isPartOf(wanted, one));
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return left.length === 0;
}

/** Every member that is written is there and the same. */
function isPartOf(part: unknown, whole: unknown): boolean {
  if (typeof part !== 'object' || part === null) return part === whole;
  if (typeof whole !== 'object' || whole === null) return false;
  if (Array.isArray(part) !== Array.isArray(whole)) return false;
  if (Array.isArray(part) && part.length !== (whole as unknown[]).length) return false;
  return Object.entries(part).every(
    ([name, value]) =>
      Object.hasOwn(whole, name) && isPartOf(value, (whole as Record<string, unknown>)[name]),
  );
}
