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

export const DEPTH_MAX = 400;
export const NODES_MAX = 200_000;

const SCOPES: readonly Scope[] = ['none', 'always-true', 'loose', 'range', 'key', 'no-write'];
export const worstScope = (a: Scope, b: Scope): Scope =>
  SCOPES.indexOf(a) <= SCOPES.indexOf(b) ? a : b;
export const bestScope = (a: Scope, b: Scope): Scope =>
  SCOPES.indexOf(a) >= SCOPES.indexOf(b) ? a : b;

const keyOf = ({ schema, name }: QualifiedName): string => `${schema}\0${name}`;

interface Use {
  readonly verb: SqlVerb;
  readonly resource: SqlUse['resource'];
  readonly columns: Set<string>;
  readonly shown: Set<string>;
  readonly derived: Set<string>;
  readonly written: Set<string>;
  allColumns: boolean;
}

/** A base table's column that a value comes from. */
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
  readonly uses = new Map<string, Use>();
  readonly effects: SqlEffect[] = [];
  readonly kinds: string[] = [];
  scope: Scope = 'no-write';
  volatility: Volatility = 'immutable';
  readOnly = true;
  returnsRows = false;
  crossJoin = false;
  limit: number | undefined;
  depth = 0;
  nodes = 0;
  readonly catalog: Catalog;
  /** False where something in the session may have changed what an unqualified name means. */
  readonly namesKnown: boolean;

  constructor(catalog: Catalog, namesKnown: boolean) {
    this.catalog = catalog;
    this.namesKnown = namesKnown;
  }

  /** Bounds the walk: false means that the rest of the text is not looked at, and the statement is denied. */
  enter(): boolean {
    this.depth++;
    this.nodes++;
    if (this.depth > DEPTH_MAX) this.doubts.add('too-deep');
    else if (this.nodes > NODES_MAX) this.doubts.add('too-large');
    else return true;
    return false;
  }

  leave(): void {
    this.depth--;
  }

  use(verb: SqlVerb, resource: SqlUse['resource']): Use {
    const id = `${verb}\0${JSON.stringify(resource)}`;
    const found = this.uses.get(id);
    if (found) return found;
    const made: Use = {
      verb,
      resource,
      columns: new Set(),
      shown: new Set(),
      derived: new Set(),
      written: new Set(),
      allColumns: false,
    };
    this.uses.set(id, made);
    return made;
  }

  useTable(verb: SqlVerb, { schema, name }: QualifiedName): Use {
    return this.use(verb, { kind: 'table', schema, name });
  }

  read(relation: Relation): void {
    this.tablesRead.set(keyOf(relation), { schema: relation.schema, name: relation.name });
    this.useTable('select', relation);
    for (const below of this.#underlying(relation)) {
      this.tablesRead.set(keyOf(below), { schema: below.schema, name: below.name });
      this.touchAll('select', below);
    }
  }

  write(verb: SqlVerb, relation: Relation, scope: Scope): void {
    this.readOnly = false;
    this.volatility = 'volatile';
    this.scope = worstScope(this.scope, scope);
    for (const target of [relation, ...this.#underlying(relation)]) {
      this.tablesWritten.set(keyOf(target), { schema: target.schema, name: target.name });
      this.useTable(verb, target);
    }
    if (relation.kind === 'foreign') this.risks.add('network');
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

  derive(sources: readonly Source[]): void {
    for (const { relation, column } of sources) {
      const use = this.useTable('select', relation);
      use.columns.add(column);
      use.derived.add(column);
    }
  }

  show(sources: readonly Source[]): void {
    for (const { relation, column } of sources) {
      const use = this.useTable('select', relation);
      use.columns.add(column);
      use.shown.add(column);
    }
  }

  /** Tables under a view, to the end; a view over something unknown is a doubt. */
  #underlying(relation: Relation): Relation[] {
    return relation.underlying.flatMap((name) => {
      const found = this.catalog.relation(name.schema, name.name);
      if (!found) this.doubts.add('unresolved-name');
      else if (found.kind === 'foreign') this.risks.add('network');
      return found ? [found] : [];
    });
  }
}
