import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { actionOf } from '../../testing/sql.ts';
import { ANNOTATION_CHARACTERS_MAX } from './annotations.ts';
import type { Fulfilment } from './fulfilment.ts';
import { NO_INPUTS } from './inputs.ts';
import { judge } from './judge.ts';
import {
  canonicalSource,
  loadPolicySet,
  POLICIES_MAX,
  POLICY_CHARACTERS_MAX,
  type PolicyProblem,
  type PolicySet,
} from './policy-set.ts';
import { NESTING_MAX, OPERATORS_MAX } from './policy-text.ts';
import { schemaText } from './schema.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const schema = schemaText();
const filesOf = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.cedar'))
    .map((name) => ({ name, text: readFileSync(join(root, folder, name), 'utf8') }));
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
      { line: 2, column: 9, message: expect.stringMatching(/found `principle`/) },
    ],
    [
      'a fact that does not exist',
      `${head}\nforbid (principal, action == Action::"sql.select", resource)\nwhen { context.sql.scopes == Scope::"none" };`,
      {
        line: 3,
        column: 20,
        message: 'policy a: context.sql.scopes does not exist: did you mean context.sql.scope?',
      },
    ],
    [
      'a word that is not in the vocabulary',
      `${head}\nforbid (principal, action == Action::"sql.delete", resource) when { context.sql.scope == Scope::"nonsense" };`,
      { line: 2, message: 'policy a: Scope::"nonsense" does not exist' },
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
      'a mask of nothing',
      `${head}@unless("masked") @with("null") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/needs @classes or @detect/) },
    ],
    [
      'an approval without a quorum',
      `${head}@unless("approved") @approvers("x") @ttl("1m") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/needs @quorum/) },
    ],
    [
      'a fact that nobody fills',
      `${head}forbid (principal, action in Action::"sql.any", resource) when { context.meta.detected.injection > 5 };`,
      { message: expect.stringMatching(/injections are not detected|not detected/) },
    ],
    [
      'a policy without a message',
      '@id("a") @severity("low") @hint("h") permit (principal, action, resource);',
      { message: expect.stringMatching(/no @message/) },
    ],
  ];
  const when = (condition: string) =>
    `${head}forbid (principal, action in Action::"sql.any", resource) when { ${condition} };`;
  const more: [string, string, Partial<PolicyProblem> & { message: unknown }][] = [
    [
      'an annotation of a condition that it does not have',
      `${head}@quorum("2") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/@quorum belongs to @unless\("approved"\)/) },
    ],
    [
      'an annotation that every object has',
      `${head}@constructor("x") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/unknown annotation @constructor/) },
    ],
    [
      'an unknown condition',
      `${head}@unless("lucky") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/"lucky" is none of approved/) },
    ],
    [
      'a quorum of nobody',
      `${head}@unless("approved") @approvers("x") @quorum("0") @ttl("1m") forbid (principal, action, resource);`,
      { message: expect.stringMatching(/@quorum "0"/) },
    ],
    [
      'a severity that there is not',
      '@id("a") @severity("huge") @message("m") @hint("h") permit (principal, action, resource);',
      { message: expect.stringMatching(/"huge" is none of info/) },
    ],
    [
      'a name that could lead a path astray',
      '@id("../a") @severity("low") @message("m") @hint("h") permit (principal, action, resource);',
      { message: expect.stringMatching(/may have up to 128/) },
    ],
    [
      'a template',
      `${head}permit (principal == ?principal, action, resource);`,
      { message: expect.stringMatching(/template/) },
    ],
    [
      'a condition that is never true',
      `${head}forbid (principal is Human, action == Action::"sql.select", resource is Host);`,
      { message: expect.stringMatching(/impossible|applicable/) },
    ],
    [
      'a whole record that holds such a fact',
      when('context.meta == context.meta'),
      { message: expect.stringMatching(/it reads context.meta, /) },
    ],
    [
      'all of the context',
      when('{a: context} == {a: context}'),
      { message: expect.stringMatching(/it reads context, /) },
    ],
    [
      'a question for such a fact',
      when('context.meta has purpose'),
      { message: expect.stringMatching(/context.meta.purpose/) },
    ],
    [
      'a question for a member of it',
      when('context.meta has approval.count'),
      { message: expect.stringMatching(/context.meta.approval/) },
    ],
    [
      'what the detectors did not look for',
      when('context["meta"].detected.injection > 1'),
      { message: expect.stringMatching(/meta.detected.injection/) },
    ],
    ...['Value', 'Var', '.', 'has', 'Record', 'left', 'attr'].map((key): (typeof cases)[number] => [
      `such a fact in a record whose key is ${key}`,
      when(`{"${key}": context.meta.detected.injection}["${key}"] > 1`),
      { message: expect.stringMatching(/it reads context.meta.detected/) },
    ]),
    [
      'a branch that hides the record',
      when('(if true then context else context).meta.hour > 1'),
      { message: expect.stringMatching(/it reads context/) },
    ],
  ];
  test('the doubts of the detectors and a string that names history may stand', () => {
    expect(problems(when('!context.meta.detected.doubts.isEmpty()'))).toEqual([]);
    expect(problems(when('context.sql.template like "*context.meta.history*"'))).toEqual([]);
  });

  test('a misspelt name is told once, however many actions the policy is about', () => {
    const files = [
      { name: 'a.cedar', text: when('context.sql.scop == Scope::"nonee"') },
      { name: 'b.cedar', text: when('context.sql.limit > 1').replace('@id("a")', '@id("b")') },
    ];
    const result = loadPolicySet(files, schema) as PolicyProblem[];
    expect(result.map(({ file, message }) => [file, message])).toEqual([
      ['a.cedar', 'policy a: context.sql.scop does not exist: did you mean context.sql.scope?'],
      ['a.cedar', 'policy a: Scope::"nonee" does not exist: did you mean Scope::"none"?'],
      ...Array.from({ length: result.length - 2 }, () => ['b.cedar', expect.any(String)]),
    ]);
    expect(result.length).toBeGreaterThan(2);
  });

  test('an attribute that some actions have not is told once too, and not of each of them', () => {
    const anything = (condition: string) =>
      `${head}forbid (principal, action, resource) when { ${condition} };`;
    expect(problems(anything('context.sql.readOnly || principal.trust > 1'))).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(
          /^policy a: context\.sql does not exist for Action::"approval\.grant", .* and \d+ others$/,
        ),
        hint: expect.stringMatching(/^ask with `has` .* the actions that have it$/),
      }),
      expect.objectContaining({
        message: 'policy a: the attribute trust does not exist for Human, Service',
        hint: 'ask with `has` or `is` first, or name the types that have it',
      }),
    ]);
    expect(problems(when('context.sql.limit > 1'))).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/^policy a: context\.sql\.limit may be missing for Action/),
        hint: 'ask with `has` whether it is there first',
      }),
    ]);
  });

  test('a cost may be of what may be missing, and not of what is not there', () => {
    const costing = (cost: string) =>
      `${head}@unless("within-rate") @rate("9/1h") @key("principal") @cost("${cost}") forbid (principal, action in Action::"sql.any", resource);`;
    expect(problems(costing('context.sql.estimatedRows'))).toEqual([]);
    expect(problems(costing('context.sql.rows'))).toMatchObject([
      { message: expect.stringMatching(/^policy a: @cost: context\.sql\.rows does not exist for/) },
    ]);
    expect(problems(costing('context.sql.dialect'))).toMatchObject([
      { message: expect.stringMatching(/^policy a: @cost: unexpected type/) },
    ]);
  });

  test('everything that is wrong is told at once, over all files', () => {
    const files = [
      'permit (principal, action, resource);',
      `${head}oops`,
      `${head}@x("") ${'permit (principal, action, resource);'}`,
    ];
    const result = loadPolicySet(
      files.map((text, at) => ({ name: `${at}.cedar`, text })),
      schema,
    ) as PolicyProblem[];
    expect(result.map(({ file }) => file)).toEqual(['0.cedar', '1.cedar', '2.cedar']);
  });

  const nested = (levels: number) => when(`${'('.repeat(levels)}true${')'.repeat(levels)}`);
  const chained = (operator: string, count: number) =>
    when(
      `${'('.repeat(NESTING_MAX - 1)}true${` ${operator} true`.repeat(count)}${')'.repeat(NESTING_MAX - 1)}`,
    );
  test('a policy at the bounds of complexity loads, one past them never reaches Cedar', () => {
    // The braces of when are a level as well.
    expect(problems(nested(NESTING_MAX - 1))).toEqual([]);
    expect(problems(nested(NESTING_MAX))).toMatchObject([
      { message: expect.stringMatching(/deeper than 32/) },
    ]);
    for (const operator of ['&&', '||']) {
      expect(problems(chained(operator, OPERATORS_MAX))).toEqual([]);
      expect(problems(chained(operator, OPERATORS_MAX + 1))).toMatchObject([
        { line: 1, message: expect.stringMatching(/more than 500 operators/) },
      ]);
    }
    const conditionals = (count: number) => when(`${'if true then true else '.repeat(count)}true`);
    expect(problems(conditionals(NESTING_MAX - 1))).toEqual([]);
    expect(problems(conditionals(NESTING_MAX))).toHaveLength(1);
    // Without the bound this breaks the module for good, and with it every decision from then on.
    expect(problems(nested(20_000))).toHaveLength(1);
    expect(problems(when('true'))).toEqual([]);
  });

  test('at the bounds a set loads, past them it does not', () => {
    const policies = (count: number) =>
      Array.from(
        { length: count },
        (_, i) =>
          `${head.replace('"a"', `"p${i}"`)}permit (principal, action == Action::"sql.select", resource);`,
      ).join('\n');
    expect(problems(policies(POLICIES_MAX))).toEqual([]);
    expect(problems(policies(POLICIES_MAX + 1))).toMatchObject([{ line: POLICIES_MAX + 1 }]);
    const padding = (length: number) => `//${' '.repeat(length - 2)}`;
    expect(problems(padding(POLICY_CHARACTERS_MAX))).toEqual([]);
    expect(problems(padding(POLICY_CHARACTERS_MAX + 1))).toMatchObject([
      { message: expect.stringMatching(/longer than/) },
    ]);
  });

  test('a name at the bound loads, a longer one does not', () => {
    const text = (length: number) =>
      `${head.replace('"a"', `"${'a'.repeat(length)}"`)}permit (principal, action == Action::"sql.select", resource);`;
    expect(problems(text(128))).toEqual([]);
    expect(problems(text(129))).toHaveLength(1);
  });

  test('an annotation at the bound loads, a longer one does not', () => {
    const text = (length: number) =>
      `@id("a") @severity("low") @message("${'m'.repeat(length)}") @hint("h") permit (principal, action, resource);`;
    expect(problems(text(ANNOTATION_CHARACTERS_MAX))).toEqual([]);
    expect(problems(text(ANNOTATION_CHARACTERS_MAX + 1))).toHaveLength(1);
  });

  test('its canonical form is all that is needed to load it again', () => {
    const text = `${head}// a comment\npermit (principal, action == Action::"sql.select", resource) when { 9007199254740993 > context.sql.literals };`;
    const set = loadPolicySet([{ name: 'a.cedar', text }], schema) as PolicySet;
    const source = canonicalSource(set.canonical);
    const again = loadPolicySet(source.files, source.schema) as PolicySet;
    expect(again.digest).toBe(set.digest);
    expect(again.policies[0]?.text).toContain('9007199254740993');
    expect(() => canonicalSource('{"policies":[],"schema":"","v":2}')).toThrow(/another version/);
  });

  test('a comment or a line break changes no digest', () => {
    const text = `${head}permit (principal, action == Action::"sql.select", resource);`;
    const digest = (one: string) =>
      (loadPolicySet([{ name: 'a', text: one }], schema) as PolicySet).digest;
    expect(digest(`// why\n${text.replace('(', '(\n')}`)).toBe(digest(text));
  });

  test.each([...cases, ...more])('refuses %s', (_name, text, expected) => {
    expect(problems(text)).toContainEqual(
      expect.objectContaining({ file: 'a.cedar', ...expected }),
    );
  });
});

describe('conditions', () => {
  const fulfilment: Fulfilment = { 'sql.': ['approved', 'within-rate', 'tainted'] };
  const load = (scope: string, unless: string) =>
    loadPolicySet(
      [
        {
          name: 'a.cedar',
          text: `${head}${unless} forbid (principal, action ${scope}, resource);`,
        },
      ],
      schema,
      fulfilment,
    );
  const masked = '@unless("masked") @classes("personal") @with("null")';
  const tainted = '@unless("tainted") @labels("personal") @ttl("8h")';

  test('what the surface cannot carry out is refused, however the scope names it', () => {
    const action = 'Action::"sql.select"';
    for (const scope of [
      '',
      `== ${action}`,
      `in [${action}]`,
      'in Action::"sql.any"',
      'in Action::"any"',
    ]) {
      expect(load(scope, masked)).toMatchObject([
        { line: 1, message: expect.stringMatching(/"masked"\) cannot be carried out for sql\./) },
      ]);
      expect(load(scope, tainted)).toHaveProperty('engine');
    }
  });

  test('of a surface that does not exist here nothing is asked, and nothing is carried out', () => {
    const set = load('in Action::"http.any"', masked) as PolicySet;
    expect(set.fulfils('masked', 'http.read')).toBe(false);
    expect(set.fulfils('tainted', 'sql.select')).toBe(true);
    expect(set.fulfils('masked', 'sql.select')).toBe(false);
  });

  test('an approval may not depend on an approval', () => {
    const text = `${head}@unless("approved") @approvers("x") @quorum("1") @ttl("1m") forbid (principal, action in Action::"sql.any", resource) when { context.meta has approval };`;
    expect(problems(text)[0]?.message).toMatch(/an approval that asked for itself/);
  });

  test('the annotations of a condition become its numbers', () => {
    const condition = (unless: string) => (load('', unless) as PolicySet).policies[0]?.condition;
    expect(condition('@unless("within-rate") @rate("60/2m") @key("principal")')).toEqual({
      kind: 'within-rate',
      limit: 60,
      windowMs: 120_000,
    });
    expect(condition('@unless("tainted") @labels("b, a,b") @ttl("8h")')).toEqual({
      kind: 'tainted',
      labels: ['a', 'b'],
      ttlMs: 28_800_000,
    });
    expect(condition('@unless("approved") @approvers("dba") @quorum("2") @ttl("15m")')).toEqual({
      kind: 'approved',
      approvers: 'dba',
      quorum: 2,
      ttlMs: 900_000,
    });
  });

  test('a set remembers for as long as the longest rate or taint in it, up to the bound', () => {
    const rate = (window: string) =>
      `@unless("within-rate") @rate("1/${window}") @key("principal")`;
    expect(load('', rate('31d'))).toMatchObject({ remembers: true, memoryMs: 31 * 86_400_000 });
    expect(load('', rate('32d'))).toMatchObject([
      { message: expect.stringMatching(/more than 31 days/) },
    ]);
    expect(load('', '')).toMatchObject({ remembers: false, memoryMs: 0 });
  });
});

describe('a cost', () => {
  const budget = (cost: string) =>
    loadPolicySet(
      [
        {
          name: 'a.cedar',
          text: `${head.replace('"a"', '"grant"')} permit (principal, action, resource);
${head}@unless("within-rate") @rate("100/1h") @key("principal") @cost("${cost}")
forbid (principal, action in Action::"sql.any", resource);`,
        },
      ],
      schema,
    );
  const costOf = (cost: string, literals: number) => {
    const set = budget(cost) as PolicySet;
    const { code, reserve, parts } = judge(
      set,
      actionOf({ verb: 'select', literals }),
      NO_INPUTS,
    ).decision;
    return { code, cost: reserve[0]?.cost, error: parts[0]?.errors[0]?.message };
  };

  test('is an expression over the request, evaluated by the engine', () => {
    expect(costOf('context.sql.literals * 10', 7)).toMatchObject({ code: 'allowed', cost: 70 });
    expect(costOf('context.sql.literals * 10', 11)).toMatchObject({ code: 'over-limit' });
    expect(costOf('if context.sql has limit then context.sql.limit else 3', 1)).toMatchObject({
      cost: 3,
    });
  });

  test('that is negative, missing or failed denies as an error of its policy', () => {
    for (const [cost, message] of [
      ['context.sql.literals - 5', /negative/],
      ['context.sql.limit', /cost failed/],
      ['context.sql.literals + 9223372036854775807', /cost failed/],
    ] as const) {
      const { code, error } = costOf(cost, 1);
      expect({ code, error }).toEqual({
        code: 'policy-error',
        error: expect.stringMatching(message),
      });
    }
  });

  test('that does not parse, is no Long or names nothing that exists is not loaded', () => {
    for (const [cost, message] of [
      ['context.sql.literals +', /@cost does not parse/],
      ['context.sql.readOnly', /@cost/],
      ['context.sql.literal', /@cost.*literal/],
    ] as const) {
      expect(budget(cost)).toMatchObject([{ line: 2, message: expect.stringMatching(message) }]);
    }
  });
});
