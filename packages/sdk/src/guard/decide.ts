/** decision.md as a pure function: evaluations in, decision out. Clock, counters and grants come as inputs. */
import type {
  Action,
  CedarValue,
  Code,
  Decision,
  Entity,
  EntityUid,
  Evaluation,
  Part,
  PolicyInfo,
  Request,
} from './decision.ts';

/** Worst first: over a whole action the worst code wins. */
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

const severities = ['critical', 'high', 'medium', 'low', 'info'];

export interface DecideInputs {
  readonly action: Action;
  readonly evaluate: (request: Request) => Evaluation;
  readonly policies: ReadonlyMap<string, PolicyInfo>;
  readonly policySet: string;
  readonly entities: string;
  readonly engine: string;
}

const same = (a: EntityUid, b: EntityUid): boolean => a.type === b.type && a.id === b.id;
const keyOf = ({ type, id }: EntityUid): string => `${type}\0${id}`;

/** Types whose entities are enumerated in the schema: they exist without being loaded. */
const ENUMERATED = new Set([
  'Env',
  'Proof',
  'Doubt',
  'SqlRisk',
  'Scope',
  'Volatility',
  'Zone',
  'HttpRisk',
  'ShellRisk',
  'PathZone',
  'ToolHint',
  'KubeRisk',
]);

function* namedEntities(value: CedarValue): Generator<EntityUid> {
  if (typeof value !== 'object') return;
  if (Array.isArray(value)) {
    for (const item of value) yield* namedEntities(item as CedarValue);
  } else if ('__entity' in value) {
    yield (value as { __entity: EntityUid }).__entity;
  } else if (!('__extn' in value)) {
    for (const item of Object.values(value as Record<string, CedarValue>))
      yield* namedEntities(item);
  }
}

/** Names of every doubt in every `doubts` set of the context. */
function* doubtsIn(value: CedarValue): Generator<string> {
  if (typeof value !== 'object' || Array.isArray(value)) return;
  for (const [key, item] of Object.entries(value as Record<string, CedarValue>)) {
    if (key === 'doubts' && Array.isArray(item)) {
      for (const doubt of namedEntities(item as CedarValue)) yield doubt.id;
    } else {
      yield* doubtsIn(item);
    }
  }
}

/**
 * Rule 0. An engine rule and not a policy that can be deleted: a missing ancestor makes Cedar's `in`
 * silently false, which would turn a forbid off.
 */
export function notUnderstood(
  request: Request,
  entities: ReadonlyMap<string, Entity>,
): string | undefined {
  const pending = [request.principal, request.resource, ...namedEntities(request.context)];
  const seen = new Set<string>();
  const envs = new Set<string>();
  const fromResource = new Set([keyOf(request.resource)]);
  for (let uid = pending.pop(); uid; uid = pending.pop()) {
    const key = keyOf(uid);
    if (seen.has(key) || ENUMERATED.has(uid.type)) continue;
    seen.add(key);
    const entity = entities.get(key);
    if (!entity) return `${uid.type}::${JSON.stringify(uid.id)} is not known`;
    pending.push(...entity.parents, ...namedEntities(entity.attrs as CedarValue));
  }
  const ancestors = [request.resource];
  for (let uid = ancestors.pop(); uid; uid = ancestors.pop()) {
    if (uid.type === 'Env') envs.add(uid.id);
    for (const parent of entities.get(keyOf(uid))?.parents ?? []) {
      const key = keyOf(parent);
      if (parent.type !== 'Env' && fromResource.has(key)) continue;
      fromResource.add(key);
      ancestors.push(parent);
    }
  }
  if (envs.size !== 1) return `the resource belongs to ${envs.size} environments`;
  const [doubt] = doubtsIn(request.context as CedarValue);
  return doubt;
}

/** Rules 1 to 5 for one request. */
function judge(
  request: Request,
  index: number,
  inputs: DecideInputs,
  entities: ReadonlyMap<string, Entity>,
): Part {
  const part = (code: Code, evaluation: Omit<Evaluation, 'invalid'>): Part => ({
    request: index,
    code,
    permits: evaluation.permits,
    forbids: evaluation.forbids,
    errors: evaluation.errors,
  });
  const nothing = { permits: [], forbids: [], errors: [] };
  const reason = notUnderstood(request, entities);
  if (reason !== undefined)
    return part('not-understood', { ...nothing, errors: [{ policy: '', message: reason }] });
  const evaluation = inputs.evaluate(request);
  if (evaluation.invalid !== undefined) {
    return part('not-understood', {
      ...nothing,
      errors: [{ policy: '', message: evaluation.invalid }],
    });
  }
  const info = (id: string) => inputs.policies.get(id);
  // A policy that is not in the set cannot be told to be a permit: its error counts as a forbid's.
  if (evaluation.errors.some(({ policy }) => info(policy)?.effect !== 'permit'))
    return part('policy-error', evaluation);
  if (evaluation.forbids.some((id) => info(id)?.unless === undefined))
    return part('forbidden', evaluation);
  if (evaluation.permits.length === 0) return part('no-permit', evaluation);
  // The one condition that can be loaded is `approved`, and there is nobody yet who could have granted it.
  if (evaluation.forbids.length > 0) return part('needs-approval', evaluation);
  return part('allowed', evaluation);
}

const worst = (parts: readonly Part[]): Code =>
  CODES.find((code) => parts.some((part) => part.code === code)) ?? 'not-understood';

function bySeverity(policies: ReadonlyMap<string, PolicyInfo>): (a: string, b: string) => number {
  const rank = (id: string) => severities.indexOf(policies.get(id)?.severity ?? 'critical');
  return (a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** The ids that made the code: of the parts that have it, worst severity first. */
function determining(
  code: Code,
  parts: readonly Part[],
  policies: ReadonlyMap<string, PolicyInfo>,
): string[] {
  const ids = parts
    .filter((part) => part.code === code)
    .flatMap((part) => {
      if (code === 'allowed') return part.permits;
      if (code === 'policy-error')
        return part.errors
          .map(({ policy }) => policy)
          .filter((id) => policies.get(id)?.effect !== 'permit');
      if (code === 'forbidden')
        return part.forbids.filter((id) => policies.get(id)?.unless === undefined);
      return code === 'needs-approval' ? part.forbids : [];
    });
  return [...new Set(ids)].sort(bySeverity(policies));
}

export function decide(inputs: DecideInputs): Decision {
  const { action, policies } = inputs;
  const base = {
    obligations: [],
    policySet: inputs.policySet,
    entities: inputs.entities,
    engine: inputs.engine,
  };
  const denied = (code: Code): Decision => ({
    verdict: 'deny',
    code,
    parts: [],
    determining: [],
    holds: [],
    ...base,
  });
  if (action.rejected !== undefined) return denied('rejected');
  const [first] = action.requests;
  // One principal an action: with two, a permit of one could carry the other's request.
  if (!first || action.requests.some(({ principal }) => !same(principal, first.principal)))
    return denied('not-understood');
  const entities = new Map(action.entities.map((entity) => [keyOf(entity.uid), entity]));
  const parts = action.requests.map((request, index) => judge(request, index, inputs, entities));
  const code = worst(parts);
  const ids = determining(code, parts, policies);
  const verdict = code === 'allowed' ? 'allow' : code === 'needs-approval' ? 'hold' : 'deny';
  return { verdict, code, parts, determining: ids, holds: verdict === 'hold' ? ids : [], ...base };
}
