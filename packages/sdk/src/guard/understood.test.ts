import { describe, expect, test } from 'vitest';
import { actionOf, entity, requestOf, setOf } from '../../testing/sql.ts';
import type { Action, CedarValue, Request } from './decision.ts';
import { NO_INPUTS } from './inputs.ts';
import { judge } from './judge.ts';
import { CONTEXT_DEPTH_MAX, ENTITIES_MAX, REQUESTS_MAX } from './understood.ts';

const set = setOf(
  '@id("all") @severity("info") @message("m") @hint("h") permit (principal, action, resource);',
);
const decideOn = (action: Action) => judge(set, action, NO_INPUTS).decision;
const one = { verb: 'delete', groups: ['writers'] };
const action = actionOf(one);
const withContext = (change: (context: Record<string, CedarValue>) => object): Request => {
  const request = requestOf(one);
  return { ...request, context: { ...request.context, ...change({ ...request.context }) } };
};
const nested = (levels: number): CedarValue => (levels === 0 ? [] : [nested(levels - 1)]);

describe('rule 0', () => {
  test('what is whole is understood', () => {
    expect(decideOn(action).code).toBe('allowed');
  });

  test('without any one of its entities it is not: a missing group would turn a forbid off', () => {
    for (const [at, { uid }] of action.entities.entries()) {
      const decision = decideOn({ ...action, entities: action.entities.toSpliced(at, 1) });
      expect(decision.code, `${uid.type} ${uid.id}`).toBe('not-understood');
      expect(decision.parts[0]?.problem).toMatch(`${uid.type}::"${uid.id}" is not known`);
    }
  });

  test('nor with an entity in its context that is not known', () => {
    const request = withContext(({ sql }) => ({
      sql: { ...(sql as object), tablesRead: [entity('Table', 'shop.public.ghosts')] },
    }));
    const decision = decideOn({ ...action, requests: [request] });
    expect(decision.parts[0]).toMatchObject({
      code: 'not-understood',
      problem: 'Table::"shop.public.ghosts" is not known',
    });
  });

  test('a doubt anywhere is enough, and all of them are told', () => {
    const doubtful = decideOn(actionOf({ ...one, doubts: ['dynamic', 'ambiguous'] }));
    expect(doubtful.parts[0]).toMatchObject({
      code: 'not-understood',
      doubts: ['ambiguous', 'dynamic'],
    });
    const request = withContext(({ meta }) => {
      const { detected } = meta as { detected: object };
      const failed = { ...detected, doubts: [entity('Doubt', 'detector-failed')] };
      return { meta: { ...(meta as object), detected: failed } };
    });
    expect(decideOn({ ...action, requests: [request] }).parts[0]?.doubts).toEqual([
      'detector-failed',
    ]);
  });

  test.each<[string, readonly { type: string; id: string }[], RegExp]>([
    ['no environment', [], /no environment/],
    [
      'two environments',
      [
        { type: 'Env', id: 'prod' },
        { type: 'Env', id: 'dev' },
      ],
      /several/,
    ],
  ])('a resource in %s is not understood', (_name, parents, problem) => {
    const entities = action.entities.map((found) =>
      found.uid.type === 'Database' ? { ...found, parents } : found,
    );
    expect(decideOn({ ...action, entities }).parts[0]?.problem).toMatch(problem);
  });

  test('a request that the schema does not allow is not understood', () => {
    const request = withContext(({ sql }) => ({ sql: { ...(sql as object), statements: 'two' } }));
    expect(decideOn({ ...action, requests: [request] }).code).toBe('not-understood');
    const unknown = { ...requestOf(one), action: 'sql.guess' };
    expect(decideOn({ ...action, requests: [unknown] }).code).toBe('not-understood');
    const attrs = action.entities.map((found) => ({ ...found, attrs: { odd: 1 } }));
    expect(decideOn({ ...action, entities: attrs }).code).toBe('not-understood');
  });

  test('entities in a circle end in a denial and not in a loop', () => {
    const entities = action.entities.map((found) =>
      found.uid.type === 'Database'
        ? { ...found, parents: [...found.parents, entity('Schema', 'shop.public')] }
        : found,
    );
    expect(decideOn({ ...action, entities }).code).toBe('not-understood');
  });

  test('two principals, or nothing at all, are not one action', () => {
    const two = actionOf(one, { ...one, id: 'bob' });
    expect(decideOn(two).parts[0]?.problem).toMatch(/more than one principal/);
    expect(decideOn({ requests: [], entities: [] }).code).toBe('not-understood');
  });

  test('at the bounds it is understood, one more is not', () => {
    const requests = (count: number) => Array.from({ length: count }, () => requestOf(one));
    const past = decideOn({ ...action, requests: requests(REQUESTS_MAX + 1) });
    expect(past.parts).toMatchObject([{ code: 'not-understood' }]);
    const within = decideOn({ ...action, requests: requests(REQUESTS_MAX) });
    expect(within).toMatchObject({ code: 'allowed' });
    expect(within.parts).toHaveLength(REQUESTS_MAX);

    const entities = (count: number) => [
      ...action.entities,
      ...Array.from({ length: count - action.entities.length }, (_, i) => ({
        uid: { type: 'Group', id: `g${i}` },
        attrs: {},
        parents: [],
      })),
    ];
    expect(decideOn({ ...action, entities: entities(ENTITIES_MAX) }).code).toBe('allowed');
    expect(decideOn({ ...action, entities: entities(ENTITIES_MAX + 1) }).code).toBe(
      'not-understood',
    );
  });

  test('context at the depth bound reaches the schema, deeper does not', () => {
    const problem = (levels: number) => {
      const request = withContext(() => ({ odd: nested(levels) }));
      return decideOn({ ...action, requests: [request] }).parts[0]?.problem;
    };
    expect(problem(CONTEXT_DEPTH_MAX - 1)).toMatch(/is not in the schema/);
    expect(problem(CONTEXT_DEPTH_MAX)).toMatch(/nests deeper than 32/);
  });
});
