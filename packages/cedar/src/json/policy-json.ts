/**
 * Cedar's own JSON form of a policy. docs.cedarpolicy.com/policies/json-format.html. These types say what
 * is written; what is read is whatever came from outside.  */
import type { Slot } from '../ast.ts';
import type { Json } from './json.ts';

export interface JsonPolicy {
  readonly effect: 'permit' | 'forbid';
  readonly principal: JsonScope;
  readonly action: JsonActionScope;
  readonly resource: JsonScope;
  readonly conditions: readonly { readonly kind: 'when' | 'unless'; readonly body: JsonExpr }[];
  /** Left out where there are none; null for one without a value. */
  readonly annotations?: { readonly [name: string]: string | null };
}

export interface JsonUid {
  readonly type: string;
  readonly id: string;
}

export type JsonScope =
  | { readonly op: 'All' }
  | ({ readonly op: '==' | 'in' } & JsonEntityOrSlot)
  | { readonly op: 'is'; readonly entity_type: string; readonly in?: JsonEntityOrSlot };

export type JsonEntityOrSlot = { readonly entity: JsonUid } | { readonly slot: string };

export type JsonActionScope =
  | { readonly op: 'All' }
  | { readonly op: '==' | 'in'; readonly entity: JsonUid }
  | { readonly op: 'in'; readonly entities: readonly JsonUid[] };

/** An object with one member, whose name says what it is: `{ "Var": "principal" }`. */
export type JsonExpr = { readonly [operator: string]: Json };

export interface JsonPolicySet {
  readonly staticPolicies: { readonly [id: string]: JsonPolicy };
  readonly templates: { readonly [id: string]: JsonPolicy };
  readonly templateLinks: readonly {
    readonly templateId: string;
    readonly newId: string;
    readonly values: { readonly [slot in Slot]?: JsonUid };
  }[];
}
