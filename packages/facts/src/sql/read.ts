/** The text of a SQL message → facts. Pure; parser and catalog come in through ports. */
import { Collector } from './collector.ts';
import type {
  Catalog,
  Doubt,
  ParsePort,
  SqlEffect,
  SqlFacts,
  SqlReading,
  StoredColumn,
} from './facts.ts';
import { preparedText, type Template, templateOf } from './lexer.ts';
import { type Body, isObject, list, nodeOf, object } from './node.ts';
import { type Reader, readStatement, TEMPORARY } from './statement.ts';

/** Above it a text is not parsed at all: parsing holds up everybody else. */
export const TEXT_BYTES_MAX = 256 * 1024;
/** Statements of one message. */
export const STATEMENTS_MAX = 1_000;

export interface ReadSqlOptions {
  readonly text: string;
  readonly parse: ParsePort;
  readonly catalog: Catalog;
  /** False after anything in the session that may have changed what unqualified names mean. */
  readonly namesKnown?: boolean;
}

/** Never throws: what cannot be read is a doubt, and a doubt is denied. */
export function readSql({ text, parse, catalog, namesKnown = true }: ReadSqlOptions): SqlReading {
  if (text.length > TEXT_BYTES_MAX) return unreadable('too-large');
  // Half a character, or a text that ends early for the server, would hide what comes behind it.
  if (!text.isWellFormed() || text.includes('\0')) return unreadable('encoding');
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > TEXT_BYTES_MAX) return unreadable('too-large');
  const outcome = parse(text);
  if (outcome.kind === 'fault') return unreadable(outcome.doubt);
  if (outcome.kind === 'syntax-error') {
    const { message, position } = outcome;
    const facts = unknownFacts('syntax');
    return {
      kind: 'syntax-error',
      message,
      facts,
      ...(position === undefined ? {} : { position }),
    };
  }
  if (outcome.stmts.length > STATEMENTS_MAX) return unreadable('too-large');
  const facts = new Collector(catalog, namesKnown);
  const shows: (readonly StoredColumn[])[] = [];
  try {
    for (const item of outcome.stmts) {
      oneStatement(item, bytes, { facts, parse });
      shows.push(facts.takeShown());
    }
  } catch (error) {
    // A tree deeper than the stack, or of a shape that the walk does not expect, is not understood.
    facts.doubts.add(error instanceof RangeError ? 'too-deep' : 'opaque-code');
  }
  const template = templateOf(text);
  return {
    kind: 'statement',
    facts: finish(facts, outcome.stmts.length, template),
    literals: template.literals,
    effects: facts.effects,
    shows,
  };
}

const unreadable = (doubt: Doubt): SqlReading => ({
  kind: 'statement',
  facts: unknownFacts(doubt),
  literals: [],
  effects: [],
});

/** Facts of a text that nothing is known of but why: everything at its worst. */
function unknownFacts(doubt: Doubt): SqlFacts {
  const nothing = { columns: [], shown: [], derived: [], written: [], allColumns: false };
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
    uses: [{ verb: 'call', resource: { kind: 'database' }, ...nothing }],
  };
}

function oneStatement(item: unknown, bytes: Uint8Array, reader: Reader): void {
  const { facts } = reader;
  const raw = object(item);
  const stmt = raw?.stmt;
  const doubtsBefore = new Set(facts.doubts);
  const effectsBefore = facts.effects.length;
  facts.kinds.push(nodeOf(stmt)?.kind ?? '');
  readStatement(stmt, reader);
  if (!facts.gaveUp && hasUnseen(stmt, facts)) facts.doubts.add('opaque-code');
  if (facts.effects.length === effectsBefore) facts.effects.push({ kind: 'other' });
  // Code that nobody looked into may have changed what every later name means.
  const opaque: readonly Doubt[] = ['unknown-routine', 'opaque-code', 'dynamic', 'ambiguous'];
  if (opaque.some((doubt) => facts.doubts.has(doubt) && !doubtsBefore.has(doubt))) {
    facts.effects.push({ kind: 'set', name: 'all' });
  }
  const own = facts.effects.slice(effectsBefore);
  if (own.some(changesNames)) facts.namesKnown = false;
  if (own.some(({ kind }) => kind === 'ddl')) facts.catalogKnown = false;
  const prepared = own.findIndex(({ kind }) => kind === 'prepare');
  const effect = own[prepared];
  if (effect?.kind === 'prepare' && raw) {
    facts.effects[effectsBefore + prepared] = { ...effect, text: preparedIn(raw, bytes) };
  }
}

/** The query inside a PREPARE. Offsets of the parser count UTF-8 bytes. */
function preparedIn(raw: Body, bytes: Uint8Array): string {
  const from = typeof raw.stmt_location === 'number' ? raw.stmt_location : 0;
  const length = typeof raw.stmt_len === 'number' ? raw.stmt_len : bytes.length - from;
  return preparedText(new TextDecoder().decode(bytes.subarray(from, from + length))) ?? '';
}

/** Kinds of node that must not pass unseen: they name relations, columns, routines, types, or write. */
const WATCHED = new Set([
  ...[
    'RangeVar',
    'ColumnRef',
    'FuncCall',
    'SubLink',
    'TypeCast',
    'TypeName',
    'A_Expr',
    'A_Indirection',
  ],
]);
const isWatchedKind = (kind: string): boolean => WATCHED.has(kind) || kind.endsWith('Stmt');

/** True where the walk has left something out: a way around it is then a doubt, not a way through. */
function hasUnseen(value: unknown, facts: Collector): boolean {
  if (Array.isArray(value)) {
    for (const item of value) if (hasUnseen(item, facts)) return true;
    return false;
  }
  if (!isObject(value)) return false;
  const node = nodeOf(value);
  if (node) {
    if (isWatchedKind(node.kind) && !facts.looked(node.body)) return true;
  } else if (isWatched(value) && !facts.looked(value)) return true;
  for (const key in value) if (hasUnseen(value[key], facts)) return true;
  return false;
}

/** Some members hold a relation, a type or a query without its kind written on it. */
const isWatched = (body: Body): boolean =>
  body.relname !== undefined ||
  body.limitOption !== undefined ||
  (body.typemod !== undefined && list(body.names).length > 0);

/** True for what may change the meaning of a name that comes later: that is judged when it is known. */
export function changesNames(effect: SqlEffect): boolean {
  if (effect.kind === 'ddl') return true;
  if (effect.kind === 'set') return NAME_SETTINGS.has(effect.name ?? 'all');
  // A reset of the search_path restores the one that the snapshot was taken with.
  return effect.kind === 'reset' && /^(role|session_authorization)$/.test(effect.name ?? '');
}

const NAME_SETTINGS = new Set(['search_path', 'role', 'session_authorization', 'all', TEMPORARY]);

function finish(facts: Collector, statements: number, template: Template): SqlFacts {
  if (!facts.usedSomething) facts.use('session', { kind: 'database' });
  const limit = facts.unlimited ? undefined : facts.limit;
  return {
    doubts: [...facts.doubts].sort(),
    dialect: 'postgres',
    statements,
    kinds: facts.kinds,
    template: template.template,
    scope: facts.scope,
    volatility: facts.volatility,
    readOnly: facts.readOnly,
    risks: [...facts.risks].sort(),
    tablesRead: [...facts.tablesRead.values()],
    tablesWritten: [...facts.tablesWritten.values()],
    routines: [...facts.routines].sort(),
    ...(limit === undefined ? {} : { limit }),
    returnsRows: facts.returnsRows,
    crossJoin: facts.crossJoin,
    literals: template.literals.length,
    literalKinds: [...new Set(template.literals.map(({ kind }) => kind))].sort(),
    parameters: template.parameters,
    uses: facts.uses(),
  };
}
