/** Which column a name means: FROM items, the queries around them, and where each value comes from. */
import type { Collector, Source } from './collector.ts';
import type { Relation } from './facts.ts';
import { resolveRoutine } from './names.ts';
import { type Body, object, strings, text } from './node.ts';
import { reviewRoutine } from './routines.ts';

/** A column of a FROM item or of a result, and the stored columns that it comes from unchanged. */
export interface Column {
  readonly name: string;
  readonly sources: readonly Source[];
  /** True where it may not exist, so that its name may mean one of the query around. */
  readonly unsure?: boolean;
}

/** What a query answers with; `open` where only the server knows which columns there are, and where. */
export interface Result {
  readonly columns: readonly Column[];
  readonly open: boolean;
}

/** One item of FROM under its name. */
export interface Range extends Result {
  readonly alias: string;
  readonly schema?: string;
  readonly relation?: Relation;
  /** At most this many rows, whatever the database holds. */
  readonly rowsMax?: number;
}

/** `pending` is a name of a recursive WITH whose query has not been read yet. */
export type Cte = Result | 'pending';

/** Names that a query sees: its own FROM items, then those of the queries around it. */
export interface Names {
  readonly ranges: Range[];
  /** What `*` stands for: the columns of each FROM item, those merged by USING first and once. */
  readonly star: Result[];
  readonly ctes: ReadonlyMap<string, Cte>;
  readonly outer?: Names;
  /** The subquery of an expression that this is the inside of: crossing it makes that one correlated. */
  readonly subquery?: object;
  /** What does not resolve belongs to somebody else: parameters of a function, OLD and NEW of a rule. */
  readonly others?: boolean;
}

export const NO_COLUMNS: Result = { columns: [], open: false };
export const UNKNOWN_COLUMNS: Result = { columns: [], open: true };

export const topLevel = (): Names => ({ ranges: [], star: [], ctes: new Map() });

/** Of a subquery in an expression or a LATERAL item: it sees what is around it. */
export const inside = (names: Names, subquery?: object): Names => ({
  ranges: [],
  star: [],
  ctes: names.ctes,
  outer: names,
  ...(subquery ? { subquery } : {}),
});

/** Of a subquery in FROM, a WITH query or a side of a UNION: it sees only what is around its query. */
export const beside = (names: Names): Names => ({ ...names, ranges: [], star: [] });

export function aliasOf(body: Body): {
  readonly name?: string;
  readonly columns: readonly string[];
} {
  const alias = object(body.alias);
  if (!alias) return { columns: [] };
  return { name: text(alias.aliasname), columns: strings(alias.colnames) ?? [] };
}

/** Under the names of an alias list, which goes by position. */
export function renamed({ columns, open }: Result, names: readonly string[]): Result {
  if (names.length === 0) return { columns, open };
  // Where a column stands is not known, so each name may be any of them.
  const any = open ? columns.flatMap(({ sources }) => sources) : undefined;
  const known = columns.map((column, at) => {
    const name = names[at] ?? column.name;
    return any ? { name, sources: any, unsure: true } : { ...column, name };
  });
  const more = names.slice(columns.length).map((name) => ({ name, sources: any ?? [] }));
  return { columns: [...known, ...more], open };
}

/** The same for one relation of one snapshot, so made once. */
const COLUMNS = new WeakMap<Relation, Result>();

export function columnsOf(relation: Relation): Result {
  const known = COLUMNS.get(relation);
  if (known) return known;
  const columns = relation.columns.map(({ name }) => ({
    name,
    sources: [{ relation, column: name }],
  }));
  const made = { columns, open: false };
  COLUMNS.set(relation, made);
  return made;
}

export const tableRange = (alias: string, relation: Relation | undefined): Range => ({
  alias,
  ...(relation ? { ...columnsOf(relation), relation } : UNKNOWN_COLUMNS),
});

export type Resolved =
  | { readonly kind: 'column'; readonly sources: readonly Source[] }
  | { readonly kind: 'row'; readonly columns: readonly string[] }
  | { readonly kind: 'unknown' };

export const SYSTEM_COLUMNS: ReadonlySet<string> = new Set([
  'ctid',
  'xmin',
  'xmax',
  'cmin',
  'cmax',
  'tableoid',
]);

/** Calls `visit` from the innermost level outwards until it answers; marks subqueries on the way. */
function climb<T>(
  names: Names,
  facts: Collector,
  visit: (level: Names) => T | undefined,
): T | undefined {
  const crossed: object[] = [];
  for (let level: Names | undefined = names; level; level = level.outer) {
    const found = visit(level);
    if (found !== undefined) {
      for (const subquery of crossed) facts.correlate(subquery);
      return found;
    }
    if (level.subquery) crossed.push(level.subquery);
  }
  return undefined;
}

/** A ColumnRef as the server would read it; what does not resolve is a doubt. */
export function resolveColumn(fields: readonly string[], names: Names, facts: Collector): Resolved {
  const [name = '', alias, schema] = fields.toReversed();
  const found =
    alias === undefined
      ? unqualified(name, names, facts)
      : qualified(name, { alias, schema }, names, facts);
  if (found) {
    if (found.kind === 'column') facts.touch(found.sources);
    return found;
  }
  if (someoneElses(names)) return { kind: 'column', sources: [] };
  facts.doubts.add('unresolved-name');
  return { kind: 'unknown' };
}

/** Levels of a function's body or a rule's action end in names that only their caller knows. */
function someoneElses(names: Names): boolean {
  for (let level: Names | undefined = names; level; level = level.outer)
    if (level.others) return true;
  return false;
}

function unqualified(name: string, names: Names, facts: Collector): Resolved | undefined {
  // The server looks for a column in every level before it takes the name for a whole row's.
  const unsure: Column[] = [];
  const column = climb(names, facts, (level): Resolved | undefined => {
    const found = columnsAt(level, name);
    if (found?.every((one) => one.unsure)) {
      // It may not be there; then the name is that of a column further out.
      unsure.push(...found);
      return undefined;
    }
    return (
      found && { kind: 'column', sources: [...unsure, ...found].flatMap((one) => one.sources) }
    );
  });
  if (column) return column;
  let open = false;
  const row = climb(names, facts, (level): Resolved | undefined => {
    open ||= level.ranges.some((range) => range.open);
    const rows = level.ranges.filter((range) => range.alias === name);
    if (rows.length === 0) return undefined;
    for (const range of rows) useWholeRow(range, facts);
    return { kind: 'row', columns: rows.flatMap(({ columns }) => columns.map((one) => one.name)) };
  });
  // If the column is not there after all, it was the row, and that is counted by now.
  if (unsure.length > 0) return { kind: 'column', sources: unsure.flatMap((one) => one.sources) };
  return row ?? (open ? { kind: 'column', sources: [] } : undefined);
}

/** Columns of this name in one level; undefined where there is none. */
function columnsAt(level: Names, name: string): readonly Column[] | undefined {
  const found = level.ranges.flatMap((range) => columnsNamed(range, name));
  if (found.length > 0) return found;
  const stored = level.ranges.some(({ relation }) => relation);
  return stored && SYSTEM_COLUMNS.has(name) ? [{ name, sources: [] }] : undefined;
}

interface Qualifier {
  readonly alias: string;
  readonly schema: string | undefined;
}

export const isCalled = (range: Range, { alias, schema }: Qualifier): boolean =>
  range.alias === alias && (schema === undefined || range.schema === schema);

function qualified(
  name: string,
  qualifier: Qualifier,
  names: Names,
  facts: Collector,
): Resolved | undefined {
  return climb(names, facts, (level): Resolved | undefined => {
    const ranges = level.ranges.filter((range) => isCalled(range, qualifier));
    if (ranges.length === 0) return undefined;
    const found = ranges.flatMap((range) => columnsNamed(range, name));
    // A column that may not be there leaves the name to a routine, if there is one to fear.
    const mayBeCall = found.every((one) => one.unsure) && mayBeRoutine(name, facts);
    if (found.length > 0 && !mayBeCall) {
      return { kind: 'column', sources: found.flatMap(({ sources }) => sources) };
    }
    if (ranges.some(({ relation }) => relation) && SYSTEM_COLUMNS.has(name)) {
      return { kind: 'column', sources: [] };
    }
    return functional(name, ranges, facts);
  });
}

/** `t.f`, where f is no column of t, calls the function f on the row. */
function functional(name: string, ranges: readonly Range[], facts: Collector): Resolved {
  for (const range of ranges) useWholeRow(range, facts);
  if (ranges.some(({ open }) => open) && !mayBeRoutine(name, facts)) {
    return { kind: 'column', sources: [] };
  }
  resolveRoutine([name], facts);
  facts.doubts.add('ambiguous');
  return { kind: 'unknown' };
}

/** Of a reviewed routine it does not matter whether it is called: all that it could be given is used. */
function mayBeRoutine(name: string, facts: Collector): boolean {
  const { risk, doubt } = reviewRoutine(name);
  return risk !== undefined || doubt === 'dynamic' || facts.catalog.hasUserRoutine(name);
}

const columnsNamed = (range: Range, name: string): Column[] =>
  range.columns.filter((column) => column.name === name);

/** Every column of it goes where it cannot be followed. */
export function useWholeRow(range: Range, facts: Collector): void {
  if (range.relation) facts.touchAll('select', range.relation);
  for (const { sources } of range.columns) facts.derive(sources);
}

/** The ranges that `*` or `t.*` stands for; none is a doubt, for a qualified one. */
export function starRanges(
  qualifier: readonly string[],
  names: Names,
  facts: Collector,
): readonly Range[] {
  const [alias, schema] = qualifier.toReversed();
  if (alias === undefined) return names.ranges;
  const found = climb(names, facts, (level) => {
    const ranges = level.ranges.filter((range) => isCalled(range, { alias, schema }));
    return ranges.length > 0 ? ranges : undefined;
  });
  if (!found && !someoneElses(names)) facts.doubts.add('unresolved-name');
  return found ?? [];
}

/** Puts a table that is written in the place of a first FROM item. */
export function addTarget(range: Range, names: Names): void {
  names.ranges.push(range);
  names.star.push(range);
}
