/**
 * What policies and their cases may name: the actions, entities and facts of the policy schema, with their
 * types. Read from the schema itself, so that a fact which is added there is known everywhere at once. Pure.
 */
import { schemaJson } from './schema.ts';

export type FactType =
  | { readonly kind: 'string' | 'long' | 'boolean' }
  | { readonly kind: 'extension'; readonly call: string }
  | { readonly kind: 'entity'; readonly type: string }
  | { readonly kind: 'set'; readonly element: FactType }
  | RecordType;

export interface RecordType {
  readonly kind: 'record';
  readonly members: ReadonlyMap<string, Member>;
}

export interface Member {
  readonly type: FactType;
  readonly required: boolean;
}

export interface EntityType {
  /** Ids, where they are enumerated. */
  readonly ids?: readonly string[];
  readonly parents: readonly string[];
  readonly attrs: RecordType;
  readonly tags?: FactType;
}

export interface ActionType {
  readonly principals: readonly string[];
  readonly resources: readonly string[];
  readonly context: RecordType;
  /** Every group of actions that it is in, itself included. */
  readonly groups: ReadonlySet<string>;
}

export interface Vocabulary {
  readonly entities: ReadonlyMap<string, EntityType>;
  /** Those that something can be asked with: a group of actions has no context of its own. */
  readonly actions: ReadonlyMap<string, ActionType>;
}

/** Cedar's JSON form of a schema, as far as it is read here. */
interface JsonNamespace {
  readonly commonTypes?: Readonly<Record<string, JsonType>>;
  readonly entityTypes: Readonly<Record<string, JsonEntityType>>;
  readonly actions: Readonly<Record<string, JsonAction>>;
}
interface JsonType {
  readonly type: string;
  readonly name?: string;
  readonly element?: JsonType;
  readonly attributes?: Readonly<Record<string, JsonType & { readonly required?: boolean }>>;
}
interface JsonEntityType {
  readonly enum?: readonly string[];
  readonly memberOfTypes?: readonly string[];
  readonly shape?: JsonType;
  readonly tags?: JsonType;
}
interface JsonAction {
  readonly memberOf?: readonly { readonly id: string }[];
  readonly appliesTo?: {
    readonly principalTypes: readonly string[];
    readonly resourceTypes: readonly string[];
    readonly context?: JsonType;
  };
}

const NO_MEMBERS: RecordType = { kind: 'record', members: new Map() };
const SCALARS: Readonly<Record<string, FactType>> = {
  String: { kind: 'string' },
  Long: { kind: 'long' },
  Bool: { kind: 'boolean' },
  Boolean: { kind: 'boolean' },
  ipaddr: { kind: 'extension', call: 'ip' },
  decimal: { kind: 'extension', call: 'decimal' },
  datetime: { kind: 'extension', call: 'datetime' },
  duration: { kind: 'extension', call: 'duration' },
};

/** Of a schema without namespaces; a type that it does not define throws, since then it is no schema. */
export function vocabularyOf(text: string): Vocabulary {
  const { '': schema } = schemaJson(text) as unknown as Readonly<Record<string, JsonNamespace>>;
  if (schema === undefined) throw new Error('the policy schema defines nothing');
  const typeOf = (json: JsonType): FactType => {
    if (json.type === 'Set' && json.element) return { kind: 'set', element: typeOf(json.element) };
    if (json.type === 'Record') return recordOf(json);
    const name = (json.name ?? json.type).replace(/^__cedar::/, '');
    const common = ownMember(schema.commonTypes, name);
    if (common) return typeOf(common);
    if (ownMember(schema.entityTypes, name)) return { kind: 'entity', type: name };
    const scalar = ownMember(SCALARS, name);
    if (scalar) return scalar;
    throw new Error(`the policy schema has no type ${name}`);
  };
  const recordOf = ({ attributes = {} }: JsonType): RecordType => ({
    kind: 'record',
    members: new Map(
      Object.entries(attributes).map(([name, type]) => [
        name,
        { type: typeOf(type), required: type.required !== false },
      ]),
    ),
  });
  const shapeOf = (json: JsonType | undefined): RecordType => {
    const type = json === undefined ? NO_MEMBERS : typeOf(json);
    return type.kind === 'record' ? type : NO_MEMBERS;
  };
  const entities = Object.entries(schema.entityTypes).map(([name, json]) => {
    const made: EntityType = {
      parents: json.memberOfTypes ?? [],
      attrs: shapeOf(json.shape),
      ...(json.enum ? { ids: json.enum } : {}),
      ...(json.tags ? { tags: typeOf(json.tags) } : {}),
    };
    return [name, made] as const;
  });
  const actions = Object.entries(schema.actions).flatMap(([name, { appliesTo }]) => {
    if (!appliesTo || appliesTo.principalTypes.length * appliesTo.resourceTypes.length === 0)
      return [];
    const made: ActionType = {
      principals: appliesTo.principalTypes,
      resources: appliesTo.resourceTypes,
      context: shapeOf(appliesTo.context),
      groups: groupsOf(schema, name),
    };
    return [[name, made] as const];
  });
  return { entities: new Map(entities), actions: new Map(actions) };
}

function groupsOf({ actions }: JsonNamespace, action: string): ReadonlySet<string> {
  const groups = new Set<string>();
  const open = [action];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (groups.has(next)) continue;
    groups.add(next);
    open.push(...(ownMember(actions, next)?.memberOf ?? []).map(({ id }) => id));
  }
  return groups;
}

const ownMember = <T>(
  record: Readonly<Record<string, T>> | undefined,
  name: string,
): T | undefined => (record && Object.hasOwn(record, name) ? record[name] : undefined);
