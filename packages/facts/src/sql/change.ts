/** INSERT, UPDATE, DELETE and MERGE: the table that is written, how much of it, and from what. */
import type { Collector } from './collector.ts';
import {
  addTarget,
  aliasOf,
  beside,
  type Names,
  NO_COLUMNS,
  type Range,
  type Result,
  resolveColumn,
  tableRange,
} from './columns.ts';
import { walkExpression } from './expression.ts';
import type { Relation, Scope, SqlVerb } from './facts.ts';
import { givesRows } from './fixed.ts';
import { fromItem, fromList, LIST_MAX } from './from.ts';
import { resolveRelation } from './names.ts';
import { type Body, bodyOf, list, object, text } from './node.ts';
import { readCtes, readQuery, targetColumns } from './query.ts';
import { scopeOf } from './scope.ts';
import { isSettings, setBySettings } from './settings-view.ts';

/** The table of a write; no WITH query can take its place. */
function targetOf(body: Body, facts: Collector): Range {
  const range = object(body.relation);
  if (!range) {
    facts.doubts.add('opaque-code');
    return tableRange('', undefined);
  }
  const relation = resolveRelation(range, facts);
  const { name } = aliasOf(range);
  const made = tableRange(name ?? text(range.relname), relation);
  return name === undefined && relation ? { ...made, schema: relation.schema } : made;
}

function assign(
  verb: SqlVerb,
  relation: Relation | undefined,
  targets: readonly unknown[],
  facts: Collector,
): void {
  if (!relation) return;
  const use = facts.useTable(verb, relation);
  for (const target of targets) {
    const body = bodyOf(target, 'ResTarget');
    const name = text(body?.name);
    if (body) facts.look(body);
    if (!relation.columns.some((column) => column.name === name))
      facts.doubts.add('unresolved-name');
    use.columns.add(name);
    use.written.add(name);
  }
}

/** Subscripts and values of a list of assignments. */
function assigned(targets: readonly unknown[], names: Names, facts: Collector): void {
  for (const target of targets) {
    const body = bodyOf(target, 'ResTarget');
    for (const item of list(body?.indirection)) {
      if (bodyOf(item, 'String') === undefined) walkExpression(item, names, facts);
    }
    walkExpression(body?.val, names, facts);
  }
}

/** RETURNING: `returningClause` since 18, where OLD and NEW can be named; a plain list before. */
function returning(body: Body, target: Range, names: Names, facts: Collector): Result {
  const clause = object(body.returningClause);
  const targets = list(clause ? clause.exprs : body.returningList);
  if (targets.length === 0) return NO_COLUMNS;
  if (!clause) return targetColumns(targets, names, facts);
  const options = list(clause.options).map((item) => bodyOf(item, 'ReturningOption'));
  const versions = (['OLD', 'NEW'] as const).map((which) => {
    const option = options.find((one) => one?.option === `RETURNING_OPTION_${which}`);
    return { ...target, alias: text(option?.value) || which.toLowerCase() };
  });
  return targetColumns(targets, { ...names, ranges: [...names.ranges, ...versions] }, facts);
}

export function readInsert(body: Body, outer: Names, facts: Collector): Result {
  const names = beside(readCtes(body.withClause, outer, facts));
  const target = targetOf(body, facts);
  const { relation } = target;
  if (relation) facts.write('insert', relation, 'no-write');
  const listed = list(body.cols);
  const all = relation?.columns.map(({ name }) => ({ ResTarget: { name } })) ?? [];
  assign('insert', relation, listed.length > 0 ? listed : all, facts);
  assigned(listed, names, facts);
  if (body.selectStmt !== undefined) {
    // Rows that are moved cannot be masked any more.
    const source = readQuery(body.selectStmt, beside(names), facts);
    for (const { sources } of source.columns) facts.derive(sources);
  }
  addTarget(target, names);
  const conflict = object(body.onConflictClause);
  if (conflict) onConflict(conflict, body.selectStmt, target, names, facts);
  return returning(body, target, names, facts);
}

function onConflict(
  conflict: Body,
  source: unknown,
  target: Range,
  names: Names,
  facts: Collector,
): void {
  const infer = object(conflict.infer);
  walkExpression(infer, names, facts);
  for (const item of list(infer?.indexElems)) {
    // Whether a value is there already is an answer about it.
    const name = text(bodyOf(item, 'IndexElem')?.name);
    const found = name === '' ? undefined : resolveColumn([name], names, facts);
    if (found?.kind === 'column') facts.derive(found.sources);
  }
  const { relation } = target;
  if (conflict.action !== 'ONCONFLICT_UPDATE' || !relation) return;
  // At most one row for each row that is offered: as few as are written out, or as many as a query has.
  const rows = list(bodyOf(source, 'SelectStmt')?.valuesLists);
  const few = rows.length > 0 && rows.length <= LIST_MAX && !givesRows(rows);
  const direct = relation.underlying.length === 0;
  facts.write('update', relation, few && direct ? 'key' : 'loose');
  assign('update', relation, list(conflict.targetList), facts);
  // The row that was offered: it comes from the statement, not from the table.
  const offered = target.columns.map(({ name }) => ({ name, sources: [] }));
  const excluded: Range = { alias: 'excluded', columns: offered, open: target.open };
  const own: Names = { ...names, ranges: [...names.ranges, excluded] };
  assigned(list(conflict.targetList), own, facts);
  walkExpression(conflict.whereClause, own, facts);
}

export const readUpdate = (body: Body, names: Names, facts: Collector): Result =>
  readChange('update', body, list(body.fromClause), names, facts);

export const readDelete = (body: Body, names: Names, facts: Collector): Result =>
  readChange('delete', body, list(body.usingClause), names, facts);

function readChange(
  verb: 'update' | 'delete',
  body: Body,
  from: readonly unknown[],
  outer: Names,
  facts: Collector,
): Result {
  const names = beside(readCtes(body.withClause, outer, facts));
  const target = targetOf(body, facts);
  addTarget(target, names);
  fromList(from, names, facts);
  const { relation } = target;
  if (from.length > 0 && body.whereClause === undefined) facts.crossJoin = true;
  // Walked first: that is how a subquery is known to depend on the row.
  walkExpression(body.whereClause, names, facts);
  assigned(list(body.targetList), names, facts);
  if (verb === 'update' && relation && isSettings(relation)) setBySettings(body, facts);
  else if (relation) {
    const others = names.ranges.filter((range) => range !== target);
    facts.write(verb, relation, scopeOf(body.whereClause, { target, others, facts }));
    if (verb === 'update') assign('update', relation, list(body.targetList), facts);
  }
  return returning(body, target, names, facts);
}

export function readMerge(body: Body, outer: Names, facts: Collector): Result {
  const names = beside(readCtes(body.withClause, outer, facts));
  const target = targetOf(body, facts);
  addTarget(target, names);
  names.star.push(fromItem(body.sourceRelation, names, facts));
  walkExpression(body.joinCondition, names, facts);
  for (const item of list(body.mergeWhenClauses)) {
    const clause = bodyOf(item, 'MergeWhenClause');
    if (clause) mergeWhen(clause, body.joinCondition, target, names, facts);
    else facts.doubts.add('opaque-code');
  }
  return returning(body, target, names, facts);
}

function mergeWhen(clause: Body, on: unknown, target: Range, names: Names, facts: Collector): void {
  facts.look(clause);
  walkExpression([clause.condition, clause.values], names, facts);
  assigned(list(clause.targetList), names, facts);
  const { relation } = target;
  if (!relation || clause.commandType === 'CMD_NOTHING') return;
  const others = names.ranges.filter((range) => range !== target);
  facts.write('merge', relation, mergeScope(clause, on, { target, others, facts }));
  if (clause.commandType !== 'CMD_DELETE')
    assign('merge', relation, list(clause.targetList), facts);
  const unnamed = clause.commandType === 'CMD_INSERT' && list(clause.targetList).length === 0;
  if (unnamed) {
    assign(
      'merge',
      relation,
      relation.columns.map(({ name }) => ({ ResTarget: { name } })),
      facts,
    );
  }
}

function mergeScope(
  clause: Body,
  on: unknown,
  options: { target: Range; others: readonly Range[]; facts: Collector },
): Scope {
  if (clause.commandType === 'CMD_INSERT') return 'no-write';
  // `matched` up to 16, `matchKind` since 17.
  const matched = clause.matched === true || clause.matchKind === 'MERGE_WHEN_MATCHED';
  // A row that no source row matches is any row of the table, whatever ON says.
  if (!matched) return scopeOf(clause.condition, options);
  const both = [on, clause.condition].filter((part) => part !== undefined);
  return scopeOf({ BoolExpr: { boolop: 'AND_EXPR', args: both } }, options);
}
