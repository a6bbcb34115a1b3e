/**
 * The tree of a policy, as parsed from Cedar text or from its JSON form. Names are those of Cedar's
 * grammar; nothing is desugared that the printer would have to guess back. Offsets are UTF-16 code units
 * into the text that was parsed (0 where there was none) and mean nothing to equality.
 */
import type { EntityUid, Long } from './value.ts';

export type Effect = 'permit' | 'forbid';
export type Slot = '?principal' | '?resource';

export interface Policy {
  readonly effect: Effect;
  /** In the order written; names are unique. `@id` without a value has null, which Cedar's JSON tells from "". */
  readonly annotations: ReadonlyMap<string, string | null>;
  readonly principal: PrincipalScope;
  readonly action: ActionScope;
  readonly resource: ResourceScope;
  readonly conditions: readonly Condition[];
  /** From the first annotation or the effect to behind the semicolon. */
  readonly start: number;
  readonly end: number;
}

/** A policy with a slot in its scope is a template: it says nothing until it is linked. */
export type PrincipalScope = EntityScope<'?principal'>;
export type ResourceScope = EntityScope<'?resource'>;

type EntityScope<S extends Slot> =
  | { readonly kind: 'any' }
  | { readonly kind: 'eq'; readonly entity: EntityUid | S }
  | { readonly kind: 'in'; readonly entity: EntityUid | S }
  | { readonly kind: 'is'; readonly type: string }
  | { readonly kind: 'is-in'; readonly type: string; readonly entity: EntityUid | S };

export type ActionScope =
  | { readonly kind: 'any' }
  | { readonly kind: 'eq'; readonly entity: EntityUid }
  /** May be none. One in a list is the same as one without, as it is in Cedar's JSON. */
  | { readonly kind: 'in'; readonly entities: readonly EntityUid[] };

export interface Condition {
  readonly kind: 'when' | 'unless';
  readonly body: Expr;
}

export type Variable = 'principal' | 'action' | 'resource' | 'context';
export type BinaryOperator =
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '*'
  | '&&'
  | '||'
  | 'in';
/** Built-in methods, and functions and methods of extension types. */
export type CallName =
  | 'contains'
  | 'containsAll'
  | 'containsAny'
  | 'isEmpty'
  | 'getTag'
  | 'hasTag'
  | ExtensionName;
export type ExtensionName =
  | 'ip'
  | 'isIpv4'
  | 'isIpv6'
  | 'isLoopback'
  | 'isMulticast'
  | 'isInRange'
  | 'decimal'
  | 'lessThan'
  | 'lessThanOrEqual'
  | 'greaterThan'
  | 'greaterThanOrEqual'
  | 'datetime'
  | 'duration'
  | 'offset'
  | 'durationSince'
  | 'toDate'
  | 'toTime'
  | 'toMilliseconds'
  | 'toSeconds'
  | 'toMinutes'
  | 'toHours'
  | 'toDays'
  /** Of partial evaluation: nobody knows its value, so that whatever needs it is an error. */
  | 'unknown';

/**
 * `at` is the place to show when something is wrong with the node: the operator, the name of the attribute or
 * of what is called, else where the node begins.
 */
export type Expr = { readonly at: number } & (
  | { readonly kind: 'literal'; readonly value: boolean | string | Long | EntityUid }
  | { readonly kind: 'variable'; readonly name: Variable }
  | { readonly kind: 'not' | 'negate'; readonly operand: Expr }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
    }
  | {
      readonly kind: 'if';
      readonly test: Expr;
      readonly consequent: Expr;
      readonly alternate: Expr;
    }
  | { readonly kind: 'attribute'; readonly object: Expr; readonly name: string }
  /** `has a.b.c` has a path of three; at least one. */
  | { readonly kind: 'has'; readonly object: Expr; readonly path: readonly string[] }
  | { readonly kind: 'like'; readonly operand: Expr; readonly pattern: Pattern }
  | {
      readonly kind: 'is';
      readonly operand: Expr;
      readonly type: string;
      readonly in?: Expr;
    }
  | { readonly kind: 'set'; readonly elements: readonly Expr[] }
  /** In the order written; names are unique. */
  | { readonly kind: 'record'; readonly members: readonly (readonly [string, Expr])[] }
  /** Of a method the receiver is the first argument. Their number is checked when evaluated, as Cedar does. */
  | { readonly kind: 'call'; readonly name: CallName; readonly args: readonly Expr[] }
);

/** Pieces of literal text with a wildcard between each and the next: `a*b` is ['a', 'b'], `*` is ['', '']. */
export type Pattern = readonly string[];
