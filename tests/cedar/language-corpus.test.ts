/** All policies of Cedar's own corpus through parser, printer and JSON, beside cedar-wasm. */
import { policyToJson as policyToCedarJson } from '@cedar-policy/cedar-wasm/nodejs';
import {
  type Policy,
  parseJson,
  parsePolicies,
  policyFromJson,
  policyToJson,
  printPolicies,
  printPolicy,
  stringifyJson,
} from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { generatedTests, handwrittenTests } from './corpus.ts';
import { treeOf } from './language-trees.ts';

const folder = corpus('cedar');

function* corpusTexts(root: string): Generator<{ readonly id: string; readonly text: string }> {
  for (const { id, policies } of generatedTests(root)) yield { id, text: policies };
  for (const { id, policies } of handwrittenTests(root)) yield { id, text: policies };
}

function parse(text: string): readonly Policy[] {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(`${JSON.stringify(parsed.errors[0])}\n${text}`);
  return parsed.policies;
}

const jsonOf = (policy: Policy): string => stringifyJson(policyToJson(policy));

/** Integers in the order of the text, quoted ones left out. */
const integersOf = (text: string): readonly string[] =>
  (text.replaceAll(/"(?:\\.|[^"\\])*"/gs, '""').match(/\b\d{16,}/g) ?? []).toSorted();

describe('every policy of the corpus', () => {
  test.skipIf(folder === undefined)(
    'has the same JSON as Cedar’s, its own integers, and comes back from text and from JSON',
    () => {
      let policies = 0;
      let exactIntegers = 0;
      for (const { id, text } of corpusTexts(folder!)) {
        const parsed = parse(text);
        for (const policy of parsed) {
          const own = text.slice(policy.start, policy.end);
          const json = jsonOf(policy);
          const cedar = policyToCedarJson(own);
          // Cedar's JSON reaches JavaScript as numbers, which round: the text has what is right.
          expect(cedar.type === 'success' && cedar.json, id).toEqual(JSON.parse(json));
          expect(integersOf(json), id).toEqual(integersOf(own));
          exactIntegers += integersOf(json).length;

          expect(parse(printPolicy(policy)).map(treeOf), id).toEqual([treeOf(policy)]);
          const read = parseJson(json);
          const back = policyFromJson(read.ok && read.value);
          expect(back.ok && jsonOf(back.policy), id).toBe(json);
          policies++;
        }
        expect(parse(printPolicies(parsed)).map(treeOf), id).toEqual(parsed.map(treeOf));
      }
      expect(policies).toBeGreaterThanOrEqual(7_809);
      expect(exactIntegers).toBeGreaterThan(100);
    },
    240_000,
  );
});
