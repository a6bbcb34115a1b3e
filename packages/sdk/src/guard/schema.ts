/** The policy schema that ships with this package. */
import { readFileSync } from 'node:fs';
import { type SchemaJson, schemaToJson } from '@cedar-policy/cedar-wasm/nodejs';

const SHIPPED = new URL('../../schema/guard.cedarschema', import.meta.url);

export const schemaText = (): string => readFileSync(SHIPPED, 'utf8');

/** Cedar's JSON form of a schema, by namespace. Throws where the text is no schema. */
export function schemaJson(schema: string): SchemaJson<string> {
  const answer = schemaToJson(schema);
  if (answer.type === 'success') return answer.json;
  throw new Error(`the policy schema does not parse: ${answer.errors[0]?.message ?? 'unknown'}`);
}

/**
 * Names of the schema's enumerated entity types. Their entities have no parents and no attributes, so
 * they need not be loaded to be understood. Throws where the text is no schema.
 */
export function enumeratedTypes(schema: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { entityTypes } of Object.values(schemaJson(schema))) {
    for (const [name, type] of Object.entries(entityTypes)) if ('enum' in type) names.add(name);
  }
  return names;
}
