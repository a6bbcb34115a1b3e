/** `in` and `is`. */
import type { Expr } from '../ast.ts';
import type { EntityNode } from '../entities/entity-node.ts';
import { equalUids } from '../entities/uid-map.ts';
import { EntityUid, type Value } from '../value.ts';
import { type Compiled, type Compiler, describe, failType, test } from './compiler.ts';
import type { Evaluation, Test } from './evaluation.ts';
import { isSet } from './type.ts';

type Binary = Extract<Expr, { readonly kind: 'binary' }>;
type Is = Extract<Expr, { readonly kind: 'is' }>;

export function compileIn(expr: Binary, compiler: Compiler): Compiled {
  return test(compileMembership(expr.left, expr.right, compiler));
}

/** `x is T in y` is `x is T && x in y`: y is not looked at where the type differs. */
export function compileIs(expr: Is, compiler: Compiler): Compiled {
  const operand = compiler.compile(expr.operand).run;
  const { type } = expr;
  const where = `\`is\` on ${describe(expr.operand)}`;
  const within =
    expr.in === undefined ? undefined : compileMembership(expr.operand, expr.in, compiler);
  return test((evaluation) => {
    const uid = operand(evaluation);
    if (uid === undefined) return undefined;
    if (!(uid instanceof EntityUid)) return failType(evaluation, 'entity', uid, where);
    if (uid.type !== type) return false;
    return within === undefined ? true : within(evaluation);
  });
}

function compileMembership(left: Expr, right: Expr, compiler: Compiler): Test {
  const operand = compiler.compile(left).run;
  const container = compiler.compile(right);
  const where = `\`in\` on ${describe(left)}`;
  const wanted = constantUids(container.constant);
  if (wanted !== undefined) {
    const [only] = wanted;
    if (left.kind === 'variable' && only !== undefined && wanted.length === 1) {
      if (left.name === 'principal') {
        return (evaluation) => isIn(evaluation.principal, evaluation.principalNode, only);
      }
      if (left.name === 'resource') {
        return (evaluation) => isIn(evaluation.resource, evaluation.resourceNode, only);
      }
    }
    return (evaluation) => {
      const uid = operand(evaluation);
      if (uid === undefined) return undefined;
      if (!(uid instanceof EntityUid)) return failType(evaluation, 'entity', uid, where);
      return isInAny(uid, nodeOf(evaluation, uid), wanted);
    };
  }
  return (evaluation) => {
    const uid = operand(evaluation);
    if (uid === undefined) return undefined;
    const inside = container.run(evaluation);
    if (inside === undefined) return undefined;
    if (!(uid instanceof EntityUid)) return failType(evaluation, 'entity', uid, where);
    return isInValue(evaluation, uid, inside, where);
  };
}

function constantUids(container: Value | undefined): readonly EntityUid[] | undefined {
  if (container === undefined) return undefined;
  if (container instanceof EntityUid) return [container];
  if (!isSet(container)) return undefined;
  const uids = container.filter((element) => element instanceof EntityUid);
  return uids.length === container.length ? uids : undefined;
}

/** Every element of a set has to be an entity, those behind a match included. */
function isInValue(
  evaluation: Evaluation,
  uid: EntityUid,
  container: Value,
  where: string,
): boolean | undefined {
  const node = nodeOf(evaluation, uid);
  if (container instanceof EntityUid) return isIn(uid, node, container);
  if (!isSet(container)) return failType(evaluation, 'entity or set of them', container, where);
  let found = false;
  for (let index = 0; index < container.length; index++) {
    const element = container[index]!;
    if (!(element instanceof EntityUid)) {
      return failType(evaluation, 'set of entities', element, where);
    }
    if (--evaluation.steps < 0) return evaluation.failSteps();
    found ||= isIn(uid, node, element);
  }
  return found;
}

export function isInAny(
  uid: EntityUid,
  node: EntityNode | undefined,
  wanted: readonly EntityUid[],
): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (isIn(uid, node, wanted[index]!)) return true;
  }
  return false;
}

/** Reflexive. An entity that does not exist is in nothing but itself. */
export function isIn(uid: EntityUid, node: EntityNode | undefined, container: EntityUid): boolean {
  if (equalUids(uid, container)) return true;
  if (node === undefined || node.parents.length === 0) return false;
  return node.ancestors.has(container);
}

/** The three of the request are looked up once. */
export function nodeOf(evaluation: Evaluation, uid: EntityUid): EntityNode | undefined {
  if (uid === evaluation.principal) return evaluation.principalNode;
  if (uid === evaluation.resource) return evaluation.resourceNode;
  if (uid === evaluation.action) return evaluation.actionNode;
  return evaluation.entities.find(uid);
}
