/**
 * Gives every name of a schema its meaning and makes Cedar's checks: nothing undeclared, no common type and
 * no action that contains itself, nothing that hides a name of the empty namespace.
 */
import { suggest } from '../syntax/suggest.ts';
import { EntityUid } from '../value.ts';
import type {
  ActionName,
  AppliesTo,
  CommonTypeDeclaration,
  EntityTypeDeclaration,
  Name,
  Schema,
  TypeExpression,
} from './declaration.ts';
import { orderByDependency } from './dependency-order.ts';
import {
  basename,
  candidates,
  EXTENSION_TYPES,
  type ExtensionTypeName,
  isQualified,
  qualify,
} from './names.ts';
import { SchemaError, TYPE_DEPTH_MAX } from './schema-error.ts';
import type { Action, Attribute, EntityType, RecordType, ResolvedSchema, Type } from './type.ts';

/** Throws SchemaError where the schema contradicts itself or names what it does not declare. */
export function resolveSchema(schema: Schema): ResolvedSchema {
  const definitions = collectDefinitions(schema);
  rejectShadowing(definitions);
  return new Resolver(schema, definitions).resolve();
}

interface Definitions {
  readonly entityTypes: Set<string>;
  readonly commonTypes: Map<string, { readonly namespace: string } & CommonTypeDeclaration>;
  /** By type, then id. */
  readonly actions: Map<string, Set<string>>;
}

function collectDefinitions(schema: Schema): Definitions {
  const entityTypes = new Set<string>();
  const commonTypes: Definitions['commonTypes'] = new Map();
  const actions = new Map<string, Set<string>>();
  for (const [namespace, declared] of schema.namespaces) {
    for (const [name, { at }] of declared.entityTypes) {
      if (name === 'Action') throw new SchemaError('Action cannot be declared as an entity', at);
      entityTypes.add(qualify(namespace, name));
    }
    for (const [name, declaration] of declared.commonTypes) {
      commonTypes.set(qualify(namespace, name), { namespace, ...declaration });
    }
    if (declared.actions.size > 0) {
      actions.set(qualify(namespace, 'Action'), new Set(declared.actions.keys()));
    }
  }
  return { entityTypes, commonTypes, actions };
}

/**
 * RFC 70: what a bare name means must not change because a namespace declares the same name. A common type
 * may still hide an entity type of its own namespace.
 */
function rejectShadowing({ entityTypes, commonTypes, actions }: Definitions): void {
  for (const name of [...entityTypes, ...commonTypes.keys()]) {
    const bare = basename(name);
    if (isQualified(name) && (entityTypes.has(bare) || commonTypes.has(bare))) {
      throw new SchemaError(`${name} hides ${bare}, which is declared without a namespace`);
    }
  }
  for (const [type, ids] of actions) {
    if (type === 'Action') continue;
    for (const id of ids) {
      if (actions.get('Action')?.has(id)) {
        throw new SchemaError(`${type}::"${id}" hides the action "${id}" without a namespace`);
      }
    }
  }
}

const PRIMITIVES = [
  ['Bool', { kind: 'boolean' }],
  ['Long', { kind: 'long' }],
  ['String', { kind: 'string' }],
] as const satisfies readonly (readonly [string, Type])[];

const EMPTY_RECORD: RecordType = { kind: 'record', attributes: new Map() };

class Resolver {
  readonly #schema: Schema;
  readonly #definitions: Definitions;
  /** Everything that may be the type of an attribute: actions too, once there are any. */
  readonly #entityNames: ReadonlySet<string>;
  readonly #commonTypes = new Map<string, Type>();
  readonly #depths = new Map<Type, number>();

  constructor(schema: Schema, definitions: Definitions) {
    this.#schema = schema;
    this.#definitions = definitions;
    this.#entityNames = new Set([...definitions.entityTypes, ...definitions.actions.keys()]);
  }

  resolve(): ResolvedSchema {
    this.#addBuiltins();
    const { commonTypes } = this.#definitions;
    for (const name of orderCommonTypes(this.#definitions)) {
      const common = commonTypes.get(name);
      if (common === undefined) continue;
      this.#commonTypes.set(name, this.#type(common.type, common.namespace));
    }
    const entityTypes = new Map<string, EntityType>();
    const actions = new Map<string, ReadonlyMap<string, Action>>();
    for (const [namespace, declared] of this.#schema.namespaces) {
      for (const [name, declaration] of declared.entityTypes) {
        const full = qualify(namespace, name);
        entityTypes.set(full, this.#entityType(full, declaration, namespace));
      }
      const resolved = new Map<string, Action>();
      const type = qualify(namespace, 'Action');
      for (const [id, { parents = [], appliesTo, doc }] of declared.actions) {
        const uid = new EntityUid(type, id);
        const parentUids = parents.map((parent) => this.#action(parent, namespace));
        resolved.set(id, {
          uid,
          ...this.#appliesTo(uid, appliesTo, namespace),
          parents: parentUids,
          doc,
        });
      }
      if (resolved.size > 0) actions.set(type, resolved);
    }
    rejectActionCycles(actions);
    const named = [...this.#commonTypes].filter(([name]) => commonTypes.has(name));
    return { entityTypes, commonTypes: new Map(named), actions, source: this.#schema };
  }

  /** Always there as `__cedar::Long`, and as `Long` unless that name was taken. */
  #addBuiltins(): void {
    const extensions = EXTENSION_TYPES.map((name) => [name, { kind: 'extension', name }] as const);
    for (const [name, type] of [...PRIMITIVES, ...extensions]) {
      this.#commonTypes.set(`__cedar::${name}`, type);
      const { entityTypes, commonTypes } = this.#definitions;
      if (!entityTypes.has(name) && !commonTypes.has(name)) this.#commonTypes.set(name, type);
    }
  }

  #entityType(name: string, declaration: EntityTypeDeclaration, namespace: string): EntityType {
    const { doc, at } = declaration;
    if (declaration.kind === 'enumerated') {
      return { kind: 'enumerated', name, ids: new Set(declaration.ids), doc };
    }
    const { parents, shape, tags } = declaration;
    return {
      kind: 'standard',
      name,
      parents: parents.map((parent) => this.#declaredEntity(parent, namespace)),
      shape: this.#record(shape, namespace, (problem) => {
        throw new SchemaError(`entity ${name}: its attributes ${problem}`, at);
      }),
      tags: tags === undefined ? undefined : this.#type(tags, namespace),
      doc,
    };
  }

  #appliesTo(uid: EntityUid, appliesTo: AppliesTo | undefined, namespace: string) {
    const { principals = [], resources = [], context } = appliesTo ?? {};
    const entities = (names: readonly Name[]) =>
      new Set(names.map((name) => this.#declaredEntity(name, namespace)));
    return {
      principals: entities(principals),
      resources: entities(resources),
      context: this.#record(context, namespace, (problem) => {
        throw new SchemaError(`action ${uid.type}::"${uid.id}": its context ${problem}`);
      }),
    };
  }

  #record(
    expression: TypeExpression | undefined,
    namespace: string,
    fail: (problem: string) => never,
  ): RecordType {
    if (expression === undefined) return EMPTY_RECORD;
    const type = this.#type(expression, namespace);
    return type.kind === 'record' ? type : fail(`must be a record, not ${type.kind}`);
  }

  #type(expression: TypeExpression, namespace: string): Type {
    switch (expression.kind) {
      case 'primitive':
        return { kind: expression.name.toLowerCase() as 'boolean' | 'long' | 'string' };
      case 'extension':
        return extensionType(expression.name);
      case 'reference':
        return this.#reference(expression, expression.to, namespace);
      case 'set': {
        const element = this.#type(expression.element, namespace);
        return this.#measured({ kind: 'set', element }, this.#depths.get(element) ?? 0);
      }
      case 'record': {
        const attributes = new Map<string, Attribute>();
        let depth = 0;
        for (const [name, { type, required, doc }] of expression.attributes) {
          const resolved = this.#type(type, namespace);
          depth = Math.max(depth, this.#depths.get(resolved) ?? 0);
          attributes.set(name, { type: resolved, required, doc });
        }
        return this.#measured({ kind: 'record', attributes }, depth);
      }
    }
  }

  #measured(type: Type, innerDepth: number): Type {
    if (innerDepth + 1 > TYPE_DEPTH_MAX) {
      throw new SchemaError(`types nest deeper than ${TYPE_DEPTH_MAX}, common types counted in`);
    }
    this.#depths.set(type, innerDepth + 1);
    return type;
  }

  #reference({ name, at }: Name, to: 'common' | 'entity' | 'either', namespace: string): Type {
    for (const candidate of candidates(name, namespace)) {
      const common = to === 'entity' ? undefined : this.#commonTypes.get(candidate);
      if (common !== undefined) return common;
      if (to !== 'common' && this.#entityNames.has(candidate)) {
        return { kind: 'entity', name: candidate };
      }
    }
    const known = [
      ...(to === 'common' ? [] : this.#entityNames),
      ...(to === 'entity' ? [] : this.#commonTypes.keys()),
    ];
    const kind = { common: 'a common type', entity: 'an entity type', either: 'a type' }[to];
    throw new SchemaError(`${name} is not declared as ${kind}${didYouMean(name, known)}`, at);
  }

  /** A type that entities can be of; actions are declared elsewhere and have no attributes or parents. */
  #declaredEntity(name: Name, namespace: string): string {
    const type = this.#reference(name, 'entity', namespace);
    if (type.kind !== 'entity' || !this.#definitions.entityTypes.has(type.name)) {
      throw new SchemaError(`${name.name} is not declared as an entity type`, name.at);
    }
    return type.name;
  }

  #action({ type = 'Action', id, at }: ActionName, namespace: string): EntityUid {
    const { actions } = this.#definitions;
    for (const candidate of candidates(type, namespace)) {
      if (actions.get(candidate)?.has(id)) return new EntityUid(candidate, id);
    }
    const known = [...actions.values()].flatMap((ids) => [...ids]);
    throw new SchemaError(`the action "${id}" is not declared${didYouMean(id, known)}`, at);
  }
}

/** To be put behind what is wrong. */
function didYouMean(name: string, known: Iterable<string>): string {
  const hint = suggest(name, known);
  return hint === undefined ? '' : `: ${hint}`;
}

function extensionType(name: string): Type {
  const known = EXTENSION_TYPES.find((extension) => extension === name);
  if (known !== undefined) return { kind: 'extension', name: known satisfies ExtensionTypeName };
  throw new SchemaError(`unknown extension type ${name}${didYouMean(name, EXTENSION_TYPES)}`);
}

function orderCommonTypes({ commonTypes, entityTypes }: Definitions): readonly string[] {
  const sorted = orderByDependency(commonTypes.keys(), (name) => {
    const { type, namespace } = commonTypes.get(name) ?? {};
    const used = new Set<string>();
    if (type !== undefined) collectCommonTypes(type, namespace ?? '');
    return used;

    function collectCommonTypes(expression: TypeExpression, from: string): void {
      if (expression.kind === 'set') collectCommonTypes(expression.element, from);
      if (expression.kind === 'record') {
        for (const attribute of expression.attributes.values()) {
          collectCommonTypes(attribute.type, from);
        }
      }
      if (expression.kind !== 'reference' || expression.to === 'entity') return;
      for (const candidate of candidates(expression.name, from)) {
        if (commonTypes.has(candidate)) {
          used.add(candidate);
          return;
        }
        if (expression.to === 'either' && entityTypes.has(candidate)) return;
      }
    }
  });
  if ('order' in sorted) return sorted.order;
  const { at } = commonTypes.get(sorted.cycle) ?? {};
  throw new SchemaError(`the common type ${sorted.cycle} contains itself`, at);
}

function rejectActionCycles(actions: ResolvedSchema['actions']): void {
  const all = [...actions.values()].flatMap((ids) => [...ids.values()]);
  const sorted = orderByDependency(all, ({ parents }) =>
    parents.flatMap(({ type, id }) => actions.get(type)?.get(id) ?? []),
  );
  if ('order' in sorted) return;
  const { type, id } = sorted.cycle.uid;
  throw new SchemaError(`the action ${type}::"${id}" is its own ancestor`);
}
