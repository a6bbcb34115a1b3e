/**
 * What a policy can be found by: a conjunct that compares an expression, the source, with constants. The
 * source is evaluated once for all policies that share it, and its value leads to those whose conjunct
 * may hold.
 */
import type { BinaryOperator, Expr, Policy } from '../../ast.ts';
import { ExtensionValue } from '../../extension/extension.ts';
import { EntityUid, type Long, type Value } from '../../value.ts';
import { chainOf, compileExpression } from '../expression.ts';
import { linked } from '../policy.ts';
import { isLongValue, isSet } from '../type.ts';
import { type Conjunct, conjunctsOf } from './conjunct.ts';
import { expressionKey } from './expression-key.ts';
import { isPresent, isSafe, learn } from './safety.ts';

/**
 * How a source's value leads to policies, and which values those may have without an error. `keys` are the
 * constants of which one has to match.
 */
export type Atom = {
  readonly source: Source;
} /** The value is one of the keys; any value will do. */ & (
  | { readonly kind: 'equal'; readonly keys: readonly Value[] }
  /** The value is a set that has one of the keys. */
  | { readonly kind: 'member'; readonly keys: readonly Value[] }
  /** The value is an entity in one of the keys. */
  | { readonly kind: 'within'; readonly keys: readonly EntityUid[] }
  /** The value is an entity of that type. */
  | { readonly kind: 'type'; readonly keys: readonly [string] }
  /** The value is a bool, and that one. */
  | { readonly kind: 'truth'; readonly keys: readonly [boolean] }
  /** The value is a string that starts, or ends, like that. */
  | { readonly kind: 'start' | 'end'; readonly keys: readonly [string] }
  /** The value is a Long that is at least, or at most, that. */
  | { readonly kind: 'least' | 'most'; readonly keys: readonly [Long] }
);

export interface Source {
  readonly expr: Expr;
  readonly key: string;
}

/** One way to find a policy. */
export interface Option {
  readonly atom: Atom;
  /** Atoms of one group are found together: those of one kind and one source. */
  readonly group: string;
  /** Of the scope, which never errs and is decided first. */
  readonly scope: boolean;
  /** The source errs only where a conjunct before this one does not hold. */
  readonly guarded: boolean;
  /** Those before this one that could err: where their sources do, or have values of other types. */
  readonly earlier: readonly Dependency[];
}

export type Dependency = Pick<Option, 'atom' | 'group' | 'guarded'>;

export function optionsOf(policy: Policy, id: string): Option[] {
  const options = scopeAtoms(policy, id).map(
    (atom): Option => ({
      atom,
      group: groupOf(atom),
      scope: true,
      guarded: false,
      earlier: NO_DEPENDENCIES,
    }),
  );
  const present = new Set<string>();
  let earlier = NO_DEPENDENCIES;
  for (const conjunct of conjunctsOf(policy.conditions)) {
    const atom = atomOf(conjunct);
    const safe = isSafe(conjunct.expr, present);
    if (atom !== undefined) {
      const guarded = isPresent(atom.source.expr, present);
      options.push({ atom, group: groupOf(atom), scope: false, guarded, earlier });
    }
    if (!safe) {
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

const variable = (name: 'principal' | 'action' | 'resource'): Source => ({
  expr: { kind: 'variable', name, at: 0 },
  key: name,
});

function scopeAtoms({ principal, action, resource }: Policy, id: string): Atom[] {
  const atoms: Atom[] = [];
  for (const [source, scope] of [
    [variable('principal'), principal],
    [variable('resource'), resource],
  ] as const) {
    if (scope.kind === 'is' || scope.kind === 'is-in') {
      atoms.push({ source, kind: 'type', keys: [scope.type] });
    }
    if (scope.kind === 'eq') {
      atoms.push({ source, kind: 'equal', keys: [linked(scope.entity, id)] });
    } else if (scope.kind === 'in' || scope.kind === 'is-in') {
      atoms.push({ source, kind: 'within', keys: [linked(scope.entity, id)] });
    }
  }
  const source = variable('action');
  if (action.kind === 'eq') atoms.push({ source, kind: 'equal', keys: [action.entity] });
  if (action.kind === 'in') atoms.push({ source, kind: 'within', keys: action.entities });
  return atoms;
}

/** What any bool can be found by: itself. */
function truthOf({ expr, negated }: Conjunct): Atom | undefined {
  const source = sourceOf(expr);
  return source && { source, kind: 'truth', keys: [!negated] };
}

function atomOf(conjunct: Conjunct): Atom | undefined {
  return compared(conjunct) ?? truthOf(conjunct);
}

/** An atom that tells whether a conjunct may err: what does not depend on how it is negated. */
function neededOf({ expr, negated }: Conjunct): Atom | undefined {
  return (
    compared({ expr, negated: false }) ??
    compared({ expr, negated: true }) ??
    truthOf({ expr, negated })
  );
}

function compared({ expr, negated }: Conjunct): Atom | undefined {
  switch (expr.kind) {
    case 'binary':
      return comparedBinary(expr, negated);
    case 'is': {
      const source = negated || expr.in !== undefined ? undefined : sourceOf(expr.operand);
      return source && { source, kind: 'type', keys: [expr.type] };
    }
    case 'like': {
      const source = negated ? undefined : sourceOf(expr.operand);
      const start = expr.pattern[0];
      const end = expr.pattern.at(-1);
      if (source === undefined) return undefined;
      if (start) return { source, kind: 'start', keys: [start] };
      return end ? { source, kind: 'end', keys: [end] } : undefined;
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
    return { source, kind: 'equal', keys: [value] };
  }
  if (operator === 'in') {
    const source = negated ? undefined : sourceOf(left);
    const keys = uidsOf(constantOf(right));
    return source && keys && { source, kind: 'within', keys };
  }
  return comparedOrder(operator, left, right, negated);
}

/** `a == 1 || a == 2`, as long as all parts are about one source and one kind. */
function comparedChoice(expr: Binary): Atom | undefined {
  let first: Atom | undefined;
  const keys: Value[] = [];
  for (const operand of chainOf(expr, '||')) {
    const atom = compared({ expr: operand, negated: false });
    if (atom?.kind !== 'equal' && atom?.kind !== 'member' && atom?.kind !== 'within') {
      return undefined;
    }
    first ??= atom;
    if (atom.kind !== first.kind || atom.source.key !== first.source.key) return undefined;
    keys.push(...atom.keys);
  }
  return first && ({ ...first, keys } as Atom);
}

const mirrored: Partial<Record<BinaryOperator, BinaryOperator>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** Bounds are taken inclusive, which finds a policy too many at most. */
function comparedOrder(
  operator: BinaryOperator,
  left: Expr,
  right: Expr,
  negated: boolean,
): Atom | undefined {
  const bound = constantOf(right) ?? constantOf(left);
  if (mirrored[operator] === undefined || bound === undefined || !isLongValue(bound)) {
    return undefined;
  }
  const behind = constantOf(right) !== undefined;
  const source = sourceOf(behind ? left : right);
  const direction = behind ? operator : mirrored[operator];
  const least = (direction === '>' || direction === '>=') !== negated;
  return source && { source, kind: least ? 'least' : 'most', keys: [bound] };
}

function comparedCall({ name, args }: Call): Atom | undefined {
  const [receiver, argument] = args;
  if (receiver === undefined || argument === undefined || args.length !== 2) return undefined;
  const set = constantOf(receiver);
  const value = constantOf(argument);
  if (name === 'contains' && set !== undefined && value === undefined) {
    const source = sourceOf(argument);
    if (source === undefined || !isSet(set) || !set.every(isAtomic)) return undefined;
    return { source, kind: 'equal', keys: set };
  }
  const source = set === undefined ? sourceOf(receiver) : undefined;
  if (source === undefined || value === undefined) return undefined;
  if (name === 'contains') {
    return isAtomic(value) ? { source, kind: 'member', keys: [value] } : undefined;
  }
  if (!isSet(value) || !value.every(isAtomic)) return undefined;
  if (name === 'containsAny') return { source, kind: 'member', keys: value };
  // All of them are in the set, so the first is; nothing is asked of it where there is none.
  if (name === 'containsAll' && value.length > 0) {
    return { source, kind: 'member', keys: value.slice(0, 1) };
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
