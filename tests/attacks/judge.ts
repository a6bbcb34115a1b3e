/** Compares what was expected of a step with what the log says and what the far side shows. Pure. */
import type { Expected, Step } from './case.ts';

/** One decision entry, as far as judging needs it. */
export interface SeenDecision {
  readonly verdict: 'allow' | 'hold' | 'deny';
  readonly code: string;
  readonly obligations?: readonly { readonly kind: string }[];
}

export interface Seen {
  readonly decisions: readonly SeenDecision[];
  /** SQLSTATE of the answer's first error. */
  readonly error?: string;
  readonly changed: boolean;
  /** True where a value that is to be masked stood anywhere in the answer. */
  readonly leaked?: boolean;
}

export type Judgement =
  | { readonly kind: 'pass' }
  | { readonly kind: 'fail'; readonly got: string }
  | { readonly kind: 'skip'; readonly reason: string };

/** Verdicts that the system does not carry out yet: reported as skipped, never as passed. */
const NOT_BUILT: Partial<Record<Expected, string>> = {
  TAINT: 'taints are not built',
  QUARANTINE: 'quarantine is not built',
};

const WORST = ['deny', 'hold', 'allow'] as const;

function worst(decisions: readonly SeenDecision[]): SeenDecision | undefined {
  for (const verdict of WORST) {
    const found = decisions.find((decision) => decision.verdict === verdict);
    if (found) return found;
  }
  return undefined;
}

function describe(seen: Seen): string {
  const decisions =
    seen.decisions.map(({ verdict, code }) => `${verdict}/${code}`).join(', ') ||
    'no decision entry';
  return `${decisions}; ${seen.error ? `error ${seen.error}` : 'no error'}; ${seen.changed ? 'CHANGED' : 'unchanged'}${seen.leaked ? '; LEAKED' : ''}`;
}

/** True where the log and the far side agree that the step ended in this verdict. */
function fulfils(expected: Expected, seen: Seen): boolean {
  const decision = worst(seen.decisions);
  if (decision === undefined) return false;
  const refused = seen.error !== undefined && !seen.changed;
  switch (expected) {
    case 'ALLOW':
      return decision.verdict === 'allow' && seen.error === undefined;
    case 'MASK':
      return (
        seen.error === undefined &&
        seen.leaked === false &&
        seen.decisions.some(({ obligations = [] }) =>
          obligations.some(({ kind }) => kind === 'mask'),
        )
      );
    case 'HOLD':
      return decision.verdict === 'hold' && refused;
    case 'DENY':
      return decision.verdict === 'deny' && refused;
    case 'REJECT':
      return (
        decision.verdict === 'deny' &&
        refused &&
        ['rejected', 'not-understood'].includes(decision.code)
      );
    default:
      return false;
  }
}

export function judge(step: Step, seen: Seen): Judgement {
  const expect = step.expect ?? [];
  if (expect.length === 0 || expect.some((verdict) => fulfils(verdict, seen)))
    return { kind: 'pass' };
  const missing = expect
    .map((verdict) => NOT_BUILT[verdict])
    .find((reason) => reason !== undefined);
  // What cannot be done yet must at least do no harm: an effect is a failure, whatever is built.
  if (missing !== undefined && !seen.changed) return { kind: 'skip', reason: missing };
  return { kind: 'fail', got: describe(seen) };
}
