/** Gathers the facts of one message while its tree is walked; owned by one `readSql` call. */
import type {
  Catalog,
  Doubt,
  QualifiedName,
  Relation,
  Scope,
  SqlEffect,
  SqlRisk,
  SqlUse,
  SqlVerb,
  Volatility,
} from './facts.ts';

/** Nodes inside one another; past it a statement is denied rather than half read. */
export const DEPTH_MAX = 400;
/** Nodes of one message. */
export const NODES_MAX = 200_000;

const SCOPES: readonly Scope[] = ['none', 'always-true', 'loose', 'range', 'key', 'no-write'];
export const worstScope = (a: Scope, b: Scope): Scope =>
  SCOPES.indexOf(a) <= SCOPES.indexOf(b) ? a : b;
export const bestScope = (a: Scope, b: Scope): Scope =>
  SCOPES.indexOf(a) >= SCOPES.indexOf(b) ? a : b;

const VOLATILITIES: readonly Volatility[] = ['unknown', 'volatile', 'stable', 'immutable'];
export const worstVolatility = (a: Volatility, b: Volatility): Volatility =>
  VOLATILITIES.indexOf(a) <= VOLATILITIES.indexOf(b) ? a : b;

export const keyOf = ({ schema, name }: QualifiedName): string => `${schema}\0${name}`;
export const useKey = ({ verb, resource }: Pick<SqlUse, 'verb' | 'resource'>): string =>
  `${verb}\0${JSON.stringify(resource)}`;

interface OpenUse {
  readonly verb: SqlVerb;
  readonly resource: SqlUse['resource'];
  readonly columns: Set<string>;
  readonly shown: Set<string>;
  readonly derived: Set<string>;
  readonly written: Set<string>;
  allColumns: boolean;
}

/** A stored column that a value comes from unchanged. */
export interface Source {
  readonly relation: Relation;
  readonly column: string;
}

export class Collector {
  readonly doubts = new Set<Doubt>();
  readonly risks = new Set<SqlRisk>();
  readonly tablesRead = new Map<string, QualifiedName>();
  readonly tablesWritten = new Map<string, QualifiedName>();
  readonly routines = new Set<string>();
  readonly effects: SqlEffect[] = [];
  readonly kinds: string[] = [];
  scope: Scope = 'no-write';
  volatility: Volatility = 'immutable';
  readOnly = true;
  returnsRows = false;
  crossJoin = false;
  limit: number | undefined;
  /** Set where a statement that returns rows has no constant LIMIT: then the message has none. */
  unlimited = false;
  readonly catalog: Catalog;
  /** False where something before may have changed what an unqualified name means. */
  namesKnown: boolean;
  /** False behind DDL in the same message: then not even a qualified name is sure to be what it was. */
  catalogKnown = true;
  /** Set by the statement that is being read, once it uses a table. */
  usedTable = false;
  readonly #uses = new Map<string, OpenUse>();
  readonly #seen = new WeakSet<object>();
  readonly #correlated = new WeakSet<object>();
  #depth = 0;
  #nodes = 0;

  constructor(catalog: Catalog, namesKnown: boolean) {
    this.catalog = catalog;
    this.namesKnown = namesKnown;
  }

  /** Bounds the walk: where it answers false nothing below is looked at, and the statement is denied. */
  enter(): boolean {
    this.#nodes++;
    if (this.#depth >= DEPTH_MAX) this.doubts.add('too-deep');
    else if (this.#nodes > NODES_MAX) this.doubts.add('too-large');
    else {
      this.#depth++;
      return true;
    }
    return false;
  }

  leave(): void {
    this.#depth--;
  }

  /** True where the walk gave up, so that nothing may be concluded from what it has not met. */
  get gaveUp(): boolean {
    return this.doubts.has('too-deep') || this.doubts.has('too-large');
  }

  /** Marks a node as looked at; what nobody has looked at in the end makes the statement a doubt. */
  look(body: object): void {
    this.#seen.add(body);
  }

  looked(body: object): boolean {
    return this.#seen.has(body);
  }

  /** Marks a subquery that uses a column of the query around it: its value differs from row to row. */
  correlate(subquery: object): void {
    this.#correlated.add(subquery);
  }

  correlated(subquery: object): boolean {
    return this.#correlated.has(subquery);
  }

  use(verb: SqlVerb, resource: SqlUse['resource']): OpenUse {
    if (resource.kind === 'table') this.usedTable = true;
    const key = useKey({ verb, resource });
    const found = this.#uses.get(key);
    if (found) return found;
    const made: OpenUse = {
      verb,
      resource,
      columns: new Set(),
      shown: new Set(),
      derived: new Set(),
      written: new Set(),
      allColumns: false,
    };
    this.#uses.set(key, made);
    return made;
  }

  useTable(verb: SqlVerb, { schema, name }: QualifiedName): OpenUse {
    return this.use(verb, { kind: 'table', schema, name });
  }

  get usedSomething(): boolean {
    return this.#uses.size > 0;
  }

  uses(): SqlUse[] {
    return [...this.#uses.values()].map((use) => ({
      verb: use.verb,
      resource: use.resource,
      columns: [...use.columns].sort(),
      shown: [...use.shown].sort(),
      derived: [...use.derived].sort(),
      written: [...use.written].sort(),
      allColumns: use.allColumns,
    }));
  }

  worsen(volatility: Volatility): void {
    this.volatility = worstVolatility(this.volatility, volatility);
  }

  read(relation: Relation): void {
    this.tablesRead.set(keyOf(relation), { schema: relation.schema, name: relation.name });
    this.useTable('select', relation);
    this.worsen('stable');
    if (relation.kind === 'foreign') this.risks.add('network');
    if (relation.kind !== 'view' && relation.kind !== 'matview') return;
    // What a view does with the columns below it is not looked into: it may do anything with all of them.
    for (const below of this.underlying(relation)) {
      this.tablesRead.set(keyOf(below), { schema: below.schema, name: below.name });
      this.touchAll('select', below);
      this.worsen('unknown');
    }
  }

  write(verb: SqlVerb, relation: Relation, scope: Scope): void {
    this.readOnly = false;
    this.worsen('volatile');
    this.scope = worstScope(this.scope, scope);
    for (const target of [relation, ...this.underlying(relation)]) {
      this.tablesWritten.set(keyOf(target), { schema: target.schema, name: target.name });
      this.useTable(verb, target);
    }
    if (relation.kind === 'foreign') this.risks.add('network');
    // The server's own tables hold what everything else rests on.
    if (relation.schema === 'pg_catalog' || relation.schema === 'pg_toast') {
      this.risks.add('backend-control');
    }
  }

  /** Every column, used in a way that cannot be masked: whole rows, copies, what a view does inside. */
  touchAll(verb: SqlVerb, relation: Relation): void {
    const use = this.useTable(verb, relation);
    use.allColumns = true;
    for (const { name } of relation.columns) {
      use.columns.add(name);
      use.derived.add(name);
    }
  }

  touch(sources: readonly Source[]): void {
    for (const source of sources) this.#column(source);
  }

  derive(sources: readonly Source[]): void {
    for (const source of sources) this.#column(source).derived.add(source.column);
  }

  show(sources: readonly Source[]): void {
    for (const source of sources) this.#column(source).shown.add(source.column);
  }

  #column({ relation, column }: Source): OpenUse {
    const use = this.useTable('select', relation);
    use.columns.add(column);
    this.tablesRead.set(keyOf(relation), { schema: relation.schema, name: relation.name });
    return use;
  }

  /** What is under a view, or behind a table's rules, to the end; something unknown there is a doubt. */
  underlying(relation: Relation): Relation[] {
    return relation.underlying.flatMap((name) => {
      const found = this.catalog.relation(name.schema, name.name);
      if (!found) this.doubts.add('unresolved-name');
      else if (found.kind === 'foreign') this.risks.add('network');
      return found ? [found] : [];
    });
  }
}
