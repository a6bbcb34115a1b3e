/** The rules of decision.md, 0 to 8, over what the engine found. Pure. */
import { SEVERITIES } from './annotations.ts';
import type {
  Code,
  ConditionKind,
  Decision,
  EntityUid,
  Evaluation,
  Part,
  PolicyError,
  PolicyInfo,
  Request,
} from './decision.ts';
import { type ApprovalInputs, grantsThatApprove } from './grant.ts';
import { mergeObligations } from './obligations.ts';
import type { Misunderstanding } from './understood.ts';

/** What is known of one request: why it was not understood, or what the policies say. */
export type Finding =
  | { readonly kind: 'misunderstood'; readonly why: Misunderstanding }
  | { readonly kind: 'evaluated'; readonly evaluation: Evaluation };

/** What a rate's counter says, actions in flight included. */
export interface Counted {
  /** Whose it is: `agent:bot-7`. */
  readonly key: string;
  readonly used: number;
  /** Until the asked cost fits; 0 where it does, undefined where it never will. */
  readonly waitMs: number | undefined;
}

export interface Inputs {
  /** The bytes were malformed: no policy was asked. */
  readonly rejected: boolean;
  readonly requests: readonly Pick<Request, 'action' | 'resource'>[];
  /** One for each request, in order; empty only where the action was rejected. */
  readonly findings: readonly Finding[];
  readonly policies: ReadonlyMap<string, PolicyInfo>;
  /** True where the surface of this action can carry such a condition out. */
  readonly fulfils: (kind: ConditionKind, action: string) => boolean;
  readonly rate: (policy: PolicyInfo, limit: number, windowMs: number, cost: number) => Counted;
  readonly approval: ApprovalInputs;
}

export type Ruling = Pick<
  Decision,
  | 'verdict'
  | 'code'
  | 'parts'
  | 'determining'
  | 'obligations'
  | 'holds'
  | 'reserve'
  | 'uses'
  | 'retryAfterMs'
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
  if (inputs.rejected) return denied('rejected', [], []);
  const examined = inputs.findings.map((finding, request) => examine(finding, request, inputs));
  const settled = settleConditions(examined, inputs);
  const ruled = examined.map((one) => close(one, settled));
  // No request at all: nothing was understood.
  const code = worstOf(ruled);
  const parts = ruled.map(({ part }) => part);
  const determining = inOrder(
    ruled.flatMap((one) => (one.part.code === code ? one.determining : [])),
    inputs.policies,
  );
  if (code === 'over-limit') {
    const retryAfterMs = longestWait(settled);
    return {
      ...denied(code, parts, determining),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }
  if (code === 'needs-approval')
    return { ...denied(code, parts, determining), verdict: 'hold', holds: determining };
  if (code !== 'allowed') return denied(code ?? 'not-understood', parts, determining);
  return {
    verdict: 'allow',
    code,
    parts,
    determining,
    obligations: mergeObligations([...settled.values()]),
    holds: [],
    ...takenBy(settled),
  };
}

function worstOf(ruled: readonly Ruled[]): Code | undefined {
  let worst = CODES.length;
  for (const { part } of ruled) worst = Math.min(worst, CODES.indexOf(part.code));
  return CODES[worst];
}

function denied(code: Code, parts: readonly Part[], determining: readonly string[]): Ruling {
  const nothing = { obligations: [], holds: [], reserve: [], uses: [] };
  return { verdict: 'deny', code, parts, determining, ...nothing };
}

// -------------------------------------------------------------- rules 0 to 4: each request by itself

interface Examined {
  readonly request: number;
  readonly said: Omit<Part, 'request' | 'code'>;
  /** What rules 0 to 4 say; undefined where only conditions are left. */
  readonly code: Code | undefined;
  readonly determining: readonly string[];
  readonly conditions: readonly Satisfied[];
}

/** A forbid with a condition that is satisfied for one request. */
interface Satisfied {
  readonly policy: PolicyInfo;
  readonly cost: number;
}

const NOTHING = { permits: [], forbids: [], errors: [] };

function examine(finding: Finding, request: number, inputs: Inputs): Examined {
  if (finding.kind === 'misunderstood') {
    const { doubts, problem } = finding.why;
    const why = { ...(doubts.length > 0 ? { doubts } : {}), ...(problem ? { problem } : {}) };
    return examined(request, { ...NOTHING, ...why }, 'not-understood');
  }
  const { policies } = inputs;
  const { permits, forbids, costs, errors: failures } = finding.evaluation;
  // What nearly every action is: nothing forbids it, and something permits it.
  if (forbids.length + failures.length === 0 && permits.length > 0) {
    const said = { permits, forbids, errors: failures };
    return { request, said, code: undefined, determining: [], conditions: [] };
  }
  const conditions: Satisfied[] = [];
  const flat: string[] = [];
  const errors = [...failures];
  const action = inputs.requests[request]?.action ?? '';
  for (const id of forbids) {
    const policy = policies.get(id);
    // A condition that nobody here carries out forbids as if it stood alone, and so does an unknown forbid.
    if (!policy?.condition || !inputs.fulfils(policy.condition.kind, action)) flat.push(id);
    else {
      const cost = costOf(policy, costs);
      if (typeof cost === 'string') errors.push({ policy: id, message: cost });
      else conditions.push({ policy, cost });
    }
  }
  const said = { permits, forbids, errors };
  // Rule 2. Cedar skips a forbid that errs, which would open what it was to close. A policy that the set
  // does not have cannot be known for a permit, so its error counts as well; rule 1 has it for permits.
  const failed = errors.filter(({ policy }) => policies.get(policy)?.effect !== 'permit');
  if (failed.length > 0) return examined(request, said, 'policy-error', policiesOf(failed));
  // Rule 3.
  if (flat.length > 0) return examined(request, said, 'forbidden', flat);
  // Rule 4.
  if (permits.length === 0) return examined(request, said, 'no-permit');
  return { request, said, code: undefined, determining: [], conditions };
}

function examined(
  request: number,
  said: Examined['said'],
  code: Code,
  determining: readonly string[] = [],
): Examined {
  return { request, said, code, determining, conditions: [] };
}

const policiesOf = (errors: readonly PolicyError[]) => errors.map(({ policy }) => policy);

/** A text says why there is none: what cannot be counted is not within its rate. */
function costOf({ condition, id }: PolicyInfo, costs: Evaluation['costs']): number | string {
  if (condition?.kind !== 'within-rate' || condition.cost === undefined) return 1;
  const cost = costs?.get(id) ?? 'its cost is missing';
  if (typeof cost === 'string') return cost;
  if (cost < 0) return `its cost is negative: ${cost}`;
  // Beyond any limit that can be written, and still a number that an entry can hold.
  return cost > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(cost);
}

// -------------------------------------------------------------- rules 5 to 8: conditions, once an action

/** A condition as it stands for the whole action. */
export interface Settled {
  readonly policy: PolicyInfo;
  /** Of the requests that it is satisfied for. */
  readonly resources: readonly EntityUid[];
  /** The largest of them: a join of three tables costs one. */
  readonly cost: number;
  readonly code: 'over-limit' | 'needs-approval' | 'allowed';
  readonly counted?: Counted;
  readonly uses: readonly string[];
}

type SettledConditions = ReadonlyMap<string, Settled>;
const NO_CONDITIONS: SettledConditions = new Map();

function settleConditions(examined: readonly Examined[], inputs: Inputs): SettledConditions {
  if (!examined.some(({ conditions }) => conditions.length > 0)) return NO_CONDITIONS;
  const found = new Map<string, { policy: PolicyInfo; cost: number; resources: EntityUid[] }>();
  for (const { request, conditions } of examined) {
    for (const { policy, cost } of conditions) {
      const known = found.get(policy.id) ?? { policy, cost: 0, resources: [] };
      known.cost = Math.max(known.cost, cost);
      const resource = inputs.requests[request]?.resource;
      if (resource) known.resources.push(resource);
      found.set(policy.id, known);
    }
  }
  const settled = new Map<string, Settled>();
  for (const id of [...found.keys()].sort()) {
    const one = found.get(id);
    if (one) settled.set(id, { ...one, ...settle(one.policy, one.cost, inputs) });
  }
  return settled;
}

function settle(
  policy: PolicyInfo,
  cost: number,
  inputs: Inputs,
): Pick<Settled, 'code' | 'counted' | 'uses'> {
  const { condition } = policy;
  if (condition?.kind === 'within-rate') {
    const { limit, windowMs } = condition;
    const counted = inputs.rate(policy, limit, windowMs, cost);
    const isWithin = counted.used + cost <= limit;
    return { code: isWithin ? 'allowed' : 'over-limit', counted, uses: [] };
  }
  if (condition?.kind === 'approved') {
    const uses = grantsThatApprove(policy, condition, inputs.approval);
    return uses ? { code: 'allowed', uses } : { code: 'needs-approval', uses: [] };
  }
  return { code: 'allowed', uses: [] };
}

interface Ruled {
  readonly part: Part;
  readonly determining: readonly string[];
}

/** Rules 6, 7 and 8, for the conditions of one request. */
function close({ request, said, ...rest }: Examined, settled: SettledConditions): Ruled {
  if (rest.code !== undefined) {
    return { part: { request, code: rest.code, ...said }, determining: rest.determining };
  }
  if (rest.conditions.length === 0) {
    return { part: { request, code: 'allowed', ...said }, determining: said.permits };
  }
  const ids = rest.conditions.map(({ policy }) => policy.id);
  for (const code of ['over-limit', 'needs-approval'] as const) {
    const determining = ids.filter((id) => settled.get(id)?.code === code);
    if (determining.length > 0) return { part: { request, code, ...said }, determining };
  }
  return { part: { request, code: 'allowed', ...said }, determining: said.permits };
}

/** Undefined where one of the rates can never be met. */
function longestWait(settled: SettledConditions): number | undefined {
  let longest = 0;
  for (const { code, counted } of settled.values()) {
    if (code !== 'over-limit') continue;
    if (counted?.waitMs === undefined) return undefined;
    longest = Math.max(longest, counted.waitMs);
  }
  return longest;
}

function takenBy(settled: SettledConditions): Pick<Ruling, 'reserve' | 'uses'> {
  const reserve: Ruling['reserve'][number][] = [];
  const uses: string[] = [];
  for (const { policy, cost, counted, uses: used } of settled.values()) {
    if (counted && policy.condition?.kind === 'within-rate') {
      const { windowMs } = policy.condition;
      reserve.push({ policy: policy.id, key: counted.key, cost, windowMs });
    }
    uses.push(...used);
  }
  return { reserve, uses };
}

/** Each once, gravest first, then by id: the first is what a denial speaks of, whatever came first. */
function inOrder(ids: readonly string[], policies: ReadonlyMap<string, PolicyInfo>): string[] {
  if (ids.length <= 1) return [...ids];
  const rank = (id: string): number => SEVERITIES.indexOf(policies.get(id)?.severity ?? 'critical');
  return [...new Set(ids)].sort((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1));
}
