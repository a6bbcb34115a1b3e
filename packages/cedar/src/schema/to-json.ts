/** A schema in Cedar's JSON schema syntax (docs.cedarpolicy.com/schema/json-schema.html). */
import type {
  ActionDeclaration,
  Annotations,
  AttributeDeclaration,
  EntityTypeDeclaration,
  NamespaceDeclaration,
  Schema,
  TypeExpression,
} from './declaration.ts';

export type SchemaJson = Readonly<Record<string, NamespaceJson>>;

export interface NamespaceJson extends AnnotatedJson {
  readonly commonTypes?: Readonly<Record<string, TypeJson & AnnotatedJson>>;
  readonly entityTypes: Readonly<Record<string, EntityTypeJson>>;
  readonly actions: Readonly<Record<string, ActionJson>>;
}

interface AnnotatedJson {
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface EntityTypeJson extends AnnotatedJson {
  readonly memberOfTypes?: readonly string[];
  readonly shape?: TypeJson;
  readonly tags?: TypeJson;
  readonly enum?: readonly string[];
}

export interface ActionJson extends AnnotatedJson {
  readonly appliesTo?: {
    readonly principalTypes: readonly string[];
    readonly resourceTypes: readonly string[];
    readonly context?: TypeJson;
  };
  readonly memberOf?: readonly { readonly id: string; readonly type?: string }[];
}

export type TypeJson =
  | { readonly type: 'Entity' | 'EntityOrCommon' | 'Extension'; readonly name: string }
  | { readonly type: 'Set'; readonly element: TypeJson }
  | { readonly type: 'Record'; readonly attributes: Readonly<Record<string, AttributeJson>> }
  /** A primitive, or the name of a common type. */
  | { readonly type: string };

export type AttributeJson = TypeJson & AnnotatedJson & { readonly required?: boolean };

/** Equal to what Cedar's own conversion gives; comments and positions are not part of it. */
export function schemaToJson(schema: Schema): SchemaJson {
  return mapValues(schema.namespaces, namespaceToJson);
}

function namespaceToJson(namespace: NamespaceDeclaration): NamespaceJson {
  const { commonTypes } = namespace;
  return {
    ...(commonTypes.size === 0
      ? {}
      : {
          commonTypes: mapValues(commonTypes, ({ type, annotations }) => ({
            ...typeToJson(type),
            ...annotationsToJson(annotations),
          })),
        }),
    entityTypes: mapValues(namespace.entityTypes, entityTypeToJson),
    actions: mapValues(namespace.actions, actionToJson),
    ...annotationsToJson(namespace.annotations),
  };
}

function entityTypeToJson(declaration: EntityTypeDeclaration): EntityTypeJson {
  const annotations = annotationsToJson(declaration.annotations);
  if (declaration.kind === 'enumerated') return { enum: declaration.ids, ...annotations };
  const { parents, shape, tags } = declaration;
  return {
    ...(parents.length === 0 ? {} : { memberOfTypes: parents.map(({ name }) => name) }),
    ...(isEmpty(shape) ? {} : { shape: typeToJson(shape) }),
    ...(tags === undefined ? {} : { tags: typeToJson(tags) }),
    ...annotations,
  };
}

function actionToJson({ parents, appliesTo, annotations }: ActionDeclaration): ActionJson {
  return {
    ...(appliesTo === undefined
      ? {}
      : {
          appliesTo: {
            resourceTypes: appliesTo.resources.map(({ name }) => name),
            principalTypes: appliesTo.principals.map(({ name }) => name),
            ...(isEmpty(appliesTo.context) ? {} : { context: typeToJson(appliesTo.context) }),
          },
        }),
    ...(parents === undefined
      ? {}
      : { memberOf: parents.map(({ id, type }) => (type === undefined ? { id } : { id, type })) }),
    ...annotationsToJson(annotations),
  };
}

function typeToJson(type: TypeExpression): TypeJson {
  switch (type.kind) {
    case 'primitive':
      return { type: type.name };
    case 'extension':
      return { type: 'Extension', name: type.name };
    case 'set':
      return { type: 'Set', element: typeToJson(type.element) };
    case 'record':
      return { type: 'Record', attributes: mapValues(type.attributes, attributeToJson) };
    case 'reference':
      if (type.to === 'common') return { type: type.name };
      return { type: type.to === 'entity' ? 'Entity' : 'EntityOrCommon', name: type.name };
  }
}

const attributeToJson = ({ type, required, annotations }: AttributeDeclaration): AttributeJson => ({
  ...typeToJson(type),
  ...(required ? {} : { required }),
  ...annotationsToJson(annotations),
});

const annotationsToJson = (annotations: Annotations): AnnotatedJson =>
  annotations.size === 0 ? {} : { annotations: Object.fromEntries(annotations) };

const isEmpty = (type: TypeExpression | undefined): type is undefined =>
  type === undefined || (type.kind === 'record' && type.attributes.size === 0);

/** fromEntries makes own members even of `__proto__`. */
const mapValues = <T, U>(map: ReadonlyMap<string, T>, convert: (value: T) => U) =>
  Object.fromEntries([...map].map(([key, value]) => [key, convert(value)]));
