/** Names expressions by what they say, so that equal ones of different policies are evaluated once. */
import type { Expr } from '../../ast.ts';
import { EntityUid } from '../../value.ts';

/** Longer expressions are hardly shared. */
const KEY_LENGTH_MAX = 400;
const DEPTH_MAX = 24;

/** Equal keys mean equal expressions; undefined for one that is too large to be worth it. */
export function expressionKey(expr: Expr): string | undefined {
  const key = write(expr, 0);
  return key !== undefined && key.length <= KEY_LENGTH_MAX ? key : undefined;
}

function write(expr: Expr, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return undefined;
  switch (expr.kind) {
    case 'literal':
      return writeLiteral(expr.value);
    case 'variable':
      return expr.name;
    case 'attribute':
      return join('.', [expr.object], depth, JSON.stringify(expr.name));
    case 'has':
      return join('has', [expr.object], depth, JSON.stringify(expr.path));
    case 'like':
      return join('like', [expr.operand], depth, JSON.stringify(expr.pattern));
    case 'is':
      return join('is', expr.in ? [expr.operand, expr.in] : [expr.operand], depth, expr.type);
    case 'not':
    case 'negate':
      return join(expr.kind, [expr.operand], depth);
    case 'binary':
      return join(expr.operator, [expr.left, expr.right], depth);
    case 'if':
      return join('if', [expr.test, expr.consequent, expr.alternate], depth);
    case 'set':
      return join('set', expr.elements, depth);
    case 'record':
      return join(
        'record',
        expr.members.map(([, member]) => member),
        depth,
        JSON.stringify(expr.members.map(([name]) => name)),
      );
    case 'call':
      return join('call', expr.args, depth, expr.name);
  }
}

function writeLiteral(value: boolean | string | number | bigint | EntityUid): string {
  if (value instanceof EntityUid) return `${value.type}::${JSON.stringify(value.id)}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function join(
  name: string,
  parts: readonly Expr[],
  depth: number,
  detail = '',
): string | undefined {
  let key = `(${name} ${detail}`;
  for (const part of parts) {
    const inner = write(part, depth + 1);
    if (inner === undefined || key.length > KEY_LENGTH_MAX) return undefined;
    key += ` ${inner}`;
  }
  return `${key})`;
}
