/**
 * The names in a policy that its schema does not have, each with those that it has at that place. Whether
 * a policy is well typed is for a validator to say; this says what somebody meant to write.
 */
import type { Expr, Policy } from '../ast.ts';
import { printExpr } from '../syntax/print-expression.ts';
import { nearest } from '../syntax/suggest.ts';
import { EntityUid } from '../value.ts';
import { type Environment, environmentOf, type Possible } from './environment.ts';
import { basename } from './names.ts';
import type { Attribute, RecordType, ResolvedSchema, Type } from './type.ts';

export interface UnknownName {
  readonly kind: 'attribute' | 'type' | 'id' | 'action';
  /** As a policy writes it: `context.sql.scop`, `Scope`, `Scope::"kee"`, `Action::"sql.delte"`. */
  readonly name: string;
  /** Where it stands in the policy's text; 0 where that is not known. */
  readonly at: number;
  /** Only asked for with `has`, which is valid Cedar and never true. */
  readonly isTested: boolean;
  /** What could stand there instead: names of attributes or types, or ids. */
  readonly known: readonly string[];
  /** What was most likely meant, written like `name`. */
  readonly nearest?: string;
  /** `context.sql.scop does not exist: did you mean context.sql.scope?` */
  readonly message: string;
}

/**
 * In the order of the policy. An attribute is unknown where no combination of principal, action and
 * resource that the policy can apply to has it; one that is only asked for with `has` counts too, because
 * a condition that can never be true is a forbid that never stops anything.
 */
export function findUnknownNames(policy: Policy, schema: ResolvedSchema): readonly UnknownName[] {
  const finder = new Finder(schema, environmentOf(policy, schema));
  finder.scope(policy);
  for (const { body } of policy.conditions) finder.visit(body);
  return finder.found;
}

class Finder {
  readonly found: UnknownName[] = [];
  readonly #schema: ResolvedSchema;
  readonly #environment: Environment;
  readonly #attributes = new WeakMap<Possible, ReadonlyMap<string, Possible>>();

  constructor(schema: ResolvedSchema, environment: Environment) {
    this.#schema = schema;
    this.#environment = environment;
  }

  scope({ principal, action, resource, start }: Policy): void {
    for (const scope of [principal, resource]) {
      if ('type' in scope) this.#type(scope.type, start);
      if ('entity' in scope && typeof scope.entity !== 'string') this.#uid(scope.entity, start);
    }
    if (action.kind === 'eq') this.#uid(action.entity, start);
    if (action.kind === 'in') for (const entity of action.entities) this.#uid(entity, start);
  }

  /** What it may be of; empty where nothing can be said. */
  visit(expr: Expr): Possible {
    switch (expr.kind) {
      case 'literal':
        if (!(expr.value instanceof EntityUid)) return scalar(expr.value);
        return this.#uid(expr.value, expr.at) ? [{ kind: 'entity', name: expr.value.type }] : [];
      case 'variable':
        return this.#environment[expr.name];
      case 'not':
        this.visit(expr.operand);
        return BOOLEAN;
      case 'negate':
        this.visit(expr.operand);
        return LONG;
      case 'binary':
        this.visit(expr.left);
        this.visit(expr.right);
        return '+-*'.includes(expr.operator) ? LONG : BOOLEAN;
      case 'if':
        this.visit(expr.test);
        return join(this.visit(expr.consequent), this.visit(expr.alternate));
      case 'attribute':
        return this.#attribute(expr.object, this.visit(expr.object), expr.name, expr.at);
      case 'has':
        this.#has(expr.object, expr.path, expr.at);
        return BOOLEAN;
      case 'like':
        this.visit(expr.operand);
        return BOOLEAN;
      case 'is':
        this.visit(expr.operand);
        this.#type(expr.type, expr.at);
        if (expr.in !== undefined) this.visit(expr.in);
        return BOOLEAN;
      case 'set':
        for (const element of expr.elements) this.visit(element);
        return [];
      case 'record':
        return this.#record(expr.members);
      case 'call': {
        const [receiver = []] = expr.args.map((argument) => this.visit(argument));
        return expr.name === 'getTag' ? this.#tags(receiver) : [];
      }
    }
  }

  #has(object: Expr, path: readonly string[], at: number): void {
    let types = this.visit(object);
    let reached = object;
    for (const name of path) {
      types = this.#attribute(reached, types, name, at, true);
      reached = { kind: 'attribute', at, object: reached, name };
    }
  }

  #attribute(object: Expr, types: Possible, name: string, at: number, isTested = false): Possible {
    if (types.length === 0) return [];
    const attributes = this.#attributesOf(types);
    const found = attributes.get(name);
    if (found !== undefined) return found;
    // What a record of the policy's own has is no matter of the schema.
    if (object.kind === 'record') return [];
    const known = [...attributes.keys()];
    const write = (path: readonly string[]) => writePath(object, path);
    const near = nearest(name, known);
    const records = types.flatMap((type) => this.#recordOf(type) ?? []);
    const path = near === undefined ? findDeeper(records, name) : [near];
    this.#report('attribute', write([name]), at, known, path && write(path), isTested);
    return [];
  }

  /** Gathered once for each list of types: policies ask for many attributes of the same few things. */
  #attributesOf(types: Possible): ReadonlyMap<string, Possible> {
    const known = this.#attributes.get(types);
    if (known !== undefined) return known;
    const gathered = new Map<string, Type[]>();
    for (const type of types) {
      for (const [name, attribute] of this.#recordOf(type)?.attributes ?? []) {
        const found = gathered.get(name);
        if (found === undefined) gathered.set(name, [attribute.type]);
        else found.push(attribute.type);
      }
    }
    const attributes = new Map([...gathered].map(([name, found]) => [name, join(found)] as const));
    this.#attributes.set(types, attributes);
    return attributes;
  }

  /** The attributes of a type, if it may have any. */
  #recordOf(type: Type): RecordType | undefined {
    if (type.kind === 'record') return type;
    const entity = type.kind === 'entity' ? this.#schema.entityTypes.get(type.name) : undefined;
    return entity?.kind === 'standard' ? entity.shape : undefined;
  }

  #tags(types: Possible): Possible {
    return join(
      types.flatMap((type) => {
        const entity = type.kind === 'entity' ? this.#schema.entityTypes.get(type.name) : undefined;
        return entity?.kind === 'standard' ? (entity.tags ?? []) : [];
      }),
    );
  }

  #record(members: readonly (readonly [string, Expr])[]): Possible {
    const attributes = new Map<string, Attribute>();
    for (const [name, member] of members) {
      const [type, ...others] = this.visit(member);
      // A member of which little is known would make its attributes look unknown.
      if (type !== undefined && others.length === 0) attributes.set(name, { type, required: true });
    }
    return attributes.size === members.length ? [{ kind: 'record', attributes }] : [];
  }

  #type(name: string, at: number): boolean {
    const { entityTypes, actions } = this.#schema;
    if (entityTypes.has(name) || actions.has(name)) return true;
    const known = [...entityTypes.keys(), ...actions.keys()];
    this.#report('type', name, at, known, nearest(name, known));
    return false;
  }

  #uid({ type, id }: EntityUid, at: number): boolean {
    if (!this.#type(type, at)) return false;
    const declared = this.#schema.entityTypes.get(type);
    const actions = this.#schema.actions.get(type);
    const ids = declared?.kind === 'enumerated' ? declared.ids : actions;
    if (ids === undefined || ids.has(id)) return true;
    const known = [...ids.keys()];
    const near = nearest(id, known);
    const write = (written: string) => printExpr(literal(new EntityUid(type, written)));
    const kind = basename(type) === 'Action' ? 'action' : 'id';
    this.#report(kind, write(id), at, known, near === undefined ? undefined : write(near));
    return false;
  }

  #report(
    kind: UnknownName['kind'],
    name: string,
    at: number,
    known: readonly string[],
    near: string | undefined,
    isTested = false,
  ): void {
    if (this.found.length >= UNKNOWN_NAMES_MAX) return;
    const hint = near === undefined ? '' : `: did you mean ${near}?`;
    const message = `${name} does not exist${hint}`;
    this.found.push({
      kind,
      name,
      at,
      isTested,
      known,
      message,
      ...(near === undefined ? {} : { nearest: near }),
    });
  }
}

/** More of them help nobody: the first few usually explain the others. */
export const UNKNOWN_NAMES_MAX = 100;

const BOOLEAN: Possible = [{ kind: 'boolean' }];
const LONG: Possible = [{ kind: 'long' }];
const STRING: Possible = [{ kind: 'string' }];

const scalar = (value: boolean | string | number | bigint): Possible =>
  typeof value === 'boolean' ? BOOLEAN : typeof value === 'string' ? STRING : LONG;

const literal = (value: EntityUid): Expr => ({ kind: 'literal', at: 0, value });

/** `context.sql` and [`scope`] to `context.sql.scope`; of what is no chain of names, only the last ones. */
function writePath(object: Expr, path: readonly string[]): string {
  const isChain = (expr: Expr): boolean =>
    expr.kind === 'variable' ||
    expr.kind === 'literal' ||
    (expr.kind === 'attribute' && isChain(expr.object));
  const start: Expr = isChain(object) ? object : { kind: 'variable', at: 0, name: 'context' };
  const written = printExpr(
    path.reduce<Expr>((inner, name) => ({ kind: 'attribute', at: 0, object: inner, name }), start),
  );
  return isChain(object) ? written : written.slice('context'.length);
}

/** How many records are searched for a name that stands somewhere else. */
const RECORDS_SEARCHED_MAX = 1_000;

/** The shortest path to an attribute of that very name, one level or more further in. */
function findDeeper(records: readonly RecordType[], name: string): readonly string[] | undefined {
  const seen = new Set(records);
  const open = records.map((record) => ({ record, path: [] as readonly string[] }));
  for (let at = 0; at < Math.min(open.length, RECORDS_SEARCHED_MAX); at += 1) {
    const { record, path } = open[at] as (typeof open)[number];
    if (record.attributes.has(name)) return [...path, name];
    for (const [inner, { type }] of record.attributes) {
      if (type.kind !== 'record' || seen.has(type)) continue;
      seen.add(type);
      open.push({ record: type, path: [...path, inner] });
    }
  }
  return undefined;
}

/** Each type once; entity types are made anew wherever they are named. */
function join(...possible: readonly Possible[]): Possible {
  const [first, ...others] = possible;
  if (first !== undefined && others.every((other) => other === first)) return unique(first);
  return unique(possible.flat());
}

function unique(possible: Possible): Possible {
  if (possible.length < 2) return possible;
  const types = new Map<unknown, Type>();
  for (const type of possible) {
    const isShared = type.kind === 'record' || type.kind === 'set';
    types.set(isShared ? type : type.kind === 'entity' ? `entity ${type.name}` : type.kind, type);
  }
  return types.size === possible.length ? possible : [...types.values()];
}
