/** Runs cases against a policy set. Deterministic: the same set and cases give the same results. */
import { parsePolicies, type ResolvedSchema } from '@sealrail/cedar';
import { actionReaches, type Decision, type PolicySet, reachOf } from '@sealrail/sdk';
import { compareDecision, type Difference, policiesOf } from './expectation.ts';
import { Stage } from './stage.ts';
import type { TestCase, TestStep } from './test-file.ts';

/** A step of a case, and how it came out. */
export interface StepResult {
  readonly test: TestCase;
  readonly step: TestStep;
  readonly decision: Decision;
  /** None where it holds. */
  readonly differences: readonly Difference[];
}

/** Of every step; of one that is repeated the first time that it differs, else the last. */
export function runCases(
  set: PolicySet,
  cases: readonly TestCase[],
  schema: ResolvedSchema,
): readonly StepResult[] {
  const reached = actionsReached(set, schema);
  return cases.flatMap((test) => {
    const stage = new Stage(set, test);
    return test.steps.map((step) => {
      const repeated = Array.from({ length: step.repeat }, () => {
        const { decision, denial } = stage.play(step);
        const { expected } = step;
        const differences = [
          ...(expected ? compareDecision(expected, decision, denial) : []),
          ...metSpared(step, decision),
          ...farFromSpared(step, reached),
          ...unknownPolicies(step, set),
        ];
        return { test, step, decision, differences };
      });
      const last = repeated.at(-1) as StepResult;
      return repeated.find(({ differences }) => differences.length > 0) ?? last;
    });
  });
}

type ActionsReached = ReadonlyMap<string, ReadonlySet<string>>;

/** By policy, the actions that its scope lets through. */
function actionsReached(set: PolicySet, schema: ResolvedSchema): ActionsReached {
  const reaches = actionReaches(schema);
  const found = set.policies.flatMap(({ id, text }) => {
    const parsed = parsePolicies(text);
    const [policy] = parsed.ok ? parsed.policies : [];
    return policy ? [[id, reachOf(policy, reaches).actions] as const] : [];
  });
  return new Map(found);
}

/** A policy that a case was to be spared by, and that was satisfied all the same, whatever the verdict. */
function metSpared({ spares }: TestStep, { parts }: Decision): Difference[] {
  const met = new Set(parts.flatMap(({ permits, forbids }) => [...permits, ...forbids]));
  return spares
    .filter((id) => met.has(id))
    .map((id) => ({ what: 'spares', expected: `${id} not met`, got: 'met' }));
}

/** That a policy about deletes spares a read says nothing about it. */
function farFromSpared({ spares, doing }: TestStep, reached: ActionsReached): Difference[] {
  const actions = [...new Set(doing.action.requests.map((request) => request.action))];
  return spares.flatMap((id) => {
    const about = reached.get(id);
    if (about === undefined || actions.some((one) => about.has(one))) return [];
    const expected = `an action that ${id} is about`;
    return [{ what: 'spares', expected, got: actions.join(', ') }];
  });
}

/** Once a policy is renamed, a case that spares it by its old name would hold for ever. */
function unknownPolicies({ spares, expected }: TestStep, set: PolicySet): Difference[] {
  return [...spares, ...(expected?.by ?? [])]
    .filter((id) => !set.byId.has(id))
    .map((id) => ({ what: 'policy', expected: id, got: 'no policy of this name' }));
}

export interface Coverage {
  /** Policies that decide no case. */
  readonly undecided: readonly string[];
  /** Forbids without a case that comes near and is spared. */
  readonly unspared: readonly string[];
}

export function coverageOf(set: PolicySet, results: readonly StepResult[]): Coverage {
  const decided = new Set(results.flatMap(({ decision }) => [...policiesOf(decision)]));
  const spared = new Set(results.flatMap(({ step }) => step.spares));
  const ids = (test: (id: string) => boolean, effect?: 'forbid'): string[] =>
    set.policies
      .filter((policy) => (effect === undefined || policy.effect === effect) && test(policy.id))
      .map(({ id }) => id);
  return {
    undecided: ids((id) => !decided.has(id)),
    unspared: ids((id) => !spared.has(id), 'forbid'),
  };
}
