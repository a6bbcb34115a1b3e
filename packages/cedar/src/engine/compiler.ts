/** Shared by the parts of the compiler: what an expression becomes, and how a policy's errors name it. */
import type { Expr } from '../ast.ts';
import type { Value } from '../value.ts';
import type { Evaluation, Run, Test } from './evaluation.ts';
import { EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX } from './limits.ts';
import { typeName } from './type.ts';

export interface Compiled {
  readonly run: Run;
  /** Whether `run` gives a bool or an error whatever the request is. */
  readonly bool: boolean;
  /** Where it is the same for every request. */
  readonly constant?: Value;
}

/** Compiles one part of a policy; `compile` is handed down so that the parts need not import each other. */
export interface Compiler {
  readonly compile: (expr: Expr) => Compiled;
  readonly paths: Paths;
}

/** Paths from a variable that are compiled already, by their names. */
export type Paths = Map<string, Compiled>;

export const test = (run: Test): Compiled => ({ run, bool: true });
export const value = (run: Run): Compiled => ({ run, bool: false });

export function constant(result: Value): Compiled {
  return { run: () => result, bool: typeof result === 'boolean', constant: result };
}

/** For what fails whatever the request is: wrong arguments, and what is too large. */
export function failing(message: string): Compiled {
  return { run: (evaluation) => evaluation.failUnforeseen(message), bool: true };
}

/** As an operand that has to be a bool: anything else is an error. */
export function asTest(compiled: Compiled, where: string): Test {
  if (compiled.bool) return compiled.run as Test;
  const { run } = compiled;
  return (evaluation) => {
    const result = run(evaluation);
    if (result === true || result === false || result === undefined) return result;
    return failType(evaluation, 'bool', result, where);
  };
}

export function failType(
  evaluation: Evaluation,
  expected: string,
  actual: Value,
  where: string,
): undefined {
  const article = /^[aeiou]/.test(expected) ? 'an' : 'a';
  return evaluation.fail(
    `${where} takes ${article} ${expected}, not a value of type ${typeName(actual)}`,
  );
}

/** Counts what one policy is made of. */
export class Size {
  #nodes = 0;
  #depth = 0;

  /** Why the next node is too much, if it is. */
  enter(): string | undefined {
    this.#depth++;
    if (++this.#nodes > EXPRESSION_NODES_MAX) {
      return `the policy has more than ${EXPRESSION_NODES_MAX} operators and operands`;
    }
    if (this.#depth > EXPRESSION_DEPTH_MAX) {
      return `the policy nests operators more than ${EXPRESSION_DEPTH_MAX} deep`;
    }
    return undefined;
  }

  leave(): void {
    this.#depth--;
  }
}

const DESCRIPTION_MAX = 80;

/** A path as written (`context.sql.scope`); other expressions by their kind, since literals are never shown. */
export function describe(expr: Expr): string {
  const names: string[] = [];
  let root = expr;
  while (root.kind === 'attribute' && names.length < 16) {
    names.unshift(root.name);
    root = root.object;
  }
  const start = root.kind === 'variable' ? root.name : names.length === 0 ? `${root.kind}` : '…';
  const path = [start, ...names].join('.');
  return path.length > DESCRIPTION_MAX ? `${path.slice(0, DESCRIPTION_MAX)}…` : path;
}
