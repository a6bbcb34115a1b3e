/** A pack with a mistake in it fails its own cases: without that, cases that hold would say nothing. */
import { fileURLToPath } from 'node:url';
import { type Policy, parsePolicies, printPolicy } from '@sealrail/cedar';
import { loadPolicySet, type PolicyFile, resolvedSchema, schemaText } from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { FULFILMENT_OF_CASES, readPolicyFiles } from '../config/policies.ts';
import { openParser } from '../gateway/postgres/parse.ts';
import { runCases } from './run.ts';
import { readTestFile } from './test-file.ts';

const folder = fileURLToPath(new URL('../../policies', import.meta.url));
const schema = resolvedSchema(schemaText());
const options = { schema, parse: await openParser(18) };
const shipped = readPolicyFiles(folder).flatMap(({ name, text }) => {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.policies.map((policy) => ({ pack: name.replace('.cedar', '.test.yaml'), policy }));
});
const idOf = ({ annotations }: Policy): string => annotations.get('id') ?? '';

/** True where a case of the pack tells the two apart. */
function isNoticed(pack: string, mutant: Policy | undefined, id: string): boolean {
  const others = shipped.filter(({ policy }) => idOf(policy) !== id).map(({ policy }) => policy);
  const files: PolicyFile[] = [...others, ...(mutant ? [mutant] : [])].map((policy) => ({
    name: `${idOf(policy)}.cedar`,
    text: printPolicy(policy),
  }));
  const set = loadPolicySet(files, schemaText(), FULFILMENT_OF_CASES);
  if (!('engine' in set)) throw new Error(JSON.stringify(set));
  const results = runCases(set, readTestFile(pack, options), schema);
  set.close();
  // That a policy of this name is gone is no observation of what it did.
  return results.some(({ differences }) => differences.some(({ what }) => what !== 'policy'));
}

describe('the cases of a pack notice', () => {
  test.each(shipped.map((one) => [idOf(one.policy), one] as const))(
    'that %s is gone',
    (id, { pack }) => {
      expect(isNoticed(pack, undefined, id)).toBe(true);
    },
  );

  const clauses = shipped.flatMap(({ pack, policy }) =>
    policy.conditions.map((condition, at) => {
      const conditions = policy.conditions.filter((_, index) => index !== at);
      const name = `${idOf(policy)} without its "${condition.kind}"`;
      return [name, { pack, mutant: { ...policy, conditions } }] as const;
    }),
  );
  test.each(clauses)('%s', (_name, { pack, mutant }) => {
    expect(isNoticed(pack, mutant, idOf(mutant))).toBe(true);
  });
});
