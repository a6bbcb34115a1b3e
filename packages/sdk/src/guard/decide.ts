/** The rules of decision.md, 0 to 8, over what the engine found. Pure. */
import { SEVERITIES } from './annotations.ts';
import type { Code, Decision, Evaluation, Part, PolicyError, PolicyInfo } from './decision.ts';
import type { Misunderstanding } from './understood.ts';

/** What is known of one request: why it was not understood, or what the policies say. */
export type Finding =
  | { readonly kind: 'misunderstood'; readonly why: Misunderstanding }
  | { readonly kind: 'evaluated'; readonly evaluation: Evaluation };

export interface Inputs {
  /** The bytes were malformed: no policy was asked. */
  readonly rejected: boolean;
  /** One for each request, in order; empty only where the action was rejected. */
  readonly findings: readonly Finding[];
  readonly policies: ReadonlyMap<string, PolicyInfo>;
  /** True where the action has all the grants that this policy asks for. */
  readonly granted: (policy: PolicyInfo) => boolean;
}

export type Ruling = Pick<
  Decision,
  'verdict' | 'code' | 'parts' | 'determining' | 'obligations' | 'holds'
>;

/** From worst to best: over the whole action the worst wins. */
export const CODES: readonly Code[] = [
  'rejected',
  'not-understood',
  'policy-error',
  'forbidden',
  'no-permit',
  'over-limit',
  'needs-approval',
  'allowed',
];

export function decide(inputs: Inputs): Ruling {
  if (inputs.rejected) return stopped('rejected', []);
  const judged = inputs.findings.map((finding, request) => judgePart(finding, request, inputs));
  const worst = CODES.find((code) => judged.some(({ part }) => part.code === code));
  // No request at all: nothing was understood.
  const code = worst ?? 'not-understood';
  const parts = judged.map(({ part }) => part);
  const deciding = judged.filter(({ part }) => part.code === code);
  const determining = inOrder(
    deciding.flatMap((one) => one.determining),
    inputs.policies,
  );
  if (code !== 'allowed' && code !== 'needs-approval') return stopped(code, parts, determining);
  return {
    verdict: code === 'allowed' ? 'allow' : 'hold',
    code,
    parts,
    determining,
    obligations: [],
    holds: code === 'allowed' ? [] : determining,
  };
}

function stopped(code: Code, parts: readonly Part[], determining: readonly string[] = []): Ruling {
  return { verdict: 'deny', code, parts, determining, obligations: [], holds: [] };
}

interface Judged {
  readonly part: Part;
  readonly determining: readonly string[];
}

function judgePart(finding: Finding, request: number, inputs: Inputs): Judged {
  if (finding.kind === 'misunderstood') {
    const { doubts, problem } = finding.why;
    const empty = { permits: [], forbids: [], errors: [] };
    const why = { ...(doubts.length > 0 ? { doubts } : {}), ...(problem ? { problem } : {}) };
    return { part: { request, code: 'not-understood', ...empty, ...why }, determining: [] };
  }
  const { permits, forbids, errors } = finding.evaluation;
  const { code, determining } = rule({ permits, forbids, errors }, inputs);
  return { part: { request, code, permits, forbids, errors }, determining };
}

type Evaluated = Pick<Evaluation, 'permits' | 'forbids' | 'errors'>;

function rule({ permits, forbids, errors }: Evaluated, { policies, granted }: Inputs) {
  // Rule 2. Cedar skips a forbid that errs, which would open what it was to close. A policy that the set
  // does not have cannot be known for a permit, so its error counts as well; rule 1 has it for permits.
  const failed = errors.filter(({ policy }) => policies.get(policy)?.effect !== 'permit');
  if (failed.length > 0) return ruling('policy-error', policiesOf(failed));
  // Rule 3. A condition that nobody here carries out forbids as if it stood alone.
  const flat = forbids.filter((id) => policies.get(id)?.unless !== 'approved');
  if (flat.length > 0) return ruling('forbidden', flat);
  // Rule 4.
  if (permits.length === 0) return ruling('no-permit', []);
  // Rules 5 and 7: what is left is "forbidden unless approved".
  const held = forbids.filter((id) => {
    const policy = policies.get(id);
    return policy === undefined || !granted(policy);
  });
  if (held.length > 0) return ruling('needs-approval', held);
  // Rule 8.
  return ruling('allowed', permits);
}

const ruling = (code: Code, determining: readonly string[]) => ({ code, determining });
const policiesOf = (errors: readonly PolicyError[]) => errors.map(({ policy }) => policy);

/** Each once, gravest first, then by id: the first is what a denial speaks of, whatever came first. */
function inOrder(ids: readonly string[], policies: ReadonlyMap<string, PolicyInfo>): string[] {
  const rank = (id: string): number => SEVERITIES.indexOf(policies.get(id)?.severity ?? 'critical');
  return [...new Set(ids)].sort((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1));
}
