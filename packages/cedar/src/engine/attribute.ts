/** Members of records, attributes and tags of entities. */
import type { CallName, Expr, Variable } from '../ast.ts';
import { type CedarRecord, EntityUid, type Value } from '../value.ts';
import {
  type Compiled,
  type Compiler,
  describe,
  failing,
  failType,
  test,
  value,
} from './compiler.ts';
import type { Evaluation, Run } from './evaluation.ts';
import { memberOf, memberReader } from './record.ts';
import { isRecord } from './type.ts';

type Attribute = Extract<Expr, { readonly kind: 'attribute' }>;
type Has = Extract<Expr, { readonly kind: 'has' }>;

/** A path (`a.b.c`) becomes a list of steps, so that a long one is not deep. */
export function compileAttribute(expr: Attribute, compiler: Compiler): Compiled {
  const path: Attribute[] = [];
  let root: Expr = expr;
  while (root.kind === 'attribute') {
    path.push(root);
    root = root.object;
  }
  path.reverse();
  if (root.kind !== 'variable') return compilePath(path, root, compiler);
  const key = `${root.name} ${JSON.stringify(path.map(({ name }) => name))}`;
  let compiled = compiler.paths.get(key);
  if (compiled === undefined) {
    compiled = compilePath(path, root, compiler);
    compiler.paths.set(key, compiled);
  }
  return compiled;
}

function compilePath(path: readonly Attribute[], root: Expr, compiler: Compiler): Compiled {
  const [first, ...rest] = path.map(stepOf) as [Step, ...Step[]];
  const [second] = rest;
  if (root.kind === 'variable' && root.name === 'context' && second && rest.length === 1) {
    return value(compileFacts(first, second));
  }
  const start = root.kind === 'variable' ? compileRoot(root.name, first) : undefined;
  const steps = start === undefined ? [first, ...rest] : rest;
  const run = start ?? compiler.compile(root).run;
  if (steps.length === 0) return value(run);
  if (steps.length === 1) {
    const [step] = steps as [Step];
    return value((evaluation) => {
      const object = run(evaluation);
      return object === undefined ? undefined : take(evaluation, object, step);
    });
  }
  return value((evaluation) => {
    let object = run(evaluation);
    for (let index = 0; index < steps.length && object !== undefined; index++) {
      object = take(evaluation, object, steps[index]!);
    }
    return object;
  });
}

/** One step of a path. What it says when it fails is made ready here, so that failing costs little. */
interface Step {
  readonly read: (record: CedarRecord, name: string) => Value | undefined;
  readonly name: string;
  readonly absent: string;
  readonly object: string;
}

function stepOf(expr: Attribute): Step {
  const object = describe(expr.object);
  return {
    read: memberReader(expr.name),
    name: expr.name,
    absent: `${object} has no attribute \`${expr.name}\``,
    object,
  };
}

/** The first step behind a variable, whose kind is known. */
function compileRoot(variable: Variable, step: Step): Run {
  const { read, name } = step;
  switch (variable) {
    case 'context':
      return (evaluation) => present(evaluation, read(evaluation.context, name), step);
    case 'principal':
      return (evaluation) =>
        evaluation.principalNode === undefined
          ? failMissing(evaluation, evaluation.principal, step)
          : present(evaluation, read(evaluation.principalNode.attrs, name), step);
    case 'action':
      return (evaluation) =>
        evaluation.actionNode === undefined
          ? failMissing(evaluation, evaluation.action, step)
          : present(evaluation, read(evaluation.actionNode.attrs, name), step);
    case 'resource':
      return (evaluation) =>
        evaluation.resourceNode === undefined
          ? failMissing(evaluation, evaluation.resource, step)
          : present(evaluation, read(evaluation.resourceNode.attrs, name), step);
  }
}

/** `context.a.b`, where most facts are: as `take` twice, without its calls. */
function compileFacts(first: Step, second: Step): Run {
  const { read, name } = first;
  const { read: readInner, name: innerName } = second;
  return (evaluation) => {
    const object = read(evaluation.context, name);
    if (typeof object === 'object' && isRecord(object)) {
      const member = readInner(object, innerName);
      if (member !== undefined && typeof member !== 'number') return member;
      return present(evaluation, member, second);
    }
    const found = present(evaluation, object, first);
    return found === undefined ? undefined : take(evaluation, found, second);
  };
}

function take(evaluation: Evaluation, object: Value, step: Step): Value | undefined {
  if (object instanceof EntityUid) {
    const node = evaluation.entities.find(object);
    if (node === undefined) return failMissing(evaluation, object, step);
    return present(evaluation, step.read(node.attrs, step.name), step);
  }
  if (isRecord(object)) return present(evaluation, step.read(object, step.name), step);
  return failType(evaluation, 'record or entity', object, `\`.${step.name}\` on ${step.object}`);
}

/** Numbers that are no Longs come from callers who build values themselves; they are refused where read. */
function present(evaluation: Evaluation, member: Value | undefined, step: Step): Value | undefined {
  if (member === undefined) return evaluation.fail(step.absent);
  if (typeof member === 'number' && !Number.isSafeInteger(member)) {
    return evaluation.failUnforeseen(
      `\`${step.name}\` of ${step.object} is a number that is no 64-bit integer`,
    );
  }
  return member;
}

function failMissing(evaluation: Evaluation, uid: EntityUid, step: Step): undefined {
  return evaluation.fail(
    `${step.object} is an entity of type ${uid.type} that does not exist, so it has no attribute \`${step.name}\``,
  );
}

/** `x has a.b` is `x has a && x.a has b`: false where something is missing, an error where it is no record. */
export function compileHas(expr: Has, compiler: Compiler): Compiled {
  const { run } = compiler.compile(expr.object);
  const path = expr.path.map((name) => ({ name, read: memberReader(name) }));
  const where = `\`has\` on ${describe(expr.object)}`;
  return test((evaluation) => {
    let object = run(evaluation);
    if (object === undefined) return undefined;
    for (let index = 0; index < path.length; index++) {
      const { name, read } = path[index]!;
      let record: CedarRecord;
      if (object instanceof EntityUid) {
        const node = evaluation.entities.find(object);
        if (node === undefined) return false;
        record = node.attrs;
      } else if (isRecord(object)) {
        record = object;
      } else {
        return failType(evaluation, 'record or entity', object, where);
      }
      object = read(record, name);
      if (object === undefined) return false;
    }
    return true;
  });
}

export function compileTagCall(
  name: Extract<CallName, 'getTag' | 'hasTag'>,
  args: readonly Expr[],
  compiler: Compiler,
): Compiled {
  const [receiver, argument] = args;
  if (receiver === undefined || argument === undefined || args.length > 2) {
    return failing(`\`${name}\` takes one argument`);
  }
  const entity = compiler.compile(receiver).run;
  const tag = compiler.compile(argument).run;
  const get = name === 'getTag';
  const where = `\`${name}\` on ${describe(receiver)}`;
  const run: Run = (evaluation) => {
    const uid = entity(evaluation);
    if (uid === undefined) return undefined;
    const key = tag(evaluation);
    if (key === undefined) return undefined;
    if (!(uid instanceof EntityUid)) return failType(evaluation, 'entity', uid, where);
    if (typeof key !== 'string') return failType(evaluation, 'string', key, where);
    const node = evaluation.entities.find(uid);
    const found = node === undefined ? undefined : memberOf(node.tags, key);
    if (!get) return found !== undefined;
    if (found !== undefined) return found;
    return evaluation.fail(
      node === undefined
        ? `${where}: the entity of type ${uid.type} does not exist`
        : `${where}: the entity of type ${uid.type} has no such tag`,
    );
  };
  return get ? value(run) : { run, bool: true };
}
