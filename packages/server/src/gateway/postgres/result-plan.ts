/** What the obligations of a decision make of the results of its statements. Pure. */
import type { Catalog, QualifiedName, SqlFacts, SqlReading, StoredColumn } from '@sealrail/facts';
import { identifier, type MaskMethod, type Obligation } from '@sealrail/sdk';
import type { PostgresTarget } from '../../config/config.ts';
import { classesBelow, classesOfColumns } from './data-classes.ts';
import type { ResultField } from './row-description.ts';

/** What may still be shown; shared by everything that one decision shows. */
export interface Budget {
  rows: number;
  bytes: number;
  /** As they were at first, for whoever is told of the cut. */
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly policies: readonly string[];
}

/** Of one statement, or of the portal that it made. */
export interface ResultPlan {
  /** By relation and column number as a RowDescription has them. */
  readonly masks: ReadonlyMap<string, MaskMethod>;
  /** Of these the ones that the statement shows, as its facts say. */
  readonly shown: ReadonlySet<string>;
  /** False where it may show less than that: which of several prepared statements it runs is not followed. */
  readonly exact: boolean;
  readonly budget?: Budget;
  readonly decisionId: string;
}

export interface PlanOptions {
  readonly obligations: readonly Obligation[];
  readonly reading: SqlReading;
  readonly target: Pick<PostgresTarget, 'name' | 'classes'>;
  readonly catalog: Catalog | undefined;
}

/** By statement; none where there is nothing to do. A text says why an obligation cannot be carried out. */
export function planResults(
  options: PlanOptions,
  decisionId: string,
): readonly ResultPlan[] | string {
  const { obligations, reading } = options;
  if (obligations.every(({ kind }) => kind === 'taint')) return [];
  const masks = masksOf(options);
  if (typeof masks === 'string') return masks;
  const budget = budgetOf(obligations);
  if (masks.size === 0 && budget === undefined) return [];
  const { statements, kinds } = reading.facts;
  const shows = reading.kind === 'statement' ? (reading.shows ?? []) : [];
  const inner = shows.slice(statements);
  const known = { masks, decisionId, ...(budget ? { budget } : {}) };
  return kinds.slice(0, statements).map((kind, at): ResultPlan => {
    const columns = kind === 'ExecuteStmt' ? inner.flat() : (shows[at] ?? []);
    const keys = columns.map((column) => keyOfColumn(options.catalog, column));
    const shown = new Set(keys.filter((key) => key !== undefined && masks.has(key)) as string[]);
    return { ...known, shown, exact: kind !== 'ExecuteStmt' || inner.length === 1 };
  });
}

/** True where an obligation may turn out to be one that cannot be carried out: then it is asked before. */
export function mayBeUnfulfillable({
  reading,
  ...options
}: Omit<PlanOptions, 'obligations'>): boolean {
  if (Object.keys(options.target.classes).length === 0) return false;
  return reading.facts.uses.some(
    ({ resource, derived, columns }) =>
      resource.kind === 'table' &&
      (classesOfColumns(options, resource, derived).length > 0 ||
        (columns.length > 0 && classesBelow(options, resource).length > 0)),
  );
}

/** The columns of a result that are masked, by their place; a text where it is not what was judged. */
export function matchResult(
  { masks, shown, exact }: ResultPlan,
  fields: readonly ResultField[],
): readonly (MaskMethod | undefined)[] | string {
  const keys = fields.map(({ relation, column }) => `${relation}/${column}`);
  const seen = new Set(keys.filter((key) => masks.has(key)));
  const unforeseen = [...seen].some((key) => !shown.has(key));
  if (unforeseen || (exact && seen.size !== shown.size)) {
    return 'its result does not show the columns that it was judged by, so they cannot be masked';
  }
  return keys.map((key) => masks.get(key));
}

// ---------------------------------------------------------------- masks

type Masks = ReadonlyMap<string, MaskMethod>;

function masksOf(options: PlanOptions): Masks | string {
  const { obligations, reading, target } = options;
  const masks = new Map<string, MaskMethod>();
  const tables = new Map(
    reading.facts.uses.flatMap(({ resource }) =>
      resource.kind === 'table' ? [[tableId(target.name, resource), resource] as const] : [],
    ),
  );
  for (const obligation of obligations) {
    if (obligation.kind !== 'mask') continue;
    if (obligation.detect.length > 0) return detects(obligation.policy);
    const table = tables.get(obligation.resource.id);
    // On anything but a table there is no column of any class.
    if (!table) continue;
    const problem = addMasks(obligation, table, options, masks);
    if (problem !== undefined) return problem;
  }
  return masks;
}

const detects = (policy: string): string =>
  `policy ${policy} masks by what a value looks like, which cannot be done here`;

/** As action.ts names the entity of a table. */
const tableId = (target: string, { schema, name }: QualifiedName): string =>
  [target, schema, name].map(identifier).join('.');

function addMasks(
  { classes, method, policy }: Extract<Obligation, { kind: 'mask' }>,
  table: QualifiedName,
  options: PlanOptions,
  masks: Map<string, MaskMethod>,
): string | undefined {
  const isMasked = (column: string): boolean =>
    classesOfColumns(options, table, [column]).some((name) => classes.includes(name));
  const used = usedIn(options.reading.facts, table).find(isMasked);
  const name = `${table.schema}.${table.name}`;
  if (used !== undefined) {
    return `policy ${policy} masks ${name}.${used}, which can only be shown bare: not compared, sorted, cast or copied`;
  }
  if (classesBelow(options, table).some((one) => classes.includes(one))) {
    return `policy ${policy} masks what is below the view ${name}, which is not looked into: read its tables`;
  }
  const relation = options.catalog?.relation(table.schema, table.name);
  for (const column of relation?.columns ?? []) {
    if (!isMasked(column.name)) continue;
    const key = keyOfColumn(options.catalog, { ...table, column: column.name });
    if (key === undefined) return `policy ${policy} masks ${name}, whose columns are not known`;
    masks.set(key, strongest(masks.get(key), method));
  }
  return undefined;
}

const usedIn = ({ uses }: SqlFacts, { schema, name }: QualifiedName): string[] =>
  uses.flatMap(({ resource, derived }) =>
    resource.kind === 'table' && resource.schema === schema && resource.name === name
      ? derived
      : [],
  );

const METHODS: readonly MaskMethod[] = ['null', 'constant', 'hash', 'partial'];

/** A column of two classes is masked as the stricter of them asks. */
const strongest = (a: MaskMethod | undefined, b: MaskMethod): MaskMethod =>
  METHODS.find((method) => method === a || method === b) ?? b;

function keyOfColumn(
  catalog: Catalog | undefined,
  { schema, name, column }: StoredColumn,
): string | undefined {
  const relation = catalog?.relation(schema, name);
  const number = relation?.columns.find((one) => one.name === column)?.number;
  if (relation?.oid === undefined || number === undefined) return undefined;
  return `${relation.oid}/${number}`;
}

// ---------------------------------------------------------------- limits

function budgetOf(obligations: readonly Obligation[]): Budget | undefined {
  const limits = obligations.filter((one) => one.kind === 'limit');
  if (limits.length === 0) return undefined;
  const rows = Math.min(...limits.map((one) => one.rows ?? Number.POSITIVE_INFINITY));
  const bytes = Math.min(...limits.map((one) => one.bytes ?? Number.POSITIVE_INFINITY));
  const policies = [...new Set(limits.map(({ policy }) => policy))].sort();
  return { rows, bytes, rowsMax: rows, bytesMax: bytes, policies };
}
