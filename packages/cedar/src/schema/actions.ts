import type { Entity } from '../value.ts';
import type { ResolvedSchema } from './type.ts';

/**
 * The entities of a schema's actions, with their direct parents. Policies that say `action in` need them
 * among the entities of a request.
 */
export function actionEntities(schema: ResolvedSchema): readonly Entity[] {
  return [...schema.actions.values()].flatMap((ids) =>
    [...ids.values()].map(({ uid, parents }) => ({ uid, parents, attrs: {} })),
  );
}

/** The ids of each enumerated entity type, by its full name. */
export function enumeratedTypes(schema: ResolvedSchema): ReadonlyMap<string, ReadonlySet<string>> {
  const types = new Map<string, ReadonlySet<string>>();
  for (const [name, type] of schema.entityTypes) {
    if (type.kind === 'enumerated') types.set(name, type.ids);
  }
  return types;
}
