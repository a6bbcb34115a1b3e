/** Trees of policies as text, so that two can be compared: where they stand means nothing. Pure. */
import type { Condition, Expr, Policy } from '@sealrail/cedar';

export const exprKey = (expr: Expr): string => JSON.stringify(expr, plain);

/** Of everything that decides: neither annotations nor places. */
export const policyKey = ({ effect, principal, action, resource, conditions }: Policy): string =>
  JSON.stringify([effect, principal, action, resource, conditions], plain);

export const isSubset = (some: ReadonlySet<string>, all: ReadonlySet<string>): boolean =>
  [...some].every((one) => all.has(one));

function plain(name: string, value: unknown): unknown {
  if (name === 'at') return undefined;
  return typeof value === 'bigint' ? { long: String(value) } : value;
}

/**
 * What all has to hold, one key for each part: `when { a && b }` is two of them, and so is
 * `unless { a || b }`.
 */
export function conjuncts(conditions: readonly Condition[]): ReadonlySet<string> {
  const parts = new Set<string>();
  for (const { kind, body } of conditions) {
    const operator = kind === 'when' ? '&&' : '||';
    for (const part of operands(body, operator)) parts.add(`${kind} ${exprKey(part)}`);
  }
  return parts;
}

function operands(expr: Expr, operator: '&&' | '||'): readonly Expr[] {
  if (expr.kind !== 'binary' || expr.operator !== operator) return [expr];
  return [...operands(expr.left, operator), ...operands(expr.right, operator)];
}
