/** The packs that are shipped: what each of their cases says, and that no policy goes without cases. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatPolicyText, resolvedSchema, schemaText } from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { FULFILMENT_OF_CASES, loadPolicies } from '../config/policies.ts';
import { openParser } from '../gateway/postgres/parse.ts';
import { coverageOf, runCases } from './run.ts';
import { readTestFile } from './test-file.ts';

const folder = fileURLToPath(new URL('../../policies', import.meta.url));
const schema = resolvedSchema(schemaText());
const options = { schema, parse: await openParser(18) };
const named = (ending: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(ending));

describe('the packs that sealrail init writes', () => {
  const set = loadPolicies(folder, FULFILMENT_OF_CASES);
  const cases = named('.test.yaml').flatMap((name) => readTestFile(join(folder, name), options));
  const results = runCases(set, cases, schema);

  test.each(
    results.map((result) => [`${result.test.name} (line ${result.step.line})`, result] as const),
  )('%s', (_name, result) => {
    expect({ differences: result.differences, parts: result.decision.parts }).toMatchObject({
      differences: [],
    });
  });

  test('every policy decides a case, and every forbid spares one that comes near', () => {
    expect(coverageOf(set, results)).toEqual({ undecided: [], unspared: [] });
  });

  test('every pack has cases beside it', () => {
    expect(named('.test.yaml').map((name) => name.replace('.test.yaml', '.cedar'))).toEqual(
      named('.cedar'),
    );
  });

  test.each(named('.cedar'))('%s is laid out as policy fmt does', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(formatPolicyText(text)).toEqual({ ok: true, text });
  });
});
