/**
 * A schema as it was written: names are not resolved, and nothing says yet that they mean something.
 * The JSON form has the same shape, so both come here and leave from here.
 */
import type { Position } from './schema-error.ts';

export interface Schema {
  /** By name; '' is the empty namespace, which is there only if something is declared in it. */
  readonly namespaces: ReadonlyMap<string, NamespaceDeclaration>;
}

export type Annotations = ReadonlyMap<string, string>;

interface Declared {
  /** An annotation without a value has ''. */
  readonly annotations: Annotations;
  /** The comment that documents it: `///` lines before it, or a comment behind it on its line. */
  readonly doc?: string | undefined;
  /** Absent where it came from JSON. */
  readonly at?: Position | undefined;
}

export interface NamespaceDeclaration extends Declared {
  readonly commonTypes: ReadonlyMap<string, CommonTypeDeclaration>;
  readonly entityTypes: ReadonlyMap<string, EntityTypeDeclaration>;
  readonly actions: ReadonlyMap<string, ActionDeclaration>;
}

export interface CommonTypeDeclaration extends Declared {
  readonly type: TypeExpression;
}

export type EntityTypeDeclaration = StandardEntityType | EnumeratedEntityType;

export interface StandardEntityType extends Declared {
  readonly kind: 'standard';
  readonly parents: readonly Name[];
  /** A record, or a name of one; absent where none was written. */
  readonly shape?: TypeExpression | undefined;
  readonly tags?: TypeExpression | undefined;
}

export interface EnumeratedEntityType extends Declared {
  readonly kind: 'enumerated';
  readonly ids: readonly string[];
}

export interface ActionDeclaration extends Declared {
  /** Absent where none was written. */
  readonly parents?: readonly ActionName[] | undefined;
  readonly appliesTo?: AppliesTo | undefined;
}

export interface AppliesTo {
  readonly principals: readonly Name[];
  readonly resources: readonly Name[];
  readonly context?: TypeExpression | undefined;
}

export interface Name {
  /** As written: `Table` or `App::Table`. */
  readonly name: string;
  readonly at?: Position | undefined;
}

export interface ActionName {
  /** `App::Action`; absent where only the id was written. */
  readonly type?: string | undefined;
  readonly id: string;
  readonly at?: Position | undefined;
}

export type TypeExpression =
  /** Only in JSON: in text, `Long` is a name like any other and may be shadowed. */
  | { readonly kind: 'primitive'; readonly name: 'Boolean' | 'Long' | 'String' }
  | { readonly kind: 'extension'; readonly name: string }
  | { readonly kind: 'set'; readonly element: TypeExpression }
  | { readonly kind: 'record'; readonly attributes: ReadonlyMap<string, AttributeDeclaration> }
  | ({ readonly kind: 'reference'; readonly to: 'common' | 'entity' | 'either' } & Name);

export interface AttributeDeclaration extends Declared {
  readonly type: TypeExpression;
  readonly required: boolean;
}
