/** One policy as compiled: a conjunction of tests. */
import type { Policy } from '../ast.ts';
import { asTest, type Paths } from './compiler.ts';
import { type Conjunct, conjunctsOf } from './conjunct.ts';
import type { Test } from './evaluation.ts';
import { conjunction, negation, openCompiler } from './expression.ts';

export interface CompiledPolicy {
  readonly id: string;
  /** Its place in the set, by which answers are ordered. */
  readonly index: number;
  readonly forbids: boolean;
  readonly conjuncts: readonly Conjunct[];
  /** One for each conjunct. */
  readonly tests: readonly Test[];
}

/** A policy with what is left to be evaluated of it where it is found. */
export interface Candidate {
  readonly policy: CompiledPolicy;
  readonly holds: Test;
}

/** Throws CedarError CEDAR_POLICY_SET for a template. */
export function compilePolicy(
  id: string,
  policy: Policy,
  index: number,
  paths: Paths,
): CompiledPolicy {
  const conjuncts = conjunctsOf(policy);
  const compile = openCompiler(paths);
  const tests = conjuncts.map(({ expr, negated, place }) => {
    const run = asTest(compile(expr), `\`${place}\``);
    return negated ? negation(run) : run;
  });
  return { id, index, forbids: policy.effect === 'forbid', conjuncts, tests };
}

/** Without the tests that are known to hold, by their places. */
export function candidateOf(policy: CompiledPolicy, known: readonly number[] = []): Candidate {
  const open = policy.tests.filter((_, index) => !known.includes(index));
  return { policy, holds: conjunction(open) };
}
