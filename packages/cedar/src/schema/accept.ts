/**
 * Whether a value is of a type, compiled to closures for the path of every action. These say yes or no and
 * may say no to a value that is right but unusual (a record of another realm); why, and whether really,
 * mismatch.ts finds out.
 */
import { isLong } from '../extension/i64.ts';
import { EntityUid, type Value } from '../value.ts';
import { isExtension } from './mismatch.ts';
import type { RecordType, ResolvedSchema, Type } from './type.ts';

export type Accepts = (value: Value | undefined) => boolean;

/** One closure for each type, whatever uses it: what it remembers then holds for all of them. */
export class AcceptCompiler {
  readonly #schema: ResolvedSchema;
  readonly #compiled = new Map<Type, Accepts>();

  constructor(schema: ResolvedSchema) {
    this.#schema = schema;
  }

  compile(type: Type): Accepts {
    const known = this.#compiled.get(type);
    if (known !== undefined) return known;
    const accepts = this.#compile(type);
    this.#compiled.set(type, accepts);
    return accepts;
  }

  #compile(type: Type): Accepts {
    switch (type.kind) {
      case 'boolean':
        return (value) => typeof value === 'boolean';
      case 'long':
        return isLong;
      case 'string':
        return (value) => typeof value === 'string';
      case 'extension':
        return (value) => isExtension(value, type.name);
      case 'entity':
        return acceptEntity(type.name, this.#schema);
      case 'set':
        return acceptSet(this.compile(type.element));
      case 'record':
        return this.#record(type);
    }
  }

  #record({ attributes }: RecordType): Accepts {
    const members = [...attributes].map(([name, { type, required }]) => ({
      name,
      accepts: this.compile(type),
      required,
      // `constructor` is found on every object: only here must a look-up ask whose it is.
      isInherited: name in prototype,
    }));
    // A record that is frozen through and through cannot come to differ: once is enough. Facts that many
    // actions share cost one look-up from then on, and are forgotten with the record.
    const accepted = new WeakSet<object>();
    return (value) => {
      if (!isPlain(value)) return false;
      if (accepted.has(value)) return true;
      let present = 0;
      for (let index = 0; index < members.length; index += 1) {
        const member = members[index] as (typeof members)[number];
        const isAbsent = member.isInherited && !Object.hasOwn(value, member.name);
        const attribute = isAbsent ? undefined : value[member.name];
        if (attribute === undefined) {
          if (member.required) return false;
        } else {
          if (!member.accepts(attribute)) return false;
          present += 1;
        }
      }
      let own = 0;
      for (const _ in value) own += 1;
      if (own !== present) return false;
      if (Object.isFrozen(value) && isDeepFrozen(value)) accepted.add(value);
      return true;
    };
  }
}

function acceptEntity(name: string, schema: ResolvedSchema): Accepts {
  const entityType = schema.entityTypes.get(name);
  // An attribute may hold an action, which then is one that the schema declares.
  const ids = entityType?.kind === 'enumerated' ? entityType.ids : schema.actions.get(name);
  if (ids === undefined) return (value) => value instanceof EntityUid && value.type === name;
  return (value) => value instanceof EntityUid && value.type === name && ids.has(value.id);
}

function acceptSet(accepts: Accepts): Accepts {
  return (value) => {
    if (!Array.isArray(value)) return false;
    for (let index = 0; index < value.length; index += 1) {
      if (!accepts(value[index])) return false;
    }
    return true;
  };
}

const { prototype } = Object;

function isPlain(value: Value | undefined): value is { readonly [name: string]: Value } {
  if (typeof value !== 'object' || value === null) return false;
  const parent = Object.getPrototypeOf(value);
  return parent === prototype || parent === null;
}

/**
 * Somebody added a member to every object there is: then a look-up by name may find what is no record's own
 * and what the engine will not see. Asked once for each request, so that no look-up has to ask.
 */
export function isPrototypePolluted(): boolean {
  for (const _ in NOTHING) return true;
  return false;
}

const NOTHING = {};

/** Of a value that is of a type, whose depth is bounded. */
function isDeepFrozen(value: Value): boolean {
  if (Array.isArray(value)) return Object.isFrozen(value) && value.every(isDeepFrozen);
  return !isPlain(value) || (Object.isFrozen(value) && Object.values(value).every(isDeepFrozen));
}
