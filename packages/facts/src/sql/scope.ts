/**
 * How tightly a WHERE holds the rows of the table that is written. When unsure, the looser: to be tight
 * it takes equality with, a bounded list of, or a span between things that do not depend on any row.
 */
import { bestScope, worstScope } from './collector.ts';
import type { Range } from './columns.ts';
import type { Scope } from './facts.ts';
import { LIST_MAX } from './from.ts';
import { bodyOf, lastName, list, shapeOf } from './node.ts';
import {
  ALWAYS,
  type Held,
  holdsKey,
  predicate,
  type Reference,
  type ScopeTarget,
} from './predicate.ts';

/** Scope of a write under this WHERE; `undefined` is no WHERE at all. */
export function scopeOf(where: unknown, options: ScopeTarget): Scope {
  if (where === undefined) return 'none';
  // Of what was not walked to the end nothing is known.
  if (options.facts.gaveUp) return 'none';
  const scope = conclude(flatten(where, false, options), options);
  const { relation } = options.target;
  // What a column of a view is equal to says nothing about the rows below it, nor do rules keep to it.
  const direct = relation !== undefined && relation.underlying.length === 0;
  return direct ? scope : worstScope(scope, 'loose');
}

/** The parts of a conjunction, through nested ANDs and negated ORs. */
function flatten(node: unknown, negated: boolean, options: ScopeTarget): Held[] {
  const bool = bodyOf(node, 'BoolExpr');
  if (bool?.boolop === 'NOT_EXPR') return flatten(list(bool.args)[0], !negated, options);
  const joins = negated ? 'OR_EXPR' : 'AND_EXPR';
  if (bool?.boolop === joins)
    return list(bool.args).flatMap((arg) => flatten(arg, negated, options));
  if (bool) return [disjunction(list(bool.args), negated, options)];
  return [predicate(node, negated, options)];
}

const standAlone = (node: unknown, negated: boolean, options: ScopeTarget): Scope =>
  conclude(flatten(node, negated, options), options);

/** The tightest conjunct decides; columns that are pinned together may make a key. */
function conclude(held: readonly Held[], { target }: ScopeTarget): Scope {
  const pins = held.flatMap((one) => one.pins ?? []);
  const scope = held.map((one) => one.scope).reduce(bestScope, 'always-true');
  if (holdsKey(target, pins)) return bestScope(scope, 'key');
  const links = held.flatMap((one) => (one.link ? [one.link] : []));
  const few = links.some(([a, b]) =>
    [
      [a, b],
      [b, a],
    ].some(
      ([own, other]) => own?.range === target && other !== undefined && isFew(other.range, pins),
    ),
  );
  const span = hasSpan(held.flatMap((one) => (one.bound ? [one.bound] : [])));
  return few || span ? bestScope(scope, 'range') : scope;
}

/** Few rows whatever the database holds: a list that is written out, or a table held by its key. */
const isFew = (range: Range, pins: readonly Reference[]): boolean =>
  range.rowsMax !== undefined || holdsKey(range, pins);

/** Both ends of a span are given; between integers it is no wider than a list may be long. */
function hasSpan(bounds: readonly NonNullable<Held['bound']>[]): boolean {
  return bounds.some(({ column, low, value }) => {
    if (!low) return false;
    return bounds.some((end) => {
      if (end.low || end.column !== column) return false;
      if (value === undefined || end.value === undefined) return true;
      return end.value - value <= LIST_MAX;
    });
  });
}

function disjunction(args: readonly unknown[], negated: boolean, options: ScopeTarget): Held {
  if (covers(args)) return ALWAYS;
  return {
    scope: args.map((arg) => standAlone(arg, negated, options)).reduce(worstScope, 'no-write'),
  };
}

const OPPOSITE: Readonly<Record<string, string>> = {
  '=': '<>',
  '<': '>=',
  '>': '<=',
};

/** `p OR NOT p` in its usual dresses; each predicate as its positive form and a sign. */
function covers(args: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const arg of args) {
    const { shape, positive } = signed(arg, true);
    if (seen.has(`${!positive}${shape}`)) return true;
    seen.add(`${positive}${shape}`);
  }
  return false;
}

function signed(node: unknown, positive: boolean): { shape: string; positive: boolean } {
  const bool = bodyOf(node, 'BoolExpr');
  if (bool?.boolop === 'NOT_EXPR') return signed(list(bool.args)[0], !positive);
  const test = bodyOf(node, 'NullTest');
  if (test) {
    return {
      shape: `null ${shapeOf(test.arg)}`,
      positive: (test.nulltesttype === 'IS_NULL') === positive,
    };
  }
  const expression = bodyOf(node, 'A_Expr');
  const operator = lastName(expression?.name).replace('!=', '<>');
  for (const [base, opposite] of Object.entries(OPPOSITE)) {
    if (expression?.kind !== 'AEXPR_OP' || ![base, opposite].includes(operator)) continue;
    const shape = `${base} ${shapeOf([expression.lexpr, expression.rexpr])}`;
    return { shape, positive: (operator === base) === positive };
  }
  return { shape: shapeOf(node), positive };
}
