/** A schema as documentation: every type, attribute and action with what its comments say. */
import type {
  ActionDeclaration,
  AttributeDeclaration,
  EntityTypeDeclaration,
  Schema,
  TypeExpression,
} from './declaration.ts';
import { candidates, qualify } from './names.ts';

export interface SchemaDescription {
  readonly entityTypes: readonly EntityTypeDescription[];
  readonly commonTypes: readonly CommonTypeDescription[];
  readonly actions: readonly ActionDescription[];
}

interface Described {
  readonly name: string;
  /** Undefined where nobody wrote a word about it. */
  readonly doc: string | undefined;
}

export interface EntityTypeDescription extends Described {
  /** Of an enumerated type. */
  readonly ids?: readonly string[];
  readonly parents: readonly string[];
  readonly attributes: readonly AttributeDescription[];
  /** The type of its tags, where it has any. */
  readonly tags?: string;
}

export interface CommonTypeDescription extends Described {
  /** As written; of a record, `{}` with its attributes beside. */
  readonly type: string;
  readonly attributes: readonly AttributeDescription[];
}

export interface ActionDescription extends Described {
  /** `Action::"sql.select"`'s type and id. */
  readonly type: string;
  readonly id: string;
  readonly parents: readonly string[];
  readonly principals: readonly string[];
  readonly resources: readonly string[];
  /** The name of its type, or `{}`; absent where the action applies to nothing. */
  readonly context?: string;
  readonly attributes: readonly AttributeDescription[];
}

export interface AttributeDescription extends Described {
  /** As written: `Set<Table>`. */
  readonly type: string;
  readonly required: boolean;
  /** Of an attribute that is a record itself. */
  readonly attributes: readonly AttributeDescription[];
}

/**
 * In the order of the schema. An attribute without a comment of its own has that of the type that it, or
 * its elements, are of: `scope: Scope` needs no second sentence. Names of types are those written.
 */
export function describeSchema(schema: Schema): SchemaDescription {
  const namespaces = [...schema.namespaces];
  const docs = docsOfTypes(schema);
  const describer = (namespace: string) => new Describer(docs, namespace);
  return {
    entityTypes: namespaces.flatMap(([name, { entityTypes }]) =>
      [...entityTypes].map(([id, type]) => describer(name).entityType(id, type)),
    ),
    commonTypes: namespaces.flatMap(([name, { commonTypes }]) =>
      [...commonTypes].map(([id, { type, doc }]) => ({
        name: qualify(name, id),
        doc,
        type: printType(type),
        attributes: describer(name).attributes(type),
      })),
    ),
    actions: namespaces.flatMap(([name, { actions }]) =>
      [...actions].map(([id, action]) => describer(name).action(id, action)),
    ),
  };
}

/** Full names, with the path of attributes behind, of everything that no comment explains. */
export function findUndocumented(description: SchemaDescription): readonly string[] {
  const within = (path: string, attributes: readonly AttributeDescription[]): string[] =>
    attributes.flatMap(({ name, doc, attributes: inner }) => [
      ...(doc === undefined ? [`${path}.${name}`] : []),
      ...within(`${path}.${name}`, inner),
    ]);
  const { entityTypes, commonTypes, actions } = description;
  return [...entityTypes, ...commonTypes, ...actions].flatMap(({ name, doc, attributes }) => [
    ...(doc === undefined ? [name] : []),
    ...within(name, attributes),
  ]);
}

type Docs = ReadonlyMap<string, string | undefined>;

class Describer {
  readonly #docs: Docs;
  readonly #namespace: string;

  constructor(docs: Docs, namespace: string) {
    this.#docs = docs;
    this.#namespace = namespace;
  }

  entityType(id: string, declaration: EntityTypeDeclaration): EntityTypeDescription {
    const { doc } = declaration;
    const name = qualify(this.#namespace, id);
    if (declaration.kind === 'enumerated') {
      return { name, doc, ids: declaration.ids, parents: [], attributes: [] };
    }
    const { parents, shape, tags } = declaration;
    return {
      name,
      doc,
      parents: parents.map((parent) => parent.name),
      attributes: this.attributes(shape),
      ...(tags === undefined ? {} : { tags: printType(tags) }),
    };
  }

  action(id: string, { parents = [], appliesTo, doc }: ActionDeclaration): ActionDescription {
    const type = qualify(this.#namespace, 'Action');
    const { principals = [], resources = [], context } = appliesTo ?? {};
    return {
      name: `${type}::${JSON.stringify(id)}`,
      type,
      id,
      doc,
      parents: parents.map((parent) => parent.id),
      principals: principals.map(({ name }) => name),
      resources: resources.map(({ name }) => name),
      ...(principals.length === 0 ? {} : { context: context ? printType(context) : '{}' }),
      attributes: this.attributes(context),
    };
  }

  attributes(type: TypeExpression | undefined): readonly AttributeDescription[] {
    if (type?.kind !== 'record') return [];
    return [...type.attributes].map(([name, attribute]) => this.#attribute(name, attribute));
  }

  #attribute(name: string, { type, required, doc }: AttributeDeclaration): AttributeDescription {
    return {
      name,
      doc: doc ?? this.#docOf(type),
      type: printType(type),
      required,
      attributes: this.attributes(type),
    };
  }

  #docOf(type: TypeExpression): string | undefined {
    if (type.kind === 'set') return this.#docOf(type.element);
    if (type.kind !== 'reference') return undefined;
    const declared = candidates(type.name, this.#namespace).find((name) => this.#docs.has(name));
    return declared === undefined ? undefined : this.#docs.get(declared);
  }
}

/** By full name; a common type hides an entity type of its name. */
function docsOfTypes(schema: Schema): Docs {
  const docs = new Map<string, string | undefined>();
  for (const [namespace, { entityTypes, commonTypes }] of schema.namespaces) {
    for (const [name, { doc }] of [...entityTypes, ...commonTypes]) {
      docs.set(qualify(namespace, name), doc);
    }
  }
  return docs;
}

function printType(type: TypeExpression): string {
  switch (type.kind) {
    case 'primitive':
      return type.name === 'Boolean' ? 'Bool' : type.name;
    case 'extension':
    case 'reference':
      return type.name;
    case 'set':
      return `Set<${printType(type.element)}>`;
    case 'record':
      return '{}';
  }
}
