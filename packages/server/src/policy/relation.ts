/**
 * What the scope and the conditions of a policy cover, beside those of another: as far as inspection can tell
 * for certain. Whatever it cannot tell is `other`. Pure.
 */
import { type Expr, operandsOf, type Policy } from '@sealrail/cedar';
import { type ActionReaches, exprKey, isInside, reachOf } from '@sealrail/sdk';

/** Of what the second covers, to the first: all of it and perhaps more, part of it, or who knows. */
export type Relation = 'same' | 'wider' | 'narrower' | 'other';

export function compareCoverage(before: Policy, after: Policy, actions: ActionReaches): Relation {
  return all([
    compareScopes(before, after, actions),
    compareConjuncts(conjunctsOf(before), conjunctsOf(after), before.effect),
  ]);
}

function all(relations: readonly Relation[]): Relation {
  const changed = new Set(relations.filter((one) => one !== 'same'));
  const [only] = changed;
  return only === undefined ? 'same' : changed.size === 1 ? only : 'other';
}

function compareScopes(before: Policy, after: Policy, actions: ActionReaches): Relation {
  const from = { policy: before, reach: reachOf(before, actions) };
  const to = { policy: after, reach: reachOf(after, actions) };
  const [isNoLess, isNoMore] = [isInside(from, to), isInside(to, from)];
  if (isNoLess) return isNoMore ? 'same' : 'wider';
  return isNoMore ? 'narrower' : 'other';
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
  const [from, to] = [before.map(exprKey), after.map(exprKey)];
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
  if (exprKey(before) === exprKey(after)) return 'same';
  const [from, to] = [flatten(before, '||').map(exprKey), flatten(after, '||').map(exprKey)];
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
    before.operator === after.operator && exprKey(before.left) === exprKey(after.left);
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
