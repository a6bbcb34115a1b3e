/**
 * What a SQL message does, as far as its text and the catalog tell: kinds and names, never values.
 * Facts are recorded in clear, so nothing here may hold a literal, a bind value or a comment.
 * The names follow `Sql` and `Access` of guard.cedarschema.
 */

export type Doubt =
  | 'syntax'
  | 'encoding'
  | 'dynamic'
  | 'unresolved-name'
  | 'unknown-routine'
  | 'search-path'
  | 'opaque-code'
  | 'too-large'
  | 'too-deep'
  | 'ambiguous'
  | 'detector-failed'
  | 'stale-catalog';

export type SqlRisk =
  | 'file'
  | 'program'
  | 'network'
  | 'setting'
  | 'role'
  | 'lock'
  | 'rewrite-table'
  | 'sleep'
  | 'backend-control'
  | 'large-object'
  | 'replication'
  | 'disable-trigger'
  | 'definer-rights'
  | 'drop'
  | 'truncate'
  | 'notify';

/** How tightly WHERE holds the rows written; ordered from worst to best. */
export type Scope = 'none' | 'always-true' | 'loose' | 'range' | 'key' | 'no-write';

export type Volatility = 'immutable' | 'stable' | 'volatile' | 'unknown';

/** The action that a part of a statement amounts to; the Cedar action is `sql.` plus this. */
export type SqlVerb =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | 'merge'
  | 'call'
  | 'session'
  | 'copy'
  | 'ddl'
  | 'truncate'
  | 'grant'
  | 'maintain';

/** A relation or routine by its schema-qualified name, as the catalog spells it. */
export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** One use of one resource: becomes one Cedar request. `kind: 'database'` stands for the target itself. */
export interface SqlUse {
  readonly verb: SqlVerb;
  readonly resource:
    | ({ readonly kind: 'table' | 'routine' } & QualifiedName)
    | { readonly kind: 'schema'; readonly schema: string }
    | { readonly kind: 'database' };
  /** Columns touched, resolved; empty where the resource is no table. */
  readonly columns: readonly string[];
  /** Columns returned bare, lineage proved. */
  readonly shown: readonly string[];
  /** Columns used in a predicate, expression, sort, cast, whole row or copy. */
  readonly derived: readonly string[];
  readonly written: readonly string[];
  /** True where every column is touched: `*`, a whole row, TABLE, COPY. */
  readonly allColumns: boolean;
}

/** Facts about one message (one Query, or one Parse with its Bind). Of several statements, the worst. */
export interface SqlFacts {
  readonly doubts: readonly Doubt[];
  readonly dialect: 'postgres';
  /** Number of statements in the message; 0 for an empty query. */
  readonly statements: number;
  /** One per statement: the node kind of PostgreSQL's parser, such as `DeleteStmt`. */
  readonly kinds: readonly string[];
  /** The text with every literal taken out as `$n`, comments removed; `''` where it does not parse. */
  readonly template: string;
  readonly scope: Scope;
  readonly volatility: Volatility;
  readonly readOnly: boolean;
  readonly risks: readonly SqlRisk[];
  readonly tablesRead: readonly QualifiedName[];
  readonly tablesWritten: readonly QualifiedName[];
  /** Every function called, schema-qualified where that is known: `pg_catalog.lower`. */
  readonly routines: readonly string[];
  readonly limit?: number;
  readonly returnsRows: boolean;
  readonly crossJoin: boolean;
  readonly literals: number;
  readonly literalKinds: readonly ('string' | 'number' | 'bits' | 'dollar')[];
  /** Number of `$n` parameters that the client's own text has. */
  readonly parameters: number;
  /** At least one, in order of first use, one per (verb, resource). */
  readonly uses: readonly SqlUse[];
}

/** One literal that the lexer took out, in order of its place in the template. */
export interface Literal {
  /** 1-based number in the template: it is `$n` there. */
  readonly n: number;
  readonly kind: 'string' | 'number' | 'bits' | 'dollar';
  /** The literal exactly as written, quotes included. A value: never logged in clear. */
  readonly text: string;
}

/** What a statement does to the session, for the gateway's maps. One per statement of the message. */
export type SqlEffect =
  | {
      readonly kind: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback-to';
      readonly name?: string;
    }
  | { readonly kind: 'prepare'; readonly name: string; readonly text: string }
  | { readonly kind: 'execute'; readonly name: string }
  | { readonly kind: 'deallocate'; readonly name?: string }
  | { readonly kind: 'declare'; readonly name: string }
  | { readonly kind: 'fetch' | 'close'; readonly name?: string }
  | { readonly kind: 'set' | 'reset'; readonly name?: string }
  | { readonly kind: 'discard-all' }
  | { readonly kind: 'ddl' }
  | { readonly kind: 'copy-in' | 'copy-out' }
  | { readonly kind: 'other' };

/** A message that parsed: what is known of it. */
export interface SqlStatement {
  readonly kind: 'statement';
  readonly facts: SqlFacts;
  readonly literals: readonly Literal[];
  readonly effects: readonly SqlEffect[];
  /**
   * One per statement: the stored columns that its own result shows bare. What EXECUTE and FETCH show is
   * known to whoever keeps the names. Absent where nothing is known of the text.
   */
  readonly shows?: readonly (readonly StoredColumn[])[];
}

/** A column of a relation. */
export interface StoredColumn extends QualifiedName {
  readonly column: string;
}

/** A message that PostgreSQL's own parser refuses. */
export interface SqlSyntaxError {
  readonly kind: 'syntax-error';
  readonly message: string;
  /** 1-based, in characters, as PostgreSQL's `P` field; absent where the parser names none. */
  readonly position?: number;
  /** `doubts` holds why; every other fact is at its worst. */
  readonly facts: SqlFacts;
}

export type SqlReading = SqlStatement | SqlSyntaxError;

/** PostgreSQL's own parser behind a port; synchronous, never throws. */
export type ParsePort = (text: string) => ParseOutcome;

export type ParseOutcome =
  | { readonly kind: 'tree'; readonly version: number; readonly stmts: readonly unknown[] }
  | { readonly kind: 'syntax-error'; readonly message: string; readonly position?: number }
  /** The parser gave up or broke: too large, too deep, a fault in its memory. Never a verdict about the text. */
  | { readonly kind: 'fault'; readonly doubt: Doubt; readonly message: string };

/** What the catalog knows, as a snapshot; lookups are exact, synchronous and pure. */
export interface Catalog {
  /** Rises with every new snapshot; part of what a decision was made from. */
  readonly epoch: number;
  /** Schemas searched for an unqualified name, in order (pg_catalog first, as the server does). */
  readonly searchPath: readonly string[];
  relation(schema: string, name: string): Relation | undefined;
  /** True where a routine, operator or cast of that name exists outside pg_catalog and information_schema. */
  hasUserRoutine(name: string): boolean;
  /** Kept apart: schema-qualified look-up of a routine outside pg_catalog. */
  routine(schema: string, name: string): Routine | undefined;
  /**
   * True where the name can only mean an enum, whose input runs no code but the server's own. Of an
   * unqualified name: the only type so called outside pg_catalog. A catalog without it knows of none.
   */
  enumType?(schema: string | undefined, name: string): boolean;
}

export interface Relation extends QualifiedName {
  /** pg_class.relkind in words. */
  readonly kind:
    | 'table'
    | 'partitioned'
    | 'view'
    | 'matview'
    | 'foreign'
    | 'sequence'
    | 'index'
    | 'composite'
    | 'toast';
  readonly columns: readonly RelationColumn[];
  /** Each a set of column names that is unique and not null together (primary keys and such indexes). */
  readonly keys: readonly (readonly string[])[];
  /** Relations that a view reads or writes, unfolded to the end; empty for a table. */
  readonly underlying: readonly QualifiedName[];
  /** Estimated rows, where the server has an estimate. */
  readonly rows?: number;
  /** Tables that this one is a partition or a child of, to the end: its rows are theirs too. */
  readonly parents?: readonly QualifiedName[];
  /** The other way: tables whose rows a read of this one shows as well. */
  readonly children?: readonly QualifiedName[];
  /** pg_class.oid, which a RowDescription names the relation by. */
  readonly oid?: number;
}

export interface RelationColumn {
  readonly name: string;
  readonly notNull: boolean;
  /** pg_attribute.attnum: dropped columns leave gaps. */
  readonly number?: number;
  /** Of a generated column: those of the same relation that it is computed from. */
  readonly from?: readonly string[];
}

export interface Routine extends QualifiedName {
  readonly volatility: Volatility;
  readonly definerRights: boolean;
}
