/** A policy set as compiled, and its answer to one request. */
import type { Expr, Policy } from '../ast.ts';
import type { Entities } from '../entities/entities.ts';
import type { Request, Value } from '../value.ts';
import type { Paths } from './compiler.ts';
import { CedarError } from './error.ts';
import { Evaluation } from './evaluation.ts';
import { compileExpression } from './expression.ts';
import { Collector, Seen, type Visit } from './index/collector.ts';
import { buildIndex } from './index/tree.ts';
import { CompiledPolicy } from './policy.ts';

export interface PolicyEntry {
  readonly id: string;
  readonly policy: Policy;
}

/** Immutable, and holds on to no request: swap sets by replacing the reference. */
export interface CompiledPolicies {
  readonly root: Visit;
  readonly seen: Seen;
}

export interface CompileOptions {
  /** Without it every policy is evaluated on every request; the answers are the same. */
  readonly index?: boolean;
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
export function compilePolicies(
  entries: Iterable<PolicyEntry>,
  { index = true }: CompileOptions = {},
): CompiledPolicies {
  const policies: CompiledPolicy[] = [];
  const ids = new Set<string>();
  const paths: Paths = new Map();
  for (const { id, policy } of entries) {
    if (ids.has(id)) {
      throw new CedarError('CEDAR_POLICY_SET', `the id "${id}" is used by two policies`);
    }
    ids.add(id);
    policies.push(new CompiledPolicy(id, policy, policies.length, paths));
  }
  return { root: buildIndex(policies, index), seen: new Seen(policies.length) };
}

/** Never throws. */
export function authorize(
  { root, seen }: CompiledPolicies,
  request: Request,
  entities: Entities,
): Answer {
  const collector = new Collector(new Evaluation(request, entities), seen);
  root.visit(collector);
  const { permits, forbids, errors } = collector;
  return {
    decision: forbids.length === 0 && permits.length > 0 ? 'allow' : 'deny',
    permits: inOrder(permits).map(idOf),
    forbids: inOrder(forbids).map(idOf),
    errors: inOrder(errors).map(({ id, message }) => ({ policy: id, message })),
  };
}

/** Up to here the sort below beats the platform's, which calls a comparison. */
const INSERTION_SORT_MAX = 48;

/** In the order of the set; the index finds policies in an order of its own. */
function inOrder<T extends { readonly index: number }>(found: T[]): T[] {
  if (found.length > INSERTION_SORT_MAX) return found.sort((one, other) => one.index - other.index);
  for (let at = 1; at < found.length; at++) {
    const item = found[at]!;
    let place = at;
    for (; place > 0 && found[place - 1]!.index > item.index; place--) {
      found[place] = found[place - 1]!;
    }
    found[place] = item;
  }
  return found;
}

const idOf = ({ id }: CompiledPolicy): string => id;

export type ExprResult = { readonly value: Value } | { readonly error: string };

/** Compiles an expression that stands alone, such as what a policy's annotation says. */
export function compileExpr(expr: Expr): (request: Request, entities: Entities) => ExprResult {
  const { run } = compileExpression(expr);
  return (request, entities) => {
    const evaluation = new Evaluation(request, entities);
    const value = run(evaluation);
    if (value !== undefined) return { value };
    return { error: evaluation.failure };
  };
}
