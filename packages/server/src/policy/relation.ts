/**
 * What the scope and the conditions of a policy cover, beside those of another: as far as inspection can tell
 * for certain. Whatever it cannot tell is `other`. Pure.
 */
import type { EntityUid, Expr, Policy } from '@sealrail/cedar';

/** Of what the second covers, to the first: all of it and perhaps more, part of it, or who knows. */
export type Relation = 'same' | 'wider' | 'narrower' | 'other';

/** Actions that something can be asked with, each with every group that it is in, itself included. */
export type ActionGroups = ReadonlyMap<string, ReadonlySet<string>>;

export function compareCoverage(before: Policy, after: Policy, actions: ActionGroups): Relation {
  return all([
    compareScope(before.principal, after.principal),
    compareSubset(actionsOf(before, actions), actionsOf(after, actions)),
    compareScope(before.resource, after.resource),
    compareConjuncts(conjunctsOf(before), conjunctsOf(after), before.effect),
  ]);
}

function all(relations: readonly Relation[]): Relation {
  const changed = new Set(relations.filter((one) => one !== 'same'));
  const [only] = changed;
  return only === undefined ? 'same' : changed.size === 1 ? only : 'other';
}

type Scope = Policy['principal'] | Policy['resource'];

function compareScope(before: Scope, after: Scope): Relation {
  if (scopeKey(before) === scopeKey(after)) return 'same';
  if (covers(before, after)) return 'narrower';
  return covers(after, before) ? 'wider' : 'other';
}

/** True where every entity of `inner` is certainly one of `outer`. */
function covers(outer: Scope, inner: Scope): boolean {
  if (outer.kind === 'any') return true;
  if (inner.kind === 'any') return false;
  const [outerType, innerType] = [typeOf(outer), typeOf(inner)];
  if (outerType !== undefined && outerType !== innerType) return false;
  if (outer.kind === 'is') return true;
  if (outer.kind === 'eq') return inner.kind === 'eq' && uidKey(outer) === uidKey(inner);
  // `in` holds for the entity itself and whatever is below it.
  return inner.kind !== 'is' && uidKey(outer) === uidKey(inner);
}

function typeOf(scope: Scope): string | undefined {
  if (scope.kind === 'is' || scope.kind === 'is-in') return scope.type;
  return scope.kind === 'eq' && typeof scope.entity === 'object' ? scope.entity.type : undefined;
}

const uidKey = (scope: Scope): string => ('entity' in scope ? shapeOf(scope.entity) : '');
const scopeKey = (scope: Scope): string => shapeOf(scope);

function actionsOf({ action }: Policy, actions: ActionGroups): ReadonlySet<string> {
  const named = (entities: readonly EntityUid[]) => entities.map(({ id }) => id);
  return new Set(
    [...actions].flatMap(([name, groups]) => {
      if (action.kind === 'any') return [name];
      if (action.kind === 'eq') return action.entity.id === name ? [name] : [];
      return named(action.entities).some((group) => groups.has(group)) ? [name] : [];
    }),
  );
}

function compareSubset(before: ReadonlySet<string>, after: ReadonlySet<string>): Relation {
  const lost = [...before].some((one) => !after.has(one));
  const won = [...after].some((one) => !before.has(one));
  if (lost && won) return 'other';
  return lost ? 'narrower' : won ? 'wider' : 'same';
}

/** What has to hold, in the order in which it is asked: `unless { a || b }` asks for `!a`, then for `!b`. */
export function conjunctsOf({ conditions }: Policy): readonly Expr[] {
  return conditions.flatMap(({ kind, body }) =>
    kind === 'when' ? flatten(body, '&&') : flatten(body, '||').map(negate),
  );
}

function flatten(expr: Expr, operator: '&&' | '||'): readonly Expr[] {
  if (expr.kind !== 'binary' || expr.operator !== operator) return [expr];
  return [...flatten(expr.left, operator), ...flatten(expr.right, operator)];
}

const negate = (expr: Expr): Expr =>
  expr.kind === 'not' ? expr.operand : { kind: 'not', operand: expr, at: expr.at };

function compareConjuncts(
  before: readonly Expr[],
  after: readonly Expr[],
  effect: Policy['effect'],
): Relation {
  const [from, to] = [before.map(shapeOf), after.map(shapeOf)];
  if (from.join('\n') === to.join('\n')) return 'same';
  // In the same order, or what is asked first could err where it was not asked before.
  if (isWithin(from, to)) return 'narrower';
  if (isWithin(to, from)) {
    // A forbid that erred stopped everything; without the part that erred it may stop nothing.
    const kept = new Set(to);
    return before.some((one, at) => !kept.has(from[at] ?? '') && mayErr(one)) ? 'other' : 'wider';
  }
  if (from.length !== to.length) return 'other';
  return all(before.map((one, at) => compareConjunct(one, after[at] ?? one, effect)));
}

/** True where `part` is `whole` with some left out. */
function isWithin(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const one of whole) if (one === part[at]) at++;
  return at === part.length;
}

function compareConjunct(before: Expr, after: Expr, effect: Policy['effect']): Relation {
  if (shapeOf(before) === shapeOf(after)) return 'same';
  const [from, to] = [flatten(before, '||').map(shapeOf), flatten(after, '||').map(shapeOf)];
  if (from.length !== to.length) {
    if (isPrefix(from, to)) return 'wider';
    if (isPrefix(to, from)) return 'narrower';
    // An alternative that is asked earlier may err first: a forbid stops even then, a permit does not.
    if (effect === 'forbid' && isWithin(from, to)) return 'wider';
    return 'other';
  }
  return compareBound(before, after);
}

const isPrefix = (part: readonly string[], whole: readonly string[]): boolean =>
  part.every((one, at) => one === whole[at]);

/** `x >= 5` beside `x >= 10`: the same question with another number. */
function compareBound(before: Expr, after: Expr): Relation {
  if (before.kind !== 'binary' || after.kind !== 'binary') return 'other';
  const sameQuestion =
    before.operator === after.operator && shapeOf(before.left) === shapeOf(after.left);
  const [from, to] = [longOf(before.right), longOf(after.right)];
  if (!sameQuestion || from === undefined || to === undefined || from === to) return 'other';
  switch (before.operator) {
    case '>':
    case '>=':
      return to > from ? 'narrower' : 'wider';
    case '<':
    case '<=':
      return to < from ? 'narrower' : 'wider';
    default:
      return 'other';
  }
}

function longOf(expr: Expr): number | bigint | undefined {
  const value = expr.kind === 'literal' ? expr.value : undefined;
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}

const OVERFLOWING: ReadonlySet<string> = new Set(['offset', 'durationSince', 'toDate', 'toTime']);

/** What a policy that validates can still fail at: integers and times that leave their range. */
export function mayErr(expr: Expr): boolean {
  if (expr.kind === 'negate') return true;
  if (expr.kind === 'binary' && ['+', '-', '*'].includes(expr.operator)) return true;
  if (expr.kind === 'call' && OVERFLOWING.has(expr.name)) return true;
  return operandsOf(expr).some(mayErr);
}

/** The expressions right below one. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'variable':
      return [];
    case 'not':
    case 'negate':
    case 'like':
      return [expr.operand];
    case 'binary':
      return [expr.left, expr.right];
    case 'is':
      return expr.in === undefined ? [expr.operand] : [expr.operand, expr.in];
    case 'if':
      return [expr.test, expr.consequent, expr.alternate];
    case 'attribute':
    case 'has':
      return [expr.object];
    case 'set':
      return expr.elements;
    case 'record':
      return expr.members.map(([, member]) => member);
    case 'call':
      return expr.args;
  }
}

/** The same text for the same tree, wherever it stood. */
export function shapeOf(node: unknown): string {
  return JSON.stringify(node, (name, value: unknown) => {
    if (name === 'at') return undefined;
    return typeof value === 'bigint' ? `${value}n` : value;
  });
}
