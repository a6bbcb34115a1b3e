/**
 * Which conjuncts cannot err. Only behind those may a policy be skipped: an error that nobody sees would
 * be a forbid that fails open.
 */
import type { Expr } from '../../ast.ts';
import type { Conjunct } from '../conjunct.ts';
import { expressionKey } from './expression-key.ts';

/** Attributes, by the keys of the expressions that read them, that are there as far as evaluation came. */
export type Present = Set<string>;

/** Whether an expression has a value, given what is present: a variable, a constant, a guarded path. */
export function isPresent(expr: Expr, present: Present): boolean {
  if (expr.kind === 'variable' || expr.kind === 'literal') return true;
  if (expr.kind !== 'attribute' || !isPresent(expr.object, present)) return false;
  const key = expressionKey(expr);
  return key !== undefined && present.has(key);
}

const DEPTH_MAX = 32;

/** Whether a conjunct gives a bool whatever the request is. */
export function isSafe(expr: Expr, present: Present, depth = 0): boolean {
  if (depth > DEPTH_MAX) return false;
  switch (expr.kind) {
    case 'literal':
      return typeof expr.value === 'boolean';
    case 'not':
      return isSafe(expr.operand, present, depth + 1);
    case 'has':
      return expr.object.kind === 'variable' && expr.path.length === 1;
    case 'is':
      return isEntity(expr.operand) && (expr.in === undefined || areUids(expr.in));
    case 'binary':
      switch (expr.operator) {
        case '&&':
        case '||':
          return isSafe(expr.left, present, depth + 1) && isSafe(expr.right, present, depth + 1);
        case '==':
        case '!=':
          return isPresent(expr.left, present) && isPresent(expr.right, present);
        case 'in':
          return isEntity(expr.left) && areUids(expr.right);
        default:
          return false;
      }
    default:
      return false;
  }
}

/** Behind `x has a` that holds, `x.a` can be read. */
export function learn({ expr, negated }: Conjunct, present: Present): void {
  if (negated || expr.kind !== 'has') return;
  let object = expr.object;
  for (const name of expr.path) {
    object = { kind: 'attribute', object, name, at: 0 };
    const key = expressionKey(object);
    if (key !== undefined) present.add(key);
  }
}

function isEntity(expr: Expr): boolean {
  return expr.kind === 'variable' && expr.name !== 'context';
}

function areUids(expr: Expr): boolean {
  if (expr.kind === 'set') return expr.elements.every(isUid);
  return isUid(expr);
}

function isUid(expr: Expr): boolean {
  return isEntity(expr) || (expr.kind === 'literal' && typeof expr.value === 'object');
}
