/** The policy schema that ships with this package. */
import { readFileSync } from 'node:fs';
import { parseSchema, type ResolvedSchema, resolveSchema } from '@sealrail/cedar';

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
