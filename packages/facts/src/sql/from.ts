/** FROM: the relations, joins, subqueries and functions of a query, and the columns that each of them offers. */
import type { Collector } from './collector.ts';
import {
  aliasOf,
  beside,
  type Column,
  columnsOf,
  inside,
  type Names,
  type Range,
  type Result,
  renamed,
  UNKNOWN_COLUMNS,
} from './columns.ts';
import { walkExpression } from './expression.ts';
import { givesRows, usesRow } from './fixed.ts';
import { isTrue } from './fold.ts';
import { resolveRelation, resolveType } from './names.ts';
import { type Body, bodyOf, lastName, list, nodeOf, object, strings, text } from './node.ts';
import { readQuery } from './query.ts';
import { ONE_COLUMN, RESULT_COLUMNS } from './routines.ts';

/** Rows of a constant list that still count as few. */
export const LIST_MAX = 1_000;

/** Adds the names of one item to the level; answers with the columns that `*` shows of it. */
export function fromItem(node: unknown, names: Names, facts: Collector): Result {
  const found = nodeOf(node);
  if (!found || !facts.enter()) return UNKNOWN_COLUMNS;
  facts.look(found.body);
  const result = itemOf(found.kind, found.body, names, facts);
  facts.leave();
  return result;
}

/** Every item of a FROM list, in order: LATERAL ones see those before them. */
export function fromList(items: readonly unknown[], names: Names, facts: Collector): void {
  for (const item of items) names.star.push(fromItem(item, names, facts));
}

function itemOf(kind: string, body: Body, names: Names, facts: Collector): Result {
  const add = (range: Range): Result => {
    names.ranges.push(range);
    return range;
  };
  switch (kind) {
    case 'RangeVar':
      return add(rangeVar(body, names, facts));
    case 'RangeSubselect':
      return add(subselect(body, names, facts));
    case 'JoinExpr':
      return join(body, names, facts);
    case 'RangeFunction':
      return add(rangeFunction(body, names, facts));
    case 'RangeTableSample': {
      const sampled = fromItem(body.relation, names, facts);
      walkExpression([body.args, body.repeatable], names, facts);
      // A sampling method outside the server's own two is a function of an extension.
      if (!['bernoulli', 'system'].includes(lastName(body.method)))
        facts.doubts.add('unknown-routine');
      return sampled;
    }
    case 'RangeTableFunc':
    case 'JsonTable':
      return add(rowsOf(body, list(body.columns), names, facts));
    default:
      facts.doubts.add('opaque-code');
      return UNKNOWN_COLUMNS;
  }
}

function rangeVar(body: Body, names: Names, facts: Collector): Range {
  const { name: alias, columns } = aliasOf(body);
  const name = text(body.relname);
  const cte = body.schemaname === undefined ? names.ctes.get(name) : undefined;
  if (cte === 'pending') {
    // It names a query further down in the same recursive WITH.
    facts.look(body);
    facts.doubts.add('ambiguous');
    return { alias: alias ?? name, ...UNKNOWN_COLUMNS };
  }
  if (cte) {
    facts.look(body);
    return { alias: alias ?? name, ...renamed(cte, columns) };
  }
  const relation = resolveRelation(body, facts);
  if (!relation) return { alias: alias ?? name, ...UNKNOWN_COLUMNS };
  facts.read(relation);
  return {
    alias: alias ?? name,
    ...(alias === undefined ? { schema: relation.schema } : {}),
    ...renamed(columnsOf(relation), columns),
    relation,
  };
}

function subselect(body: Body, names: Names, facts: Collector): Range {
  const { name = '', columns } = aliasOf(body);
  const result = readQuery(body.subquery, body.lateral ? inside(names) : beside(names), facts);
  const rowsMax = rowsOfValues(body.subquery);
  return {
    alias: name,
    ...renamed(result, columns),
    ...(rowsMax === undefined ? {} : { rowsMax }),
  };
}

/** A list of rows that is written out, in values that use no other row; undefined for any other query. */
function rowsOfValues(query: unknown): number | undefined {
  const rows = list(bodyOf(query, 'SelectStmt')?.valuesLists);
  const few = rows.length > 0 && rows.length <= LIST_MAX && !usesRow(rows) && !givesRows(rows);
  return few ? rows.length : undefined;
}

function join(body: Body, names: Names, facts: Collector): Result {
  const before = names.ranges.length;
  const left = fromItem(body.larg, names, facts);
  const right = fromItem(body.rarg, names, facts);
  const using =
    body.isNatural === true ? commonNames(left, right) : (strings(body.usingClause) ?? []);
  const compared = body.isNatural === true || body.usingClause !== undefined;
  if (!compared && isTrue(body.quals ?? true)) facts.crossJoin = true;
  walkExpression(body.quals, names, facts);
  const shared = using.map((name) => merged(name, left, right));
  // Which columns NATURAL compares is not known where the columns are not.
  const unknown = body.isNatural === true && (left.open || right.open);
  const used = unknown ? [...left.columns, ...right.columns] : shared;
  for (const { sources } of used) facts.derive(sources);
  const rest = [...left.columns, ...right.columns].filter(({ name }) => !using.includes(name));
  const all: Result = { columns: [...shared, ...rest], open: left.open || right.open };
  const usingAlias = object(body.join_using_alias);
  if (usingAlias)
    names.ranges.push({ alias: text(usingAlias.aliasname), columns: shared, open: false });
  const { name, columns } = aliasOf(body);
  if (name === undefined) return all;
  // A join under a name of its own hides the names inside it.
  const range: Range = { alias: name, ...renamed(all, columns) };
  names.ranges.splice(before, names.ranges.length - before, range);
  return range;
}

const commonNames = (left: Result, right: Result): string[] =>
  left.columns
    .map(({ name }) => name)
    .filter((name) => right.columns.some((one) => one.name === name));

const merged = (name: string, left: Result, right: Result): Column => ({
  name,
  sources: [...left.columns, ...right.columns]
    .filter((column) => column.name === name)
    .flatMap(({ sources }) => sources),
});

function rangeFunction(body: Body, names: Names, facts: Collector): Range {
  const { name: alias, columns: aliases } = aliasOf(body);
  const calls = list(body.functions).map((item) => list(bodyOf(item, 'List')?.items));
  walkExpression(body.functions, names, facts);
  const single = calls.length === 1;
  const results = calls.map(([call, definitions]) => {
    const listed = list(
      bodyOf(definitions, 'List')?.items ?? (single ? body.coldeflist : undefined),
    );
    return functionColumns(call, listed, single ? alias : undefined, facts);
  });
  const columns = results.flatMap((result) => result.columns);
  if (body.ordinality === true) columns.push({ name: 'ordinality', sources: [] });
  const name = alias ?? lastName(bodyOf(calls[0]?.[0], 'FuncCall')?.funcname);
  return { alias: name, ...renamed({ columns, open: results.some(({ open }) => open) }, aliases) };
}

/** A result of a composite type spreads into its columns, and what is given decides whether it is one. */
function functionColumns(
  call: unknown,
  definitions: readonly unknown[],
  alias: string | undefined,
  facts: Collector,
): Result {
  const sure = (names: readonly string[]): Result => ({
    columns: names.map((column) => ({ name: column, sources: [] })),
    open: false,
  });
  if (definitions.length > 0) return sure(definitions.map((item) => columnDefinition(item, facts)));
  const name = lastName(bodyOf(call, 'FuncCall')?.funcname);
  const known = RESULT_COLUMNS[name];
  if (known) return sure(known);
  const one = alias ?? name;
  if (ONE_COLUMN.has(name)) return sure([one]);
  return { columns: [{ name: one, sources: [], unsure: true }], open: true };
}

function columnDefinition(item: unknown, facts: Collector): string {
  const body = bodyOf(item, 'ColumnDef');
  if (!body) {
    facts.doubts.add('opaque-code');
    return '';
  }
  facts.look(body);
  const type = object(body.typeName);
  if (type) resolveType(type, facts);
  return text(body.colname);
}

/** XMLTABLE and JSON_TABLE: everything in them is computed from what they are given. */
function rowsOf(body: Body, columns: readonly unknown[], names: Names, facts: Collector): Range {
  const { name = '', columns: aliases } = aliasOf(body);
  const { alias: _, ...inner } = body;
  walkExpression(inner, names, facts);
  const known = tableColumns(columns).map((column) => ({ name: column, sources: [] }));
  return { alias: name, ...renamed({ columns: known, open: false }, aliases) };
}

function tableColumns(columns: readonly unknown[]): string[] {
  return columns.flatMap((item) => {
    const body = bodyOf(item, 'JsonTableColumn') ?? bodyOf(item, 'RangeTableFuncCol');
    const nested = list(body?.columns);
    return nested.length > 0 ? tableColumns(nested) : [text(body?.name ?? body?.colname)];
  });
}
