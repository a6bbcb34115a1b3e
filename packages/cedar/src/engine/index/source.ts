import type { Run } from '../evaluation.ts';
import { compileExpression } from '../expression.ts';
import type { Source } from './atom.ts';

/**
 * A difference has a value only where both its operands are numbers, and so below 2^53: then no number that
 * a policy adds to one of them can make it overflow, and the difference says all that there is to know.
 */
export function compileSource({ expr, difference }: Source): Run {
  if (!difference || expr.kind !== 'binary') return compileExpression(expr).run;
  const left = compileExpression(expr.left).run;
  const right = compileExpression(expr.right).run;
  return (evaluation) => {
    const first = left(evaluation);
    const second = right(evaluation);
    if (typeof first !== 'number' || typeof second !== 'number') return undefined;
    const value = first - second;
    return Number.isSafeInteger(value) ? value : undefined;
  };
}
