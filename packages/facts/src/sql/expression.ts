/** Walks an expression: columns in it are used, not shown; what it calls is reviewed; what is unknown is a doubt. */
import type { Collector } from './collector.ts';
import { inside, type Names, resolveColumn, starRanges, useWholeRow } from './columns.ts';
import { resolveOperator, resolveRoutine, resolveType } from './names.ts';
import {
  type Body,
  bodyOf,
  isObject,
  lastName,
  list,
  nodeOf,
  object,
  strings,
  text,
} from './node.ts';
import { readQuery } from './query.ts';
import { settingRisk } from './settings.ts';

/** Nodes that do nothing but hold others. */
const TRANSPARENT = new Set([
  ...['A_Const', 'ParamRef', 'SQLValueFunction', 'SetToDefault', 'CurrentOfExpr', 'A_Star'],
  ...['String', 'Integer', 'Float', 'Boolean', 'BitString', 'List', 'DefElem'],
  ...['BoolExpr', 'NullTest', 'BooleanTest', 'CaseWhen', 'CoalesceExpr', 'MinMaxExpr'],
  ...['A_ArrayExpr', 'A_Indices', 'RowExpr', 'NamedArgExpr', 'MultiAssignRef'],
  ...['WindowDef', 'ResTarget', 'GroupingSet', 'GroupingFunc', 'IndexElem', 'InferClause'],
  ...['XmlExpr', 'XmlSerialize', 'MergeSupportFunc', 'JsonFormat', 'JsonReturning', 'JsonOutput'],
  ...[
    'JsonObjectConstructor',
    'JsonArrayConstructor',
    'JsonArrayQueryConstructor',
    'JsonObjectAgg',
  ],
  ...['JsonArrayAgg', 'JsonAggConstructor', 'JsonValueExpr', 'JsonKeyValue', 'JsonIsPredicate'],
  ...['JsonParseExpr', 'JsonScalarExpr', 'JsonSerializeExpr', 'JsonFuncExpr', 'JsonBehavior'],
  ...['JsonArgument', 'JsonTablePathSpec', 'JsonTableColumn', 'RangeTableFuncCol'],
]);

export function walkExpression(value: unknown, names: Names, facts: Collector): void {
  if (Array.isArray(value)) {
    for (const item of value) walkExpression(item, names, facts);
    return;
  }
  const node = nodeOf(value);
  if (!node) {
    if (isObject(value)) children(value, names, facts);
    return;
  }
  if (!facts.enter()) return;
  facts.look(node.body);
  visit(node.kind, node.body, names, facts);
  facts.leave();
}

function visit(kind: string, body: Body, names: Names, facts: Collector): void {
  switch (kind) {
    case 'ColumnRef':
      columnRef(body, names, facts);
      return;
    case 'FuncCall':
      functionCall(body, names, facts);
      return;
    case 'A_Expr':
      operatorCall(body, names, facts);
      return;
    case 'A_Indirection':
      indirection(body, names, facts);
      return;
    case 'TypeCast':
      walkExpression(body.arg, names, facts);
      castType(body.typeName, facts);
      return;
    case 'TypeName':
      castType(body, facts);
      return;
    case 'SubLink':
      subLink(body, names, facts);
      return;
    case 'SelectStmt':
      derive({ [kind]: body }, names, facts);
      return;
    case 'CollateClause':
      // A collation outside pg_catalog decides what is equal, but runs nobody's code.
      walkExpression(body.arg, names, facts);
      return;
    case 'SortBy':
      if (body.useOp !== undefined) resolveOperator(strings(body.useOp) ?? [], facts);
      walkExpression(body.node, names, facts);
      return;
    case 'CaseExpr':
      // `CASE a WHEN b` compares.
      if (body.arg !== undefined) resolveOperator(['='], facts);
      children(body, names, facts);
      return;
    default:
      if (!TRANSPARENT.has(kind)) facts.doubts.add('opaque-code');
      children(body, names, facts);
  }
}

/** Members that are nodes without their kind written on them, such as a constructor's type. */
function children(body: Body, names: Names, facts: Collector): void {
  for (const key in body) {
    const item = body[key];
    if (key === 'typeName') castType(item, facts);
    else if (typeof item === 'object') walkExpression(item, names, facts);
  }
}

function castType(typeName: unknown, facts: Collector): void {
  const body = object(typeName);
  if (!body) return;
  resolveType(body, facts);
  // Type modifiers and array bounds are constants by the grammar; anything else is not understood.
  for (const item of [...list(body.typmods), ...list(body.arrayBounds)]) {
    const node = nodeOf(item);
    if (node && !['A_Const', 'Integer', 'ColumnRef'].includes(node.kind))
      facts.doubts.add('opaque-code');
    if (node) facts.look(node.body);
  }
}

function columnRef(body: Body, names: Names, facts: Collector): void {
  const fields = list(body.fields);
  if (nodeOf(fields.at(-1))?.kind === 'A_Star') {
    // `count(t.*)`, `ROW(t.*)`: the whole row goes into an expression.
    const qualifier = strings(fields.slice(0, -1)) ?? [];
    for (const range of starRanges(qualifier, names, facts)) useWholeRow(range, facts);
    return;
  }
  const found = resolveColumn(strings(fields) ?? [], names, facts);
  if (found.kind === 'column') facts.derive(found.sources);
}

/** `(row).field` and `(row).*`; where field is no column it is a call, as in `(5).pg_sleep`. */
function indirection(body: Body, names: Names, facts: Collector): void {
  const fields = strings(bodyOf(body.arg, 'ColumnRef')?.fields);
  const found = fields && resolveColumn(fields, names, facts);
  const known = found?.kind === 'row' ? found.columns : [];
  walkExpression(body.arg, names, facts);
  for (const [at, item] of list(body.indirection).entries()) {
    const field = bodyOf(item, 'String')?.sval;
    if (typeof field !== 'string') walkExpression(item, names, facts);
    else if (at > 0 || !known.includes(field)) resolveRoutine([field], facts);
  }
}

/** Operators behind each syntax that names none, or another; all are looked up like written ones. */
const HIDDEN_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
  AEXPR_BETWEEN_SYM: ['>=', '<='],
  AEXPR_NOT_BETWEEN_SYM: ['<', '>'],
  AEXPR_DISTINCT: ['='],
  AEXPR_NOT_DISTINCT: ['='],
  AEXPR_NULLIF: ['='],
};

function operatorCall(body: Body, names: Names, facts: Collector): void {
  const hidden = HIDDEN_OPERATORS[text(body.kind)];
  if (hidden) for (const operator of hidden) resolveOperator([operator], facts);
  else resolveOperator(strings(body.name) ?? [], facts);
  walkExpression([body.lexpr, body.rexpr], names, facts);
}

function subLink(body: Body, names: Names, facts: Collector): void {
  walkExpression(body.testexpr, names, facts);
  resolveOperator(body.operName === undefined ? ['='] : (strings(body.operName) ?? []), facts);
  derive(body.subselect, names, facts, body);
}

/** A query inside an expression: nothing of its result is shown bare. */
function derive(query: unknown, names: Names, facts: Collector, subquery?: object): void {
  for (const { sources } of readQuery(query, inside(names, subquery), facts).columns) {
    facts.derive(sources);
  }
}

function functionCall(body: Body, names: Names, facts: Collector): void {
  const parts = strings(body.funcname) ?? [];
  walkExpression([body.args, body.agg_filter, body.agg_order, body.over], names, facts);
  if (isSetConfig(parts)) setConfig(list(body.args), facts);
  else resolveRoutine(parts, facts);
  if (/^(nextval|currval)$/.test(parts.at(-1) ?? '') && !namesOneSequence(list(body.args)[0])) {
    facts.doubts.add('dynamic');
  }
}

/** Which sequence is known only where its name is written down, or is that of a column. */
function namesOneSequence(node: unknown): boolean {
  const cast = bodyOf(node, 'TypeCast');
  if (cast) return namesOneSequence(cast.arg);
  if (bodyOf(node, 'A_Const') || bodyOf(node, 'ParamRef')) return true;
  const call = bodyOf(node, 'FuncCall');
  return (
    lastName(call?.funcname) === 'pg_get_serial_sequence' &&
    list(call?.args).every((arg) => bodyOf(arg, 'A_Const') !== undefined)
  );
}

const isSetConfig = (parts: readonly string[]): boolean =>
  parts.at(-1) === 'set_config' && (parts.length === 1 || parts.at(-2) === 'pg_catalog');

function textConstant(node: unknown): string | undefined {
  const cast = bodyOf(node, 'TypeCast');
  const value = object(bodyOf(cast ? cast.arg : node, 'A_Const')?.sval);
  return value ? text(value.sval) : undefined;
}

/** `set_config` with constants is that SET; with anything else it is code built at run time. */
function setConfig(args: readonly unknown[], facts: Collector): void {
  facts.routines.add('pg_catalog.set_config');
  facts.worsen('volatile');
  facts.readOnly = false;
  if (facts.catalog.hasUserRoutine('set_config')) facts.doubts.add('ambiguous');
  const [name, value] = args.map(textConstant);
  if (name === undefined || value === undefined) {
    facts.doubts.add('dynamic');
    return;
  }
  const risk = settingRisk(name, value);
  if (risk) facts.risks.add(risk);
  facts.effects.push({ kind: 'set', name: name.toLowerCase() });
}
