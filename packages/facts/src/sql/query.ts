/** SELECT, VALUES, WITH, UNION: which columns a query answers with, and where each of them comes from. */
import { readDelete, readInsert, readMerge, readUpdate } from './change.ts';
import type { Collector } from './collector.ts';
import {
  beside,
  type Column,
  type Cte,
  type Names,
  type Result,
  renamed,
  resolveColumn,
  starRanges,
  UNKNOWN_COLUMNS,
} from './columns.ts';
import { walkExpression } from './expression.ts';
import { integerOf } from './fold.ts';
import { fromList } from './from.ts';
import { resolveOperator } from './names.ts';
import { type Body, bodyOf, list, nodeOf, object, strings, text } from './node.ts';
import { resultName } from './result-name.ts';

/** Any query that may stand inside another one; `names` is a level of its own, with no FROM items yet. */
export function readQuery(node: unknown, names: Names, facts: Collector): Result {
  const found = nodeOf(node);
  if (!found || !facts.enter()) return UNKNOWN_COLUMNS;
  facts.look(found.body);
  const result = queryOf(found.kind, found.body, names, facts);
  facts.leave();
  return result;
}

function queryOf(kind: string, body: Body, names: Names, facts: Collector): Result {
  switch (kind) {
    case 'SelectStmt':
      return readSelect(body, names, facts);
    case 'InsertStmt':
      return readInsert(body, names, facts);
    case 'UpdateStmt':
      return readUpdate(body, names, facts);
    case 'DeleteStmt':
      return readDelete(body, names, facts);
    case 'MergeStmt':
      return readMerge(body, names, facts);
    default:
      facts.doubts.add('opaque-code');
      return UNKNOWN_COLUMNS;
  }
}

/** WITH: each query is read once, where it stands; what it changes counts even if nobody reads it. */
export function readCtes(withClause: unknown, names: Names, facts: Collector): Names {
  const clause = object(withClause);
  if (!clause) return names;
  facts.look(clause);
  const recursive = clause.recursive === true;
  const found = list(clause.ctes)
    .map((item) => bodyOf(item, 'CommonTableExpr'))
    .filter((cte) => cte !== undefined);
  if (found.length !== list(clause.ctes).length) facts.doubts.add('opaque-code');
  const ctes = new Map<string, Cte>(names.ctes);
  if (recursive) for (const cte of found) ctes.set(text(cte.ctename), 'pending');
  for (const cte of found) readCte(cte, recursive, { ...names, ctes }, ctes, facts);
  return { ...names, ctes };
}

function readCte(
  cte: Body,
  recursive: boolean,
  names: Names,
  ctes: Map<string, Cte>,
  facts: Collector,
): void {
  facts.look(cte);
  const name = text(cte.ctename);
  const aliases = strings(cte.aliascolnames) ?? [];
  const own = beside({ ...names, ctes: new Map(ctes) });
  const query = bodyOf(cte.ctequery, 'SelectStmt');
  const result =
    recursive && query && isSetOperation(query) && facts.enter()
      ? readRecursive(name, aliases, query, own, facts)
      : readQuery(cte.ctequery, own, facts);
  ctes.set(name, renamed(result, [...aliases, ...generated(cte)]));
}

/** SEARCH and CYCLE add columns of their own, behind the query's. */
function generated(cte: Body): string[] {
  const [search, cycle] = [object(cte.search_clause), object(cte.cycle_clause)];
  const names = [search?.search_seq_column, cycle?.cycle_mark_column, cycle?.cycle_path_column];
  return names.map(text).filter((name) => name !== '');
}

const isSetOperation = (body: Body): boolean => body.op !== undefined && body.op !== 'SETOP_NONE';

/** The first part gives the columns that the second part sees under the query's own name. */
function readRecursive(
  name: string,
  aliases: readonly string[],
  body: Body,
  names: Names,
  facts: Collector,
): Result {
  facts.look(body);
  const result = setOperation(body, names, facts, (first, around) => {
    const own = renamed(withoutLineage(first), aliases);
    return { ...around, ctes: new Map(around.ctes).set(name, own) };
  });
  facts.leave();
  return result;
}

const withoutLineage = ({ columns, open }: Result): Result => ({
  columns: columns.map(({ name }) => ({ name, sources: [] })),
  open,
});

/** A row may come from either side, and is compared with the others: no column is shown bare. */
function setOperation(
  body: Body,
  outer: Names,
  facts: Collector,
  second: (first: Result, names: Names) => Names = (_, names) => names,
): Result {
  const names = readCtes(body.withClause, outer, facts);
  const left = readSide(body.larg, names, facts);
  readSide(body.rarg, second(left, names), facts);
  const columns = withoutLineage(left);
  clauses(body, beside(names), columns, facts);
  return columns;
}

function readSide(side: unknown, names: Names, facts: Collector): Result {
  const body = object(side);
  if (!body || !facts.enter()) return UNKNOWN_COLUMNS;
  facts.look(body);
  const result = readSelect(body, beside(names), facts);
  for (const { sources } of result.columns) facts.derive(sources);
  facts.leave();
  return result;
}

function readSelect(body: Body, outer: Names, facts: Collector): Result {
  if (isSetOperation(body)) return setOperation(body, outer, facts);
  const names = beside(readCtes(body.withClause, outer, facts));
  if (list(body.valuesLists).length > 0) return values(body, names, facts);
  const from = list(body.fromClause);
  fromList(from, names, facts);
  const tables = from.filter((item) => nodeOf(item)?.kind !== 'RangeFunction');
  if (tables.length > 1 && body.whereClause === undefined) facts.crossJoin = true;
  const result = targetColumns(list(body.targetList), names, facts);
  walkExpression([body.whereClause, body.havingClause, body.windowClause], names, facts);
  clauses(body, names, result, facts);
  const compared = list(body.distinctClause).length > 0 || body.intoClause !== undefined;
  if (compared) for (const { sources } of result.columns) facts.derive(sources);
  const into = object(object(body.intoClause)?.rel);
  if (into) facts.look(into);
  return result;
}

function values(body: Body, names: Names, facts: Collector): Result {
  walkExpression(body.valuesLists, names, facts);
  const width = list(bodyOf(list(body.valuesLists)[0], 'List')?.items).length;
  const columns = Array.from({ length: width }, (_, at) => ({
    name: `column${at + 1}`,
    sources: [],
  }));
  const result: Result = { columns, open: false };
  clauses(body, names, result, facts);
  return result;
}

/** What stands behind the target list and may speak of its columns by name or by number. */
function clauses(body: Body, names: Names, result: Result, facts: Collector): void {
  const sorted = [body.sortClause, body.groupClause, body.distinctClause];
  for (const item of sorted) ordering(item, names, result, facts);
  walkExpression([body.limitCount, body.limitOffset], names, facts);
  if (list(body.lockingClause).length === 0) return;
  facts.readOnly = false;
  for (const item of list(body.lockingClause)) {
    // These are names of FROM items, not of relations.
    for (const range of list(bodyOf(item, 'LockingClause')?.lockedRels)) {
      const name = bodyOf(range, 'RangeVar');
      if (name) facts.look(name);
    }
  }
}

/** `ORDER BY 2` and `GROUP BY alias` use a column of the result without naming where it comes from. */
function ordering(item: unknown, names: Names, result: Result, facts: Collector): void {
  if (Array.isArray(item)) {
    for (const one of item) ordering(one, names, result, facts);
    return;
  }
  const grouping = bodyOf(item, 'GroupingSet');
  if (grouping) {
    facts.look(grouping);
    ordering(grouping.content, names, result, facts);
    return;
  }
  const sort = bodyOf(item, 'SortBy');
  const expression = sort ? sort.node : item;
  const reference = bodyOf(expression, 'ColumnRef');
  const [name, ...more] = strings(reference?.fields) ?? [];
  const named = more.length > 0 ? [] : result.columns.filter((column) => column.name === name);
  if (reference && named.length > 0) {
    // It is the result's column, or in GROUP BY rather one of FROM; never one of a query around.
    facts.look(reference);
    const local = names.ranges.flatMap(({ columns }) => columns).filter((one) => one.name === name);
    for (const { sources } of [...named, ...local]) facts.derive(sources);
    if (sort?.useOp !== undefined) resolveOperator(strings(sort.useOp) ?? [], facts);
    return;
  }
  const position = integerOf(expression);
  for (const [at, { sources }] of result.columns.entries()) {
    // Where the columns are not known, neither is which one stands there.
    if (position === at + 1 || (result.open && position !== undefined)) facts.derive(sources);
  }
  walkExpression(item, names, facts);
}

/** The result of a target list: a bare column keeps its sources, everything else has used them. */
export function targetColumns(targets: readonly unknown[], names: Names, facts: Collector): Result {
  const columns: Column[] = [];
  let open = false;
  for (const target of targets) {
    const body = bodyOf(target, 'ResTarget');
    if (!body) {
      facts.doubts.add('opaque-code');
      continue;
    }
    const found = targetColumn(body, names, facts);
    columns.push(...found.columns);
    open ||= found.open;
  }
  return { columns, open };
}

function targetColumn(body: Body, names: Names, facts: Collector): Result {
  facts.look(body);
  const reference = bodyOf(body.val, 'ColumnRef');
  const fields = list(reference?.fields);
  if (reference) facts.look(reference);
  if (reference && nodeOf(fields.at(-1))?.kind === 'A_Star') {
    return star(strings(fields.slice(0, -1)) ?? [], names, facts);
  }
  const found = reference && resolveColumn(strings(fields) ?? [], names, facts);
  const name = text(body.name) || resultName(body.val);
  if (found?.kind === 'column') return { columns: [{ name, sources: found.sources }], open: false };
  if (!found) walkExpression(body.val, names, facts);
  const indirect = list(bodyOf(body.val, 'A_Indirection')?.indirection);
  if (nodeOf(indirect.at(-1))?.kind === 'A_Star') return UNKNOWN_COLUMNS;
  return { columns: [{ name, sources: [] }], open: false };
}

/** `*` and `t.*`; over something whose columns are not known, neither are the result's. */
function star(qualifier: readonly string[], names: Names, facts: Collector): Result {
  const ranges = starRanges(qualifier, names, facts);
  for (const { relation } of ranges) {
    if (relation) facts.useTable('select', relation).allColumns = true;
  }
  const shown = qualifier.length === 0 ? names.star : ranges;
  const columns = shown.flatMap((one) => one.columns);
  for (const { sources } of columns) facts.touch(sources);
  return { columns, open: shown.some(({ open }) => open) };
}
