/** A policy set as compiled, and its answer to one request. */
import type { Expr, Policy } from '../ast.ts';
import type { Entities } from '../entities/entities.ts';
import type { Request, Value } from '../value.ts';
import { CedarError } from './error.ts';
import { Evaluation, OUT_OF_STEPS } from './evaluation.ts';
import { compileExpression } from './expression.ts';
import { type CompiledPolicy, compilePolicy } from './policy.ts';

export interface PolicyEntry {
  readonly id: string;
  readonly policy: Policy;
}

/** Opaque, immutable, and free of any request: swap sets by replacing the reference. */
export interface CompiledPolicies {
  readonly policies: readonly CompiledPolicy[];
}

export interface Answer {
  readonly decision: 'allow' | 'deny';
  /** All satisfied ones, ids in the order of the set; where Cedar gives reasons, it gives `forbids` if there are any. */
  readonly permits: readonly string[];
  readonly forbids: readonly string[];
  /** Policies that could not be evaluated and so count as not satisfied. */
  readonly errors: readonly PolicyError[];
}

export interface PolicyError {
  readonly policy: string;
  /** Names attributes and types, and no value of the request. */
  readonly message: string;
}

/** Throws CedarError CEDAR_POLICY_SET where an id is used twice or a template is not linked. */
export function compilePolicies(entries: Iterable<PolicyEntry>): CompiledPolicies {
  const policies: CompiledPolicy[] = [];
  const ids = new Set<string>();
  for (const { id, policy } of entries) {
    if (ids.has(id)) {
      throw new CedarError('CEDAR_POLICY_SET', `the id "${id}" is used by two policies`);
    }
    ids.add(id);
    policies.push(compilePolicy(id, policy, policies.length));
  }
  return { policies };
}

/** Never throws. */
export function authorize(
  compiled: CompiledPolicies,
  request: Request,
  entities: Entities,
): Answer {
  const evaluation = new Evaluation(request, entities);
  const permits: string[] = [];
  const forbids: string[] = [];
  const errors: PolicyError[] = [];
  for (const policy of compiled.policies) {
    if (!policy.applies(evaluation)) continue;
    evaluation.refill();
    const holds = policy.holds(evaluation);
    if (holds === true) (policy.forbids ? forbids : permits).push(policy.id);
    else if (holds === undefined) errors.push({ policy: policy.id, message: evaluation.failure });
  }
  const decision = forbids.length === 0 && permits.length > 0 ? 'allow' : 'deny';
  return { decision, permits, forbids, errors };
}

export type ExprResult = { readonly value: Value } | { readonly error: string };

/** Compiles an expression that stands alone, such as what a policy's annotation says. */
export function compileExpr(expr: Expr): (request: Request, entities: Entities) => ExprResult {
  const { run } = compileExpression(expr);
  return (request, entities) => {
    const evaluation = new Evaluation(request, entities);
    const value = run(evaluation);
    if (value !== undefined) return { value };
    return { error: evaluation.failure || OUT_OF_STEPS };
  };
}
