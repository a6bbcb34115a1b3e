/** The policy schema that ships with this package. */
import { readFileSync } from 'node:fs';
import { type Action, parseSchema, type ResolvedSchema, resolveSchema } from '@sealrail/cedar';

const SHIPPED = new URL('../../schema/guard.cedarschema', import.meta.url);

export const schemaText = (): string => readFileSync(SHIPPED, 'utf8');

/** What policies may name: actions, entities and facts with their types. Throws where the text is no schema. */
export const resolvedSchema = (text: string): ResolvedSchema => resolveSchema(parseSchema(text));

/**
 * Names of the schema's enumerated entity types. Their entities have no parents and no attributes, so
 * they need not be loaded to be understood. Throws where the text is no schema.
 */
export function enumeratedTypes(schema: string): ReadonlySet<string> {
  const types = [...resolvedSchema(schema).entityTypes.values()];
  return new Set(types.filter(({ kind }) => kind === 'enumerated').map(({ name }) => name));
}

/** Every action that can be asked for, with the groups that it is in and itself. Throws as above. */
export function actionsOf(schema: string): ReadonlyMap<string, ReadonlySet<string>> {
  const actions = resolvedSchema(schema).actions.get('Action') ?? new Map<string, Action>();
  const found = new Map<string, ReadonlySet<string>>();
  for (const { uid, resources } of actions.values()) {
    if (resources.size > 0) found.set(uid.id, groupsOf(uid.id, actions));
  }
  return found;
}

function groupsOf(action: string, actions: ReadonlyMap<string, Action>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [action];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    open.push(...(actions.get(next)?.parents ?? []).map(({ id }) => id));
  }
  return reached;
}
