/** What one predicate of a WHERE does to the rows that are written. When unsure: it is loose. */
import { bestScope, type Collector } from './collector.ts';
import { type Range, SYSTEM_COLUMNS } from './columns.ts';
import type { Scope } from './facts.ts';
import { isFixed, usesRow } from './fixed.ts';
import { fold, integerOf } from './fold.ts';
import { LIST_MAX } from './from.ts';
import {
  type Body,
  bodyOf,
  lastName,
  list,
  nodeOf,
  object,
  sameShape,
  some,
  strings,
  text,
} from './node.ts';

export interface ScopeTarget {
  readonly target: Range;
  /** The other FROM items that the predicate may speak of. */
  readonly others: readonly Range[];
  readonly facts: Collector;
}

export interface Reference {
  readonly range: Range;
  readonly column: string;
}

/** What one predicate does to the rows, and what a conjunction may conclude from it. */
export interface Held {
  readonly scope: Scope;
  /** Columns that it pins to fixed values. */
  readonly pins?: readonly Reference[];
  /** Two columns that it makes equal. */
  readonly link?: readonly [Reference, Reference];
  /** One end of a span of values. */
  readonly bound?: { readonly column: string; readonly low: boolean; readonly value?: number };
}

const LOOSE: Held = { scope: 'loose' };
export const ALWAYS: Held = { scope: 'always-true' };
/** No row at all: as tight as it gets. */
const NEVER: Held = { scope: 'key' };

export function predicate(node: unknown, negated: boolean, options: ScopeTarget): Held {
  const value = fold(node);
  if (value === null) return NEVER;
  if (typeof value === 'boolean') return value === negated ? NEVER : ALWAYS;
  // The same for every row, so it holds all of them or none: no filter, whatever it comes to.
  if (!usesRow(node, options.facts)) return ALWAYS;
  const found = nodeOf(node);
  switch (found?.kind) {
    case 'A_Expr':
      return expression(found.body, negated, options);
    case 'NullTest':
      return nullTest(found.body, negated, options);
    case 'SubLink':
      return negated ? LOOSE : subLink(found.body, options);
    case 'CurrentOfExpr':
      return negated ? LOOSE : { scope: 'key' };
    case 'BooleanTest': {
      const sure = /^IS_(TRUE|FALSE)$/.test(text(found.body.booltesttype));
      return sure && !negated && own(found.body.arg, options) ? { scope: 'range' } : LOOSE;
    }
    case 'ColumnRef':
      return own(node, options) ? { scope: 'range' } : LOOSE;
    default:
      return LOOSE;
  }
}

/** The column that an expression names, and nothing else: a cast may make one value of many. */
function reference(node: unknown, { target, others }: ScopeTarget): Reference | undefined {
  const fields = strings(bodyOf(node, 'ColumnRef')?.fields);
  if (!fields || fields.length > 2) return undefined;
  const [column = '', alias] = fields.toReversed();
  const ranges = [target, ...others].filter(
    (range) => alias === undefined || range.alias === alias,
  );
  const holding = ranges.filter(
    ({ columns, open, relation }) =>
      open ||
      columns.some(({ name }) => name === column) ||
      (relation !== undefined && SYSTEM_COLUMNS.has(column)),
  );
  const [range] = holding;
  if (!range || holding.length > 1 || range.open) return undefined;
  // An alias list may call one column by another's name: keys are of the table's own names.
  const stored = range.columns.find(({ name }) => name === column)?.sources[0];
  return { range, column: stored && range.relation ? stored.column : column };
}

const own = (node: unknown, options: ScopeTarget): string | undefined => {
  const found = reference(node, options);
  return found?.range === options.target ? found.column : undefined;
};

function expression(body: Body, negated: boolean, options: ScopeTarget): Held {
  switch (body.kind) {
    case 'AEXPR_OP':
      return operator(body, negated, options);
    case 'AEXPR_IN':
    case 'AEXPR_OP_ANY':
      return membership(body, negated, options);
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
      return between(body, negated, options);
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return like(body, negated, options);
    case 'AEXPR_NOT_DISTINCT':
      if (sameShape(body.lexpr, body.rexpr)) return negated ? LOOSE : ALWAYS;
      // Unlike equality it also finds every null, of which a unique column may have many.
      return negated ? LOOSE : { scope: equality(body.lexpr, body.rexpr, options).scope };
    default:
      return LOOSE;
  }
}

const REFLEXIVE = new Set(['=', '>=', '<=', '~~', '~~*', '@>', '<@', '&&']);
const NEGATION: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
};

function operator(body: Body, negated: boolean, options: ScopeTarget): Held {
  const written = lastName(body.name).replace('!=', '<>');
  const name = negated ? NEGATION[written] : written;
  if (name === undefined) return LOOSE;
  if (sameShape(body.lexpr, body.rexpr)) return REFLEXIVE.has(name) ? ALWAYS : LOOSE;
  if (name === '=') return equality(body.lexpr, body.rexpr, options);
  if (['<', '<=', '>', '>='].includes(name)) return comparison(name, body, options);
  const pattern = stringOf(body.rexpr);
  const matchesAll =
    (name === '~' || name === '~*') && pattern !== undefined && /^\^?(\.\*)?\$?$/.test(pattern);
  return matchesAll ? ALWAYS : LOOSE;
}

function equality(left: unknown, right: unknown, options: ScopeTarget): Held {
  const rows = [left, right].map((side) => bodyOf(side, 'RowExpr'));
  if (rows[0] && rows[1]) return rowEquality(list(rows[0].args), list(rows[1].args), options);
  const [a, b] = [reference(left, options), reference(right, options)];
  if (a && b) return { scope: 'loose', link: [a, b] };
  const pinned = a ?? b;
  if (pinned) {
    if (!isFixed(a ? right : left, options.facts)) return LOOSE;
    return { scope: pinned.range === options.target ? 'range' : 'loose', pins: [pinned] };
  }
  const folded = [
    [left, right],
    [right, left],
  ].some(([side, value]) => isFolded(side, options) && isFixed(value, options.facts));
  return folded ? { scope: 'range' } : LOOSE;
}

function rowEquality(
  left: readonly unknown[],
  right: readonly unknown[],
  options: ScopeTarget,
): Held {
  if (left.length !== right.length) return LOOSE;
  const held = left.map((item, at) => equality(item, right[at], options));
  return {
    scope: held.map(({ scope }) => scope).reduce(bestScope, 'loose'),
    pins: held.flatMap(({ pins }) => pins ?? []),
  };
}

/** `lower(column)` and `column::text` keep different values apart well enough, but prove no key. */
function isFolded(node: unknown, options: ScopeTarget): boolean {
  const call = bodyOf(node, 'FuncCall');
  if (call)
    return (
      ['lower', 'upper'].includes(lastName(call.funcname)) &&
      own(list(call.args)[0], options) !== undefined
    );
  const cast = bodyOf(node, 'TypeCast');
  const type = lastName(object(cast?.typeName)?.names);
  return ['text', 'varchar'].includes(type) && own(cast?.arg, options) !== undefined;
}

/** One end alone may leave every row: only a span holds. */
function comparison(name: string, body: Body, options: ScopeTarget): Held {
  const left = own(body.lexpr, options);
  const column = left ?? own(body.rexpr, options);
  const against = left === undefined ? body.lexpr : body.rexpr;
  if (column === undefined || !isSent(against, options)) return LOOSE;
  const low = name.startsWith('>') === (left !== undefined);
  if (isEndless(against)) return LOOSE;
  const value = numberOf(against);
  return { scope: 'loose', bound: { column, low, ...(value === undefined ? {} : { value }) } };
}

/** A number as the column would be compared with it, in whatever form it is written. */
function numberOf(node: unknown): number | undefined {
  const value = fold(node);
  if (typeof value === 'number') return value;
  const cast = bodyOf(node, 'TypeCast');
  if (cast) return numberOf(cast.arg);
  const minus = bodyOf(node, 'A_Expr');
  if (minus && minus.lexpr === undefined && lastName(minus.name) === '-') {
    const inner = numberOf(minus.rexpr);
    return inner === undefined ? undefined : -inner;
  }
  const written = text(object(bodyOf(node, 'A_Const')?.fval)?.fval) || (stringOf(node) ?? '');
  return /^\s*[-+]?[0-9][0-9_]*(\.[0-9_]*)?(e[-+]?[0-9]+)?\s*$/i.test(written)
    ? Number(written.replaceAll('_', ''))
    : undefined;
}

/** `'-infinity'` is where there is no end. */
const isEndless = (node: unknown): boolean => /^\s*[-+]?inf/i.test(stringOf(node) ?? '');

function stringOf(node: unknown): string | undefined {
  const cast = bodyOf(node, 'TypeCast');
  if (cast) return stringOf(cast.arg);
  const value = object(bodyOf(node, 'A_Const')?.sval);
  return value ? text(value.sval) : undefined;
}

/** The items of `IN (…)`, `= ANY (ARRAY[…])` and `= ANY ('{…}')`; undefined where they are not written out. */
function itemsOf(node: unknown): readonly unknown[] | undefined {
  const cast = bodyOf(node, 'TypeCast');
  if (cast) return itemsOf(cast.arg);
  const items = bodyOf(node, 'List')?.items ?? bodyOf(node, 'A_ArrayExpr')?.elements;
  if (items !== undefined) return list(items);
  const array = stringOf(node);
  return array === undefined ? undefined : array.split(',');
}

function membership(body: Body, negated: boolean, options: ScopeTarget): Held {
  const excluded = (lastName(body.name) !== '=') !== negated;
  const items = itemsOf(body.rexpr);
  if (!excluded && items?.some((item) => sameShape(item, body.lexpr))) return ALWAYS;
  if (excluded) return LOOSE;
  const columns = columnsOf(body.lexpr, options);
  if (!columns) return LOOSE;
  const scope = columns.every(({ range }) => range === options.target) ? 'range' : 'loose';
  // How long an array in a parameter is, its sender knows.
  if (items === undefined) return isSent(body.rexpr, options) ? { scope } : LOOSE;
  if (items.length > LIST_MAX || isEitherWay(items)) return LOOSE;
  const fixed = items.every((item) => typeof item === 'string' || isFixed(item, options.facts));
  return fixed ? { scope, pins: columns } : LOOSE;
}

/** Fixed, and written in the statement: what a subquery finds may be the least or the largest of all. */
const isSent = (node: unknown, { facts }: ScopeTarget): boolean =>
  isFixed(node, facts) && !some(node, (kind) => kind === 'SubLink');

/** `IN (true, false)` is no choice. */
function isEitherWay(items: readonly unknown[]): boolean {
  const values = items.map((item) => fold(item));
  return values.includes(true) && values.includes(false);
}

function columnsOf(node: unknown, options: ScopeTarget): Reference[] | undefined {
  const row = bodyOf(node, 'RowExpr');
  const parts = row ? list(row.args) : [node];
  const found = parts.map((part) => reference(part, options));
  return found.every((one) => one !== undefined) ? found : undefined;
}

function between(body: Body, negated: boolean, options: ScopeTarget): Held {
  const [low, high] = list(bodyOf(body.rexpr, 'List')?.items);
  if (negated) return LOOSE;
  if (sameShape(low, body.lexpr) && sameShape(high, body.lexpr)) return ALWAYS;
  const column = own(body.lexpr, options);
  if (column === undefined || !isSent(low, options) || !isSent(high, options)) return LOOSE;
  if (isEndless(low) || isEndless(high)) return LOOSE;
  const ends = [low, high].map(numberOf);
  const [from, to] =
    body.kind === 'AEXPR_BETWEEN_SYM' ? ends.toSorted((a, b) => Number(a) - Number(b)) : ends;
  return {
    scope: from !== undefined && to !== undefined && to - from > LIST_MAX ? 'loose' : 'range',
  };
}

function like(body: Body, negated: boolean, options: ScopeTarget): Held {
  const excluded = lastName(body.name).startsWith('!') !== negated;
  if (excluded) return LOOSE;
  if (sameShape(body.lexpr, body.rexpr)) return ALWAYS;
  const pattern = stringOf(body.rexpr);
  if (pattern !== undefined && /^%+$/.test(pattern)) return ALWAYS;
  const anchored = pattern !== undefined && /^[^%_\\]/.test(pattern);
  return own(body.lexpr, options) !== undefined && anchored ? { scope: 'range' } : LOOSE;
}

function nullTest(body: Body, negated: boolean, options: ScopeTarget): Held {
  const column = own(body.arg, options);
  const { relation } = options.target;
  const notNull =
    column !== undefined &&
    (SYSTEM_COLUMNS.has(column) ||
      relation?.columns.some((one) => one.name === column && one.notNull) === true);
  const isNull = (body.nulltesttype === 'IS_NULL') !== negated;
  if (isNull) return column === undefined ? LOOSE : { scope: notNull ? 'key' : 'range' };
  return notNull ? ALWAYS : LOOSE;
}

/** `key IN (SELECT … LIMIT 100)` is few rows, though which ones only the server knows. */
function subLink(body: Body, options: ScopeTarget): Held {
  const select = bodyOf(body.subselect, 'SelectStmt');
  const limit = integerOf(select?.limitCount);
  const bounded =
    body.subLinkType === 'ANY_SUBLINK' &&
    body.operName === undefined &&
    limit !== undefined &&
    limit <= LIST_MAX &&
    select?.limitOption !== 'LIMIT_OPTION_WITH_TIES' &&
    !options.facts.correlated(body);
  const column = own(body.testexpr, options);
  if (!bounded || column === undefined) return LOOSE;
  return {
    scope: holdsKey(options.target, [{ range: options.target, column }]) ? 'range' : 'loose',
  };
}

/** True where columns that are pinned name one row at most. */
export function holdsKey(range: Range, pins: readonly Reference[]): boolean {
  const { relation } = range;
  if (!relation) return false;
  const pinned = new Set(pins.filter((pin) => pin.range === range).map(({ column }) => column));
  // A row's address; every partition numbers its own.
  if (pinned.has('ctid') && relation.kind === 'table') return true;
  return relation.keys.some((key) => key.length > 0 && key.every((column) => pinned.has(column)));
}
