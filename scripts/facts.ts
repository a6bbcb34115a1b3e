/** Writes docs/facts.md anew; a test holds it to be current. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describeSchema, parseSchema } from '@sealrail/cedar';
import { renderFactsPage } from './facts-page.ts';

const at = (path: string) => new URL(`../${path}`, import.meta.url);

const schema = parseSchema(readFileSync(at('packages/sdk/schema/guard.cedarschema'), 'utf8'));
writeFileSync(at('docs/facts.md'), renderFactsPage(describeSchema(schema)));
