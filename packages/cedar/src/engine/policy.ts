/** One policy as compiled: a conjunction of tests. */
import type { Policy } from '../ast.ts';
import { asTest, type Paths } from './compiler.ts';
import { type Conjunct, conjunctsOf } from './conjunct.ts';
import type { Test } from './evaluation.ts';
import { conjunction, negation, openCompiler } from './expression.ts';

/** A policy with what is left to be evaluated of it where it is found. */
export interface Candidate {
  readonly policy: CompiledPolicy;
  readonly holds: Test;
}

export class CompiledPolicy {
  readonly id: string;
  /** Its place in the set, by which answers are ordered. */
  readonly index: number;
  readonly forbids: boolean;
  readonly conjuncts: readonly Conjunct[];
  readonly #tests: readonly Test[];
  #whole: Candidate | undefined = undefined;

  /** Throws CedarError CEDAR_POLICY_SET for a template. */
  constructor(id: string, policy: Policy, index: number, paths: Paths) {
    this.id = id;
    this.index = index;
    this.forbids = policy.effect === 'forbid';
    this.conjuncts = conjunctsOf(policy);
    const compile = openCompiler(paths);
    this.#tests = this.conjuncts.map(({ expr, negated, place }) => {
      const run = asTest(compile(expr), `\`${place}\``);
      return negated ? negation(run) : run;
    });
  }

  /** All tests. Made when first needed, which for most policies of a large set is never. */
  get whole(): Candidate {
    this.#whole ??= { policy: this, holds: conjunction(this.#tests) };
    return this.#whole;
  }

  /** Without the tests that are known to hold, by their places. */
  without(known: readonly number[]): Candidate {
    if (known.length === 0) return this.whole;
    const open = this.#tests.filter((_, index) => !known.includes(index));
    return { policy: this, holds: conjunction(open) };
  }
}
