/** Takes a policy apart: what has to hold for it to apply, in the order in which it is looked at. */
import type {
  ActionScope,
  Condition,
  Expr,
  Policy,
  PrincipalScope,
  ResourceScope,
} from '../ast.ts';
import type { EntityUid } from '../value.ts';
import { CedarError } from './error.ts';

/** One part of a conjunction. Negated ones have to be false. */
export interface Conjunct {
  readonly expr: Expr;
  readonly negated: boolean;
  /** Where it stands, as errors say it. */
  readonly place: 'scope' | Condition['kind'];
}

/**
 * The scope as the expressions that it stands for, which cannot err, and then the conditions: of
 * `when { a && b } unless { c || d }` a, b, !c, !d. A policy holds when all do, and errs when one errs and
 * all before it hold. Throws CedarError CEDAR_POLICY_SET for a template, which says nothing until linked.
 */
export function conjunctsOf({ principal, action, resource, conditions }: Policy): Conjunct[] {
  const scope = [
    ...actionScope(action),
    ...entityScope('principal', principal),
    ...entityScope('resource', resource),
  ].map((expr): Conjunct => ({ expr, negated: false, place: 'scope' }));
  return [...scope, ...conditionConjuncts(conditions)];
}

function conditionConjuncts(conditions: readonly Condition[]): Conjunct[] {
  const conjuncts: Conjunct[] = [];
  const pending = conditions
    .map(({ kind, body }): Conjunct => ({ expr: body, negated: kind === 'unless', place: kind }))
    .reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { expr, negated } = next;
    if (expr.kind === 'not') {
      pending.push({ ...next, expr: expr.operand, negated: !negated });
    } else if (expr.kind === 'binary' && expr.operator === (negated ? '||' : '&&')) {
      pending.push({ ...next, expr: expr.right }, { ...next, expr: expr.left });
    } else {
      conjuncts.push(next);
    }
  }
  return conjuncts;
}

function actionScope(scope: ActionScope): Expr[] {
  if (scope.kind === 'any') return [];
  const left: Expr = { kind: 'variable', name: 'action', at: 0 };
  if (scope.kind === 'eq') return [compare(left, '==', literal(scope.entity))];
  const elements = scope.entities.map(literal);
  return [compare(left, 'in', { kind: 'set', elements, at: 0 })];
}

function entityScope(
  name: 'principal' | 'resource',
  scope: PrincipalScope | ResourceScope,
): Expr[] {
  const operand: Expr = { kind: 'variable', name, at: 0 };
  switch (scope.kind) {
    case 'any':
      return [];
    case 'is':
      return [{ kind: 'is', operand, type: scope.type, at: 0 }];
    case 'eq':
      return [compare(operand, '==', literal(scope.entity))];
    case 'in':
      return [compare(operand, 'in', literal(scope.entity))];
    case 'is-in':
      return [
        { kind: 'is', operand, type: scope.type, at: 0 },
        compare(operand, 'in', literal(scope.entity)),
      ];
  }
}

function compare(left: Expr, operator: '==' | 'in', right: Expr): Expr {
  return { kind: 'binary', operator, left, right, at: 0 };
}

function literal(entity: EntityUid | '?principal' | '?resource'): Expr {
  if (typeof entity !== 'string') return { kind: 'literal', value: entity, at: 0 };
  throw new CedarError('CEDAR_POLICY_SET', `a template has to be linked first: ${entity} is open`);
}
