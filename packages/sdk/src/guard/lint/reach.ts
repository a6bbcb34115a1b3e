/** Which requests the scope of a policy lets through, and when one scope lies wholly inside another. Pure. */
import type {
  ActionScope,
  Policy,
  PrincipalScope,
  ResolvedSchema,
  ResourceScope,
} from '@sealrail/cedar';
import { isSubset } from './tree.ts';

/** What the schema says of an action that something can be asked with. */
export interface ActionReach {
  readonly principals: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  /** Every group of actions that it is in, itself included. */
  readonly groups: ReadonlySet<string>;
}

export type ActionReaches = ReadonlyMap<string, ActionReach>;

/** Of a schema without namespaces. A group of actions is none: nobody asks with it. */
export function actionReaches(schema: ResolvedSchema): ActionReaches {
  const actions = schema.actions.get('Action') ?? new Map<string, never>();
  const reaches = new Map<string, ActionReach>();
  for (const [id, { principals, resources }] of actions) {
    if (principals.size === 0 || resources.size === 0) continue;
    const groups = new Set<string>();
    const open = [id];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (groups.has(next)) continue;
      groups.add(next);
      open.push(...(actions.get(next)?.parents ?? []).map((parent) => parent.id));
    }
    reaches.set(id, { principals, resources, groups });
  }
  return reaches;
}

export interface Reach {
  readonly actions: ReadonlySet<string>;
  readonly principals: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
}

/** By types. A set that is empty means that no request comes here at all. */
export function reachOf({ action, principal, resource }: Policy, known: ActionReaches): Reach {
  const scoped = [...known].filter(([name, { groups }]) => inActionScope(name, groups, action));
  const all = scoped.filter(
    ([, { principals, resources }]) =>
      [...principals].some((type) => canBe(type, principal)) &&
      [...resources].some((type) => canBe(type, resource)),
  );
  const types = (member: 'principals' | 'resources', scope: PrincipalScope | ResourceScope) =>
    new Set(all.flatMap(([, reach]) => [...reach[member]].filter((type) => canBe(type, scope))));
  return {
    actions: new Set(all.map(([name]) => name)),
    principals: types('principals', principal),
    resources: types('resources', resource),
  };
}

function inActionScope(name: string, groups: ReadonlySet<string>, scope: ActionScope): boolean {
  switch (scope.kind) {
    case 'any':
      return true;
    case 'eq':
      return scope.entity.id === name;
    case 'in':
      return scope.entities.some(({ id }) => groups.has(id));
  }
}

function canBe(type: string, scope: PrincipalScope | ResourceScope): boolean {
  switch (scope.kind) {
    case 'any':
    case 'in':
      return true;
    case 'eq':
      return typeof scope.entity === 'string' || scope.entity.type === type;
    case 'is':
    case 'is-in':
      return scope.type === type;
  }
}

/** Every request that reaches `inner` reaches `outer` too, as far as scopes tell. */
export function isInside(
  inner: { readonly policy: Policy; readonly reach: Reach },
  outer: { readonly policy: Policy; readonly reach: Reach },
): boolean {
  return (
    isSubset(inner.reach.actions, outer.reach.actions) &&
    isScopeInside(inner.policy.principal, inner.reach.principals, outer.policy.principal) &&
    isScopeInside(inner.policy.resource, inner.reach.resources, outer.policy.resource)
  );
}

type EntityScope = PrincipalScope | ResourceScope;

function isScopeInside(
  inner: EntityScope,
  innerTypes: ReadonlySet<string>,
  outer: EntityScope,
): boolean {
  switch (outer.kind) {
    case 'any':
      return true;
    case 'is':
      return isOnly(innerTypes, outer.type);
    case 'eq':
      return inner.kind === 'eq' && isSame(inner.entity, outer.entity);
    case 'in':
      return isBelow(inner, outer.entity);
    case 'is-in':
      return isOnly(innerTypes, outer.type) && isBelow(inner, outer.entity);
  }
}

const isOnly = (types: ReadonlySet<string>, type: string): boolean =>
  types.size > 0 && [...types].every((one) => one === type);

/** An entity is in itself; what else it is in only the entities tell. */
const isBelow = (inner: EntityScope, entity: Named): boolean =>
  (inner.kind === 'eq' || inner.kind === 'in' || inner.kind === 'is-in') &&
  isSame(inner.entity, entity);

type Named = string | { readonly type: string; readonly id: string };

const isSame = (a: Named, b: Named): boolean =>
  typeof a === 'string' || typeof b === 'string' ? a === b : a.type === b.type && a.id === b.id;
