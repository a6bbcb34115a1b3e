/** Numbers, order and equality. */
import type { BinaryOperator, Expr } from '../ast.ts';
import { equalUids } from '../entities/uid-map.ts';
import { Datetime } from '../extension/datetime.ts';
import { Duration } from '../extension/duration.ts';
import { addLongs, multiplyLongs, negateLong, subtractLongs } from '../extension/i64.ts';
import { EntityUid, type Long, type Value } from '../value.ts';
import { type Compiled, type Compiler, constant, failType, test, value } from './compiler.ts';
import { equalValues } from './equality.ts';
import type { Evaluation, Run, Test } from './evaluation.ts';
import { isLongValue } from './type.ts';

type Binary = Extract<Expr, { readonly kind: 'binary' }>;
type Negate = Extract<Expr, { readonly kind: 'not' | 'negate' }>;

export function compileEquality(expr: Binary, compiler: Compiler): Compiled {
  const left = compiler.compile(expr.left);
  const right = compiler.compile(expr.right);
  const wanted = expr.operator === '==';
  const known = left.constant ?? right.constant;
  const { run } = left.constant === undefined ? left : right;
  if (typeof known === 'string') {
    return test((evaluation) => {
      const result = run(evaluation);
      return result === undefined ? undefined : (result === known) === wanted;
    });
  }
  if (known instanceof EntityUid) {
    return test((evaluation) => {
      const result = run(evaluation);
      if (result === undefined) return undefined;
      return (result instanceof EntityUid && equalUids(result, known)) === wanted;
    });
  }
  return test((evaluation) => {
    const first = left.run(evaluation);
    if (first === undefined) return undefined;
    const second = right.run(evaluation);
    if (second === undefined) return undefined;
    const equal = equalValues(first, second, evaluation);
    return evaluation.steps < 0 ? evaluation.failSteps() : equal === wanted;
  });
}

const comparisons = {
  '<': (left: Long, right: Long) => left < right,
  '<=': (left: Long, right: Long) => left <= right,
  '>': (left: Long, right: Long) => left > right,
  '>=': (left: Long, right: Long) => left >= right,
} as const;

/** Of two Longs, two datetimes or two durations; decimals have methods instead. */
export function compileComparison(expr: Binary, compiler: Compiler): Compiled {
  const left = compiler.compile(expr.left);
  const right = compiler.compile(expr.right);
  const operator = expr.operator as keyof typeof comparisons;
  const compare = comparisons[operator];
  const where = `\`${operator}\``;
  const general: Test = (evaluation) => {
    const first = left.run(evaluation);
    if (first === undefined) return undefined;
    const second = right.run(evaluation);
    if (second === undefined) return undefined;
    if (isLongValue(first) && isLongValue(second)) return compare(first, second);
    if (first instanceof Datetime && second instanceof Datetime) {
      return compare(first.ms, second.ms);
    }
    if (first instanceof Duration && second instanceof Duration) {
      return compare(first.ms, second.ms);
    }
    return failComparison(evaluation, first, second, where);
  };
  if (typeof right.constant === 'number') {
    return test(compareToNumber(operator, left.run, right.constant, general));
  }
  return test(general);
}

/** What most comparisons are. Anything but a number is left to the general form. */
function compareToNumber(
  operator: keyof typeof comparisons,
  left: Run,
  bound: number,
  general: Test,
): Test {
  switch (operator) {
    case '<':
      return (evaluation) => {
        const result = left(evaluation);
        return typeof result === 'number' ? result < bound : general(evaluation);
      };
    case '<=':
      return (evaluation) => {
        const result = left(evaluation);
        return typeof result === 'number' ? result <= bound : general(evaluation);
      };
    case '>':
      return (evaluation) => {
        const result = left(evaluation);
        return typeof result === 'number' ? result > bound : general(evaluation);
      };
    case '>=':
      return (evaluation) => {
        const result = left(evaluation);
        return typeof result === 'number' ? result >= bound : general(evaluation);
      };
  }
}

function failComparison(
  evaluation: Evaluation,
  first: Value,
  second: Value,
  where: string,
): undefined {
  const ordered = isLongValue(first) || first instanceof Datetime || first instanceof Duration;
  const expected = !ordered
    ? 'long, datetime or duration'
    : isLongValue(first)
      ? 'long'
      : first.kind;
  return failType(evaluation, expected, ordered ? second : first, where);
}

const operations: Partial<Record<BinaryOperator, typeof addLongs>> = {
  '+': addLongs,
  '-': subtractLongs,
  '*': multiplyLongs,
};

/** A chain that is nested to the left, as written without parentheses, becomes a list and is not deep. */
export function compileArithmetic(expr: Binary | Negate, compiler: Compiler): Compiled {
  if (expr.kind !== 'binary') return compileNegate(expr, compiler);
  const steps: { readonly apply: typeof addLongs; readonly run: Run; readonly where: string }[] =
    [];
  let first: Expr = expr;
  while (first.kind === 'binary') {
    const apply = operations[first.operator];
    if (apply === undefined) break;
    const { run } = compiler.compile(first.right);
    steps.push({ apply, run, where: `\`${first.operator}\`` });
    first = first.left;
  }
  steps.reverse();
  const start = compiler.compile(first).run;
  const startsWith = steps[0]!.where;
  return value((evaluation) => {
    const begun = start(evaluation);
    if (begun === undefined) return undefined;
    if (!isLongValue(begun)) return failType(evaluation, 'long', begun, startsWith);
    let total: Long = begun;
    for (const { apply, run, where } of steps) {
      const operand = run(evaluation);
      if (operand === undefined) return undefined;
      if (!isLongValue(operand)) return failType(evaluation, 'long', operand, where);
      const result = apply(total, operand);
      if (result === undefined) return evaluation.fail(`${where} overflows 64 bits`);
      total = result;
    }
    return total;
  });
}

function compileNegate(expr: Negate, compiler: Compiler): Compiled {
  const operand = compiler.compile(expr.operand);
  if (operand.constant !== undefined && isLongValue(operand.constant)) {
    const negated = negateLong(operand.constant);
    if (negated !== undefined) return constant(negated);
  }
  return value((evaluation) => {
    const result = operand.run(evaluation);
    if (result === undefined) return undefined;
    if (!isLongValue(result)) return failType(evaluation, 'long', result, '`-`');
    return negateLong(result) ?? evaluation.fail('`-` overflows 64 bits');
  });
}
