/** Methods of sets, and functions and methods of extension types. */
import type { CallName, Expr, ExtensionName } from '../ast.ts';
import { extensionFunction } from '../extension/function.ts';
import type { Value } from '../value.ts';
import {
  type Compiled,
  type Compiler,
  constant,
  describe,
  failing,
  failType,
  test,
} from './compiler.ts';
import { hasAll, hasAny, hasElement, ValueSet } from './equality.ts';
import type { Evaluation, Run } from './evaluation.ts';
import { isSet, typeName } from './type.ts';

export function compileSetCall(
  name: Extract<CallName, 'contains' | 'containsAll' | 'containsAny' | 'isEmpty'>,
  args: readonly Expr[],
  compiler: Compiler,
): Compiled {
  const [receiver, argument] = args;
  const arity = name === 'isEmpty' ? 1 : 2;
  if (receiver === undefined || args.length !== arity) {
    return failing(`\`${name}\` takes ${arity === 1 ? 'no argument' : 'one argument'}`);
  }
  const set = compiler.compile(receiver);
  const where = `\`${name}\` on ${describe(receiver)}`;
  if (argument === undefined) return compileIsEmpty(set.run, where);
  const other = compiler.compile(argument);
  if (name === 'contains') return compileContains(set, other, where);
  const decide = name === 'containsAll' ? hasAll : hasAny;
  return test((evaluation) => {
    const first = set.run(evaluation);
    if (first === undefined) return undefined;
    const second = other.run(evaluation);
    if (second === undefined) return undefined;
    if (!isSet(first)) return failType(evaluation, 'set', first, where);
    if (!isSet(second)) return failType(evaluation, 'set', second, where);
    return counted(evaluation, decide(first, second, evaluation));
  });
}

function compileIsEmpty(run: Run, where: string): Compiled {
  return test((evaluation) => {
    const set = run(evaluation);
    if (set === undefined) return undefined;
    return isSet(set) ? set.length === 0 : failType(evaluation, 'set', set, where);
  });
}

function compileContains(set: Compiled, other: Compiled, where: string): Compiled {
  const element = other.run;
  if (set.constant !== undefined && isSet(set.constant)) {
    const values = new ValueSet(set.constant);
    return test((evaluation) => {
      const result = element(evaluation);
      return result === undefined ? undefined : counted(evaluation, values.has(result, evaluation));
    });
  }
  if (typeof other.constant === 'string') {
    const wanted = other.constant;
    return test((evaluation) => {
      const first = set.run(evaluation);
      if (first === undefined) return undefined;
      if (!isSet(first)) return failType(evaluation, 'set', first, where);
      evaluation.steps -= first.length;
      return counted(evaluation, first.includes(wanted));
    });
  }
  return test((evaluation) => {
    const first = set.run(evaluation);
    if (first === undefined) return undefined;
    const second = element(evaluation);
    if (second === undefined) return undefined;
    if (!isSet(first)) return failType(evaluation, 'set', first, where);
    return counted(evaluation, hasElement(first, second, evaluation));
  });
}

function counted(evaluation: Evaluation, result: boolean): boolean | undefined {
  return evaluation.steps < 0 ? evaluation.failSteps() : result;
}

/** Arguments are evaluated before their number is looked at, as in Cedar, which changes nothing but messages. */
export function compileExtensionCall(
  name: ExtensionName,
  args: readonly Expr[],
  compiler: Compiler,
): Compiled {
  const compiled = args.map(compiler.compile);
  if (compiled.every((argument) => argument.constant !== undefined)) {
    const result = callExtension(
      name,
      compiled.map((argument) => argument.constant!),
    );
    return result instanceof CallFailure ? failing(result.failure) : constant(result);
  }
  const runs = compiled.map((argument) => argument.run);
  const run: Run = (evaluation) => {
    const values: Value[] = [];
    for (const argument of runs) {
      const result = argument(evaluation);
      if (result === undefined) return undefined;
      values.push(result);
    }
    const result = callExtension(name, values);
    return result instanceof CallFailure ? evaluation.fail(result.failure) : result;
  };
  return { run, bool: false };
}

/** Why a call has no result. */
export class CallFailure {
  readonly failure: string;

  constructor(failure: string) {
    this.failure = failure;
  }
}

/** A function or method by name, as policies and JSON values call it. */
export function callExtension(name: string, args: readonly Value[]): Value | CallFailure {
  const called = extensionFunction(name);
  if (called === undefined) return new CallFailure('there is no extension function of this name');
  const { parameters, apply } = called;
  if (parameters.length !== args.length) {
    return new CallFailure(
      `\`${name}\` takes ${parameters.length} arguments with the receiver, not ${args.length}`,
    );
  }
  for (let index = 0; index < parameters.length; index++) {
    if (!isOfKind(args[index]!, parameters[index]!)) {
      return new CallFailure(
        `\`${name}\` takes a ${parameters[index]}, not a value of type ${typeName(args[index])}`,
      );
    }
  }
  const result = apply(args[0] as never, args[1] as never);
  return result ?? new CallFailure(`\`${name}\`: ${called.failure}`);
}

function isOfKind(argument: Value, parameter: string): boolean {
  return typeof argument === 'string' ? parameter === 'string' : typeName(argument) === parameter;
}
