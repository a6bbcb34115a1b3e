/** Walks an expression: columns in it are used, not shown; what it calls is reviewed; what is unknown is a doubt. */
import type { Collector } from './collector.ts';
import { resolveOperator, resolveRoutine, resolveType } from './names.ts';
import { type Body, bodyOf, isObject, list, nodeOf, strings, text } from './node.ts';
import { inner, type Names, readQuery, resolveColumn, useWholeRow } from './query.ts';
import { settingRisk } from './routines.ts';

/** Nodes that do nothing but hold others. */
const TRANSPARENT = new Set([
  'A_Const',
  'ParamRef',
  'BoolExpr',
  'NullTest',
  'BooleanTest',
  'CaseExpr',
  'CaseWhen',
  'CoalesceExpr',
  'MinMaxExpr',
  'A_ArrayExpr',
  'A_Indirection',
  'A_Indices',
  'A_Star',
  'RowExpr',
  'List',
  'SortBy',
  'WindowDef',
  'ResTarget',
  'NamedArgExpr',
  'CollateClause',
  'GroupingSet',
  'GroupingFunc',
  'SQLValueFunction',
  'SetToDefault',
  'MultiAssignRef',
  'CurrentOfExpr',
  'String',
  'Integer',
  'Float',
  'Boolean',
  'BitString',
  'XmlExpr',
  'XmlSerialize',
  'JsonObjectConstructor',
  'JsonArrayConstructor',
  'JsonArrayQueryConstructor',
  'JsonObjectAgg',
  'JsonArrayAgg',
  'JsonAggConstructor',
  'JsonFormat',
  'JsonReturning',
  'JsonValueExpr',
  'JsonKeyValue',
  'JsonOutput',
  'JsonIsPredicate',
  'JsonParseExpr',
  'JsonScalarExpr',
  'JsonSerializeExpr',
  'JsonFuncExpr',
  'JsonBehavior',
  'JsonArgument',
  'MergeSupportFunc',
  'DefElem',
  'FunctionParameter',
]);

export function walkExpression(value: unknown, names: Names, facts: Collector): void {
  if (Array.isArray(value)) {
    for (const item of value) walkExpression(item, names, facts);
    return;
  }
  const node = nodeOf(value);
  if (!node) {
    if (isObject(value))
      for (const item of Object.values(value)) walkExpression(item, names, facts);
    return;
  }
  if (!facts.enter()) return;
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
      // IN, BETWEEN, LIKE and the like name their operator too; NULLIF and IS DISTINCT use `=`.
      resolveOperator(
        (strings(body.name) ?? []).map((name) =>
          /^(BETWEEN|NOT BETWEEN)/.test(name) ? '<=' : name,
        ),
        facts,
      );
      walkExpression([body.lexpr, body.rexpr], names, facts);
      return;
    case 'TypeCast':
      if (isObject(body.typeName)) resolveType(body.typeName, facts);
      walkExpression(body.arg, names, facts);
      return;
    case 'SubLink': {
      walkExpression(body.testexpr, names, facts);
      if (body.operName !== undefined) resolveOperator(strings(body.operName) ?? [], facts);
      // Used in an expression, so never shown bare.
      for (const column of readQuery(body.subselect, inner(names), facts) ?? [])
        facts.derive(column.sources);
      return;
    }
    case 'RangeFunction':
    case 'SelectStmt':
      for (const column of readQuery({ [kind]: body }, inner(names), facts) ?? [])
        facts.derive(column.sources);
      return;
    case 'TypeName':
      resolveType(body, facts);
      return;
    default:
      if (!TRANSPARENT.has(kind)) facts.doubts.add('opaque-code');
      for (const item of Object.values(body)) walkExpression(item, names, facts);
  }
}

function columnRef(body: Body, names: Names, facts: Collector): void {
  const fields = list(body.fields);
  if (nodeOf(fields.at(-1))?.kind === 'A_Star') {
    // `count(t.*)`, `ROW(t.*)`: the whole row goes into an expression.
    const alias = strings(fields.slice(0, -1))?.at(-1);
    for (const range of names.ranges)
      if (alias === undefined || range.alias === alias) useWholeRow(range, facts);
    return;
  }
  const found = resolveColumn(strings(fields) ?? [], names, facts);
  if (found.kind === 'column') facts.derive(found.sources);
}

function functionCall(body: Body, names: Names, facts: Collector): void {
  const parts = strings(body.funcname) ?? [];
  const name = parts.at(-1) ?? '';
  walkExpression([body.args, body.agg_filter, body.agg_order, body.over], names, facts);
  if (name === 'set_config') setConfig(list(body.args), facts);
  else resolveRoutine(parts, facts);
}

/** `set_config` with constants is that SET; with anything else it is code built at run time. */
function setConfig(args: readonly unknown[], facts: Collector): void {
  facts.routines.add('pg_catalog.set_config');
  facts.readOnly = false;
  const [name, value] = args.map((arg) => {
    const constant = bodyOf(arg, 'A_Const');
    return isObject(constant?.sval) ? text(constant.sval.sval) : undefined;
  });
  if (name === undefined || value === undefined) {
    facts.doubts.add('dynamic');
    return;
  }
  const risk = settingRisk(name, value);
  if (risk) facts.risks.add(risk);
  facts.effects.push({ kind: 'set', name: name.toLowerCase() });
}
