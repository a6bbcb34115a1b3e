/**
 * The entities of one case: those that it names, with every ancestor and every required attribute, so that
 * an action is understood without anybody writing its whole world down. Pure.
 */
import type { EntityType, ResolvedSchema } from '@sealrail/cedar';
import { type CedarValue, type Entity, EntityUid } from '@sealrail/sdk';
import { nearest } from '../config/nearest.ts';
import { defaultFacts, type Facts, overrideFacts, type Path, type Problem } from './facts.ts';
import type { RawEntity, RawPrincipal } from './shape.ts';

const PRINCIPALS = { human: 'Human', service: 'Service', agent: 'Agent' } as const;
/** Of an ancestor that nobody named. */
const UNNAMED = 'main';

export interface EntitiesOptions {
  readonly schema: ResolvedSchema;
  readonly env: string;
  readonly principals: Readonly<Record<string, RawPrincipal>>;
  /** What the file says of entities, with where each stands. */
  readonly declared: readonly RawEntity[];
  readonly problem: Problem;
}

const keyOf = ({ type, id }: EntityUid): string => `${type}\0${id}`;

export class Entities {
  readonly problem: Problem;
  readonly #options: EntitiesOptions;
  readonly #made = new Map<string, Entity>();

  constructor(options: EntitiesOptions) {
    this.#options = options;
    this.problem = options.problem;
    for (const [at, raw] of options.declared.entries()) this.declare(raw, ['entities', at]);
  }

  get all(): readonly Entity[] {
    return [...this.#made.values()];
  }

  /** What a surface found out goes before what a case made up. */
  add(entities: readonly Entity[]): void {
    for (const entity of entities) this.#made.set(keyOf(entity.uid), entity);
  }

  hasTags(type: string): boolean {
    return this.#standard(type)?.tags !== undefined;
  }

  /** An entity of an enumerated type, the first of them where no id is given; else one without a name. */
  some(type: string, id: string): EntityUid {
    const ids = this.#ids(type);
    if (ids) return new EntityUid(type, ids.includes(id) ? id : (ids[0] ?? id));
    return this.#ensure(new EntityUid(type, id === '' ? UNNAMED : id));
  }

  /** As written in a case. */
  named(type: string, id: string, path: Path): EntityUid {
    const ids = this.#ids(type);
    if (ids === undefined) return this.#ensure(new EntityUid(type, id));
    if (!ids.includes(id)) {
      const meant = nearest(id, ids);
      this.problem(
        path,
        `there is no ${type}::${JSON.stringify(id)}`,
        meant === undefined ? `known are ${ids.join(', ')}` : `did you mean ${meant}?`,
      );
    }
    return new EntityUid(type, id);
  }

  /** The principal of that name, with its groups and roles. */
  principal(name: string): EntityUid | undefined {
    const raw = this.#principalOf(name);
    return raw && this.#ensure(new EntityUid(PRINCIPALS[raw.type], name));
  }

  /** An entity that stands for a map, such as the arguments of a call. */
  tagged(type: string, given: Readonly<Record<string, unknown>>, path: Path): EntityUid {
    const uid = new EntityUid(type, path.map(String).join('.'));
    this.#made.set(keyOf(uid), { ...this.#make(uid), tags: this.#tagsOf(given, path) });
    return uid;
  }

  #tagsOf(given: Readonly<Record<string, unknown>>, path: Path): Facts {
    const tags: Record<string, CedarValue> = {};
    for (const [name, value] of Object.entries(given)) {
      if (typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value)))
        tags[name] = value;
      else this.problem([...path, name], `${name} must be a text or a whole number`);
    }
    return tags;
  }

  /** One that a file describes; undefined where its uid is none, which was said then. */
  declare(raw: RawEntity, path: Path): EntityUid | undefined {
    const uid = this.read(raw.uid, [...path, 'uid']);
    if (uid === undefined) return undefined;
    const made = this.#make(uid);
    const type = this.#standard(uid.type);
    const attrs = type
      ? overrideFacts(made.attrs, raw.attrs, type.shape, [...path, 'attrs'], this)
      : made.attrs;
    const parents = raw.in === undefined ? made.parents : this.#parents(raw.in, [...path, 'in']);
    const hasTags = Object.keys(raw.tags).length > 0;
    if (hasTags && !this.hasTags(uid.type))
      this.problem([...path, 'tags'], `${uid.type} has no tags`);
    const tags = hasTags ? { tags: this.#tagsOf(raw.tags, [...path, 'tags']) } : {};
    this.#made.set(keyOf(uid), { uid, attrs, parents, ...tags });
    return uid;
  }

  #parents(given: string | readonly string[], path: Path): EntityUid[] {
    const texts = typeof given === 'string' ? [given] : given;
    return texts.flatMap((text) => {
      const uid = this.read(text, path);
      return uid ? [this.#ensure(uid)] : [];
    });
  }

  /** `Application::"shop"`, the quotes being optional; undefined where it is none, which is said then. */
  read(text: string, path: Path): EntityUid | undefined {
    const { entityTypes } = this.#options.schema;
    const [, type = '', quoted, plain = ''] = /^(\w+)::(?:"(.*)"|([^"\s]+))$/.exec(text) ?? [];
    if (type === '') {
      this.problem(path, `${JSON.stringify(text)} is no entity`, 'such as Application::"shop"');
      return undefined;
    }
    if (entityTypes.has(type)) return new EntityUid(type, quoted ?? plain);
    const meant = nearest(type, [...entityTypes.keys()]);
    this.problem(path, `there is no type ${type}`, meant ? `did you mean ${meant}?` : undefined);
    return undefined;
  }

  #ensure(uid: EntityUid): EntityUid {
    if (this.#made.has(keyOf(uid)) || this.#ids(uid.type)) return uid;
    this.#made.set(keyOf(uid), this.#make(uid));
    return uid;
  }

  #make(uid: EntityUid): Entity {
    const type = this.#standard(uid.type);
    const attrs: Facts = type ? defaultFacts(type.shape, this) : {};
    return { uid, attrs: withName(attrs, uid.id), parents: this.#parentsOf(uid) };
  }

  #parentsOf(uid: EntityUid): EntityUid[] {
    const principal = this.#principalOf(uid.id);
    if (principal && PRINCIPALS[principal.type] === uid.type)
      return [
        ...principal.groups.map((id) => this.#ensure(new EntityUid('Group', id))),
        ...principal.roles.map((id) => this.#ensure(new EntityUid('Role', id))),
      ];
    const parent = this.#wayToEnv(uid.type);
    if (parent === undefined) return [];
    return [
      this.#ensure(new EntityUid(parent, parent === 'Env' ? this.#options.env : above(uid.id))),
    ];
  }

  #standard(type: string): Extract<EntityType, { kind: 'standard' }> | undefined {
    const found = this.#options.schema.entityTypes.get(type);
    return found?.kind === 'standard' ? found : undefined;
  }

  /** Of an enumerated type. */
  #ids(type: string): readonly string[] | undefined {
    const found = this.#options.schema.entityTypes.get(type);
    return found?.kind === 'enumerated' ? [...found.ids] : undefined;
  }

  #principalOf(name: string): RawPrincipal | undefined {
    const { principals } = this.#options;
    return Object.hasOwn(principals, name) ? principals[name] : undefined;
  }

  /** The type of parent by which entities of this type reach their environment. */
  #wayToEnv(type: string, seen: readonly string[] = []): string | undefined {
    const parents = this.#standard(type)?.parents ?? [];
    return parents.find(
      (parent) =>
        parent === 'Env' ||
        (!seen.includes(parent) && this.#wayToEnv(parent, [...seen, type, parent]) !== undefined),
    );
  }
}

/** `shop.public` of `shop.public.customers`. */
const above = (id: string): string => {
  const dot = id.lastIndexOf('.');
  return dot < 0 ? UNNAMED : id.slice(0, dot);
};

/** What has a name is called by its id unless the case says otherwise. */
const withName = (attrs: Facts, id: string): Facts =>
  attrs.name === '' ? { ...attrs, name: id } : attrs;
