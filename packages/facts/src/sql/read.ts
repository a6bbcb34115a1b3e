/** The bytes of a SQL message → facts. Pure; parser and catalog come in through ports. */
import { Collector } from './collector.ts';
import type { Catalog, Doubt, Literal, ParsePort, SqlFacts, SqlReading } from './facts.ts';
import { templateOf } from './lexer.ts';
import { bodyOf } from './node.ts';
import { statement } from './statement.ts';

/** Above it a text is not parsed at all; in UTF-16 code units, which UTF-8 never undercuts. */
export const TEXT_LENGTH_MAX = 256 * 1024;
export const STATEMENTS_MAX = 1_000;

export interface ReadSqlOptions {
  readonly text: string;
  readonly parse: ParsePort;
  readonly catalog: Catalog;
  /** False after anything in the session that may change what unqualified names mean. */
  readonly namesKnown?: boolean;
}

/** Facts of a text that nothing is known of but why: everything at its worst. */
function unknownFacts(doubt: Doubt): SqlFacts {
  return {
    doubts: [doubt],
    dialect: 'postgres',
    statements: 0,
    kinds: [],
    template: '',
    scope: 'none',
    volatility: 'unknown',
    readOnly: false,
    risks: [],
    tablesRead: [],
    tablesWritten: [],
    routines: [],
    returnsRows: false,
    crossJoin: false,
    literals: 0,
    literalKinds: [],
    parameters: 0,
    uses: [
      {
        verb: 'call',
        resource: { kind: 'database' },
        columns: [],
        shown: [],
        derived: [],
        written: [],
        allColumns: false,
      },
    ],
  };
}

/** Never throws: what cannot be read is a doubt, and a doubt is denied. */
export function readSql({ text, parse, catalog, namesKnown = true }: ReadSqlOptions): SqlReading {
  const unknown = (doubt: Doubt): SqlReading => ({
    kind: 'statement',
    facts: unknownFacts(doubt),
    literals: [],
    effects: [],
  });
  if (text.length > TEXT_LENGTH_MAX) return unknown('too-large');
  if (!text.isWellFormed() || text.includes('\0')) return unknown('encoding');
  const outcome = parse(text);
  if (outcome.kind === 'fault') return unknown(outcome.doubt);
  if (outcome.kind === 'syntax-error') {
    const { message, position } = outcome;
    return {
      kind: 'syntax-error',
      message,
      facts: unknownFacts('syntax'),
      ...(position === undefined ? {} : { position }),
    };
  }
  if (outcome.stmts.length > STATEMENTS_MAX) return unknown('too-large');
  const facts = new Collector(catalog, namesKnown);
  try {
    for (const [at, item] of outcome.stmts.entries()) readStatement(item, text, facts, at);
  } catch {
    // A shape of tree that the walk does not expect is one that it does not understand.
    return unknown('opaque-code');
  }
  const { template, literals, parameters } = templateOf(text);
  return {
    kind: 'statement',
    facts: finish(facts, { statements: outcome.stmts.length, template, literals, parameters }),
    literals,
    effects: facts.effects,
  };
}

function readStatement(item: unknown, text: string, facts: Collector, at: number): void {
  const {
    stmt,
    stmt_location: from = 0,
    stmt_len: length,
  } = item as { stmt?: unknown; stmt_location?: number; stmt_len?: number };
  facts.kinds.push(Object.keys((stmt ?? {}) as object)[0] ?? '');
  const before = facts.effects.length;
  statement(stmt, facts);
  // A temporary object stands before all others of its name, for the rest of the session.
  if (
    /^(Create|View|Select)/.test(facts.kinds.at(-1) ?? '') &&
    JSON.stringify(stmt).includes('"relpersistence":"t"')
  ) {
    facts.effects.push({ kind: 'set', name: 'temporary objects' });
  }
  // Something earlier in the message that may change what names mean makes the names after it unknown.
  const prepared = bodyOf(stmt, 'PrepareStmt');
  for (const [index, effect] of facts.effects.entries()) {
    if (index < before || effect.kind !== 'prepare' || !prepared) continue;
    // Offsets of the parser count UTF-8 bytes.
    const bytes = new TextEncoder().encode(text);
    const own = new TextDecoder().decode(
      bytes.subarray(from, length === undefined ? undefined : from + length),
    );
    facts.effects[index] = { ...effect, text: own };
  }
  if (
    at > 0 &&
    facts.tablesRead.size + facts.tablesWritten.size > 0 &&
    facts.effects.slice(0, before).some(changesNames)
  ) {
    facts.doubts.add('search-path');
  }
}

/** True for what may change the meaning of a name that comes later: then it is judged anew, or not at all. */
export function changesNames(effect: { readonly kind: string; readonly name?: string }): boolean {
  if (effect.kind === 'ddl') return true;
  return (
    (effect.kind === 'set' || effect.kind === 'reset') &&
    /^(search_path|role|session_authorization|all|temporary objects)$/.test(effect.name ?? '')
  );
}

function finish(
  facts: Collector,
  rest: { statements: number; template: string; literals: readonly Literal[]; parameters: number },
): SqlFacts {
  if (facts.uses.size === 0) facts.use('session', { kind: 'database' });
  return {
    doubts: [...facts.doubts].sort(),
    dialect: 'postgres',
    statements: rest.statements,
    kinds: facts.kinds,
    template: rest.template,
    scope: facts.scope,
    volatility: facts.volatility,
    readOnly: facts.readOnly,
    risks: [...facts.risks].sort(),
    tablesRead: [...facts.tablesRead.values()],
    tablesWritten: [...facts.tablesWritten.values()],
    routines: [...facts.routines].sort(),
    ...(facts.limit === undefined ? {} : { limit: facts.limit }),
    returnsRows: facts.returnsRows,
    crossJoin: facts.crossJoin,
    literals: rest.literals.length,
    literalKinds: [...new Set(rest.literals.map(({ kind }) => kind))].sort(),
    parameters: rest.parameters,
    uses: [...facts.uses.values()].map((use) => ({
      verb: use.verb,
      resource: use.resource,
      columns: [...use.columns].sort(),
      shown: [...use.shown].sort(),
      derived: [...use.derived].sort(),
      written: [...use.written].sort(),
      allColumns: use.allColumns,
    })),
  };
}
