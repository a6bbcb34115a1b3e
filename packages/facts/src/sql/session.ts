/** Statements about the session: transactions, settings, prepared statements, cursors, notifications. */
import type { Collector } from './collector.ts';
import { topLevel } from './columns.ts';
import { walkExpression } from './expression.ts';
import type { SqlEffect } from './facts.ts';
import { type Body, bodyOf, isObject, list, text } from './node.ts';
import { settingRisk } from './settings.ts';

const named = (name: unknown): { name?: string } => (text(name) === '' ? {} : { name: text(name) });

/** Adds the facts; false where the statement is none of these. */
export function sessionStatement(kind: string, body: Body, facts: Collector): boolean {
  const effect = effectOf(kind, body, facts);
  if (!effect) return false;
  facts.use('session', { kind: 'database' });
  facts.effects.push(effect);
  return true;
}

function effectOf(kind: string, body: Body, facts: Collector): SqlEffect | undefined {
  switch (kind) {
    case 'TransactionStmt':
      return transaction(body, facts);
    case 'VariableSetStmt':
      return setVariable(body, facts);
    case 'VariableShowStmt':
      facts.returnsRows = true;
      return { kind: 'other' };
    case 'ConstraintsSetStmt':
      for (const item of list(body.constraints)) {
        const name = bodyOf(item, 'RangeVar');
        if (name) facts.look(name);
      }
      return { kind: 'other' };
    case 'ListenStmt':
    case 'UnlistenStmt':
      return { kind: 'other' };
    case 'NotifyStmt':
      facts.risks.add('notify');
      facts.readOnly = false;
      return { kind: 'other' };
    case 'DiscardStmt':
      return { kind: body.target === 'DISCARD_ALL' ? 'discard-all' : 'other' };
    case 'ExecuteStmt':
      // What it runs is known to whoever keeps the names; until then it may do anything.
      walkExpression(body.params, topLevel(), facts);
      facts.returnsRows = true;
      facts.unlimited = true;
      facts.readOnly = false;
      return { kind: 'execute', name: text(body.name) };
    case 'DeallocateStmt':
      return { kind: 'deallocate', ...named(body.name) };
    case 'FetchStmt':
      facts.returnsRows ||= body.ismove !== true;
      facts.unlimited = true;
      return { kind: 'fetch', ...named(body.portalname) };
    case 'ClosePortalStmt':
      return { kind: 'close', ...named(body.portalname) };
    default:
      return undefined;
  }
}

const SAVEPOINTS: Readonly<Record<string, 'savepoint' | 'release' | 'rollback-to'>> = {
  TRANS_STMT_SAVEPOINT: 'savepoint',
  TRANS_STMT_RELEASE: 'release',
  TRANS_STMT_ROLLBACK_TO: 'rollback-to',
};
const TRANSACTIONS: Readonly<Record<string, 'begin' | 'commit' | 'rollback'>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
};

function transaction(body: Body, facts: Collector): SqlEffect {
  const savepoint = SAVEPOINTS[text(body.kind)];
  if (savepoint) return { kind: savepoint, ...named(body.savepoint_name) };
  const kind = TRANSACTIONS[text(body.kind)];
  if (kind) return { kind };
  // A prepared transaction outlives the session that was judged, and anybody may commit it.
  facts.doubts.add('opaque-code');
  facts.readOnly = false;
  return { kind: 'other' };
}

function settingValue(args: readonly unknown[]): string | undefined {
  const constant = bodyOf(args[0], 'A_Const');
  if (args.length !== 1 || !constant) return undefined;
  if (isObject(constant.sval)) return text(constant.sval.sval);
  if (isObject(constant.boolval)) return constant.boolval.boolval === true ? 'on' : 'off';
  if (isObject(constant.ival)) return String(constant.ival.ival ?? 0);
  return undefined;
}

function setVariable(body: Body, facts: Collector): SqlEffect {
  const kind = text(body.kind);
  const name = text(body.name).toLowerCase() || 'all';
  const resets = /^VAR_(RESET|RESET_ALL|SET_DEFAULT)$/.test(kind);
  for (const item of list(body.args)) settingArgument(item, facts);
  // SET TRANSACTION and SESSION CHARACTERISTICS list options that are settings by their own names.
  const settings =
    kind === 'VAR_SET_MULTI'
      ? list(body.args).flatMap((item) => {
          const option = bodyOf(item, 'DefElem');
          return option
            ? [[settingName(name, text(option.defname)), settingValue([option.arg])] as const]
            : [];
        })
      : kind === 'VAR_RESET_ALL'
        ? []
        : [[name, resets ? 'default' : settingValue(list(body.args))] as const];
  for (const [setting, value] of settings) {
    const risk = settingRisk(setting, value);
    if (risk) facts.risks.add(risk);
  }
  return { kind: resets ? 'reset' : 'set', name };
}

/** `SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE` sets the default of every later transaction. */
const settingName = (set: string, option: string): string =>
  set === 'session characteristics' ? `default_${option}` : option;

/** By the grammar a setting's value is constants; `SET TIME ZONE INTERVAL '1' HOUR` casts one. */
function settingArgument(item: unknown, facts: Collector): void {
  const option = bodyOf(item, 'DefElem');
  walkExpression(option ? option.arg : item, topLevel(), facts);
}
