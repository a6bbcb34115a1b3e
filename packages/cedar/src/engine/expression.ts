/** Compiles expressions to closures, once. Semantics are those of Cedar's evaluator (cedar-policy-core 4). */
import type { Expr, Variable } from '../ast.ts';
import { isExtensionName } from '../extension/function.ts';
import type { CedarRecord, Value } from '../value.ts';
import { compileArithmetic, compileComparison, compileEquality } from './arithmetic.ts';
import { compileAttribute, compileHas, compileTagCall } from './attribute.ts';
import { compileExtensionCall, compileSetCall } from './call.ts';
import {
  asTest,
  type Compiled,
  type Compiler,
  constant,
  describe,
  failing,
  failType,
  type Paths,
  Size,
  test,
  value,
} from './compiler.ts';
import type { Run, Test } from './evaluation.ts';
import { compileIn, compileIs } from './hierarchy.ts';
import { compilePattern } from './like.ts';
import { setMember } from './record.ts';

/** Never throws: what cannot be evaluated fails when it is reached, as in Cedar. */
export function compileExpression(expr: Expr): Compiled {
  return openCompiler()(expr);
}

/**
 * For several expressions of one policy, whose size counts as one. Policies of a set share `paths`: two
 * hundred of them that read one fact run through the same closure, which then stays in the cache.
 */
export function openCompiler(paths: Paths = new Map()): (expr: Expr) => Compiled {
  const size = new Size();
  const compiler: Compiler = {
    paths,
    compile: (inner) => {
      const excess = size.enter();
      const compiled = excess === undefined ? compileKind(inner, compiler) : failing(excess);
      size.leave();
      return compiled;
    },
  };
  return compiler.compile;
}

function compileKind(expr: Expr, compiler: Compiler): Compiled {
  switch (expr.kind) {
    case 'literal':
      return constant(expr.value);
    case 'variable':
      return value(variables[expr.name]);
    case 'not':
      return compileNot(expr.operand, compiler);
    case 'negate':
      return compileArithmetic(expr, compiler);
    case 'binary':
      return compileBinary(expr, compiler);
    case 'if':
      return compileIf(expr, compiler);
    case 'attribute':
      return compileAttribute(expr, compiler);
    case 'has':
      return compileHas(expr, compiler);
    case 'like':
      return compileLike(expr, compiler);
    case 'is':
      return compileIs(expr, compiler);
    case 'set':
      return compileSet(expr.elements, compiler);
    case 'record':
      return compileRecord(expr.members, compiler);
    case 'call':
      return compileCall(expr, compiler);
  }
}

const variables: Readonly<Record<Variable, Run>> = {
  principal: (evaluation) => evaluation.principal,
  action: (evaluation) => evaluation.action,
  resource: (evaluation) => evaluation.resource,
  context: (evaluation) => evaluation.context,
};

type Kind<K extends Expr['kind']> = Extract<Expr, { readonly kind: K }>;

function compileBinary(expr: Kind<'binary'>, compiler: Compiler): Compiled {
  switch (expr.operator) {
    case '&&':
    case '||':
      return test(compileChain(expr, expr.operator, compiler));
    case '==':
    case '!=':
      return compileEquality(expr, compiler);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compileComparison(expr, compiler);
    case '+':
    case '-':
    case '*':
      return compileArithmetic(expr, compiler);
    case 'in':
      return compileIn(expr, compiler);
  }
}

/**
 * `&&` and `||` are associative, errors included, so a chain becomes one list, however it is nested: the
 * first operand that decides, or errs, is the result.
 */
function compileChain(expr: Expr, operator: '&&' | '||', compiler: Compiler): Test {
  const where = `\`${operator}\``;
  const operands = chainOf(expr, operator).map((each) => asTest(compiler.compile(each), where));
  return operator === '&&' ? conjunction(operands) : disjunction(operands);
}

/** The operands of a chain of one operator, in order, found without recursion. */
export function chainOf(expr: Expr, operator: '&&' | '||'): Expr[] {
  const operands: Expr[] = [];
  const pending: Expr[] = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === 'binary' && next.operator === operator) pending.push(next.right, next.left);
    else operands.push(next);
  }
  return operands;
}

/** Short ones without a loop, since most are short and all are hot. */
export function conjunction(operands: readonly Test[]): Test {
  const [first, second, third, fourth] = operands;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (third === undefined) {
    return (evaluation) => {
      const result = first(evaluation);
      return result === true ? second(evaluation) : result;
    };
  }
  if (fourth === undefined) {
    return (evaluation) => {
      let result = first(evaluation);
      if (result === true) result = second(evaluation);
      return result === true ? third(evaluation) : result;
    };
  }
  return (evaluation) => {
    for (let index = 0; index < operands.length; index++) {
      const result = operands[index]!(evaluation);
      if (result !== true) return result;
    }
    return true;
  };
}

function disjunction(operands: readonly Test[]): Test {
  const [first, second, third] = operands as [Test, Test, Test | undefined];
  if (third === undefined) {
    return (evaluation) => {
      const result = first(evaluation);
      return result === false ? second(evaluation) : result;
    };
  }
  return (evaluation) => {
    for (let index = 0; index < operands.length; index++) {
      const result = operands[index]!(evaluation);
      if (result !== false) return result;
    }
    return false;
  };
}

export function negation(run: Test): Test {
  return (evaluation) => {
    const result = run(evaluation);
    return result === undefined ? undefined : !result;
  };
}

function compileNot(operand: Expr, compiler: Compiler): Compiled {
  return test(negation(asTest(compiler.compile(operand), '`!`')));
}

/** `if … else if …` becomes one list, so that a long one is not deep. */
function compileIf(expr: Kind<'if'>, compiler: Compiler): Compiled {
  const tests: Test[] = [];
  const results: Compiled[] = [];
  let rest: Expr = expr;
  while (rest.kind === 'if') {
    tests.push(asTest(compiler.compile(rest.test), '`if`'));
    results.push(compiler.compile(rest.consequent));
    rest = rest.alternate;
  }
  const otherwise = compiler.compile(rest);
  const runs = results.map((result) => result.run);
  const run: Run = (evaluation) => {
    for (let index = 0; index < tests.length; index++) {
      const result = tests[index]!(evaluation);
      if (result === undefined) return undefined;
      if (result) return runs[index]!(evaluation);
    }
    return otherwise.run(evaluation);
  };
  return { run, bool: otherwise.bool && results.every((result) => result.bool) };
}

function compileLike(expr: Kind<'like'>, compiler: Compiler): Compiled {
  const { run } = compiler.compile(expr.operand);
  const matches = compilePattern(expr.pattern);
  return test((evaluation) => {
    const text = run(evaluation);
    if (typeof text === 'string') {
      evaluation.steps -= text.length >> 6;
      return evaluation.steps < 0 ? evaluation.failSteps() : matches(text);
    }
    if (text === undefined) return undefined;
    return failType(evaluation, 'string', text, `\`like\` on ${describe(expr.operand)}`);
  });
}

function compileSet(elements: readonly Expr[], compiler: Compiler): Compiled {
  const compiled = elements.map(compiler.compile);
  if (compiled.every((element) => element.constant !== undefined)) {
    return constant(compiled.map((element) => element.constant!));
  }
  const runs = compiled.map((element) => element.run);
  return value((evaluation) => {
    const set: Value[] = [];
    for (let index = 0; index < runs.length; index++) {
      const element = runs[index]!(evaluation);
      if (element === undefined) return undefined;
      set.push(element);
    }
    return set;
  });
}

function compileRecord(members: Kind<'record'>['members'], compiler: Compiler): Compiled {
  const compiled = members.map(([name, member]) => [name, compiler.compile(member)] as const);
  if (compiled.every(([, member]) => member.constant !== undefined)) {
    const record: Record<string, Value> = {};
    for (const [name, member] of compiled) setMember(record, name, member.constant!);
    return constant(record);
  }
  return value((evaluation) => {
    const record: Record<string, Value> = {};
    for (const [name, { run }] of compiled) {
      const member = run(evaluation);
      if (member === undefined) return undefined;
      setMember(record, name, member);
    }
    return record as CedarRecord;
  });
}

function compileCall(expr: Kind<'call'>, compiler: Compiler): Compiled {
  const { name } = expr;
  if (isExtensionName(name)) return compileExtensionCall(name, expr.args, compiler);
  switch (name) {
    case 'contains':
    case 'containsAll':
    case 'containsAny':
    case 'isEmpty':
      return compileSetCall(name, expr.args, compiler);
    case 'getTag':
    case 'hasTag':
      return compileTagCall(name, expr.args, compiler);
  }
}
