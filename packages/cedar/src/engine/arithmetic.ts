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

type Comparison = '<' | '<=' | '>' | '>=';

/** Of two Longs, two datetimes or two durations; decimals have methods instead. */
export function compileComparison(expr: Binary, compiler: Compiler): Compiled {
  const left = compiler.compile(expr.left).run;
  const right = compiler.compile(expr.right).run;
  return test(comparison(expr.operator as Comparison, left, right));
}

/** Numbers, which most comparisons are of, are compared in place. */
function comparison(operator: Comparison, left: Run, right: Run): Test {
  switch (operator) {
    case '<':
      return (evaluation) => {
        const first = left(evaluation);
        const second = first === undefined ? undefined : right(evaluation);
        return typeof first === 'number' && typeof second === 'number'
          ? first < second
          : compareOthers(evaluation, first, second, operator);
      };
    case '<=':
      return (evaluation) => {
        const first = left(evaluation);
        const second = first === undefined ? undefined : right(evaluation);
        return typeof first === 'number' && typeof second === 'number'
          ? first <= second
          : compareOthers(evaluation, first, second, operator);
      };
    case '>':
      return (evaluation) => {
        const first = left(evaluation);
        const second = first === undefined ? undefined : right(evaluation);
        return typeof first === 'number' && typeof second === 'number'
          ? first > second
          : compareOthers(evaluation, first, second, operator);
      };
    case '>=':
      return (evaluation) => {
        const first = left(evaluation);
        const second = first === undefined ? undefined : right(evaluation);
        return typeof first === 'number' && typeof second === 'number'
          ? first >= second
          : compareOthers(evaluation, first, second, operator);
      };
  }
}

/** Undefined operands have erred already. */
function compareOthers(
  evaluation: Evaluation,
  first: Value | undefined,
  second: Value | undefined,
  operator: Comparison,
): boolean | undefined {
  if (first === undefined || second === undefined) return undefined;
  if (isLongValue(first) && isLongValue(second)) return compareLongs(operator, first, second);
  if (first instanceof Datetime && second instanceof Datetime) {
    return compareLongs(operator, first.ms, second.ms);
  }
  if (first instanceof Duration && second instanceof Duration) {
    return compareLongs(operator, first.ms, second.ms);
  }
  return failComparison(evaluation, first, second, `\`${operator}\``);
}

function compareLongs(operator: Comparison, left: Long, right: Long): boolean {
  switch (operator) {
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
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
  const steps: Step[] = [];
  let first: Expr = expr;
  while (first.kind === 'binary') {
    const apply = operations[first.operator];
    if (apply === undefined) break;
    const { run, constant } = compiler.compile(first.right);
    steps.push({ apply, run, constant, where: `\`${first.operator}\`` });
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
    for (let index = 0; index < steps.length; index++) {
      const { apply, run, constant, where } = steps[index]!;
      const operand = constant ?? run(evaluation);
      if (operand === undefined) return undefined;
      if (!isLongValue(operand)) return failType(evaluation, 'long', operand, where);
      const result = apply(total, operand);
      if (result === undefined) return evaluation.fail(`${where} overflows 64 bits`);
      total = result;
    }
    return total;
  });
}

interface Step {
  readonly apply: typeof addLongs;
  readonly run: Run;
  readonly constant: Value | undefined;
  readonly where: string;
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
