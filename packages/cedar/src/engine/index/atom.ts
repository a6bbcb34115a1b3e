/**
 * What a policy can be found by: a conjunct that compares an expression, the source, with constants. The
 * source is evaluated once for all policies that share it, and its value leads to those whose conjunct
 * may hold.
 */
import type { BinaryOperator, Expr } from '../../ast.ts';
import { ExtensionValue } from '../../extension/extension.ts';
import { addLongs } from '../../extension/i64.ts';
import { EntityUid, type Long, type Value } from '../../value.ts';
import type { Conjunct } from '../conjunct.ts';
import { chainOf, compileExpression } from '../expression.ts';
import { isLongValue, isSet } from '../type.ts';
import { expressionKey } from './expression-key.ts';
import { isPresent, isSafe, learn } from './safety.ts';

/**
 * How a source's value leads to policies, and which values those may have without an error. `keys` are the
 * constants of which one has to match.
 */
export type Atom = Found &
  (
    | { readonly kind: 'equal'; readonly keys: readonly Value[] }
    /** Of a set, which has one of the keys. */
    | { readonly kind: 'member'; readonly keys: readonly Value[] }
    /** Of an entity, which is in one of the keys. */
    | { readonly kind: 'within'; readonly keys: readonly EntityUid[] }
    | { readonly kind: 'type'; readonly keys: readonly [string] }
    | { readonly kind: 'truth'; readonly keys: readonly [boolean] }
    /** Of a string, which starts or ends like that. */
    | { readonly kind: 'start' | 'end'; readonly keys: readonly [string] }
    /** Of a Long, which is at least or at most that. */
    | { readonly kind: 'least' | 'most'; readonly keys: readonly [Long] }
  );

interface Found {
  readonly source: Source;
  /** The conjunct holds wherever a key matches; otherwise that has to be looked at closer. */
  readonly exact: boolean;
}

export interface Source {
  readonly expr: Expr;
  readonly key: string;
  /** Of two Longs that policies add numbers to: see `compileSource`. */
  readonly difference?: true;
}

/** One way to find a policy. */
export interface Option {
  readonly atom: Atom;
  /** Atoms of one group are found together: those of one kind and one source. */
  readonly group: string;
  /** Of the scope, which never errs and is decided first. */
  readonly scope: boolean;
  /** The place of its conjunct. */
  readonly conjunct: number;
  /** The source errs only where a conjunct before this one does not hold, and none before that reads it. */
  readonly guarded: boolean;
  /** Those before this one that could err: where their sources do, or have values of other types. */
  readonly earlier: readonly Dependency[];
}

export type Dependency = Pick<Option, 'atom' | 'group' | 'guarded'>;

/** Further conjuncts are left to evaluation. */
const CONJUNCTS_MAX = 14;

export function optionsOf(conjuncts: readonly Conjunct[]): Option[] {
  const options: Option[] = [];
  const present = new Set<string>();
  let earlier = NO_DEPENDENCIES;
  for (const [index, conjunct] of conjuncts.slice(0, CONJUNCTS_MAX).entries()) {
    const atom = atomOf(conjunct);
    if (atom !== undefined) {
      const group = groupOf(atom);
      // One before this that reads the same unguarded errs there all the same.
      const bare = earlier.some((each) => each.group === group && !each.guarded);
      options.push({
        atom,
        group,
        scope: conjunct.place === 'scope',
        conjunct: index,
        guarded: !bare && isPresent(atom.source.expr, present),
        earlier,
      });
    }
    if (!isSafe(conjunct.expr, present)) {
      const needed = neededOf(conjunct);
      if (needed === undefined) break;
      const guarded = isPresent(needed.source.expr, present);
      earlier = [...earlier, { atom: needed, group: groupOf(needed), guarded }];
    }
    learn(conjunct, present);
  }
  return options;
}

const NO_DEPENDENCIES: readonly Dependency[] = [];

const groupOf = ({ kind, source }: Atom): string => `${kind} ${source.key}`;

/** What any bool can be found by: itself. */
function truthOf(expr: Expr, negated: boolean): Atom | undefined {
  const source = sourceOf(expr);
  return source && { source, kind: 'truth', keys: [!negated], exact: true };
}

function atomOf({ expr, negated }: Conjunct): Atom | undefined {
  return compared(expr, negated) ?? truthOf(expr, negated);
}

/** An atom that tells whether a conjunct may err: what does not depend on how it is negated. */
function neededOf({ expr, negated }: Conjunct): Atom | undefined {
  return compared(expr, false) ?? compared(expr, true) ?? truthOf(expr, negated);
}

function compared(expr: Expr, negated: boolean): Atom | undefined {
  switch (expr.kind) {
    case 'binary':
      return comparedBinary(expr, negated);
    case 'is': {
      const source = negated || expr.in !== undefined ? undefined : sourceOf(expr.operand);
      return source && { source, kind: 'type', keys: [expr.type], exact: true };
    }
    case 'like': {
      const source = negated ? undefined : sourceOf(expr.operand);
      const start = expr.pattern[0];
      const end = expr.pattern.at(-1);
      if (source === undefined) return undefined;
      if (start) return { source, kind: 'start', keys: [start], exact: false };
      return end ? { source, kind: 'end', keys: [end], exact: false } : undefined;
    }
    case 'call':
      return negated ? undefined : comparedCall(expr);
    default:
      return undefined;
  }
}

type Binary = Extract<Expr, { readonly kind: 'binary' }>;
type Call = Extract<Expr, { readonly kind: 'call' }>;

function comparedBinary(expr: Binary, negated: boolean): Atom | undefined {
  const { operator, left, right } = expr;
  if (operator === '||') return negated ? undefined : comparedChoice(expr);
  if (operator === (negated ? '!=' : '==')) {
    const value = constantOf(right) ?? constantOf(left);
    const source = sourceOf(constantOf(right) === undefined ? right : left);
    if (source === undefined || value === undefined || !isAtomic(value)) return undefined;
    return { source, kind: 'equal', keys: [value], exact: true };
  }
  if (operator === 'in') {
    const source = negated ? undefined : sourceOf(left);
    const keys = uidsOf(constantOf(right));
    return source && keys && { source, kind: 'within', keys, exact: true };
  }
  return comparedOrder(operator, left, right, negated);
}

/** `a == 1 || a == 2`, as long as all parts are about one source and one kind. */
function comparedChoice(expr: Binary): Atom | undefined {
  let first: Atom | undefined;
  const keys: Value[] = [];
  let exact = true;
  for (const operand of chainOf(expr, '||')) {
    const atom = compared(operand, false);
    if (atom?.kind !== 'equal' && atom?.kind !== 'member' && atom?.kind !== 'within') {
      return undefined;
    }
    first ??= atom;
    if (atom.kind !== first.kind || atom.source.key !== first.source.key) return undefined;
    keys.push(...atom.keys);
    exact &&= atom.exact;
  }
  return first && ({ ...first, keys, exact } as Atom);
}

type Order = '<' | '<=' | '>' | '>=';
const mirrored = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;
const opposite = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const;

/** Of integers, so that `x > 1` is `x >= 2`. */
function comparedOrder(
  operator: BinaryOperator,
  left: Expr,
  right: Expr,
  negated: boolean,
): Atom | undefined {
  if (!(operator in mirrored)) return undefined;
  const behind = constantOf(right);
  const constant = behind ?? constantOf(left);
  if (constant === undefined) return comparedDifference(operator as Order, left, right, negated);
  const source = sourceOf(behind === undefined ? right : left);
  if (source === undefined || !isLongValue(constant)) return undefined;
  const direction = behind === undefined ? mirrored[operator as Order] : (operator as Order);
  return bounded(source, direction, constant, negated);
}

function bounded(
  source: Source,
  direction: Order,
  limit: Long,
  negated: boolean,
): Atom | undefined {
  const effective = negated ? opposite[direction] : direction;
  const least = effective === '>' || effective === '>=';
  const strict = effective === '>' ? 1 : effective === '<' ? -1 : 0;
  const bound = addLongs(limit, strict);
  return bound === undefined
    ? undefined
    : { source, kind: least ? 'least' : 'most', keys: [bound], exact: true };
}

/** `a > b + 1` as a bound on `a - b`: policies that differ in the number share a source. */
function comparedDifference(
  operator: Order,
  left: Expr,
  right: Expr,
  negated: boolean,
): Atom | undefined {
  const first = splitSum(left);
  const second = splitSum(right);
  const limit = second.added - first.added;
  if (first.expr === left && second.expr === right) return undefined;
  const source = sourceOf({
    kind: 'binary',
    operator: '-',
    left: first.expr,
    right: second.expr,
    at: 0,
  });
  if (source === undefined || !Number.isSafeInteger(limit)) return undefined;
  const key = `difference ${source.key}`;
  return bounded({ ...source, key, difference: true }, operator, limit, negated);
}

/** A sum as an expression and the number that is added to it. */
function splitSum(expr: Expr): { readonly expr: Expr; readonly added: number } {
  if (expr.kind === 'binary' && (expr.operator === '+' || expr.operator === '-')) {
    const right = constantOf(expr.right);
    if (typeof right === 'number') {
      return { expr: expr.left, added: expr.operator === '+' ? right : -right };
    }
    const left = expr.operator === '+' ? constantOf(expr.left) : undefined;
    if (typeof left === 'number') return { expr: expr.right, added: left };
  }
  return { expr, added: 0 };
}

function comparedCall({ name, args }: Call): Atom | undefined {
  const [receiver, argument] = args;
  if (receiver === undefined || argument === undefined || args.length !== 2) return undefined;
  const set = constantOf(receiver);
  const value = constantOf(argument);
  if (name === 'contains' && set !== undefined && value === undefined) {
    const source = sourceOf(argument);
    if (source === undefined || !isSet(set) || !set.every(isAtomic)) return undefined;
    return { source, kind: 'equal', keys: set, exact: true };
  }
  const source = set === undefined ? sourceOf(receiver) : undefined;
  if (source === undefined || value === undefined) return undefined;
  if (name === 'contains') {
    return isAtomic(value) ? { source, kind: 'member', keys: [value], exact: true } : undefined;
  }
  if (!isSet(value) || !value.every(isAtomic)) return undefined;
  if (name === 'containsAny') return { source, kind: 'member', keys: value, exact: true };
  // All of them are in the set, so the first is; nothing is asked of it where there is none.
  if (name === 'containsAll' && value.length > 0) {
    return { source, kind: 'member', keys: value.slice(0, 1), exact: value.length === 1 };
  }
  return undefined;
}

/** A constant is no source: there would be nothing to look up. */
function sourceOf(expr: Expr): Source | undefined {
  if (expr.kind === 'literal') return undefined;
  const key = expressionKey(expr);
  return key === undefined ? undefined : { expr, key };
}

function constantOf(expr: Expr): Value | undefined {
  switch (expr.kind) {
    case 'literal':
      return expr.value;
    case 'negate':
    case 'set':
      return compileExpression(expr).constant;
    case 'call':
      return expr.args.every((argument) => argument.kind === 'literal')
        ? compileExpression(expr).constant
        : undefined;
    default:
      return undefined;
  }
}

function uidsOf(value: Value | undefined): readonly EntityUid[] | undefined {
  if (value instanceof EntityUid) return [value];
  if (value === undefined || !isSet(value)) return undefined;
  const uids = value.filter((element) => element instanceof EntityUid);
  return uids.length === value.length ? uids : undefined;
}

/** Found by hash: no set and no record. */
function isAtomic(value: Value): boolean {
  return typeof value !== 'object' || value instanceof EntityUid || value instanceof ExtensionValue;
}
