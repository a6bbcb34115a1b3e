import type { Expr } from '../ast.ts';
import { findCall } from './names.ts';

/**
 * What stands before the operator of an expression: the left operand, the object of an attribute, the
 * receiver of a method. A chain is as deep on this side as it is long, so what costs several frames a level
 * walks it in a loop.
 */
export function firstOperand(expr: Expr): Expr | undefined {
  switch (expr.kind) {
    case 'binary':
      return expr.left;
    case 'attribute':
    case 'has':
      return expr.object;
    case 'like':
    case 'is':
      return expr.operand;
    case 'call':
      return findCall(expr.name)?.style === 'method' ? expr.args[0] : undefined;
    default:
      return undefined;
  }
}

/** The result of `start` for the innermost first operand, and of `grow` for each expression around it. */
export function foldSpine<T>(
  expr: Expr,
  start: (expr: Expr) => T,
  grow: (inner: T, around: Expr) => T,
): T {
  const around: Expr[] = [];
  let innermost = expr;
  for (let first = firstOperand(expr); first !== undefined; first = firstOperand(first)) {
    around.push(innermost);
    innermost = first;
  }
  return around.reduceRight(grow, start(innermost));
}

/** Levels of the tree, counted without recursion: the tree may come from anywhere. */
export function depthOf(expr: Expr): number {
  let level: readonly Expr[] = [expr];
  let depth = 0;
  for (; level.length > 0; depth++) level = level.flatMap(operandsOf);
  return depth;
}

/** The expressions right below one, in the order in which they are written. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'variable':
      return [];
    case 'not':
    case 'negate':
    case 'like':
      return [expr.operand];
    case 'is':
      return expr.in === undefined ? [expr.operand] : [expr.operand, expr.in];
    case 'binary':
      return [expr.left, expr.right];
    case 'if':
      return [expr.test, expr.consequent, expr.alternate];
    case 'attribute':
    case 'has':
      return [expr.object];
    case 'set':
      return expr.elements;
    case 'record':
      return expr.members.map(([, value]) => value);
    case 'call':
      return expr.args;
  }
}
