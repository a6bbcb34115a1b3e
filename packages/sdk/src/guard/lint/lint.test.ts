import { parsePolicies } from '@sealrail/cedar';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionOf, type SqlCase, setOf } from '../../../testing/sql.ts';
import { NO_INPUTS } from '../inputs.ts';
import { judge } from '../judge.ts';
import { resolvedSchema, schemaText } from '../schema.ts';
import { type LintedPolicy, lintPolicies, unknownNames } from './lint.ts';

const guardSchema = resolvedSchema(schemaText());

function linted(text: string): LintedPolicy[] {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.policies.map((policy, at) => {
    const id = policy.annotations.get('id') ?? `p${at}`;
    return { id, policy, file: 'a.cedar', text };
  });
}

const lint = (text: string) =>
  lintPolicies(linted(text), guardSchema).map(({ rule, policy }) => `${policy}: ${rule}`);

const named = (id: string, text: string, more = ''): string =>
  `@id("${id}") @severity("low") @message("m") @hint("h") ${more} ${text};\n`;

const READS = 'permit (principal in Group::"a", action == Action::"sql.select", resource)';

describe('a policy that never decides anything is named', () => {
  test.each<[string, string, readonly string[]]>([
    [
      'a permit inside a wider one',
      named('wide', 'permit (principal, action in Action::"sql.any", resource)') +
        named('narrow', `${READS} when { context.sql.readOnly }`),
      ['narrow: shadowed'],
    ],
    [
      'a permit with one condition more',
      named('one', `${READS} when { context.sql.readOnly }`) +
        named('two', `${READS} when { context.sql.readOnly && !context.sql.crossJoin }`),
      ['two: shadowed'],
    ],
    [
      'a forbid inside a wider one, a condition that is never asked for included',
      named('wide', 'forbid (principal is Agent, action in Action::"admin", resource)') +
        named(
          'asks',
          'forbid (principal == Agent::"x", action == Action::"sql.ddl", resource)',
          '@unless("approved") @approvers("dba") @quorum("1") @ttl("1m")',
        ),
      ['asks: never-fires'],
    ],
    [
      'a permit of what is forbidden to everybody',
      named('no', 'forbid (principal, action == Action::"sql.truncate", resource)') +
        named('yes', 'permit (principal is Human, action == Action::"sql.truncate", resource)'),
      ['yes: never-fires'],
    ],
    ['a copy', named('one', READS) + named('two', READS), ['two: duplicate']],
    [
      'the same, said by its type',
      named('one', 'permit (principal, action == Action::"approval.grant", resource)') +
        named('two', 'permit (principal is Human, action == Action::"approval.grant", resource)'),
      ['two: shadowed'],
    ],
    [
      'a forbid that no principal of its action can meet',
      named('no', 'forbid (principal is Agent, action == Action::"approval.grant", resource)'),
      ['no: unreachable'],
    ],
    [
      'a group of actions is no action that anybody asks with',
      named('no', 'forbid (principal, action == Action::"sql.any", resource)'),
      ['no: unreachable'],
    ],
  ])('%s', (_name, text, expected) => {
    expect(lint(text)).toEqual(expected);
  });
});

describe('what only looks like it is left alone', () => {
  test.each<[string, string]>([
    [
      'a forbid inside one that an approval lifts',
      named('no', 'forbid (principal is Agent, action == Action::"sql.ddl", resource)') +
        named(
          'asks',
          'forbid (principal, action in Action::"sql.any", resource)',
          '@unless("approved") @approvers("dba") @quorum("1") @ttl("1m")',
        ),
    ],
    [
      'two groups, since only the entities tell who is in both',
      named('a', READS) + named('b', READS.replace('"a"', '"b"')),
    ],
    [
      'the same forbid with other people to ask',
      ['a', 'b']
        .map((who) =>
          named(
            who,
            'forbid (principal, action == Action::"sql.ddl", resource)',
            `@unless("approved") @approvers("${who}") @quorum("1") @ttl("1m")`,
          ),
        )
        .join(''),
    ],
    [
      'a wider action under a condition',
      named(
        'a',
        'permit (principal, action in Action::"sql.any", resource) when { context.sql.readOnly }',
      ) + named('b', READS),
    ],
    [
      'another condition',
      named('a', `${READS} when { context.sql.readOnly }`) +
        named('b', `${READS} unless { context.sql.readOnly }`),
    ],
  ])('%s', (_name, text) => {
    expect(lint(text)).toEqual([]);
  });
});

describe('a condition that says nothing', () => {
  const SELECT = 'action == Action::"sql.select"';
  test.each<[string, readonly string[]]>([
    [`(principal, ${SELECT}, resource) when { true }`, ['1:always true']],
    [
      `(principal, ${SELECT}, resource) unless { 1 == 2 || context.sql.readOnly }`,
      ['1:always false'],
    ],
    [`(principal is Agent, ${SELECT}, resource) when { principal is Agent }`, ['1:always true']],
    [
      `(principal is Agent, ${SELECT}, resource)\nunless { !(principal is Human) }`,
      ['2:always true'],
    ],
    [
      `(principal, ${SELECT}, resource) when { action in Action::"read" && ${SELECT} }`,
      ['1:always true'],
    ],
    [
      `(principal, ${SELECT}, resource) when { action in [Action::"write"] || resource is Table }`,
      ['1:always false'],
    ],
    [
      `(principal, ${SELECT}, resource) when { context.sql.scope == context.sql.scope }`,
      ['1:always true'],
    ],
    [
      `(principal, ${SELECT}, resource) when { if true then resource is Table else false }`,
      ['1:always true', '1:always false'],
    ],
    [
      `(principal, ${SELECT}, resource) when { principal is Agent && resource is Database || action in Action::"sql.any" && context.sql.readOnly }`,
      ['1:always true'],
    ],
    [
      `(principal, action in Action::"sql.any", resource) when { ${SELECT} || resource is Table }`,
      [],
    ],
    [`(principal, ${SELECT}, resource) when { (principal in Group::"a") == true }`, []],
  ])('%s', (text, expected) => {
    const found = lintPolicies(linted(named('p', `permit ${text}`)), guardSchema);
    const said = found.map(
      ({ line, message }) => `${line}:${message.replace(/^this is (.*) here$/, '$1')}`,
    );
    expect(said).toEqual(expected);
  });
});

test('a name that the schema does not have is said with what was meant, a mere `has` as a warning', () => {
  const wrong = linted(
    named(
      'no',
      'forbid (principal, action == Action::"sql.delete", resource) when { context.sql.scop == Scope::"key" }',
    ),
  );
  expect(unknownNames(wrong, guardSchema)).toMatchObject([
    {
      file: 'a.cedar',
      line: 1,
      message: expect.stringContaining('did you mean context.sql.scope'),
    },
  ]);
  const tested = named(
    'no',
    'forbid (principal, action == Action::"sql.delete", resource) when { context.meta has tickt }',
  );
  expect(unknownNames(linted(tested), guardSchema)).toEqual([]);
  expect(lint(tested)).toEqual(['no: unknown-name']);
});

test('a permit of everything, and a policy whose gravity nobody chose', () => {
  expect(lint('@id("all") permit (principal, action, resource);')).toEqual([
    'all: no-severity',
    'all: permit-everything',
  ]);
});

test('a finding says the place, the other policy and its place', () => {
  const text = `// first\n${named('one', READS)}\n${named('two', READS)}`;
  expect(lintPolicies(linted(text), guardSchema)).toEqual([
    {
      rule: 'duplicate',
      policy: 'two',
      file: 'a.cedar',
      line: 4,
      column: 1,
      message: 'it says the same as one',
      hint: 'keep one of them',
      other: { policy: 'one', file: 'a.cedar', line: 2 },
    },
  ]);
});

const principal = fc.constantFrom(
  'principal',
  'principal is Agent',
  'principal == Agent::"x"',
  'principal in Group::"a"',
  'principal is Human in Group::"a"',
);
const action = fc.constantFrom(
  'action == Action::"sql.select"',
  'action in [Action::"sql.update", Action::"sql.delete"]',
  'action in [Action::"sql.insert", Action::"sql.update", Action::"sql.delete", Action::"sql.select"]',
  'action in Action::"sql.any"',
);
const resource = fc.constantFrom('resource', 'resource is Table', 'resource in Env::"prod"');
const condition = fc.constantFrom(
  'when { context.sql.scope == Scope::"none" }',
  'when { context.sql.readOnly && context.sql.scope != Scope::"key" }',
  'unless { context.sql.readOnly || resource in Env::"dev" }',
  'unless { resource in Env::"dev" }',
  'when { context.sql.readOnly }',
);
const policyText = fc
  .record({
    effect: fc.constantFrom('permit', 'forbid'),
    scope: fc.tuple(principal, action, resource),
    conditions: fc.subarray(['c']).chain((some) => fc.tuple(...some.map(() => condition))),
    asks: fc.boolean(),
  })
  .map(({ effect, scope, conditions, asks }) => ({
    text: `${effect} (${scope.join(', ')}) ${conditions.join(' ')}`,
    more:
      effect === 'forbid' && asks
        ? '@unless("approved") @approvers("dba") @quorum("1") @ttl("1m")'
        : '',
  }));
const oneCase: fc.Arbitrary<SqlCase> = fc.record({
  type: fc.constantFrom('Human', 'Agent', 'Service'),
  id: fc.constantFrom('x', 'y'),
  groups: fc.subarray(['a', 'b']),
  verb: fc.constantFrom('select', 'update', 'delete', 'ddl'),
  env: fc.constantFrom('dev', 'prod'),
  scope: fc.constantFrom('none', 'key', 'no-write'),
  readOnly: fc.boolean(),
});

test('without a policy that is said to be superfluous every action is decided as before', () => {
  let removed = 0;
  fc.assert(
    fc.property(
      fc.array(policyText, { minLength: 2, maxLength: 4 }),
      fc.array(oneCase, { minLength: 5, maxLength: 10 }),
      (policies, cases) => {
        const texts = policies.map(({ text, more }, at) => named(`p${at}`, text, more));
        const found = lintPolicies(linted(texts.join('')), guardSchema).filter(
          ({ rule }) => rule === 'duplicate' || rule === 'shadowed' || rule === 'never-fires',
        );
        const [first] = found;
        if (first === undefined) return;
        removed++;
        const whole = setOf(...texts);
        const less = setOf(...texts.filter((_, at) => `p${at}` !== first.policy));
        for (const one of cases) {
          const before = judge(whole, actionOf(one), NO_INPUTS).decision;
          const after = judge(less, actionOf(one), NO_INPUTS).decision;
          expect([after.verdict, after.code]).toEqual([before.verdict, before.code]);
        }
        whole.close();
        less.close();
      },
    ),
    { numRuns: 100 },
  );
  expect(removed).toBeGreaterThan(10);
});
