/**
 * What an entry records of a statement → `context.sql` and `context.access` as policies are asked about it.
 * The gateway asks by these functions and a recomputation by the same, so the two cannot drift apart. Pure.
 */
import { type CedarRecord, type CedarValue, EntityUid } from './decision.ts';

type Name = { readonly schema: string; readonly name: string };

/** `facts.sql` of an entry, as far as policies are asked about it. Kinds and names, never values. */
export interface RecordedSql {
  readonly doubts: readonly string[];
  readonly dialect: string;
  readonly statements: number;
  readonly scope: string;
  readonly volatility: string;
  readonly readOnly: boolean;
  readonly risks: readonly string[];
  readonly tablesRead: readonly Name[];
  readonly tablesWritten: readonly Name[];
  readonly routines: readonly string[];
  readonly limit?: number;
  readonly returnsRows: boolean;
  readonly crossJoin: boolean;
  readonly literals: number;
  readonly literalKinds: readonly string[];
  readonly parameters: number;
  /** Absent in entries of before it was recorded: false then. */
  readonly inTransaction?: boolean;
}

/** `access` of a resource that has none: no column is touched. */
export const NO_ACCESS = {
  columns: [],
  shown: [],
  shownClasses: [],
  derivedClasses: [],
  written: [],
  writtenClasses: [],
  allColumns: false,
} as const satisfies Record<string, CedarValue>;

/** Identifiers that need quotes get them, so that no two objects have one id. */
export function identifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** `database` is the target's name; a table's id is its schema's below it. */
export const tableId = (database: string, { schema, name }: Name): string =>
  `${identifier(database)}.${identifier(schema)}.${identifier(name)}`;

export interface SqlContextOptions {
  readonly facts: RecordedSql;
  /** The statement's template; '' where the text does not parse. */
  readonly template: string;
  readonly database: string;
}

export function sqlContext({ facts, template, database }: SqlContextOptions): CedarRecord {
  const tables = (names: readonly Name[]): CedarValue =>
    names.map((name) => new EntityUid('Table', tableId(database, name)));
  return {
    doubts: entities('Doubt', facts.doubts),
    dialect: facts.dialect,
    statements: facts.statements,
    template,
    scope: new EntityUid('Scope', facts.scope),
    volatility: new EntityUid('Volatility', facts.volatility),
    readOnly: facts.readOnly,
    risks: entities('SqlRisk', facts.risks),
    tablesRead: tables(facts.tablesRead),
    tablesWritten: tables(facts.tablesWritten),
    routines: facts.routines,
    ...(facts.limit === undefined ? {} : { limit: facts.limit }),
    returnsRows: facts.returnsRows,
    crossJoin: facts.crossJoin,
    literals: facts.literals,
    literalKinds: facts.literalKinds,
    parameters: facts.parameters,
    inTransaction: facts.inTransaction ?? false,
  };
}

const entities = (type: string, ids: readonly string[]): CedarValue =>
  ids.map((id) => new EntityUid(type, id));
