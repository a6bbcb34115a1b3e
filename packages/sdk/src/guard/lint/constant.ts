/** Parts of a condition whose value does not depend on the request. Pure. */
import type { Expr, Policy } from '@sealrail/cedar';
import type { ActionReaches, Reach } from './reach.ts';
import { exprKey } from './tree.ts';

export interface Constant {
  readonly at: number;
  readonly value: boolean;
}

interface Known {
  readonly reach: Reach;
  readonly actions: ActionReaches;
}

/** The largest such parts, from left to right. */
export function findConstants({ conditions }: Policy, known: Known): Constant[] {
  return conditions.flatMap(({ body }) => constantsIn(body, known));
}

function constantsIn(expr: Expr, known: Known): Constant[] {
  const value = truthOf(expr, known);
  if (value !== undefined) return [{ at: expr.at, value }];
  switch (expr.kind) {
    case 'not':
      return constantsIn(expr.operand, known);
    case 'binary':
      return expr.operator === '&&' || expr.operator === '||'
        ? [expr.left, expr.right].flatMap((operand) => constantsIn(operand, known))
        : [];
    case 'if':
      return [expr.test, expr.consequent, expr.alternate].flatMap((one) => constantsIn(one, known));
    default:
      return [];
  }
}

/** Of an expression that gives a Bool; undefined where it may be either, or fail. */
function truthOf(expr: Expr, known: Known): boolean | undefined {
  switch (expr.kind) {
    case 'literal':
      return typeof expr.value === 'boolean' ? expr.value : undefined;
    case 'not': {
      const operand = truthOf(expr.operand, known);
      return operand === undefined ? undefined : !operand;
    }
    case 'is':
      return expr.in === undefined ? isValue(expr.operand, expr.type, known.reach) : undefined;
    case 'binary':
      return binaryValue(expr, known);
    default:
      return undefined;
  }
}

function binaryValue(
  { operator, left, right }: Extract<Expr, { kind: 'binary' }>,
  known: Known,
): boolean | undefined {
  switch (operator) {
    case '&&':
    case '||': {
      // Of the right one nothing follows while the left one may fail.
      const first = truthOf(left, known);
      if (first === undefined) return undefined;
      return first === (operator === '&&') ? truthOf(right, known) : first;
    }
    case '==':
    case '!=': {
      const equal = equality(left, right, known);
      return equal === undefined ? undefined : equal === (operator === '==');
    }
    case 'in':
      return isAction(left) ? inGroups(right, known) : undefined;
    default:
      return undefined;
  }
}

function equality(left: Expr, right: Expr, { reach }: Known): boolean | undefined {
  if (isAction(left) || isAction(right)) {
    const id = entityOf(isAction(left) ? right : left)?.id;
    if (id === undefined) return undefined;
    return onlyOrNever(reach.actions, id);
  }
  if (left.kind === 'literal' && right.kind === 'literal') return exprKey(left) === exprKey(right);
  // Whatever it is, it is what it is; unless it fails, which is for the engine to say.
  return isPath(left) && exprKey(left) === exprKey(right) ? true : undefined;
}

function isValue(operand: Expr, type: string, reach: Reach): boolean | undefined {
  if (operand.kind !== 'variable') return undefined;
  if (operand.name === 'principal') return onlyOrNever(reach.principals, type);
  if (operand.name === 'resource') return onlyOrNever(reach.resources, type);
  return undefined;
}

/** True where there is only this one, false where it is not among them. */
function onlyOrNever(all: ReadonlySet<string>, one: string): boolean | undefined {
  if (!all.has(one)) return false;
  return all.size === 1 ? true : undefined;
}

function inGroups(groups: Expr, { reach, actions }: Known): boolean | undefined {
  const named = groups.kind === 'set' ? groups.elements.map(entityOf) : [entityOf(groups)];
  if (named.includes(undefined)) return undefined;
  const isIn = (action: string): boolean =>
    named.some((group) => group !== undefined && actions.get(action)?.groups.has(group.id));
  const inside = [...reach.actions].filter(isIn).length;
  if (inside === 0) return false;
  return inside === reach.actions.size ? true : undefined;
}

const isAction = (expr: Expr): boolean => expr.kind === 'variable' && expr.name === 'action';
const isPath = (expr: Expr): boolean =>
  expr.kind === 'variable' || (expr.kind === 'attribute' && isPath(expr.object));

function entityOf(expr: Expr): { readonly id: string } | undefined {
  const isEntity = expr.kind === 'literal' && typeof expr.value === 'object';
  return isEntity ? (expr.value as { readonly id: string }) : undefined;
}
