/**
 * Holds requests and entities against a schema before they are decided on. Whether policies fit the schema
 * is another question, and one for load time.
 */
import { uidKey } from '../entities/uid-map.ts';
import { suggest } from '../syntax/suggest.ts';
import type { CedarRecord, Entity, EntityUid, Request, Value } from '../value.ts';
import { AcceptCompiler, type Accepts, isPrototypePolluted } from './accept.ts';
import { findIdMismatch, findMismatch, findRecordMismatch } from './mismatch.ts';
import { basename } from './names.ts';
import type { Action, EntityType, ResolvedSchema } from './type.ts';

/**
 * Both say what is wrong in one sentence that holds names of the schema and no values, or undefined. A
 * record that is frozen together with all that it holds is looked at once: later requests that hold the
 * same record pay for a look-up.
 */
export interface RequestValidator {
  /** As Cedar's request validation: the action, the types of principal and resource, the context. */
  validateRequest(request: Request): string | undefined;
  /**
   * As Cedar's validation of entities: types, attributes, tags, the types of ancestors, enumerated ids, and
   * actions that are exactly those of the schema. What one of them is `in` counts as far as the others say.
   */
  validateEntities(entities: Iterable<Entity>): string | undefined;
}

export function compileSchema(schema: ResolvedSchema): RequestValidator {
  return new Validator(schema);
}

interface CompiledAction {
  readonly action: Action;
  readonly acceptsContext: Accepts;
}

interface CompiledEntityType {
  readonly attributes: Accepts;
  readonly tags: Accepts | undefined;
}

class Validator implements RequestValidator {
  readonly #schema: ResolvedSchema;
  readonly #compiler: AcceptCompiler;
  readonly #actions = new Map<string, Map<string, CompiledAction>>();
  readonly #entityTypes = new Map<EntityType, CompiledEntityType>();
  readonly #ancestorTypes = new Map<string, ReadonlySet<string>>();

  constructor(schema: ResolvedSchema) {
    this.#schema = schema;
    this.#compiler = new AcceptCompiler(schema);
    for (const [type, ids] of schema.actions) {
      const compiled = [...ids].map(
        ([id, action]) =>
          [id, { action, acceptsContext: this.#compiler.compile(action.context) }] as const,
      );
      this.#actions.set(type, new Map(compiled));
    }
  }

  validateRequest({ principal, action, resource, context }: Request): string | undefined {
    const compiled = this.#actions.get(action.type)?.get(action.id);
    const { principals, resources } = compiled?.action ?? NO_ACTION;
    return (
      this.#findPartMismatch('principal', principal, principals) ??
      this.#findPartMismatch('resource', resource, resources) ??
      (compiled === undefined
        ? this.#undeclaredAction(action)
        : this.#findContextMismatch(context, compiled))
    );
  }

  #findPartMismatch(
    part: 'principal' | 'resource',
    uid: EntityUid,
    types: ReadonlySet<string> | undefined,
  ): string | undefined {
    const type = this.#schema.entityTypes.get(uid.type);
    if (type === undefined) return `${part}: its type is not in the schema`;
    if (type.kind === 'enumerated' && !type.ids.has(uid.id)) {
      return `${part}: ${findIdMismatch(uid, this.#schema)}`;
    }
    if (types === undefined || types.has(uid.type)) return undefined;
    return types.size === 0
      ? 'this action applies to nothing'
      : `${part}: this action applies to ${[...types].join(', ')}, not to ${uid.type}`;
  }

  #undeclaredAction({ type, id }: EntityUid): string {
    const known = this.#schema.actions.get(type)?.keys() ?? [];
    return `action: it is not in the schema${behind(suggest(id, known))}`;
  }

  #findContextMismatch(context: CedarRecord, { action, acceptsContext }: CompiledAction) {
    if (!isPrototypePolluted() && acceptsContext(context)) return undefined;
    return findMismatch(context, action.context, 'context', this.#schema);
  }

  validateEntities(entities: Iterable<Entity>): string | undefined {
    const all = [...entities];
    const actions = new Map<string, Entity>();
    for (const entity of all) if (isAction(entity.uid)) actions.set(uidKey(entity.uid), entity);
    for (const entity of all) {
      const mismatch = isAction(entity.uid)
        ? this.#findActionMismatch(entity, actions)
        : this.#findEntityMismatch(entity);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  #findEntityMismatch({ uid, parents, attrs, tags = {} }: Entity): string | undefined {
    const type = this.#schema.entityTypes.get(uid.type);
    if (type === undefined) {
      return `an entity's type is not in the schema${behind(suggest(uid.type, this.#schema.entityTypes.keys()))}`;
    }
    const idMismatch = findIdMismatch(uid, this.#schema);
    if (idMismatch !== undefined) return `${uid.type}: ${idMismatch}`;
    const compiled = this.#compile(type);
    if (isPrototypePolluted() || !compiled.attributes(attrs)) {
      const shape = type.kind === 'standard' ? type.shape : NO_ATTRIBUTES;
      const mismatch = findRecordMismatch(attrs, shape, uid.type, this.#schema);
      if (mismatch !== undefined) return mismatch;
    }
    return (
      this.#findTagMismatch(tags, type, compiled) ?? this.#findParentMismatch(parents, uid.type)
    );
  }

  #findTagMismatch(
    tags: CedarRecord,
    type: EntityType,
    { tags: accepts }: CompiledEntityType,
  ): string | undefined {
    for (const name of Object.keys(tags)) {
      if (type.kind !== 'standard' || type.tags === undefined || accepts === undefined) {
        return `${type.name} has no tags`;
      }
      const value = tags[name] as Value;
      if (accepts(value)) continue;
      const mismatch = findMismatch(value, type.tags, `a tag of ${type.name}`, this.#schema);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  #findParentMismatch(parents: readonly EntityUid[], type: string): string | undefined {
    const allowed = this.#ancestorsOf(type);
    for (const parent of parents) {
      if (!allowed.has(parent.type)) return `${type} cannot be in ${typeShown(parent.type)}`;
      const mismatch = findIdMismatch(parent, this.#schema);
      if (mismatch !== undefined) return `a parent of ${type}: ${mismatch}`;
    }
    return undefined;
  }

  #findActionMismatch(entity: Entity, given: ReadonlyMap<string, Entity>): string | undefined {
    const { uid, attrs, tags = {} } = entity;
    const declared = this.#schema.actions.get(uid.type)?.get(uid.id);
    if (declared === undefined) return this.#undeclaredAction(uid);
    if (Object.keys(attrs).length > 0 || Object.keys(tags).length > 0) {
      return 'an action has no attributes and no tags';
    }
    const actual = closure(uid, (of) => given.get(uidKey(of))?.parents ?? []);
    const { actions } = this.#schema;
    const expected = closure(uid, ({ type, id }) => actions.get(type)?.get(id)?.parents ?? []);
    return actual.size === expected.size && [...actual].every((key) => expected.has(key))
      ? undefined
      : 'an action is in other actions than in the schema';
  }

  #compile(type: EntityType): CompiledEntityType {
    const known = this.#entityTypes.get(type);
    if (known !== undefined) return known;
    const standard = type.kind === 'standard' ? type : undefined;
    const compiled = {
      attributes: this.#compiler.compile(standard?.shape ?? NO_ATTRIBUTES),
      tags: standard?.tags === undefined ? undefined : this.#compiler.compile(standard.tags),
    };
    this.#entityTypes.set(type, compiled);
    return compiled;
  }

  /** Made when asked for: all of them at once would grow with the square of the schema. */
  #ancestorsOf(type: string): ReadonlySet<string> {
    const known = this.#ancestorTypes.get(type);
    if (known !== undefined) return known;
    const ancestors = new Set<string>();
    const open = [type];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const declared = this.#schema.entityTypes.get(next);
      for (const parent of declared?.kind === 'standard' ? declared.parents : []) {
        if (ancestors.has(parent)) continue;
        ancestors.add(parent);
        open.push(parent);
      }
    }
    this.#ancestorTypes.set(type, ancestors);
    return ancestors;
  }
}

const NO_ACTION: { readonly principals?: undefined; readonly resources?: undefined } = {};
const NO_ATTRIBUTES = { kind: 'record', attributes: new Map() } as const;

const isAction = ({ type }: EntityUid): boolean => basename(type) === 'Action';

function closure(
  start: EntityUid,
  parentsOf: (uid: EntityUid) => readonly EntityUid[],
): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [...parentsOf(start)];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const key = uidKey(next);
    if (reached.has(key)) continue;
    reached.add(key);
    for (const parent of parentsOf(next)) open.push(parent);
  }
  return reached;
}

const behind = (hint: string | undefined): string => (hint === undefined ? '' : `: ${hint}`);

const typeShown = (type: string): string => (/^[\w:]{1,128}$/.test(type) ? type : 'such a parent');
