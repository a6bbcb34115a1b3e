/** Reads Cedar's JSON schema syntax (docs.cedarpolicy.com/schema/json-schema.html). */
import { isAnnotationName } from '../syntax/names.ts';
import type {
  ActionDeclaration,
  ActionName,
  Annotations,
  AppliesTo,
  AttributeDeclaration,
  EntityTypeDeclaration,
  Name,
  NamespaceDeclaration,
  Schema,
  TypeExpression,
} from './declaration.ts';
import { isPath, isQualified, isReservedCommonType, isReservedPath } from './names.ts';
import { SCHEMA_DECLARATIONS_MAX, SchemaError, TYPE_DEPTH_MAX } from './schema-error.ts';

/**
 * From a parsed JSON value. Throws SchemaError where it is no schema, unknown members included, because a
 * misspelt `required` would loosen a check in silence. An annotation that is null becomes ''.
 */
export function schemaFromJson(json: unknown): Schema {
  return new Reader().schema(json);
}

type Members = ReadonlyMap<string, unknown>;

class Reader {
  #declarations = 0;
  #depth = 0;

  schema(json: unknown): Schema {
    return {
      namespaces: mapValues(object(json, 'schema'), (value, name) => {
        if (name !== '' && !isPath(name)) throw new SchemaError(`"${name}" is no namespace`);
        if (isReservedPath(name)) throw reserved(name);
        const namespace = this.#namespace(value, name === '' ? 'schema' : name);
        if (name === '' && namespace.annotations.size > 0) {
          throw new SchemaError('the empty namespace cannot have annotations');
        }
        return namespace;
      }),
    };
  }

  #namespace(json: unknown, where: string): NamespaceDeclaration {
    const members = object(json, where);
    const known = ['commonTypes', 'entityTypes', 'actions', 'annotations'];
    rejectUnknown(members, known, where);
    const section = (name: string): Members => object(members.get(name), `${where}: ${name}`);
    const commonTypes = members.has('commonTypes') ? section('commonTypes') : new Map();
    return {
      annotations: annotationsOf(members, where),
      commonTypes: mapValues(commonTypes, (value, name) => {
        this.#declare(name, where);
        if (isReservedCommonType(name)) throw reserved(name);
        return this.#annotatedType(value, `${where}: common type ${name}`, []);
      }),
      entityTypes: mapValues(section('entityTypes'), (value, name) => {
        this.#declare(name, where);
        return this.#entityType(value, `${where}: entity ${name}`);
      }),
      actions: mapValues(section('actions'), (value, name) => {
        this.#count();
        return this.#action(value, `${where}: action "${name}"`);
      }),
    };
  }

  #declare(name: string, where: string): void {
    this.#count();
    if (!isPath(name) || isQualified(name))
      throw new SchemaError(`${where}: "${name}" is no identifier`);
    if (isReservedPath(name)) throw reserved(name);
  }

  #count(): void {
    this.#declarations += 1;
    if (this.#declarations > SCHEMA_DECLARATIONS_MAX) {
      throw new SchemaError(`more than ${SCHEMA_DECLARATIONS_MAX} declarations`);
    }
  }

  #entityType(json: unknown, where: string): EntityTypeDeclaration {
    const members = object(json, where);
    const annotations = annotationsOf(members, where);
    if (members.has('enum')) {
      rejectUnknown(members, ['enum', 'annotations'], where);
      const ids = array(members.get('enum'), `${where}: enum`).map((id) => text(id, where));
      if (ids.length === 0) throw new SchemaError(`${where}: enum must not be empty`);
      return { kind: 'enumerated', ids, annotations };
    }
    rejectUnknown(members, ['memberOfTypes', 'shape', 'tags', 'annotations'], where);
    const typeOf = (name: string): TypeExpression | undefined =>
      members.has(name) ? this.#type(members.get(name), `${where}: ${name}`) : undefined;
    return {
      kind: 'standard',
      parents: members.has('memberOfTypes') ? names(members, 'memberOfTypes', where) : [],
      shape: typeOf('shape'),
      tags: typeOf('tags'),
      annotations,
    };
  }

  #action(json: unknown, where: string): ActionDeclaration {
    const members = object(json, where);
    rejectUnknown(members, ['attributes', 'appliesTo', 'memberOf', 'annotations'], where);
    if (isGiven(members.get('attributes'))) {
      throw new SchemaError(`${where}: actions cannot have attributes`);
    }
    const parents = members.get('memberOf');
    const appliesTo = members.get('appliesTo');
    return {
      annotations: annotationsOf(members, where),
      parents: isGiven(parents)
        ? array(parents, where).map((parent) => actionName(parent, where))
        : undefined,
      appliesTo: isGiven(appliesTo) ? this.#appliesTo(appliesTo, where) : undefined,
    };
  }

  #appliesTo(json: unknown, where: string): AppliesTo {
    const members = object(json, `${where}: appliesTo`);
    rejectUnknown(members, ['principalTypes', 'resourceTypes', 'context'], where);
    return {
      principals: names(members, 'principalTypes', where),
      resources: names(members, 'resourceTypes', where),
      context: members.has('context')
        ? this.#type(members.get('context'), `${where}: context`)
        : undefined,
    };
  }

  #annotatedType(json: unknown, where: string, also: readonly string[]) {
    const members = object(json, where);
    const own = new Map(
      [...members].filter(([key]) => key !== 'annotations' && !also.includes(key)),
    );
    return { type: this.#type(own, where), annotations: annotationsOf(members, where) };
  }

  #type(json: unknown, where: string): TypeExpression {
    this.#depth += 1;
    // The innermost one, a name, is inside of the others and no depth of its own.
    if (this.#depth > TYPE_DEPTH_MAX + 1) {
      throw new SchemaError(`types nest deeper than ${TYPE_DEPTH_MAX}`);
    }
    const members = json instanceof Map ? (json as Members) : object(json, where);
    const type = this.#typeOf(members, where);
    this.#depth -= 1;
    return type;
  }

  #typeOf(members: Members, where: string): TypeExpression {
    const kind = text(members.get('type'), `${where}: type`);
    const only = (...allowed: string[]): void =>
      rejectUnknown(members, ['type', ...allowed], where);
    switch (kind) {
      case 'String':
      case 'Long':
      case 'Boolean':
        only();
        return { kind: 'primitive', name: kind };
      case 'Set':
        only('element');
        return { kind: 'set', element: this.#type(members.get('element'), `${where}: element`) };
      case 'Record': {
        only('attributes', 'additionalAttributes');
        const open = members.get('additionalAttributes');
        if (open !== undefined && open !== false) {
          throw new SchemaError(`${where}: additionalAttributes are not supported`);
        }
        const attributes = object(members.get('attributes'), `${where}: attributes`);
        return {
          kind: 'record',
          attributes: mapValues(attributes, (value, name) =>
            this.#attribute(value, `${where}: ${name}`),
          ),
        };
      }
      case 'Extension':
        only('name');
        return { kind: 'extension', name: text(members.get('name'), `${where}: name`) };
      case 'Entity':
      case 'EntityOrCommon': {
        only('name');
        const to = kind === 'Entity' ? 'entity' : 'either';
        return { kind: 'reference', to, ...path(members.get('name'), where) };
      }
      default:
        only();
        return { kind: 'reference', to: 'common', ...path(kind, where) };
    }
  }

  #attribute(json: unknown, where: string): AttributeDeclaration {
    const members = object(json, where);
    const required = members.has('required') ? members.get('required') : true;
    if (typeof required !== 'boolean') throw expected('true or false', `${where}: required`);
    return { ...this.#annotatedType(json, where, ['required']), required };
  }
}

/** The object's own members; a Map, so that `__proto__` is a name like any other. */
function object(json: unknown, where: string): Members {
  const parent =
    typeof json === 'object' && json !== null ? Object.getPrototypeOf(json) : undefined;
  // Numbers that a lossless reader keeps as objects are none.
  if (parent !== Object.prototype && parent !== null) throw expected('an object', where);
  return new Map(Object.entries(json as object));
}

function array(json: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(json)) throw expected('an array', where);
  return json;
}

function text(json: unknown, where: string): string {
  if (typeof json !== 'string') throw expected('a string', where);
  return json;
}

function path(json: unknown, where: string): Name {
  const name = text(json, where);
  if (!isPath(name)) throw new SchemaError(`${where}: "${name}" is no name`);
  return { name };
}

const names = (members: Members, key: string, where: string): readonly Name[] =>
  array(members.get(key), `${where}: ${key}`).map((name) => path(name, `${where}: ${key}`));

function actionName(json: unknown, where: string): ActionName {
  const members = object(json, `${where}: memberOf`);
  rejectUnknown(members, ['id', 'type'], where);
  const type = members.get('type');
  const id = text(members.get('id'), `${where}: memberOf`);
  return isGiven(type) ? { id, type: path(type, where).name } : { id };
}

function annotationsOf(members: Members, where: string): Annotations {
  if (!members.has('annotations')) return new Map();
  return mapValues(object(members.get('annotations'), `${where}: annotations`), (value, key) => {
    if (!isAnnotationName(key)) throw new SchemaError(`${where}: "${key}" is no annotation`);
    return value === null ? '' : text(value, `${where}: @${key}`);
  });
}

function rejectUnknown(members: Members, known: readonly string[], where: string): void {
  for (const key of members.keys()) {
    if (!known.includes(key)) throw new SchemaError(`${where}: "${key}" means nothing here`);
  }
}

const isGiven = (json: unknown): boolean => json !== undefined && json !== null;

const mapValues = <T, U>(map: ReadonlyMap<string, T>, convert: (value: T, key: string) => U) =>
  new Map([...map].map(([key, value]) => [key, convert(value, key)] as const));

const expected = (what: string, where: string): SchemaError =>
  new SchemaError(`${where}: expected ${what}`);

const reserved = (name: string): SchemaError => new SchemaError(`${name}: this name is reserved`);
