import { readFileSync } from 'node:fs';
import { describeSchema, findUndocumented, parseSchema } from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { renderFactsPage } from '../scripts/facts-page.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const description = describeSchema(parseSchema(read('packages/sdk/schema/guard.cedarschema')));

describe('whoever writes a policy can look up every fact', () => {
  test('no type, attribute or action of the schema is without an explanation', () => {
    expect(findUndocumented(description)).toEqual([]);
  });

  test('docs/facts.md is what `node scripts/facts.ts` makes of it', () => {
    expect(read('docs/facts.md')).toBe(renderFactsPage(description));
  });

  test('a fact stands there by the path that a policy writes', () => {
    const page = read('docs/facts.md');
    expect(page).toContain('| `context.sql.limit` | `Long`, optional |');
    expect(page).toContain('| `context.meta.caller.onBehalfOf` | `Human`, optional |');
    expect(page).toContain('| `Scope` | `none`, `always-true`,');
  });
});
