/** A schema with every name resolved: what requests, entities and policies are held against. */
import type { EntityUid } from '../value.ts';
import type { Schema } from './declaration.ts';
import type { ExtensionTypeName } from './names.ts';

/**
 * Common types are resolved to what they stand for and shared by identity wherever they are used, so a
 * schema that names one a million times does not become a million records.
 */
export type Type =
  | { readonly kind: 'boolean' | 'long' | 'string' }
  | { readonly kind: 'entity'; readonly name: string }
  | { readonly kind: 'extension'; readonly name: ExtensionTypeName }
  | { readonly kind: 'set'; readonly element: Type }
  | RecordType;

export interface RecordType {
  readonly kind: 'record';
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface Attribute {
  readonly type: Type;
  readonly required: boolean;
  readonly doc?: string | undefined;
}

export type EntityType =
  | {
      readonly kind: 'standard';
      readonly name: string;
      readonly shape: RecordType;
      readonly tags: Type | undefined;
      /** Types of direct parents. */
      readonly parents: readonly string[];
      readonly doc: string | undefined;
    }
  | {
      readonly kind: 'enumerated';
      readonly name: string;
      readonly ids: ReadonlySet<string>;
      readonly doc: string | undefined;
    };

export interface Action {
  readonly uid: EntityUid;
  readonly principals: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  readonly context: RecordType;
  readonly parents: readonly EntityUid[];
  readonly doc: string | undefined;
}

export interface ResolvedSchema {
  /** By full name. */
  readonly entityTypes: ReadonlyMap<string, EntityType>;
  readonly commonTypes: ReadonlyMap<string, Type>;
  /** By type (`App::Action`), then by id. */
  readonly actions: ReadonlyMap<string, ReadonlyMap<string, Action>>;
  /** What it was resolved from. */
  readonly source: Schema;
}
