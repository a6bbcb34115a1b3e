import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadPolicySet, type PolicyProblem, type PolicySet } from './policy-set.ts';
import { schemaText } from './schema.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const schema = schemaText();
const filesOf = (folder: string) =>
  readdirSync(join(root, folder)).map((name) => ({
    name,
    text: readFileSync(join(root, folder, name), 'utf8'),
  }));
const problems = (text: string): PolicyProblem[] => {
  const result = loadPolicySet([{ name: 'a.cedar', text }], schema);
  return Array.isArray(result) ? result : [];
};
const head = '@id("a") @severity("low") @message("m") @hint("h") ';

describe('loading policies', () => {
  test.each(['packages/server/policies', 'tests/attacks/policies'])(
    'every policy of %s loads and validates',
    (folder) => {
      const result = loadPolicySet(filesOf(folder), schema);
      expect(Array.isArray(result) ? result : []).toEqual([]);
      for (const policy of (result as PolicySet).policies) {
        expect(policy.message && policy.hint && policy.severity, policy.id).toBeTruthy();
      }
    },
  );

  test('the digest does not depend on the order of files or policies, and changes with any text', () => {
    const digest = (...texts: string[]) =>
      (
        loadPolicySet(
          texts.map((text, i) => ({ name: `${i}.cedar`, text })),
          schema,
        ) as PolicySet
      ).digest;
    const a = `${head}permit (principal, action == Action::"sql.select", resource);`;
    const b = a.replace('@id("a")', '@id("b")');
    expect(digest(a, b)).toBe(digest(b, a));
    expect(digest(a, b)).toBe(digest(`${b}\n${a}`));
    expect(digest(a)).not.toBe(digest(a.replace('"h"', '"i"')));
  });

  const cases: [string, string, Partial<PolicyProblem> & { message: unknown }][] = [
    [
      'a syntax error, at its line and column',
      '// é\nforbid (principle, action, resource);',
      { line: 2, column: 9, message: expect.stringMatching(/invalid variable/) },
    ],
    [
      'a fact that does not exist',
      `${head}\nforbid (principal, action == Action::"sql.select", resource)\nwhen { context.sql.scopes == Scope::"none" };`,
      { line: 3, column: 8, message: expect.stringMatching(/scopes/) },
    ],
    [
      'a word that is not in the vocabulary',
      `${head}\nforbid (principal, action == Action::"sql.delete", resource) when { context.sql.scope == Scope::"nonsense" };`,
      { line: 2, message: expect.stringMatching(/nonsense|Scope/) },
    ],
    [
      'a policy without an id',
      '@severity("low") @message("m") @hint("h") permit (principal, action, resource);',
      { message: expect.stringMatching(/without @id/) },
    ],
    [
      'two policies of one id',
      `${head}permit (principal, action, resource);\n${head}forbid (principal, action, resource);`,
      { line: 2, message: expect.stringMatching(/second policy/) },
    ],
    [
      'an unknown annotation',
      `${head}@unles("approved") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/unknown annotation @unles/) },
    ],
    [
      'a condition on a permit',
      `${head}@unless("approved") @approvers("x") @quorum("1") @ttl("1m") permit (principal, action, resource);`,
      { message: expect.stringMatching(/stands on a permit/) },
    ],
    [
      'a condition that cannot be carried out',
      `${head}@unless("masked") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/cannot be carried out/) },
    ],
    [
      'an approval without a quorum',
      `${head}@unless("approved") @approvers("x") @ttl("1m") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/needs @quorum/) },
    ],
    [
      'a fact that nobody fills',
      `${head}forbid (principal, action in Action::"sql.any", resource) when { context.meta.history.denied1m > 5 };`,
      { message: expect.stringMatching(/history is not kept/) },
    ],
    [
      'a policy without a message',
      '@id("a") @severity("low") @hint("h") permit (principal, action, resource);',
      { message: expect.stringMatching(/no @message/) },
    ],
  ];
  test.each(cases)('refuses %s', (_name, text, expected) => {
    expect(problems(text)).toContainEqual(
      expect.objectContaining({ file: 'a.cedar', ...expected }),
    );
  });
});
