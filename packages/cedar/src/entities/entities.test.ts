/** Hierarchies: a missing or an invented ancestor turns a forbid off or on. */
import { type EntityJson, isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../json/json.ts';
import { type Entity, EntityUid } from '../value.ts';
import { type Entities, prepareEntities } from './entities.ts';
import { entitiesFromJson } from './from-json.ts';

const uid = (id: string, type = 'T') => new EntityUid(type, id);
const entity = (id: string, parents: readonly string[] = [], attrs = {}): Entity => ({
  uid: uid(id),
  parents: parents.map((parent) => uid(parent)),
  attrs,
});
const ancestorsOf = (entities: Entities, id: string): string[] =>
  (entities.find(uid(id))?.ancestors.uids.map((each) => each.id) ?? []).sort();
const edges = (pairs: Readonly<Record<string, readonly string[]>>): Entity[] =>
  Object.entries(pairs).map(([id, parents]) => entity(id, parents));

describe('ancestors', () => {
  test('are those of all parents, also where a parent is no entity', () => {
    const entities = prepareEntities(edges({ a: ['b', 'gone'], b: ['c'], c: [] }));
    expect(ancestorsOf(entities, 'a')).toEqual(['b', 'c', 'gone']);
    expect(ancestorsOf(entities, 'c')).toEqual([]);
    expect(entities.find(uid('gone'))).toBeUndefined();
    expect(entities.find(uid('a', 'Other'))).toBeUndefined();
  });

  test('equal the closure of the parents over random hierarchies, whatever their order and layers', () => {
    const graph = fc
      .uniqueArray(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 60, selector: String })
      .map((pairs) => pairs.filter(([child, parent]) => child < parent));
    const order = fc.shuffledSubarray(Array.from({ length: 20 }, (_, at) => at));
    fc.assert(
      fc.property(graph, order, fc.nat(20), (pairs, present, split) => {
        const parentsOf = (id: number) =>
          pairs.filter(([child]) => child === id).map(([, parent]) => parent);
        const all = present.map((id) => entity(`${id}`, parentsOf(id).map(String)));
        const entities = prepareEntities(all.slice(split), prepareEntities(all.slice(0, split)));
        for (const id of present) {
          const expected = new Set<number>();
          const pending = [id];
          for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
            if (!present.includes(next)) continue;
            for (const parent of parentsOf(next)) {
              if (!expected.has(parent)) pending.push(parent);
              expected.add(parent);
            }
          }
          const found = ancestorsOf(entities, `${id}`);
          expect(found).toEqual([...expected].map(String).sort());
          const { ancestors } = entities.find(uid(`${id}`))!;
          expect(found.every((ancestor) => ancestors.has(uid(ancestor)))).toBe(true);
          expect(ancestors.has(uid('none'))).toBe(false);
        }
      }),
    );
  });

  test('of a chain of 100,000 are found without recursion, and of its first 60 without their square', () => {
    const chain = Array.from({ length: 100_000 }, (_, at) => entity(`${at}`, [`${at + 1}`]));
    const entities = prepareEntities(chain);
    for (let id = 0; id < 60; id++) {
      expect(entities.find(uid(`${id}`))?.ancestors.uids.length).toBe(100_000 - id);
    }
  });
});

describe('a layer', () => {
  const base = prepareEntities(edges({ read: ['all'], all: [] }));

  test('sees the base and does not change it', () => {
    const entities = prepareEntities(edges({ ann: ['read'] }), base);
    expect(ancestorsOf(entities, 'ann')).toEqual(['all', 'read']);
    expect(base.find(uid('ann'))).toBeUndefined();
  });

  test('that defines what the base took for missing gives the ancestors of the base new parents', () => {
    const lacking = prepareEntities(edges({ child: ['middle'] }));
    expect(ancestorsOf(lacking, 'child')).toEqual(['middle']);
    const entities = prepareEntities(edges({ middle: ['top'] }), lacking);
    expect(ancestorsOf(entities, 'child')).toEqual(['middle', 'top']);
    expect(ancestorsOf(lacking, 'child')).toEqual(['middle']);
  });

  test('may say again what the base says, also with all ancestors as parents, and nothing else', () => {
    const actions = prepareEntities(edges({ a: ['b'], b: ['c'], c: [] }));
    expect(() => prepareEntities(edges({ a: ['b', 'c'], b: ['c'] }), actions)).not.toThrow();
    expect(() => prepareEntities(edges({ a: ['c'] }), actions)).toThrow(/twice/);
    expect(() => prepareEntities(edges({ a: ['b', 'd'] }), actions)).toThrow(/twice/);
    expect(() => prepareEntities([entity('a', ['b'], { x: 1 })], actions)).toThrow(/twice/);
  });
});

describe('entities that do not fit together are refused where Cedar refuses them', () => {
  const json = (id: string, parents: readonly string[] = [], attrs: EntityJson['attrs'] = {}) => ({
    uid: { type: 'T', id },
    parents: parents.map((parent) => ({ type: 'T', id: parent })),
    attrs,
  });
  test.each<[string, EntityJson[]]>([
    ['a cycle of two', [json('a', ['b']), json('b', ['a'])]],
    [
      'a cycle of three, found from outside',
      [json('x', ['a']), json('c', ['a']), json('a', ['b']), json('b', ['c'])],
    ],
    ['an entity that is its own parent', [json('a', ['a'])]],
    [
      'two ways to one ancestor',
      [json('a', ['b', 'c']), json('b', ['d']), json('c', ['d']), json('d')],
    ],
    ['the same twice', [json('a', ['b'], { x: [1, 2] }), json('a', ['b'], { x: [2, 1] })]],
    ['parents in another order', [json('a', ['b', 'c']), json('a', ['c', 'b'])]],
    ['other attributes', [json('a', [], { x: 1 }), json('a', [], { x: 2 })]],
    ['other parents', [json('a', ['b']), json('a', ['b', 'c']), json('b', ['c'])]],
    ['nothing', []],
  ])('%s', (_name, entities) => {
    const theirs = isAuthorized({
      principal: { type: 'T', id: 'a' },
      action: { type: 'Action', id: 'a' },
      resource: { type: 'T', id: 'a' },
      context: {},
      policies: { staticPolicies: '' },
      entities,
    });
    const ours = () => prepareEntities(entitiesFromJson(entities as unknown as Json));
    if (theirs.type === 'failure') expect(ours).toThrow(/twice|lead back/);
    else expect(ours).not.toThrow();
  });
});
