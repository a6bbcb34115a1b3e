/** SELECT, INSERT, UPDATE, DELETE, MERGE: which tables and columns, and where each column of a result comes from. */
import type { Collector, Source } from './collector.ts';
import { walkExpression } from './expression.ts';
import type { Relation, SqlVerb } from './facts.ts';
import { resolveRelation } from './names.ts';
import { type Body, bodyOf, list, nodeOf, strings, text } from './node.ts';
import { scopeOf } from './scope.ts';

/** A column of a FROM item or of a result, and the base columns that it comes from unchanged. */
export interface Column {
  readonly name: string;
  readonly sources: readonly Source[];
}

/** One item of FROM under its name; columns undefined where only the server knows them. */
export interface Range {
  readonly alias: string;
  readonly schema?: string;
  readonly columns: readonly Column[] | undefined;
  readonly relation?: Relation;
}

/** Names that a query sees: its own FROM items, then those of the queries around it. */
export interface Names {
  readonly ranges: Range[];
  readonly ctes: ReadonlyMap<string, readonly Column[] | undefined>;
  readonly outer?: Names;
  /** Names of the result, which ORDER BY and GROUP BY may use. */
  results?: readonly Column[];
}

export const inner = (outer: Names): Names => ({ ranges: [], ctes: outer.ctes, outer });
export const noNames = (): Names => ({ ranges: [], ctes: new Map() });

const aliasOf = (body: Body): { name: string | undefined; columns: string[] } => {
  const alias = body.alias as Body | undefined;
  return {
    name: alias ? text(alias.aliasname) : undefined,
    columns: strings(alias?.colnames) ?? [],
  };
};

const renamed = (
  columns: readonly Column[] | undefined,
  names: readonly string[],
): readonly Column[] | undefined =>
  columns?.map((column, at) => ({ ...column, name: names[at] ?? column.name }));

export const columnsOf = (relation: Relation): Column[] =>
  relation.columns.map(({ name }) => ({ name, sources: [{ relation, column: name }] }));

function rangeVar(body: Body, names: Names, facts: Collector): Range {
  const { name: alias, columns } = aliasOf(body);
  const name = text(body.relname);
  if (body.schemaname === undefined && names.ctes.has(name)) {
    return { alias: alias ?? name, columns: renamed(names.ctes.get(name), columns) };
  }
  const relation = resolveRelation(body, facts);
  if (!relation) return { alias: alias ?? name, columns: undefined };
  facts.read(relation);
  if (relation.kind === 'foreign') facts.risks.add('network');
  return {
    alias: alias ?? name,
    ...(alias === undefined ? { schema: relation.schema } : {}),
    columns: renamed(columnsOf(relation), columns),
    relation,
  };
}

function fromItem(node: unknown, names: Names, facts: Collector): void {
  const found = nodeOf(node);
  if (!found) return;
  const { kind, body } = found;
  if (!facts.enter()) return;
  switch (kind) {
    case 'RangeVar':
      names.ranges.push(rangeVar(body, names, facts));
      break;
    case 'RangeSubselect': {
      const { name, columns } = aliasOf(body);
      const around =
        body.lateral === true ? { ...inner(names), ranges: [] } : inner({ ...names, ranges: [] });
      names.ranges.push({
        alias: name ?? '',
        columns: renamed(readQuery(body.subquery, around, facts), columns),
      });
      break;
    }
    case 'JoinExpr':
      joinExpr(body, names, facts);
      break;
    case 'RangeFunction':
      walkExpression(body.functions, names, facts);
      names.ranges.push({ alias: aliasOf(body).name ?? '', columns: undefined });
      break;
    case 'RangeTableSample':
      fromItem(body.relation, names, facts);
      walkExpression([body.args, body.repeatable], names, facts);
      break;
    default:
      // JSON_TABLE, XMLTABLE and whatever comes next: not looked into, so not understood.
      facts.doubts.add('opaque-code');
  }
  facts.leave();
}

function joinExpr(body: Body, names: Names, facts: Collector): void {
  const before = names.ranges.length;
  fromItem(body.larg, names, facts);
  fromItem(body.rarg, names, facts);
  const joined = names.ranges.slice(before);
  if (body.quals === undefined && body.usingClause === undefined && body.isNatural !== true)
    facts.crossJoin = true;
  walkExpression(body.quals, names, facts);
  const using = strings(body.usingClause) ?? [];
  for (const range of joined) {
    const shared = range.columns?.filter(
      ({ name }) =>
        using.includes(name) ||
        (body.isNatural === true &&
          joined.some(
            (other) => other !== range && other.columns?.some((column) => column.name === name),
          )),
    );
    for (const column of shared ?? []) facts.derive(column.sources);
  }
  const alias = body.alias as Body | undefined;
  if (!alias) return;
  // A join under a name of its own hides the names inside it.
  const columns = joined.some((range) => range.columns === undefined)
    ? undefined
    : joined.flatMap((range) => range.columns ?? []);
  names.ranges.splice(before, joined.length, {
    alias: text(alias.aliasname),
    columns: renamed(columns, strings(alias.colnames) ?? []),
  });
}

/** WITH: each query is read once, where it stands; what it changes counts even if nobody reads it. */
function readCtes(withClause: unknown, names: Names, facts: Collector): Names {
  const clause = withClause as Body | undefined;
  if (!clause) return names;
  const ctes = new Map(names.ctes);
  for (const item of list(clause.ctes)) {
    const cte = bodyOf(item, 'CommonTableExpr');
    if (!cte) continue;
    const name = text(cte.ctename);
    // Inside itself a recursive query is opaque: its columns are whatever its first part gives.
    if (clause.recursive === true) ctes.set(name, undefined);
    const columns = readQuery(
      cte.ctequery,
      { ranges: [], ctes: new Map(ctes), ...(names.outer ? { outer: names.outer } : {}) },
      facts,
    );
    if (clause.recursive === true) for (const column of columns ?? []) facts.derive(column.sources);
    ctes.set(
      name,
      clause.recursive === true ? undefined : renamed(columns, strings(cte.aliascolnames) ?? []),
    );
  }
  return { ...names, ctes };
}

/** Any query; answers with its result columns, undefined where they are not known. */
export function readQuery(
  node: unknown,
  names: Names,
  facts: Collector,
): readonly Column[] | undefined {
  const found = nodeOf(node);
  if (!found) return undefined;
  if (!facts.enter()) return undefined;
  const columns = queryOf(found.kind, found.body, names, facts);
  facts.leave();
  return columns;
}

function queryOf(
  kind: string,
  body: Body,
  names: Names,
  facts: Collector,
): readonly Column[] | undefined {
  switch (kind) {
    case 'SelectStmt':
      return readSelect(body, names, facts);
    case 'InsertStmt':
      return readInsert(body, names, facts);
    case 'UpdateStmt':
      return readChange('update', body, list(body.fromClause), names, facts);
    case 'DeleteStmt':
      return readChange('delete', body, list(body.usingClause), names, facts);
    case 'MergeStmt':
      return readMerge(body, names, facts);
    default:
      facts.doubts.add('opaque-code');
      return undefined;
  }
}

function readSelect(body: Body, outer: Names, facts: Collector): readonly Column[] | undefined {
  const names = { ...readCtes(body.withClause, outer, facts), ranges: [...outer.ranges] };
  if (body.op !== undefined && body.op !== 'SETOP_NONE') {
    const both = [body.larg, body.rarg].map((side) =>
      readSelect((side ?? {}) as Body, names, facts),
    );
    // The value of a row may come from either side: no lineage.
    for (const columns of both) for (const column of columns ?? []) facts.derive(column.sources);
    walkExpression([body.limitCount, body.limitOffset], names, facts);
    return both[0]?.map(({ name }) => ({ name, sources: [] }));
  }
  const from = list(body.fromClause);
  for (const item of from) fromItem(item, names, facts);
  if (from.length > 1 && body.whereClause === undefined) facts.crossJoin = true;
  if (body.intoClause !== undefined) {
    facts.readOnly = false;
    facts.use('ddl', { kind: 'database' });
  }
  if (list(body.lockingClause).length > 0) facts.readOnly = false;
  walkExpression(body.valuesLists, names, facts);
  const columns = resultColumns(list(body.targetList), names, facts);
  names.results = columns ?? [];
  walkExpression(
    [body.whereClause, body.havingClause, body.windowClause, body.limitCount, body.limitOffset],
    names,
    facts,
  );
  walkExpression([body.groupClause, body.sortClause, body.distinctClause], names, facts);
  const limit = bodyOf(body.limitCount, 'A_Const')?.ival as Body | undefined;
  if (typeof limit?.ival === 'number') facts.limit = Math.max(facts.limit ?? 0, limit.ival);
  // What is copied into a table, or sorted out by DISTINCT and grouping, is more than shown.
  const used = body.intoClause !== undefined || list(body.distinctClause).length > 0;
  if (used) for (const column of columns ?? []) facts.derive(column.sources);
  return columns;
}

/** The result of a target list: a bare column keeps its sources, everything else has used them. */
export function resultColumns(
  targets: readonly unknown[],
  names: Names,
  facts: Collector,
): readonly Column[] | undefined {
  const columns: Column[] = [];
  let known = true;
  for (const target of targets) {
    const body = bodyOf(target, 'ResTarget');
    if (!body) continue;
    const reference = bodyOf(body.val, 'ColumnRef');
    const fields = list(reference?.fields);
    if (reference && nodeOf(fields.at(-1))?.kind === 'A_Star') {
      const expanded = expandStar(strings(fields.slice(0, -1)) ?? [], names, facts);
      if (!expanded) known = false;
      columns.push(...(expanded ?? []));
      continue;
    }
    const found = reference && resolveColumn(strings(fields) ?? [], names, facts);
    const name = text(body.name) || (strings(fields)?.at(-1) ?? '?column?');
    if (found?.kind === 'column') columns.push({ name, sources: found.sources });
    else {
      if (found?.kind !== 'row') walkExpression(body.val, names, facts);
      columns.push({ name, sources: [] });
    }
  }
  return known ? columns : undefined;
}

/** `*` and `t.*`; a star over something unknown is what the server makes of it. */
function expandStar(
  qualifier: readonly string[],
  names: Names,
  facts: Collector,
): readonly Column[] | undefined {
  const alias = qualifier.at(-1);
  const ranges =
    alias === undefined ? names.ranges : names.ranges.filter((range) => range.alias === alias);
  if (alias !== undefined && ranges.length === 0) facts.doubts.add('unresolved-name');
  for (const range of ranges) {
    if (range.relation) facts.useTable('select', range.relation).allColumns = true;
  }
  return ranges.some((range) => range.columns === undefined)
    ? undefined
    : ranges.flatMap((range) => range.columns ?? []);
}

export type Resolved =
  | { readonly kind: 'column'; readonly sources: readonly Source[] }
  | { readonly kind: 'row' }
  | { readonly kind: 'unknown' };

const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** A ColumnRef as the server would read it; what does not resolve is a doubt. */
export function resolveColumn(fields: readonly string[], names: Names, facts: Collector): Resolved {
  const name = fields.at(-1) ?? '';
  const alias = fields.at(-2);
  const schema = fields.at(-3);
  for (let level: Names | undefined = names; level; level = level.outer) {
    const ranges = level.ranges.filter(
      (range) =>
        alias === undefined ||
        (range.alias === alias && (schema === undefined || range.schema === schema)),
    );
    const found = ranges.flatMap(
      (range) => range.columns?.filter((column) => column.name === name) ?? [],
    );
    if (found.length > 0)
      return { kind: 'column', sources: found.flatMap((column) => column.sources) };
    if (ranges.length > 0 && SYSTEM_COLUMNS.has(name)) return { kind: 'column', sources: [] };
    if (ranges.some((range) => range.columns === undefined)) return { kind: 'column', sources: [] };
    const whole = alias === undefined ? level.ranges.filter((range) => range.alias === name) : [];
    if (whole.length > 0) {
      for (const range of whole) useWholeRow(range, facts);
      return { kind: 'row' };
    }
    if (alias === undefined && level.results?.some((column) => column.name === name))
      return { kind: 'column', sources: [] };
    if (alias !== undefined && ranges.length > 0) break;
  }
  // `t.f` where f is no column of t calls the function f on the row.
  facts.doubts.add(alias === undefined ? 'unresolved-name' : 'ambiguous');
  return { kind: 'unknown' };
}

export function useWholeRow(range: Range, facts: Collector): void {
  if (range.relation) facts.touchAll('select', range.relation);
  for (const column of range.columns ?? []) facts.derive(column.sources);
}

function targetOf(body: Body, facts: Collector): { relation: Relation | undefined; alias: string } {
  const relation = body.relation as Body | undefined;
  if (!relation) return { relation: undefined, alias: '' };
  return {
    relation: resolveRelation(relation, facts),
    alias: aliasOf(relation).name ?? text(relation.relname),
  };
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
    const name = text(bodyOf(target, 'ResTarget')?.name);
    if (!relation.columns.some((column) => column.name === name))
      facts.doubts.add('unresolved-name');
    use.columns.add(name);
    use.written.add(name);
  }
}

function returning(body: Body, names: Names, facts: Collector): readonly Column[] | undefined {
  const clause = body.returningClause as Body | undefined;
  const targets = list(clause ? clause.exprs : body.returningList);
  return targets.length > 0 ? resultColumns(targets, names, facts) : [];
}

function rangeOf({ relation, alias }: { relation: Relation | undefined; alias: string }): Range {
  return {
    alias,
    columns: relation ? columnsOf(relation) : undefined,
    ...(relation ? { relation } : {}),
  };
}

function readInsert(body: Body, outer: Names, facts: Collector): readonly Column[] | undefined {
  const names: Names = { ...readCtes(body.withClause, outer, facts), ranges: [] };
  const target = targetOf(body, facts);
  if (target.relation) facts.write('insert', target.relation, 'no-write');
  const columns =
    list(body.cols).length > 0
      ? list(body.cols)
      : (target.relation?.columns ?? []).map(({ name }) => ({ ResTarget: { name } }));
  assign('insert', target.relation, columns, facts);
  const source =
    body.selectStmt === undefined ? [] : readQuery(body.selectStmt, inner(names), facts);
  for (const column of source ?? []) facts.derive(column.sources);
  names.ranges.push(rangeOf(target));
  const conflict = body.onConflictClause as Body | undefined;
  if (conflict) {
    const own: Names = {
      ...names,
      ranges: [...names.ranges, { ...rangeOf(target), alias: 'excluded' }],
    };
    walkExpression((conflict.infer as Body | undefined)?.whereClause, names, facts);
    if (conflict.action === 'ONCONFLICT_UPDATE' && target.relation) {
      // The row that the key conflicts with, and no other.
      facts.write('update', target.relation, 'key');
      assign('update', target.relation, list(conflict.targetList), facts);
      walkExpression([conflict.targetList, conflict.whereClause], own, facts);
    }
  }
  return returning(body, names, facts);
}

function readChange(
  verb: 'update' | 'delete',
  body: Body,
  from: readonly unknown[],
  outer: Names,
  facts: Collector,
): readonly Column[] | undefined {
  const names: Names = { ...readCtes(body.withClause, outer, facts), ranges: [] };
  const target = targetOf(body, facts);
  names.ranges.push(rangeOf(target));
  for (const item of from) fromItem(item, names, facts);
  if (target.relation) {
    const scope = scopeOf(body.whereClause, {
      relation: target.relation,
      alias: target.alias,
      joined: from.length > 0,
    });
    facts.write(verb, target.relation, scope);
    if (verb === 'update') assign('update', target.relation, list(body.targetList), facts);
  }
  walkExpression([body.targetList, body.whereClause], names, facts);
  return returning(body, names, facts);
}

function readMerge(body: Body, outer: Names, facts: Collector): readonly Column[] | undefined {
  const names: Names = { ...readCtes(body.withClause, outer, facts), ranges: [] };
  const target = targetOf(body, facts);
  names.ranges.push(rangeOf(target));
  fromItem(body.sourceRelation, names, facts);
  walkExpression(body.joinCondition, names, facts);
  for (const item of list(body.mergeWhenClauses)) {
    const clause = bodyOf(item, 'MergeWhenClause');
    if (!clause) continue;
    walkExpression([clause.condition, clause.targetList, clause.values], names, facts);
    if (!target.relation || clause.commandType === 'CMD_NOTHING') continue;
    const inserts = clause.commandType === 'CMD_INSERT';
    const held = scopeOf(body.joinCondition, {
      relation: target.relation,
      alias: target.alias,
      joined: true,
    });
    // A row that the source does not match is any row of the table, whatever the join says.
    const scope = inserts ? 'no-write' : clause.matchKind === 'MERGE_WHEN_MATCHED' ? held : 'none';
    facts.write('merge', target.relation, scope);
    if (clause.commandType !== 'CMD_DELETE')
      assign('merge', target.relation, list(clause.targetList), facts);
  }
  return returning(body, names, facts);
}
