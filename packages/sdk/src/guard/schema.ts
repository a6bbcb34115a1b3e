import { readFileSync } from 'node:fs';

/** guard.cedarschema as shipped: the words that policies are written in. */
export const schemaText = (): string =>
  readFileSync(new URL('../../schema/guard.cedarschema', import.meta.url), 'utf8');
