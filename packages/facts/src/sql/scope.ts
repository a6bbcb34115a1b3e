/**
 * How tightly a WHERE holds the rows of the table that is written. When unsure the looser: the only ways
 * to be tight are equality with, or a bounded list or span of, things that do not depend on any row.
 */
import { bestScope, worstScope } from './collector.ts';
import type { Relation, Scope } from './facts.ts';
import {
  type Body,
  bodyOf,
  isObject,
  list,
  nodeOf,
  sameShape,
  some,
  strings,
  text,
} from './node.ts';

/** Items of a list, or width of a span of integers, that still count as a bounded number of rows. */
export const LIST_MAX = 1_000;

export interface ScopeTarget {
  readonly relation: Relation;
  /** Name under which its columns may be qualified. */
  readonly alias: string;
  /** True where other relations are joined in: an unqualified column may then be theirs. */
  readonly joined: boolean;
}

/** The target's column that an expression names bare; casts aside it is nothing else. */
function columnOf(node: unknown, target: ScopeTarget): string | undefined {
  const fields = strings(bodyOf(node, 'ColumnRef')?.fields);
  if (!fields) return undefined;
  const name = fields.at(-1) ?? '';
  const qualifier = fields.at(-2);
  if (qualifier === undefined ? target.joined : qualifier !== target.alias) return undefined;
  return target.relation.columns.some((column) => column.name === name) ? name : undefined;
}

const dependsOnRow = (node: unknown): boolean =>
  some(node, (kind) => kind === 'ColumnRef' || kind === 'SubLink' || kind === 'CurrentOfExpr');

/** Constants, parameters and what is computed from them: the same for every row. */
const isFixed = (node: unknown): boolean =>
  !dependsOnRow(node) && !some(node, (kind) => kind === 'FuncCall');

function integerOf(node: unknown): number | undefined {
  const constant = bodyOf(node, 'A_Const');
  if (!constant || !isObject(constant.ival)) return undefined;
  return typeof constant.ival.ival === 'number' ? constant.ival.ival : 0;
}

function textOf(node: unknown): string | undefined {
  const constant = bodyOf(node, 'A_Const');
  return constant && isObject(constant.sval) ? text(constant.sval.sval) : undefined;
}

const OPPOSITE: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
};

/** `p OR NOT p` in its usual dresses. */
function complementary(a: unknown, b: unknown): boolean {
  for (const [left, right] of [
    [a, b],
    [b, a],
  ]) {
    const not = bodyOf(left, 'BoolExpr');
    if (not?.boolop === 'NOT_EXPR' && sameShape(list(not.args)[0], right)) return true;
  }
  const [x, y] = [bodyOf(a, 'A_Expr'), bodyOf(b, 'A_Expr')];
  if (x?.kind === 'AEXPR_OP' && y?.kind === 'AEXPR_OP') {
    const opposite = OPPOSITE[strings(x.name)?.at(-1) ?? ''];
    return (
      opposite === strings(y.name)?.at(-1) &&
      sameShape(x.lexpr, y.lexpr) &&
      sameShape(x.rexpr, y.rexpr)
    );
  }
  const [m, n] = [bodyOf(a, 'NullTest'), bodyOf(b, 'NullTest')];
  return (
    m !== undefined &&
    n !== undefined &&
    m.nulltesttype !== n.nulltesttype &&
    sameShape(m.arg, n.arg)
  );
}

/** What one predicate does, and the column that it pins to fixed values, if it does only that. */
interface Held {
  readonly scope: Scope;
  readonly pins?: string;
}

function comparison(body: Body, target: ScopeTarget): Held {
  const operator = strings(body.name)?.at(-1) ?? '';
  if (sameShape(body.lexpr, body.rexpr))
    return { scope: ['=', '>=', '<='].includes(operator) ? 'always-true' : 'loose' };
  const [column, other] = [columnOf(body.lexpr, target), columnOf(body.rexpr, target)];
  const pinned = column ?? other;
  const against = column === undefined ? body.lexpr : body.rexpr;
  if (pinned === undefined)
    return caseFolded(body, operator, target) ? { scope: 'range' } : { scope: 'loose' };
  if (operator !== '=') return { scope: 'loose' };
  const subquery = bodyOf(against, 'SubLink');
  if (subquery?.subLinkType === 'EXPR_SUBLINK') return { scope: 'range' };
  return isFixed(against) ? { scope: 'range', pins: pinned } : { scope: 'loose' };
}

/** `lower(column) = fixed` and `column::text = fixed` hold like the bare column, but prove no key. */
function caseFolded(body: Body, operator: string, target: ScopeTarget): boolean {
  if (operator !== '=') return false;
  return [
    [body.lexpr, body.rexpr],
    [body.rexpr, body.lexpr],
  ].some(([wrapped, fixed]) => {
    const call = bodyOf(wrapped, 'FuncCall');
    const name = strings(call?.funcname)?.at(-1) ?? '';
    const inner = call
      ? ['lower', 'upper'].includes(name)
        ? list(call.args)[0]
        : undefined
      : bodyOf(wrapped, 'TypeCast')?.arg;
    return inner !== undefined && columnOf(inner, target) !== undefined && isFixed(fixed);
  });
}

function membership(body: Body, target: ScopeTarget): Held {
  const column = columnOf(body.lexpr, target);
  const items = bodyOf(body.rexpr, 'List')?.items ?? bodyOf(body.rexpr, 'A_ArrayExpr')?.elements;
  if (list(items).some((item) => sameShape(item, body.lexpr))) return { scope: 'always-true' };
  const negated = (strings(body.name)?.at(-1) ?? '') !== '=';
  if (column === undefined || negated) return { scope: 'loose' };
  if (items === undefined) return isFixed(body.rexpr) ? { scope: 'range' } : { scope: 'loose' };
  if (list(items).length > LIST_MAX || !list(items).every(isFixed)) return { scope: 'loose' };
  return { scope: 'range', pins: column };
}

function between(body: Body, target: ScopeTarget): Held {
  const column = columnOf(body.lexpr, target);
  const [low, high] = list(bodyOf(body.rexpr, 'List')?.items);
  if (sameShape(low, body.lexpr) && sameShape(high, body.lexpr)) return { scope: 'always-true' };
  if (column === undefined || !isFixed(low) || !isFixed(high)) return { scope: 'loose' };
  const [from, to] = [integerOf(low), integerOf(high)];
  if (from !== undefined && to !== undefined)
    return { scope: to - from < LIST_MAX ? 'range' : 'loose' };
  return { scope: 'range' };
}

function like(body: Body, target: ScopeTarget): Held {
  const pattern = textOf(body.rexpr);
  const negated = (strings(body.name)?.at(-1) ?? '').startsWith('!');
  if (pattern !== undefined && /^%+$/.test(pattern) && !negated) return { scope: 'always-true' };
  const anchored = pattern !== undefined && /^[^%_]/.test(pattern);
  return {
    scope: columnOf(body.lexpr, target) !== undefined && anchored && !negated ? 'range' : 'loose',
  };
}

function expression(body: Body, target: ScopeTarget): Held {
  switch (body.kind) {
    case 'AEXPR_OP':
      return comparison(body, target);
    case 'AEXPR_IN':
    case 'AEXPR_OP_ANY':
      return membership(body, target);
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
      return between(body, target);
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return like(body, target);
    case 'AEXPR_NOT_DISTINCT':
      return { scope: sameShape(body.lexpr, body.rexpr) ? 'always-true' : 'loose' };
    default:
      return { scope: 'loose' };
  }
}

function nullTest(body: Body, target: ScopeTarget): Held {
  const column = columnOf(body.arg, target);
  const notNull = target.relation.columns.some(({ name, notNull }) => name === column && notNull);
  if (body.nulltesttype === 'IS_NOT_NULL') return { scope: notNull ? 'always-true' : 'loose' };
  return { scope: column === undefined ? 'loose' : 'range' };
}

function subLink(body: Body, target: ScopeTarget): Held {
  const select = bodyOf(body.subselect, 'SelectStmt');
  const limit = integerOf(select?.limitCount);
  const bounded =
    body.subLinkType === 'ANY_SUBLINK' &&
    !body.operName &&
    limit !== undefined &&
    limit <= LIST_MAX;
  return { scope: bounded && columnOf(body.testexpr, target) !== undefined ? 'range' : 'loose' };
}

function conjunction(args: readonly unknown[], target: ScopeTarget): Held {
  const held = args.map((arg) => hold(arg, target));
  const pinned = new Set(held.flatMap(({ pins }) => (pins === undefined ? [] : [pins])));
  const key = target.relation.keys.some(
    (columns) => columns.length > 0 && columns.every((column) => pinned.has(column)),
  );
  return { scope: key ? 'key' : held.map(({ scope }) => scope).reduce(bestScope, 'always-true') };
}

function disjunction(args: readonly unknown[], target: ScopeTarget): Held {
  const covers = args.some((a, i) => args.slice(i + 1).some((b) => complementary(a, b)));
  if (covers) return { scope: 'always-true' };
  return { scope: args.map((arg) => withKey(arg, target)).reduce(worstScope, 'no-write') };
}

function hold(node: unknown, target: ScopeTarget): Held {
  const found = nodeOf(node);
  // What is the same for every row holds all of them or none; which one is not worth guessing.
  if (!found || !dependsOnRow(node)) return { scope: isFalse(node) ? 'key' : 'always-true' };
  const { kind, body } = found;
  switch (kind) {
    case 'BoolExpr':
      if (body.boolop === 'AND_EXPR') return conjunction(list(body.args), target);
      if (body.boolop === 'OR_EXPR') return disjunction(list(body.args), target);
      return { scope: columnOf(list(body.args)[0], target) === undefined ? 'loose' : 'range' };
    case 'A_Expr':
      return expression(body, target);
    case 'NullTest':
      return nullTest(body, target);
    case 'SubLink':
      return subLink(body, target);
    case 'CurrentOfExpr':
      return { scope: 'key' };
    case 'BooleanTest':
      return {
        scope:
          /^IS_(TRUE|FALSE)$/.test(text(body.booltesttype)) &&
          columnOf(body.arg, target) !== undefined
            ? 'range'
            : 'loose',
      };
    case 'ColumnRef':
      return { scope: columnOf(node, target) === undefined ? 'loose' : 'range' };
    default:
      return { scope: 'loose' };
  }
}

function isFalse(node: unknown): boolean {
  const constant = bodyOf(node, 'A_Const');
  if (!constant) return false;
  return (
    constant.isnull === true || (isObject(constant.boolval) && constant.boolval.boolval !== true)
  );
}

const withKey = (node: unknown, target: ScopeTarget): Scope => conjunction([node], target).scope;

/** Scope of a write to this relation under this WHERE; `undefined` is no WHERE at all. */
export function scopeOf(where: unknown, target: ScopeTarget): Scope {
  return where === undefined ? 'none' : withKey(where, target);
}
