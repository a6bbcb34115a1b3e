import { describe, expect, test } from 'vitest';
import { parsePolicies } from '../syntax/policy.ts';
import { parseSchema } from './parse.ts';
import { resolveSchema } from './resolve.ts';
import { findUnknownNames, UNKNOWN_NAMES_MAX } from './unknown-names.ts';

const schema = resolveSchema(
  parseSchema(`
    entity Scope enum ["none", "range", "key"];
    entity Group in [Group];
    entity Human in [Group] { email?: String, boss?: Human } tags { note: String };
    entity Agent in [Group] { trust: Long };
    entity Table { classes: Set<String> };
    entity Host { name: String };
    type Meta = { caller: { hops: Long, human?: Human }, now: datetime };
    type Sql = { scope: Scope, readOnly: Bool };
    action any;
    action "sql.any" in any;
    action "sql.select", "sql.delete" in "sql.any"
      appliesTo { principal: [Human, Agent], resource: Table, context: { meta: Meta, sql: Sql } };
    action "http.read" in any
      appliesTo { principal: Human, resource: Host, context: { meta: Meta, http: { port: Long } } };
    namespace Shop { action buy; entity Cart; }
  `),
);

function unknownIn(text: string) {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return parsed.policies.flatMap((policy) => findUnknownNames(policy, schema));
}

const when = (condition: string, scope = 'principal, action, resource') =>
  `forbid (${scope}) when { ${condition} };`;

describe('a policy that names what does not exist says what was meant', () => {
  test.each([
    [
      when('context.sql.scop == Scope::"none"'),
      'context.sql.scop does not exist: did you mean context.sql.scope?',
    ],
    [
      when('context.sqll.scope == Scope::"none"'),
      'context.sqll does not exist: did you mean context.sql?',
    ],
    [when('context has sqll'), 'context.sqll does not exist: did you mean context.sql?'],
    [
      when('context has meta.caler.hops'),
      'context.meta.caler does not exist: did you mean context.meta.caller?',
    ],
    [
      when('context.scope == Scope::"none"'),
      'context.scope does not exist: did you mean context.sql.scope?',
    ],
    [
      when('context.sql.scope == Scope::"nonee"'),
      'Scope::"nonee" does not exist: did you mean Scope::"none"?',
    ],
    [when('context.sql.scope == Scpe::"none"'), 'Scpe does not exist: did you mean Scope?'],
    [
      when('context.meta.caller.human.emial == ""'),
      'context.meta.caller.human.emial does not exist: did you mean context.meta.caller.human.email?',
    ],
    [
      when('context.meta.caller.human.boss.boss.emial == ""'),
      'context.meta.caller.human.boss.boss.emial does not exist: did you mean context.meta.caller.human.boss.boss.email?',
    ],
    [
      when('context.meta["caler"].hops > 1'),
      'context.meta.caler does not exist: did you mean context.meta.caller?',
    ],
    [when('principal.trst > 1'), 'principal.trst does not exist: did you mean principal.trust?'],
    [when('principal.getTag("x").nte == ""'), '.nte does not exist: did you mean .note?'],
    [
      when('(if principal is Human then context.meta else context.meta).noww == context.meta.now'),
      '.noww does not exist: did you mean .now?',
    ],
    [
      when('{ a: context.sql }.a.scop == Scope::"key"'),
      '.scop does not exist: did you mean .scope?',
    ],
    [when('principal is Humn'), 'Humn does not exist: did you mean Human?'],
    [
      when('true', 'principal is Agnt, action, resource'),
      'Agnt does not exist: did you mean Agent?',
    ],
    [
      when('true', 'principal in Grup::"x", action, resource'),
      'Grup does not exist: did you mean Group?',
    ],
    [
      when('true', 'principal, action == Action::"sql.delte", resource'),
      'Action::"sql.delte" does not exist: did you mean Action::"sql.delete"?',
    ],
    [
      when('true', 'principal, action in [Action::"any", Action::"sql.ayn"], resource'),
      'Action::"sql.ayn" does not exist: did you mean Action::"sql.any"?',
    ],
    [
      when('action == Action::"sql.selct"'),
      'Action::"sql.selct" does not exist: did you mean Action::"sql.select"?',
    ],
    [
      when('action == Shp::Action::"buy"'),
      'Shp::Action does not exist: did you mean Shop::Action?',
    ],
    [when('action.name == ""'), 'action.name does not exist'],
    [when('context.meta.caller.hops.zzz'), 'context.meta.caller.hops.zzz does not exist'],
    [when('Scope::"none".zzz'), 'Scope::"none".zzz does not exist'],
    [when('context.nothingLikeIt'), 'context.nothingLikeIt does not exist'],
  ])('%s', (text, message) => {
    expect(unknownIn(text).map((unknown) => unknown.message)).toEqual([message]);
  });

  test('with the names that could stand there, and where in the text', () => {
    const text = when('context.sql.scop == Scope::"none"');
    expect(unknownIn(text)).toEqual([
      {
        kind: 'attribute',
        name: 'context.sql.scop',
        at: text.indexOf('scop'),
        isTested: false,
        known: ['scope', 'readOnly'],
        nearest: 'context.sql.scope',
        message: 'context.sql.scop does not exist: did you mean context.sql.scope?',
      },
    ]);
    expect(unknownIn(when('context has sqll'))[0]?.isTested).toBe(true);
  });
});

describe('what exists for some action that the policy is about is not unknown', () => {
  test.each([
    when('context has sql && context.sql.readOnly'),
    when('context has http && context.http.port > 1'),
    when('principal is Agent && principal.trust > 3'),
    when('principal has email && principal.email == ""'),
    when('context.sql.readOnly', 'principal, action in Action::"sql.any", resource'),
    when('context.sql.readOnly', 'principal is Agent, action, resource'),
    when('principal.email == ""', 'principal in Group::"x", action, resource'),
    when('action in [Action::"any", Shop::Action::"buy"] && {}.x'),
    when('true', 'principal == ?principal, action, resource in ?resource'),
  ])('%s', (text) => expect(unknownIn(text)).toEqual([]));

  test.each([
    [
      when('context.sql.readOnly', 'principal, action == Action::"http.read", resource'),
      'context.sql',
    ],
    [when('context.sql.readOnly', 'principal, action, resource is Host'), 'context.sql'],
    [when('context.http.port > 1', 'principal is Agent, action, resource'), 'context.http'],
    [when('principal.trust > 1', 'principal is Human, action, resource'), 'principal.trust'],
    [
      when('principal.trust > 1', 'principal, action == Action::"http.read", resource'),
      'principal.trust',
    ],
    [
      when('resource.classes.isEmpty()', 'principal, action, resource == Host::"h"'),
      'resource.classes',
    ],
  ])('and what exists for none of them is: %s', (text, name) => {
    expect(unknownIn(text).map((unknown) => unknown.name)).toEqual([name]);
  });
});

test('one misspelt name does not make others look misspelt', () => {
  const text = when(
    'context.sqll.scope == Scope::"none" && context.meta.now == context.meta.now',
    'principal is Humna, action == Action::"sql.delte", resource',
  );
  expect(unknownIn(text).map(({ name }) => name)).toEqual([
    'Humna',
    'Action::"sql.delte"',
    'context.sqll',
  ]);
});

test('a policy that gets everything wrong fills nobody’s screen', () => {
  const wrong = (count: number) =>
    when(Array.from({ length: count }, (_, i) => `context.nothing${i}`).join(' && '));
  expect(unknownIn(wrong(UNKNOWN_NAMES_MAX))).toHaveLength(UNKNOWN_NAMES_MAX);
  expect(unknownIn(wrong(UNKNOWN_NAMES_MAX + 1))).toHaveLength(UNKNOWN_NAMES_MAX);
});

test('a schema with long chains of groups does not hold a loader up', () => {
  const length = 5_000;
  const chain = (word: string) =>
    Array.from({ length }, (_, i) => `${word} x${i} in x${i + 1};`).join('') +
    `${word} x${length};`;
  const large = resolveSchema(parseSchema(chain('entity') + chain('action')));
  const parsed = parsePolicies(
    `permit (principal in x${length}::"", action in Action::"x${length}", resource);`,
  );
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  expect(findUnknownNames(parsed.policies[0]!, large)).toEqual([]);
});
