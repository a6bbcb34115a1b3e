/** Takes the conditions of a policy apart: what has to hold, in the order in which it is looked at. */
import type { Condition, Expr } from '../../ast.ts';

/** One part of a conjunction. Negated ones have to be false. */
export interface Conjunct {
  readonly expr: Expr;
  readonly negated: boolean;
}

/** Further ones are left to evaluation. */
const CONJUNCTS_MAX = 12;

/**
 * The first conjuncts of `when { a && b } unless { c || d }`: a, b, !c, !d. A policy holds when all do, and
 * errs when one errs and all before it hold; so one that does not hold settles the policy as far as those
 * before it cannot err.
 */
export function conjunctsOf(conditions: readonly Condition[]): Conjunct[] {
  const conjuncts: Conjunct[] = [];
  const pending: Conjunct[] = conditions
    .map(({ kind, body }) => ({ expr: body, negated: kind === 'unless' }))
    .reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { expr, negated } = next;
    if (conjuncts.length === CONJUNCTS_MAX) break;
    if (expr.kind === 'not') {
      pending.push({ expr: expr.operand, negated: !negated });
    } else if (expr.kind === 'binary' && expr.operator === (negated ? '||' : '&&')) {
      pending.push({ expr: expr.right, negated }, { expr: expr.left, negated });
    } else {
      conjuncts.push(next);
    }
  }
  return conjuncts;
}
