/** Every kind of statement: what it amounts to. A kind that is listed nowhere is not understood. */
import type { Collector } from './collector.ts';
import { type Names, topLevel } from './columns.ts';
import { copy } from './copy.ts';
import { type Definition, definitionOf, sqlBody } from './definition.ts';
import { walkExpression } from './expression.ts';
import type { ParsePort, SqlEffect, SqlVerb } from './facts.ts';
import { integerOf } from './fold.ts';
import { findRelation, resolveRelation, resolveRoutine, resolveType } from './names.ts';
import { type Body, bodyOf, isObject, list, nodeOf, object, strings, text } from './node.ts';
import { readQuery } from './query.ts';
import { sessionStatement } from './session.ts';

export interface Reader {
  readonly facts: Collector;
  /** For the bodies of functions in SQL. */
  readonly parse: ParsePort;
}

/** What becomes of a query's result: shown to whoever asked, or put somewhere. */
export type Destination = 'shown' | 'moved';

const QUERIES = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Adds the facts of one statement; statements inside it are judged like itself. */
export function readStatement(node: unknown, reader: Reader, names: Names = topLevel()): void {
  const { facts } = reader;
  const found = nodeOf(node);
  if (!found) {
    facts.doubts.add('opaque-code');
    return;
  }
  if (!facts.enter()) return;
  facts.look(found.body);
  if (QUERIES.has(found.kind)) topQuery(node, 'shown', reader, names);
  else otherStatement(found.kind, found.body, reader, names);
  facts.leave();
}

/** A query as a statement of its own, or as the source of one. */
export function topQuery(
  node: unknown,
  destination: Destination,
  { facts }: Reader,
  names: Names,
): void {
  const around = facts.usedTable;
  facts.usedTable = false;
  const result = readQuery(node, names, facts);
  for (const { sources } of result.columns) {
    if (destination === 'shown') facts.show(sources);
    else facts.derive(sources);
  }
  const { kind = '', body = {} } = nodeOf(node) ?? {};
  const into = object(body.intoClause);
  if (into) createdTable(into.rel, facts);
  const returning = list(body.returningList).length > 0 || isObject(body.returningClause);
  if (destination === 'shown' && !into && (kind === 'SelectStmt' || returning)) {
    facts.returnsRows = true;
    limitOf(body, facts);
  }
  // A query that touches no table is still an action on the database.
  if (!facts.usedTable) facts.use('select', { kind: 'database' });
  facts.usedTable ||= around;
}

function limitOf(body: Body, facts: Collector): void {
  const limit = integerOf(body.limitCount);
  if (limit === undefined || body.limitOption === 'LIMIT_OPTION_WITH_TIES') facts.unlimited = true;
  else facts.limit = Math.max(facts.limit ?? 0, limit);
}

function createdTable(range: unknown, facts: Collector): void {
  const body = object(range);
  if (!body) return;
  facts.look(body);
  facts.readOnly = false;
  facts.worsen('volatile');
  inSchema('ddl', body, facts);
  facts.effects.push({ kind: 'ddl' });
  temporary(body, facts);
}

/** A temporary object stands before all others of its name for the rest of the session. */
function temporary(range: Body, facts: Collector): void {
  if (range.relpersistence === 't' || range.schemaname === 'pg_temp') {
    facts.effects.push({ kind: 'set', name: TEMPORARY });
  }
}

/** Name of the effect of a temporary object: it changes names as a search_path does. */
export const TEMPORARY = 'temporary objects';

function inSchema(verb: SqlVerb, { schemaname, relpersistence }: Body, facts: Collector): void {
  const first = facts.catalog.searchPath.find((one) => !one.startsWith('pg_'));
  const schema = text(schemaname) || (relpersistence === 't' ? '' : (first ?? ''));
  facts.use(verb, schema === '' ? { kind: 'database' } : { kind: 'schema', schema });
}

function otherStatement(kind: string, body: Body, reader: Reader, names: Names): void {
  const { facts } = reader;
  switch (kind) {
    case 'ExplainStmt':
      // In any form: planning alone folds functions, and ANALYZE runs the statement.
      readStatement(body.query, reader, names);
      facts.returnsRows = true;
      facts.takeShown();
      return;
    case 'PrepareStmt':
      for (const item of list(body.argtypes)) {
        const type = bodyOf(item, 'TypeName');
        if (type) resolveType(type, facts);
      }
      session(facts, { kind: 'prepare', name: text(body.name), text: '' });
      readStatement(body.query, reader, names);
      return;
    case 'DeclareCursorStmt':
      session(facts, { kind: 'declare', name: text(body.portalname) });
      readStatement(body.query, reader, names);
      return;
    case 'CopyStmt':
      copy(body, reader);
      return;
    case 'CreateTableAsStmt':
    case 'ViewStmt':
      stored(body, reader, names);
      return;
    case 'CallStmt':
      call(body, facts);
      return;
    case 'DoStmt':
      facts.doubts.add('opaque-code');
      facts.readOnly = false;
      facts.worsen('unknown');
      facts.use('call', { kind: 'database' });
      return;
    case 'LockStmt':
      lock(body, facts);
      return;
    default:
      if (!sessionStatement(kind, body, facts)) define(kind, body, reader, names);
  }
}

function session(facts: Collector, effect: SqlEffect): void {
  facts.use('session', { kind: 'database' });
  facts.effects.push(effect);
}

/** CREATE TABLE AS, CREATE MATERIALIZED VIEW and CREATE VIEW: rows or columns go where masks do not follow. */
function stored(body: Body, reader: Reader, names: Names): void {
  const { facts } = reader;
  if (nodeOf(body.query)?.kind === 'ExecuteStmt') {
    // What is executed is looked up by name, but what becomes of its rows is not looked up with it.
    facts.doubts.add('dynamic');
  }
  if (QUERIES.has(nodeOf(body.query)?.kind ?? '')) topQuery(body.query, 'moved', reader, names);
  else readStatement(body.query, reader, names);
  createdTable(object(body.into)?.rel ?? body.view, facts);
}

function call(body: Body, facts: Collector): void {
  const invoked = object(body.funccall);
  const [name = '', schema] = (strings(invoked?.funcname) ?? []).toReversed();
  if (invoked) facts.look(invoked);
  walkExpression(invoked?.args, topLevel(), facts);
  resolveRoutine(schema === undefined ? [name] : [schema, name], facts);
  // No procedure of the server's own is worth calling through here: what is left is somebody's code.
  facts.doubts.add('unknown-routine');
  facts.readOnly = false;
  facts.worsen('unknown');
  const found = [schema, ...facts.catalog.searchPath].find(
    (one) => one !== undefined && facts.catalog.routine(one, name),
  );
  if (found !== undefined && facts.catalog.routine(found, name)?.definerRights) {
    facts.risks.add('definer-rights');
  }
  facts.use(
    'call',
    found === undefined ? { kind: 'database' } : { kind: 'routine', schema: found, name },
  );
}

/** ACCESS SHARE, the mode that every SELECT takes. */
const ACCESS_SHARE = 1;

function lock(body: Body, facts: Collector): void {
  for (const item of list(body.relations)) {
    const range = bodyOf(item, 'RangeVar');
    const relation = range && resolveRelation(range, facts);
    if (relation) facts.read(relation);
  }
  session(facts, { kind: 'other' });
  if (body.mode === ACCESS_SHARE) return;
  facts.risks.add('lock');
  facts.readOnly = false;
}

function define(kind: string, body: Body, reader: Reader, names: Names): void {
  const { facts } = reader;
  const known = definitionOf(kind, body);
  facts.readOnly = false;
  facts.worsen('volatile');
  if (!known) {
    facts.doubts.add('opaque-code');
    facts.use('ddl', { kind: 'database' });
    return;
  }
  for (const risk of known.risks) facts.risks.add(risk);
  if (known.verb === 'truncate') facts.scope = 'none';
  definedResources(known, facts);
  facts.effects.push({ kind: known.verb === 'ddl' ? 'ddl' : 'other' });
  for (const range of known.created) temporary(range, facts);
  walkDefinition(body, reader, { ...names, others: true });
  const inSql = kind === 'CreateFunctionStmt' ? sqlBody(body) : undefined;
  if (inSql !== undefined) functionBody(inSql, reader);
}

function definedResources(known: Definition, facts: Collector): void {
  const { verb } = known;
  for (const range of known.existing) {
    const relation = known.missingOk ? findRelation(range, facts) : resolveRelation(range, facts);
    if (!relation) facts.use(verb, { kind: 'database' });
    else {
      facts.useTable(verb, relation);
      const { schema, name } = relation;
      facts.tablesWritten.set(`${schema}\0${name}`, { schema, name });
    }
  }
  for (const range of known.created) inSchema(verb, range, facts);
  for (const schema of known.schemas) facts.use(verb, { kind: 'schema', schema });
  const named = known.existing.length + known.created.length + known.schemas.length;
  if (named === 0) facts.use(verb, { kind: 'database' });
}

/** Expressions in a definition are reviewed like others; their columns are those of what is defined. */
const EXPRESSIONS = new Set([
  'FuncCall',
  'A_Expr',
  'ColumnRef',
  'TypeCast',
  'SubLink',
  'A_Indirection',
]);

function walkDefinition(value: unknown, reader: Reader, names: Names): void {
  const { facts } = reader;
  if (Array.isArray(value)) {
    for (const item of value) walkDefinition(item, reader, names);
    return;
  }
  if (!isObject(value) || !facts.enter()) return;
  const node = nodeOf(value);
  if (node && EXPRESSIONS.has(node.kind)) walkExpression(value, names, facts);
  else if (node && isInnerStatement(node.kind)) readStatement(value, reader, names);
  else {
    facts.look(node?.body ?? value);
    walkDefinition(Object.values(node?.body ?? value), reader, names);
  }
  facts.leave();
}

/** Elements of a schema, actions of a rule, a function's body; not the settings of a function. */
const isInnerStatement = (kind: string): boolean =>
  kind.endsWith('Stmt') && kind !== 'VariableSetStmt' && kind !== 'ReturnStmt';

/** The body of a function in SQL runs whenever it is called; what it does is part of what is created. */
function functionBody(body: string, reader: Reader): void {
  const outcome = reader.parse(body);
  if (outcome.kind !== 'tree') {
    reader.facts.doubts.add('opaque-code');
    return;
  }
  for (const item of outcome.stmts) {
    readStatement(object(item)?.stmt, reader, { ...topLevel(), others: true });
  }
}
