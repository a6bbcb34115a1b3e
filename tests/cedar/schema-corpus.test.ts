import { schemaToJson as oracle } from '@cedar-policy/cedar-wasm/nodejs';
import { parseSchema, resolveSchema, schemaFromJson, schemaToJson } from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { generatedTests } from './corpus.ts';

const folder = corpus('cedar');

describe.skipIf(folder === undefined)('the schemas of Cedar’s own corpus', () => {
  test('each is read as Cedar reads it, and equals its JSON form in and out', () => {
    // Two tests of five share their schema with another one.
    const schemas = new Set([...generatedTests(folder as string)].map(({ schema }) => schema));
    expect(schemas.size).toBeGreaterThan(4_000);
    for (const text of schemas) {
      const answer = oracle(text);
      const schema = parseSchema(text);
      if (answer.type !== 'success') throw new Error(answer.errors[0]?.message);
      expect(schemaToJson(schema)).toEqual(answer.json);
      const back = schemaFromJson(answer.json);
      expect(schemaToJson(back)).toEqual(answer.json);
      const resolved = resolveSchema(schema);
      const resolvedBack = resolveSchema(back);
      expect(resolvedBack.actions).toEqual(resolved.actions);
      expect(resolvedBack.entityTypes).toEqual(resolved.entityTypes);
    }
  });
});
