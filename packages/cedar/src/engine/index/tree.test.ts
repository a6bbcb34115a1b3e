/** The index: it may only leave out what cannot matter, and an error always matters. */
import { type EntityJson, isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entities, prepareEntities } from '../../entities/entities.ts';
import { entitiesFromJson, recordFromJson, uidFromJson } from '../../entities/from-json.ts';
import type { Json } from '../../json/json.ts';
import { parsePolicies } from '../../syntax/policy.ts';
import type { Request } from '../../value.ts';
import { type Answer, authorize, type CompiledPolicies, compilePolicies } from '../authorize.ts';

const oneOf = (...values: readonly string[]) => fc.constantFrom(...values);
const uid = oneOf('User::"a"', 'User::"b"', 'Group::"g"', 'Group::"h"', 'Doc::"d"', 'Action::"r"');
/** Some are missing, some of another type in some requests, so that every kind of error turns up. */
const PATHS = [
  'context.n',
  'context.s',
  'context.b',
  'context.set',
  'context.rec.a',
  'context.rec.b',
  'context.user',
  'context.ip',
  'principal.level',
  'principal.boss',
  'principal.boss.level',
  'resource.owner',
  'resource.tags',
  'principal',
  'resource',
] as const;
const literal = oneOf('1', '2', '3', '-1', '"x"', '"xyz"', '"y"', 'true', 'false', 'User::"a"');
const set = fc.array(fc.oneof(literal, uid), { maxLength: 4 }).map((all) => `[${all.join(', ')}]`);
const words = (...parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((all) => all.join(' '));

/** Conditions without an operator around them, by kind. */
const partsOf = (path: fc.Arbitrary<string>): readonly fc.Arbitrary<string>[] => [
  oneOf('true', 'false', 'context.b', 'principal has level', 'context has n', 'context has s'),
  oneOf('context has rec', 'context has rec.a', 'resource has owner', 'principal has boss.level'),
  words(path, oneOf('==', '!='), literal),
  words(path, oneOf('<', '<=', '>', '>='), oneOf('1', '2', '3', '"x"')),
  words(oneOf('1', '2', '"x"'), oneOf('==', '<', '>='), path),
  words(path, oneOf('==', 'in', '<'), path),
  words(path, fc.constant('in'), fc.oneof(uid, set)),
  fc
    .tuple(path, oneOf('contains', 'containsAny', 'containsAll'), fc.oneof(set, literal))
    .map(([left, name, right]) => `${left}.${name}(${right})`),
  fc.tuple(set, path).map(([left, right]) => `${left}.contains(${right})`),
  fc
    .tuple(path, literal, literal)
    .map(([of, one, other]) => `(${of} == ${one} || ${of} == ${other})`),
  words(path, fc.constant('is'), oneOf('User', 'Group', 'Doc')),
  words(path, fc.constant('like'), oneOf('"x*"', '"*z"', '"xy"', '"*y*"', '"x*y*"', '"xyz*"')),
  words(path, oneOf('<', '>=', '>'), path, oneOf('+ 1', '- 2', '+ 9223372036854775807')),
  words(path, oneOf('+ 1 > 2', '* 9223372036854775807 > 2', '- 1 == 1')),
  oneOf('context.ip.isLoopback()', 'context.ip.isInRange(ip("10.0.0.0/8"))'),
  oneOf('principal.hasTag("t")', 'principal.getTag("t") == 1', 'ip("x").isIpv4()'),
];

const nested = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      { weight: 4, arbitrary: part },
      tie('condition').map((inner) => `!(${inner})`),
      words(tie('condition'), oneOf('&&', '||'), tie('condition')).map((both) => `(${both})`),
      fc
        .tuple(tie('condition'), tie('condition'), tie('condition'))
        .map(([first, second, third]) => `(if ${first} then ${second} else ${third})`),
    ),
  })).condition;

const scope = (name: string) =>
  fc.oneof(
    // Mostly any, so that conditions have to be told apart.
    { weight: 24, arbitrary: fc.constant(name) },
    uid.map((entity) => `${name} == ${entity}`),
    uid.map((entity) => `${name} in ${entity}`),
    oneOf('User', 'Doc').map((type) => `${name} is ${type}`),
    uid.map((entity) => `${name} is User in ${entity}`),
  );
const actionScope = oneOf(
  ...Array<string>(20).fill('action'),
  'action == Action::"r"',
  'action in Action::"all"',
  'action in [Action::"r", Action::"w"]',
  'action in []',
);
const policyOf = (part: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      oneOf('permit', 'forbid'),
      scope('principal'),
      actionScope,
      scope('resource'),
      fc.array(
        fc.tuple(
          oneOf('when', 'when', 'unless'),
          fc.oneof({ weight: 3, arbitrary: part }, nested(part)),
        ),
        { maxLength: 4 },
      ),
    )
    .map(
      ([effect, principal, action, resource, conditions]) =>
        `${effect}(${principal}, ${action}, ${resource}) ${conditions
          .map(([kind, body]) => `${kind} { ${body} }`)
          .join(' ')};`,
    );

/**
 * Policies of one set are about few paths in few ways, as people write them: otherwise no two share a
 * source, and the index has nothing to do. Often most have one scope in common too: then their conditions
 * are told apart in its bucket.
 */
const policySet = (maxLength: number): fc.Arbitrary<string[]> =>
  fc
    .tuple(
      fc.subarray([...PATHS], { minLength: 1, maxLength: 3 }),
      fc.subarray([...partsOf(fc.constant('')).keys()], { minLength: 1, maxLength: 4 }),
      oneOf('principal', 'principal', 'principal in Group::"g"', 'principal is User'),
    )
    .chain(([paths, kinds, shared]) => {
      const parts = partsOf(fc.constantFrom(...paths));
      const part = fc.oneof(...kinds.map((kind) => parts[kind]!));
      return fc
        .array(policyOf(part), { minLength: maxLength / 4, maxLength })
        .map((texts) => texts.map((text) => text.replace('(principal,', `(${shared},`)));
    });

const value: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(1, 2, 3, true, false, 'x', 'xyz', 'xy', 'y'),
  fc.constantFrom<Json>({ __entity: { type: 'User', id: 'a' } }),
  fc.constantFrom<Json>({ __entity: { type: 'User', id: 'none' } }),
  fc.constantFrom<Json>([], [1, 2], ['x', 1], [{ __entity: { type: 'Group', id: 'g' } }], [[1]]),
  fc.constantFrom<Json>({ __extn: { fn: 'ip', arg: '10.1.2.3' } }, { a: 1 }, {}),
);
/** What a member mostly is, since where everything errs nothing is told apart. */
const usual: Readonly<Record<string, fc.Arbitrary<Json>>> = {
  n: fc.constantFrom<Json>(1, 2, 3, 4),
  level: fc.constantFrom<Json>(1, 2, 3, 4),
  s: fc.constantFrom<Json>('x', 'xyz', 'xy', 'y'),
  b: fc.boolean(),
  set: fc.subarray<Json>([1, 2, 3, 'x', 'xyz', true]),
  tags: fc.subarray<Json>([1, 2, 3, 'x', 'y', false]),
  a: fc.constantFrom<Json>(1, 2, 'x'),
};
const record = (...names: readonly string[]): fc.Arbitrary<Record<string, Json>> =>
  fc
    .record(
      Object.fromEntries(
        names.map((name) => [
          name,
          fc.oneof({ weight: 5, arbitrary: usual[name] ?? value }, value),
        ]),
      ),
      { requiredKeys: [] },
    )
    .map((members) => members as Record<string, Json>);
const call = fc.record({
  principal: fc.constantFrom(
    { type: 'User', id: 'a' },
    { type: 'User', id: 'b' },
    { type: 'User', id: 'none' },
  ),
  action: fc.constantFrom({ type: 'Action', id: 'r' }, { type: 'Action', id: 'w' }),
  resource: fc.constantFrom({ type: 'Doc', id: 'd' }, { type: 'User', id: 'b' }),
  context: fc
    .tuple(record('n', 's', 'b', 'set', 'user', 'ip'), record('a', 'b'), fc.boolean())
    .map(([all, rec, has]): Record<string, Json> => (has ? { ...all, rec } : all)),
  attrs: record('level', 'boss', 'owner', 'tags'),
  parents: fc.subarray([
    { type: 'Group', id: 'g' },
    { type: 'Group', id: 'h' },
  ]),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function entitiesOf({ attrs, parents }: Call): Json {
  return [
    { uid: { type: 'User', id: 'a' }, attrs, parents, tags: { t: 1 } },
    { uid: { type: 'User', id: 'b' }, attrs: { level: 2 }, parents: [] },
    { uid: { type: 'Doc', id: 'd' }, attrs, parents: [] },
    { uid: { type: 'Group', id: 'g' }, attrs: {}, parents: [{ type: 'Group', id: 'h' }] },
    { uid: { type: 'Action', id: 'r' }, attrs: {}, parents: [{ type: 'Action', id: 'all' }] },
  ];
}

const requestOf = ({ principal, action, resource, context }: Call): Request => ({
  principal: uidFromJson(principal),
  action: uidFromJson(action),
  resource: uidFromJson(resource),
  context: recordFromJson(context),
});

function compileText(text: string, index: boolean): CompiledPolicies {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(`${parsed.errors[0]?.message}: ${text}`);
  return compilePolicies(
    parsed.policies.map((each, at) => ({ id: `p${at}`, policy: each })),
    { index },
  );
}

const prepared = (asked: Call): Entities => prepareEntities(entitiesFromJson(entitiesOf(asked)));

describe('the index changes no answer', () => {
  test('indexed equals unindexed, messages included, over random sets', () => {
    fc.assert(
      fc.property(
        policySet(40),
        fc.array(call, { minLength: 4, maxLength: 12 }),
        (policies, calls) => {
          const indexed = compileText(policies.join('\n'), true);
          const plain = compileText(policies.join('\n'), false);
          for (const asked of calls) {
            const request = requestOf(asked);
            const entities = prepared(asked);
            expect(authorize(indexed, request, entities)).toEqual(
              authorize(plain, request, entities),
            );
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  test('a source that is read before its guard and again behind it errs where it is read first', () => {
    const guard = 'when { principal has boss.level }';
    const read = (level: number) =>
      `(principal.boss.level == ${level} || principal.boss.level == 1)`;
    const texts = [
      `permit(principal, action, resource) unless { ${read(1)} } ${guard} when { ${read(1)} };`,
      ...[2, 3, 4, 5].map(
        (level) => `permit(principal, action, resource) when { ${read(level)} };`,
      ),
      // Both sources have to be shared for the index to look at them.
      `permit(principal, action, resource) ${guard};`,
    ].join('\n');
    const request = {
      principal: uidFromJson({ type: 'User', id: 'a' }),
      action: uidFromJson({ type: 'Action', id: 'r' }),
      resource: uidFromJson({ type: 'Doc', id: 'd' }),
      context: recordFromJson({}),
    };
    const answer = authorize(compileText(texts, true), request, prepareEntities([]));
    expect(answer).toEqual(authorize(compileText(texts, false), request, prepareEntities([])));
    expect(answer.errors.map(({ policy }) => policy)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
  });

  test("a random set's decision, reasons and errors are Cedar's", () => {
    fc.assert(
      fc.property(policySet(16), call, (policies, asked) => {
        const ours = authorize(
          compileText(policies.join('\n'), true),
          requestOf(asked),
          prepared(asked),
        );
        const theirs = isAuthorized({
          principal: asked.principal,
          action: asked.action,
          resource: asked.resource,
          context: asked.context as Record<string, never>,
          policies: {
            staticPolicies: Object.fromEntries(policies.map((text, at) => [`p${at}`, text])),
          },
          entities: entitiesOf(asked) as unknown as EntityJson[],
        });
        if (theirs.type === 'failure') throw new Error(JSON.stringify(theirs.errors));
        const { decision, diagnostics } = theirs.response;
        expect(summary(ours)).toEqual({
          decision,
          reason: diagnostics.reason.toSorted(),
          errors: diagnostics.errors.map((error) => error.policyId).toSorted(),
        });
      }),
      { numRuns: 400 },
    );
  });
});

function summary({ decision, permits, forbids, errors }: Answer): object {
  const reason = forbids.length > 0 ? forbids : permits;
  return {
    decision,
    reason: [...reason].sort(),
    errors: errors.map((error) => error.policy).sort(),
  };
}
