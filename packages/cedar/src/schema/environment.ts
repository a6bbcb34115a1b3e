/** What the variables of a policy may be, given its scope: the combinations in which it applies at all. */
import type { ActionScope, Policy, PrincipalScope, ResourceScope } from '../ast.ts';
import type { EntityUid } from '../value.ts';
import type { Action, ResolvedSchema, Type } from './type.ts';

/** Types that something may be of; none where that is not known. */
export type Possible = readonly Type[];

export interface Environment {
  readonly principal: Possible;
  readonly action: Possible;
  readonly resource: Possible;
  readonly context: Possible;
}

export function environmentOf(policy: Policy, schema: ResolvedSchema): Environment {
  const wantedPrincipals = scopeTypes(policy.principal, schema);
  const wantedResources = scopeTypes(policy.resource, schema);
  const actions = scopeActions(policy.action, schema).filter(
    ({ principals, resources }) =>
      meets(principals, wantedPrincipals) && meets(resources, wantedResources),
  );
  const principals = union(actions.map((action) => action.principals));
  const resources = union(actions.map((action) => action.resources));
  return {
    principal: entityTypes(narrow(principals, wantedPrincipals)),
    action: entityTypes(new Set(actions.map(({ uid }) => uid.type))),
    resource: entityTypes(narrow(resources, wantedResources)),
    context: [...new Set(actions.map((action) => action.context))],
  };
}

/** Undefined where the scope leaves it open, or names what the schema does not have. */
function scopeTypes(
  scope: PrincipalScope | ResourceScope,
  schema: ResolvedSchema,
): ReadonlySet<string> | undefined {
  const known = (types: Iterable<string>): ReadonlySet<string> | undefined => {
    const declared = [...types].filter((type) => schema.entityTypes.has(type));
    return declared.length === 0 ? undefined : new Set(declared);
  };
  switch (scope.kind) {
    case 'any':
      return undefined;
    case 'is':
    case 'is-in':
      return known([scope.type]);
    case 'eq':
      return typeof scope.entity === 'string' ? undefined : known([scope.entity.type]);
    case 'in':
      return typeof scope.entity === 'string'
        ? undefined
        : known(typesWithin(scope.entity.type, schema));
  }
}

/** The type and all whose entities may be in one of it. */
function typesWithin(type: string, { entityTypes }: ResolvedSchema): ReadonlySet<string> {
  const edges = [...entityTypes.values()].flatMap((declared) =>
    declared.kind === 'standard'
      ? declared.parents.map((parent) => [parent, declared.name] as const)
      : [],
  );
  return reach([type], edges);
}

/** Those that the scope can be true of; all where it names one that does not exist. */
function scopeActions(scope: ActionScope, schema: ResolvedSchema): readonly Action[] {
  const all = [...schema.actions.values()].flatMap((ids) => [...ids.values()]);
  const find = ({ type, id }: EntityUid): Action[] => {
    const action = schema.actions.get(type)?.get(id);
    return action === undefined ? [] : [action];
  };
  if (scope.kind === 'any') return all;
  const named = scope.kind === 'eq' ? find(scope.entity) : scope.entities.flatMap(find);
  if (named.length === 0) return all;
  if (scope.kind === 'eq') return named;
  const edges = all.flatMap((action) =>
    action.parents.flatMap(find).map((parent) => [parent, action] as const),
  );
  return [...reach(named, edges)];
}

/** Everything that edges lead to from one of the starts, these included. */
function reach<Node>(
  starts: readonly Node[],
  edges: readonly (readonly [from: Node, to: Node])[],
): ReadonlySet<Node> {
  const next = Map.groupBy(edges, ([from]) => from);
  const reached = new Set(starts);
  for (const node of reached) for (const [, to] of next.get(node) ?? []) reached.add(to);
  return reached;
}

const meets = (types: ReadonlySet<string>, wanted: ReadonlySet<string> | undefined): boolean =>
  types.size > 0 && (wanted === undefined || [...wanted].some((type) => types.has(type)));

/** What is wanted and possible; what is wanted where nothing is, since that is another mistake. */
function narrow(
  possible: ReadonlySet<string>,
  wanted: ReadonlySet<string> | undefined,
): ReadonlySet<string> {
  if (wanted === undefined) return possible;
  const both = new Set([...wanted].filter((type) => possible.has(type)));
  return both.size === 0 ? wanted : both;
}

const union = (sets: readonly ReadonlySet<string>[]): ReadonlySet<string> =>
  new Set(sets.flatMap((set) => [...set]));

const entityTypes = (names: Iterable<string>): Possible =>
  [...names].map((name) => ({ kind: 'entity', name }));
