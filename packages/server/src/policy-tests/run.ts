/** Runs cases against a policy set. Deterministic: the same set and cases give the same results. */
import { type Decision, describeDenial, judge, NO_INPUTS, type PolicySet } from '@sealrail/sdk';
import { compareDecision, type Difference, policiesOf } from './expectation.ts';
import type { TestCase } from './test-file.ts';

export interface CaseResult {
  readonly test: TestCase;
  readonly decision: Decision;
  /** None where the case holds. */
  readonly differences: readonly Difference[];
}

export function runCase(set: PolicySet, test: TestCase): CaseResult {
  const { action, expected } = test;
  const { decision } = judge(set, action, NO_INPUTS);
  const denial =
    decision.verdict === 'allow'
      ? undefined
      : describeDenial({ decision, action, policies: set.byId, decisionId: '' });
  const differences = [
    ...compareDecision(expected, decision, denial),
    ...metSpared(test, decision),
    ...unknownPolicies(test, set),
  ];
  return { test, decision, differences };
}

/** A policy that a case was to be spared by, and that was satisfied all the same, whatever the verdict. */
function metSpared({ spares }: TestCase, { parts }: Decision): Difference[] {
  const met = new Set(parts.flatMap(({ permits, forbids }) => [...permits, ...forbids]));
  return spares
    .filter((id) => met.has(id))
    .map((id) => ({ what: 'spares', expected: `${id} not met`, got: 'met' }));
}

/** Once a policy is renamed, a case that spares it by its old name would hold for ever. */
function unknownPolicies({ spares, expected }: TestCase, set: PolicySet): Difference[] {
  return [...spares, ...expected.by]
    .filter((id) => !set.byId.has(id))
    .map((id) => ({ what: 'policy', expected: id, got: 'no policy of this name' }));
}

export interface Coverage {
  /** Policies that decide no case. */
  readonly undecided: readonly string[];
  /** Forbids without a case that comes near and is spared. */
  readonly unspared: readonly string[];
}

export function coverageOf(set: PolicySet, results: readonly CaseResult[]): Coverage {
  const decided = new Set(results.flatMap(({ decision }) => [...policiesOf(decision)]));
  const spared = new Set(results.flatMap(({ test }) => test.spares));
  const ids = (test: (id: string) => boolean, effect?: 'forbid'): string[] =>
    set.policies
      .filter((policy) => (effect === undefined || policy.effect === effect) && test(policy.id))
      .map(({ id }) => id);
  return {
    undecided: ids((id) => !decided.has(id)),
    unspared: ids((id) => !spared.has(id), 'forbid'),
  };
}
