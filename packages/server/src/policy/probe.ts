/**
 * What a policy's text speaks of, as things to try: groups, environments, and for each fact the values around
 * which it changes its mind. In the form in which cases beside policies are written. Pure.
 */
import { type EntityUid, type Expr, operandsOf, type Policy } from '@sealrail/cedar';

export interface Probes {
  readonly groups: ReadonlySet<string>;
  readonly roles: ReadonlySet<string>;
  readonly envs: ReadonlySet<string>;
  /** Ids of principals that are named. */
  readonly names: ReadonlySet<string>;
  /** Entities that resources are, or are below. */
  readonly places: ReadonlySet<string>;
  /** By path in the context, joined with dots; of an attribute of the resource: `resource.name`. */
  readonly facts: ReadonlyMap<string, readonly unknown[]>;
}

const PEOPLE: ReadonlySet<string> = new Set(['Human', 'Service', 'Agent']);
/** Of one fact; a list of constants in a policy may be long. */
const VALUES_MAX = 12;

export function probesOf(policies: readonly Policy[]): Probes {
  const found = new Collected();
  for (const { principal, resource, conditions } of policies) {
    if ('entity' in principal && typeof principal.entity === 'object') found.uid(principal.entity);
    if ('entity' in resource && typeof resource.entity === 'object') found.place(resource.entity);
    for (const { body } of conditions) found.look(body);
  }
  return found;
}

class Collected implements Probes {
  readonly groups = new Set<string>();
  readonly roles = new Set<string>();
  readonly envs = new Set<string>();
  readonly names = new Set<string>();
  readonly places = new Set<string>();
  readonly facts = new Map<string, unknown[]>();

  uid({ type, id }: EntityUid): void {
    if (type === 'Group') this.groups.add(id);
    else if (type === 'Role') this.roles.add(id);
    else if (type === 'Env') this.envs.add(id);
    else if (PEOPLE.has(type)) this.names.add(id);
  }

  place(uid: EntityUid): void {
    this.uid(uid);
    if (uid.type !== 'Env') this.places.add(`${uid.type}::${JSON.stringify(uid.id)}`);
  }

  look(expr: Expr): void {
    const path = pathOf(expr);
    // A fact that stands by itself is true or false.
    if (path !== undefined) this.#add(path, true, false);
    if (expr.kind === 'binary') this.#binary(expr);
    if (expr.kind === 'call') this.#call(expr);
    if (expr.kind === 'like') {
      const read = pathOf(expr.operand);
      if (read !== undefined) this.#add(read, expr.pattern.join('x'), expr.pattern.join(''));
    }
    if (expr.kind === 'is' && expr.in !== undefined) this.look(expr.in);
    for (const inner of operandsOf(expr)) this.look(inner);
    if (expr.kind === 'literal' && typeof expr.value === 'object') this.uid(expr.value);
  }

  #binary({ left, right, operator }: Extract<Expr, { kind: 'binary' }>): void {
    for (const [read, said] of [
      [pathOf(left), right],
      [pathOf(right), left],
    ] as const) {
      const value = constantOf(said);
      if (read === undefined || value === undefined) continue;
      if (typeof value !== 'number') this.#add(read, value);
      else if (operator === '==' || operator === '!=') this.#add(read, value, value + 1);
      else this.#add(read, value - 1, value, value + 1);
    }
    if (operator === 'in' && right.kind === 'literal' && typeof right.value === 'object') {
      if (left.kind === 'variable' && left.name === 'resource') this.place(right.value);
      else this.uid(right.value);
    }
  }

  #call({ name, args }: Extract<Expr, { kind: 'call' }>): void {
    const [first, second] = args;
    const read = first && pathOf(first);
    const given = second && (second.kind === 'set' ? second.elements : [second]).map(constantOf);
    const values = given?.filter((value) => value !== undefined) ?? [];
    if (read !== undefined && name.startsWith('contains')) {
      for (const value of values) this.#add(read, [value]);
      this.#add(read, values, []);
    }
    // `["a", "b"].contains(context.x)`, with what is none of them.
    const asked = second && pathOf(second);
    if (asked !== undefined && first?.kind === 'set' && name === 'contains')
      this.#add(asked, ...first.elements.map(constantOf).filter((value) => value !== undefined));
  }

  #add(path: string, ...values: readonly unknown[]): void {
    // No fact is called so, and a record that is built of it would be somebody else's.
    if (path.includes('__proto__')) return;
    const known = this.facts.get(path) ?? [];
    for (const value of values) {
      const isKnown = known.some((one) => JSON.stringify(one) === JSON.stringify(value));
      if (!isKnown && known.length < VALUES_MAX) known.push(value);
    }
    this.facts.set(path, known);
  }
}

/** `sql.scope` of `context.sql.scope`, `resource.name` of `resource.name`. */
function pathOf(expr: Expr): string | undefined {
  if (expr.kind !== 'attribute') return undefined;
  const { object, name } = expr;
  if (object.kind === 'variable') {
    if (object.name === 'context') return name;
    return object.name === 'resource' ? `resource.${name}` : undefined;
  }
  const outer = pathOf(object);
  return outer === undefined ? undefined : `${outer}.${name}`;
}

/** As a case would write it: of an entity its id, of a time its text. */
function constantOf(expr: Expr): string | number | boolean | undefined {
  if (expr.kind === 'call' && expr.name === 'datetime') {
    const [text] = expr.args;
    return text?.kind === 'literal' && typeof text.value === 'string' ? text.value : undefined;
  }
  if (expr.kind !== 'literal') return undefined;
  if (typeof expr.value === 'object') return expr.value.id;
  return typeof expr.value === 'bigint' ? undefined : expr.value;
}
