/** The packs that are shipped: what each of their cases says, and that no policy goes without cases. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  EVERYTHING,
  formatPolicyText,
  loadPolicySet,
  type PolicyFile,
  type PolicySet,
  resolvedSchema,
  schemaText,
} from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { FULFILMENT_OF_CASES, readPolicyFiles } from '../config/policies.ts';
import { openParser } from '../gateway/postgres/parse.ts';
import { coverageOf, runCases } from './run.ts';
import { readTestFile } from './test-file.ts';

const folderOf = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const schema = resolvedSchema(schemaText());
const options = { schema, parse: await openParser(18) };
const named = (folder: string, ending: string): string[] =>
  readdirSync(folder).filter((name) => name.endsWith(ending));

function load(files: readonly PolicyFile[], fulfilment = EVERYTHING): PolicySet {
  const set = loadPolicySet(files, schemaText(), fulfilment);
  if ('engine' in set) return set;
  throw new Error(JSON.stringify(set, null, 1));
}

const written = folderOf('policies');
const waiting = folderOf('policies-waiting');
const grants = readPolicyFiles(written).filter(({ name }) => name.endsWith('/grants.cedar'));

describe.each([
  ['that sealrail init writes', written, load(readPolicyFiles(written), FULFILMENT_OF_CASES)],
  // With the permits of today, and a surface that is declared to carry everything out.
  ['that wait for a surface', waiting, load([...grants, ...readPolicyFiles(waiting)])],
])('the packs %s', (_name, folder, set) => {
  const cases = named(folder, '.test.yaml').flatMap((name) =>
    readTestFile(join(folder, name), options),
  );
  const results = runCases(set, cases, schema);

  test.each(
    results.map((result) => [`${result.test.name} (line ${result.step.line})`, result] as const),
  )('%s', (_name, result) => {
    expect({ differences: result.differences, parts: result.decision.parts }).toMatchObject({
      differences: [],
    });
  });

  test('every policy decides a case, and every forbid spares one that comes near', () => {
    const { undecided, unspared } = coverageOf(set, results);
    const own = (ids: readonly string[]): readonly string[] =>
      ids.filter((id) => set.byId.get(id)?.file.startsWith(folder));
    expect({ undecided: own(undecided), unspared }).toEqual({ undecided: [], unspared: [] });
  });

  test('every pack has cases beside it', () => {
    const packs = named(folder, '.test.yaml').map((name) => name.replace('.test.yaml', '.cedar'));
    expect(packs).toEqual(named(folder, '.cedar'));
  });

  test.each(named(folder, '.cedar'))('%s is laid out as policy fmt does', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    expect(formatPolicyText(text)).toEqual({ ok: true, text });
  });
});
