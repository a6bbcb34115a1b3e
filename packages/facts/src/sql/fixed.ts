/** Expressions that have one value for the whole statement, whatever row is looked at. */
import type { Collector } from './collector.ts';
import { isObject, lastName, nodeOf, some } from './node.ts';
import {
  PURE_ROUTINES,
  REVIEWED_ROUTINES,
  SET_RETURNING_ROUTINES,
  VOLATILE_ROUTINES,
} from './routines.ts';

const HOLDS_VALUES = new Set([
  ...['A_Const', 'ParamRef', 'TypeCast', 'A_Expr', 'BoolExpr', 'NullTest', 'BooleanTest', 'List'],
  ...['A_ArrayExpr', 'RowExpr', 'CaseExpr', 'CaseWhen', 'CoalesceExpr', 'MinMaxExpr'],
  ...[
    'SQLValueFunction',
    'String',
    'Integer',
    'Float',
    'Boolean',
    'BitString',
    'NamedArgExpr',
    'TypeName',
  ],
]);

/** A routine that gives one value a call, and the same one all through a statement. */
const isSteady = (name: string): boolean =>
  PURE_ROUTINES.has(name) ||
  (REVIEWED_ROUTINES.has(name) &&
    !SET_RETURNING_ROUTINES.has(name) &&
    !VOLATILE_ROUTINES.has(name));

export function isFixed(value: unknown, facts: Collector): boolean {
  if (Array.isArray(value)) return value.every((item) => isFixed(item, facts));
  const node = nodeOf(value);
  if (!node) return !isObject(value) || Object.values(value).every((item) => isFixed(item, facts));
  const { kind, body } = node;
  if (kind === 'FuncCall') {
    return (
      isSteady(lastName(body.funcname)) && isFixed([body.args, body.agg_filter, body.over], facts)
    );
  }
  // A subquery that uses nothing of the row is run once; but not if it throws dice.
  if (kind === 'SubLink') {
    const scalar = body.subLinkType === 'EXPR_SUBLINK' || body.subLinkType === 'EXISTS_SUBLINK';
    return scalar && !facts.correlated(body) && !throwsDice(body.subselect);
  }
  return HOLDS_VALUES.has(kind) && Object.values(body).every((item) => isFixed(item, facts));
}

const throwsDice = (query: unknown): boolean =>
  some(query, (kind, body) => kind === 'FuncCall' && !isSteady(lastName(body.funcname)));

/** True where the value may differ from row to row; `facts` knows which subqueries look outside. */
export function usesRow(value: unknown, facts?: Collector): boolean {
  if (Array.isArray(value)) return value.some((item) => usesRow(item, facts));
  const node = nodeOf(value);
  if (!node) return isObject(value) && Object.values(value).some((item) => usesRow(item, facts));
  if (node.kind === 'ColumnRef' || node.kind === 'CurrentOfExpr') return true;
  if (node.kind === 'SubLink' && facts && !facts.correlated(node.body)) {
    return usesRow(node.body.testexpr, facts);
  }
  return Object.values(node.body).some((item) => usesRow(item, facts));
}

/** True where an expression could give more than one row: in a VALUES list of one row it may. */
export const givesRows = (value: unknown): boolean =>
  some(value, (kind, body) => {
    const name = lastName(body.funcname);
    return (
      kind === 'FuncCall' && (SET_RETURNING_ROUTINES.has(name) || !REVIEWED_ROUTINES.has(name))
    );
  });
