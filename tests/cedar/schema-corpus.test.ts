import { isDeepStrictEqual } from 'node:util';
import { schemaToJson as oracle } from '@cedar-policy/cedar-wasm/nodejs';
import { parseSchema, resolveSchema, schemaFromJson, schemaToJson } from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { generatedTests } from './corpus.ts';

const folder = corpus('cedar');

/** Every so many, Cedar is asked; about all of them `npm run conformance -- cedar` asks it. */
const ORACLE_STEP = 4;

describe.skipIf(folder === undefined)('the schemas of Cedar’s own corpus', () => {
  // Two tests of five share their schema with another one.
  const schemas = () => new Set([...generatedTests(folder as string)].map(({ schema }) => schema));

  test('each survives its JSON form, and means the same afterwards', () => {
    const texts = [...schemas()];
    expect(texts.length).toBeGreaterThan(4_000);
    for (const text of texts) {
      const schema = parseSchema(text);
      const json = schemaToJson(schema);
      const back = schemaFromJson(json);
      const resolved = resolveSchema(schema);
      const resolvedBack = resolveSchema(back);
      const isSame =
        isDeepStrictEqual(schemaToJson(back), json) &&
        isDeepStrictEqual(resolvedBack.actions, resolved.actions) &&
        isDeepStrictEqual([...resolvedBack.entityTypes.keys()], [...resolved.entityTypes.keys()]);
      expect(isSame, text).toBe(true);
    }
  });

  test('and is read as Cedar reads it', () => {
    for (const text of [...schemas()].filter((_, index) => index % ORACLE_STEP === 0)) {
      const answer = oracle(text);
      if (answer.type !== 'success') throw new Error(answer.errors[0]?.message);
      expect(isDeepStrictEqual(schemaToJson(parseSchema(text)), answer.json), text).toBe(true);
    }
  });
});
