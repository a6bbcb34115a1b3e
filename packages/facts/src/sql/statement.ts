/** Every kind of statement: what it amounts to. A kind that does not stand here is not understood. */
import type { Collector } from './collector.ts';
import { definitionOf } from './definition.ts';
import { walkExpression } from './expression.ts';
import type { SqlEffect, SqlVerb } from './facts.ts';
import { resolveRelation, resolveRoutine } from './names.ts';
import { type Body, bodyOf, isObject, list, nodeOf, strings, text } from './node.ts';
import { noNames, readQuery } from './query.ts';
import { settingRisk } from './routines.ts';

/** What becomes of a query's result: shown to whoever asked, or put somewhere. */
type Destination = 'shown' | 'moved';

function query(node: unknown, facts: Collector, destination: Destination = 'shown'): void {
  const columns = readQuery(node, noNames(), facts);
  const kind = nodeOf(node)?.kind;
  const returns = kind === 'SelectStmt' || (columns?.length ?? 1) > 0;
  for (const column of columns ?? []) {
    if (destination === 'shown') facts.show(column.sources);
    else facts.derive(column.sources);
  }
  if (destination === 'shown' && returns) facts.returnsRows = true;
  // A query that touches no table is still an action on the database.
  if (![...facts.uses.values()].some(({ resource }) => resource.kind === 'table'))
    facts.use('select', { kind: 'database' });
}

function session(facts: Collector, effect: SqlEffect = { kind: 'other' }): void {
  facts.use('session', { kind: 'database' });
  facts.effects.push(effect);
}

const TRANSACTIONS: Readonly<Record<string, SqlEffect['kind']>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'release',
  TRANS_STMT_ROLLBACK_TO: 'rollback-to',
};

function transaction(body: Body, facts: Collector): void {
  const kind = TRANSACTIONS[text(body.kind)];
  // Two-phase commit outlives the session that was judged.
  if (kind === undefined) facts.doubts.add('opaque-code');
  const name = text(body.savepoint_name);
  session(facts, { kind: kind ?? 'other', ...(name === '' ? {} : { name }) } as SqlEffect);
}

function settingValue(args: readonly unknown[]): string | undefined {
  const constant = bodyOf(args[0], 'A_Const');
  if (isObject(constant?.sval)) return text(constant.sval.sval);
  if (isObject(constant?.boolval)) return constant.boolval.boolval === true ? 'on' : 'off';
  if (isObject(constant?.ival)) return String(constant.ival.ival ?? 0);
  return undefined;
}

function setVariable(body: Body, facts: Collector): void {
  const name = text(body.name).toLowerCase() || 'all';
  const resets = /^VAR_(RESET|RESET_ALL|SET_DEFAULT)$/.test(text(body.kind));
  session(facts, { kind: resets ? 'reset' : 'set', name });
  if (body.kind === 'VAR_RESET_ALL' || body.kind === 'VAR_SET_MULTI') return;
  const risk = settingRisk(name, resets ? 'default' : settingValue(list(body.args)));
  if (risk) facts.risks.add(risk);
}

function copy(body: Body, facts: Collector): void {
  const relation = isObject(body.relation) ? resolveRelation(body.relation, facts) : undefined;
  const reads = body.is_from !== true;
  if (body.is_program === true) facts.risks.add('program');
  else if (body.filename !== undefined) facts.risks.add('file');
  if (body.query !== undefined) {
    query(body.query, facts, 'moved');
    facts.use('copy', { kind: 'database' });
  } else if (relation) {
    const use = facts.useTable('copy', relation);
    if (reads) {
      facts.read(relation);
      facts.touchAll('copy', relation);
      facts.touchAll('select', relation);
    } else {
      facts.write('copy', relation, 'no-write');
      for (const column of relation.columns) use.written.add(column.name);
    }
  }
  walkExpression(body.whereClause, noNames(), facts);
  facts.effects.push({ kind: reads ? 'copy-out' : 'copy-in' });
  if (reads) facts.returnsRows = true;
  else facts.readOnly = false;
}

/** DDL and administration over tables that are there already. */
function onTables(verb: SqlVerb, ranges: readonly unknown[], facts: Collector): void {
  facts.readOnly = false;
  facts.effects.push({ kind: 'ddl' });
  if (ranges.length === 0) facts.use(verb, { kind: 'database' });
  for (const item of ranges) {
    const range = bodyOf(item, 'RangeVar') ?? (isObject(item) ? item : undefined);
    const relation = range && resolveRelation(range, facts);
    if (!relation) facts.use(verb, { kind: 'database' });
    else {
      facts.useTable(verb, relation);
      facts.tablesWritten.set(`${relation.schema}\0${relation.name}`, {
        schema: relation.schema,
        name: relation.name,
      });
    }
  }
}

function maintain(body: Body, facts: Collector, kind: string): void {
  const option = (name: string) =>
    list(body.options ?? body.params).some((item) => bodyOf(item, 'DefElem')?.defname === name);
  const relations =
    kind === 'VacuumStmt'
      ? list(body.rels).map((item) => bodyOf(item, 'VacuumRelation')?.relation)
      : [body.relation];
  onTables('maintain', relations.filter(isObject), facts);
  if (kind !== 'VacuumStmt' || option('full')) facts.risks.add('rewrite-table');
}

function cursor(body: Body, facts: Collector): void {
  const name = text(body.portalname);
  session(facts, {
    kind: body.ismove === true || body.direction !== undefined ? 'fetch' : 'close',
    ...(name === '' ? {} : { name }),
  });
  facts.returnsRows = true;
}

function truncate(body: Body, facts: Collector): void {
  facts.risks.add('truncate');
  onTables('truncate', list(body.relations), facts);
  facts.scope = 'none';
}

function lock(body: Body, facts: Collector): void {
  for (const item of list(body.relations)) {
    const range = bodyOf(item, 'RangeVar');
    const relation = range && resolveRelation(range, facts);
    if (relation) facts.read(relation);
  }
  session(facts);
  // ACCESS SHARE is what every SELECT takes.
  if (body.mode !== 1) facts.risks.add('lock');
}

function prepared(body: Body, facts: Collector): void {
  const name = text(body.name);
  session(facts, { kind: 'prepare', name, text: '' });
  if (nodeOf(body.query)) statement(body.query, facts);
}

function explain(body: Body, facts: Collector): void {
  // In any form: planning alone folds functions, and ANALYZE runs the statement.
  statement(body.query, facts);
  facts.returnsRows = true;
}

function call(body: Body, facts: Collector): void {
  const funccall = body.funccall as Body | undefined;
  const parts = strings(funccall?.funcname) ?? [];
  resolveRoutine(parts, facts);
  facts.doubts.add('unknown-routine');
  facts.use('call', { kind: 'database' });
  facts.readOnly = false;
  facts.volatility = 'volatile';
  walkExpression(funccall?.args, noNames(), facts);
}

const QUERIES = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Adds the facts of one statement; statements inside it are judged like itself. */
export function statement(node: unknown, facts: Collector): void {
  const found = nodeOf(node);
  if (!found) {
    facts.doubts.add('opaque-code');
    return;
  }
  if (!facts.enter()) return;
  const { kind, body } = found;
  const handler = HANDLERS[kind];
  if (QUERIES.has(kind)) query(node, facts);
  else if (handler) handler(body, facts, kind);
  else definition(kind, body, facts);
  facts.leave();
}

type Handler = (body: Body, facts: Collector, kind: string) => void;

const plainSession: Handler = (_body, facts) => session(facts);

const HANDLERS: Readonly<Record<string, Handler>> = {
  TransactionStmt: transaction,
  VariableSetStmt: setVariable,
  VariableShowStmt: (_body, facts) => {
    facts.returnsRows = true;
    session(facts);
  },
  ConstraintsSetStmt: plainSession,
  ListenStmt: plainSession,
  UnlistenStmt: plainSession,
  NotifyStmt: (_body, facts) => {
    facts.risks.add('notify');
    session(facts);
  },
  DiscardStmt: (_body, facts) => session(facts, { kind: 'discard-all' }),
  ExplainStmt: explain,
  PrepareStmt: prepared,
  ExecuteStmt: (body, facts) => {
    walkExpression(body.params, noNames(), facts);
    facts.returnsRows = true;
    session(facts, { kind: 'execute', name: text(body.name) });
  },
  DeallocateStmt: (body, facts) => {
    const name = text(body.name);
    session(facts, { kind: 'deallocate', ...(name === '' ? {} : { name }) });
  },
  DeclareCursorStmt: (body, facts) => {
    session(facts, { kind: 'declare', name: text(body.portalname) });
    statement(body.query, facts);
  },
  FetchStmt: cursor,
  ClosePortalStmt: cursor,
  CopyStmt: copy,
  CallStmt: call,
  DoStmt: (_body, facts) => {
    facts.doubts.add('opaque-code');
    facts.readOnly = false;
    facts.use('call', { kind: 'database' });
  },
  LockStmt: lock,
  TruncateStmt: truncate,
  VacuumStmt: maintain,
  ClusterStmt: maintain,
  ReindexStmt: maintain,
  RepackStmt: maintain,
  RefreshMatViewStmt: (body, facts) =>
    onTables('maintain', [body.relation].filter(isObject), facts),
  CheckPointStmt: (_body, facts) => onTables('maintain', [], facts),
  CreateTableAsStmt: definedByQuery,
  ViewStmt: definedByQuery,
};

/** What comes to be holds what the query reads: moved, not shown. */
function definedByQuery(body: Body, facts: Collector): void {
  query(body.query, facts, 'moved');
  onTables('ddl', [], facts);
}

function definition(kind: string, body: Body, facts: Collector): void {
  const known = definitionOf(kind, body);
  if (!known) {
    facts.doubts.add('opaque-code');
    facts.readOnly = false;
    facts.use('ddl', { kind: 'database' });
    return;
  }
  for (const risk of known.risks) facts.risks.add(risk);
  onTables(known.verb, known.relations, facts);
  for (const inside of known.statements) statement(inside, facts);
}
