/** Misspelt policies against Cedar's validator: what is found is wrong, and what is wrong is found. */
import { readdirSync, readFileSync } from 'node:fs';
import { validate } from '@cedar-policy/cedar-wasm/nodejs';
import {
  findUnknownNames,
  type Policy,
  parsePolicies,
  parseSchema,
  printPolicy,
  resolveSchema,
} from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { generatedTests } from './corpus.ts';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const guardSchema = readFileSync(at('packages/sdk/schema/guard.cedarschema'), 'utf8');
const schema = resolveSchema(parseSchema(guardSchema));

function parse(text: string): readonly Policy[] {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return parsed.policies;
}

const shipped = readdirSync(at('packages/server/policies'))
  .filter((name) => name.endsWith('.cedar'))
  .flatMap((name) => parse(readFileSync(at(`packages/server/policies/${name}`), 'utf8')));

/** Cedar's word on a policy: what it finds wrong with it. */
function validatorProblems(text: string): readonly string[] {
  const answer = validate({ schema: guardSchema, policies: { staticPolicies: text } });
  if (answer.type === 'failure') return answer.errors.map(({ message }) => message);
  const { validationErrors, validationWarnings } = answer;
  return [...validationErrors, ...validationWarnings].map(({ error }) => error.message);
}

/** Names that the schema closes: attributes behind a dot, enumerated ids, actions, and types. */
const NAME =
  /(?<=\.)[a-zA-Z]\w+(?!\w*\()|(?<=(?:Scope|Volatility|SqlRisk|Env|Proof|Doubt|Action)::")[^"]+(?=")|(?<=\bis )[A-Z]\w+|\b(?!Action)[A-Z]\w+(?=::")/g;

/** A letter goes: `scope` is `scpe`. Of a pair of equal letters, and of a name that is left, nothing would show. */
function misspell(name: string): string | undefined {
  const middle = Math.ceil(name.length / 2);
  return name.length < 4 ? undefined : name.slice(0, middle) + name.slice(middle + 1);
}

describe('a misspelt name in a policy', () => {
  test('is none of those in the policies that ship', () => {
    expect(shipped.length).toBeGreaterThan(20);
    for (const policy of shipped) expect(findUnknownNames(policy, schema)).toEqual([]);
  });

  test('is found wherever it stands, with the right one suggested, and Cedar refuses it too', () => {
    let tried = 0;
    for (const policy of shipped) {
      const text = printPolicy({ ...policy, annotations: new Map() });
      const names = [...text.matchAll(NAME)];
      // Some of each policy: names repeat.
      for (const match of names.filter((_, index) => index % NAMES_STEP === 0)) {
        const wrong = misspell(match[0]);
        if (wrong === undefined) continue;
        const broken =
          text.slice(0, match.index) + wrong + text.slice(match.index + match[0].length);
        const [first, ...others] = findUnknownNames(parse(broken)[0] as Policy, schema);
        const told = `${match[0]} → ${wrong} in\n${broken}`;
        expect(first?.name, told).toContain(wrong);
        expect(first?.nearest, told).toContain(match[0]);
        expect(others, told).toEqual([]);
        if (first?.isTested !== true) expect(validatorProblems(broken), told).not.toEqual([]);
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(40);
  });
});

const NAMES_STEP = 4;
const CORPUS_STEP = 3;
const folder = corpus('cedar');

test.skipIf(folder === undefined)(
  'nothing but a `has` or what is never reached is unknown in policies that Cedar takes',
  () => {
    let index = 0;
    let accesses = 0;
    let valid = 0;
    for (const corpusTest of generatedTests(folder as string)) {
      if (index++ % CORPUS_STEP !== 0 || !corpusTest.shouldValidate) continue;
      const own = resolveSchema(parseSchema(corpusTest.schema));
      const found = parse(corpusTest.policies).flatMap((policy) => findUnknownNames(policy, own));
      expect(
        found.filter(({ kind }) => kind !== 'attribute'),
        corpusTest.id,
      ).toEqual([]);
      accesses += found.filter(({ isTested }) => !isTested).length;
      valid += 1;
    }
    // What stands behind `false &&` Cedar does not look at.
    expect(accesses).toBeLessThan(valid / 100);
  },
);
