import { schemaToJson as oracle } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { schemaFromJson } from './from-json.ts';
import { resolveSchema } from './resolve.ts';
import { SCHEMA_DECLARATIONS_MAX, SchemaError, TYPE_DEPTH_MAX } from './schema-error.ts';
import { schemaToJson } from './to-json.ts';

function problemOf(json: unknown): string | undefined {
  try {
    resolveSchema(schemaFromJson(json));
    return undefined;
  } catch (error) {
    if (error instanceof SchemaError) return error.message;
    throw error;
  }
}

const empty = { entityTypes: {}, actions: {} };
const bare = (namespace: object) => ({ '': { ...empty, ...namespace } });
const entity = (declaration: unknown) => bare({ entityTypes: { P: declaration } });
const attribute = (type: unknown) => entity({ shape: { type: 'Record', attributes: { a: type } } });
const action = (declaration: unknown, others = {}) =>
  bare({ entityTypes: { P: {} }, actions: { a: declaration, ...others } });
const common = (declarations: object) => bare({ commonTypes: declarations });

/** Every one is judged by Cedar itself: accepted or refused alike, and equal as JSON. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  namespaces: [
    {},
    bare({}),
    { '': { actions: {} } },
    { '': { entityTypes: {} } },
    bare({ foo: 1 }),
    bare({ annotations: { a: 'b' } }),
    { N: { ...empty, annotations: { a: 'b' } } },
    { 'N::M': empty },
    { ' N': empty },
    { 'N::': empty },
    { __cedar: empty },
    { 'A::__cedar::B': empty },
    { if: empty },
  ],
  types: [
    attribute({ type: 'Long' }),
    attribute({ type: 'Bool' }),
    attribute({ type: 'Boolean' }),
    attribute({ type: 'ipaddr' }),
    attribute({ type: '__cedar::Long' }),
    attribute({ type: 'P' }),
    attribute({ type: 'A B' }),
    attribute({ type: 1 }),
    attribute({ name: 'P' }),
    attribute('Long'),
    attribute({ type: 'Long', foo: 1 }),
    attribute({ type: 'Long', element: { type: 'Long' } }),
    attribute({ type: 'P', name: 'P' }),
    attribute({ type: 'Entity', name: 'P' }),
    attribute({ type: 'Entity', name: '__cedar::Long' }),
    attribute({ type: 'Entity' }),
    attribute({ type: 'EntityOrCommon', name: 'Long' }),
    attribute({ type: 'EntityOrCommon', name: 'P' }),
    attribute({ type: 'Extension', name: 'ipaddr' }),
    attribute({ type: 'Extension', name: 'foo' }),
    attribute({ type: 'Set', element: { type: 'Long' } }),
    attribute({ type: 'Set', element: { type: 'Long', required: false } }),
    attribute({ type: 'Set' }),
    attribute({ type: 'Record', attributes: {} }),
    attribute({ type: 'Record' }),
    attribute({ type: 'Record', attributes: {}, additionalAttributes: false }),
    attribute({ type: 'Record', attributes: {}, additionalAttributes: true }),
  ],
  attributes: [
    attribute({ type: 'Long', required: false }),
    attribute({ type: 'Long', required: true }),
    attribute({ type: 'Long', required: 'no' }),
    attribute({ type: 'Set', element: { type: 'Long' }, required: false }),
    attribute({ type: 'Long', annotations: { a: '' } }),
    attribute({ type: 'Long', annotations: { 'a b': '' } }),
    attribute({ type: 'Long', annotations: { a: 1 } }),
  ],
  'common types': [
    common({ T: { type: 'Long', annotations: { x: 'y' } } }),
    common({ T: { type: 'Long', required: false } }),
    common({ Long: { type: 'Long' } }),
    common({ Action: { type: 'Long' } }),
    common({ 'N::T': { type: 'Long' } }),
    common({ __cedar: { type: 'Long' } }),
    common({ A: { type: 'B' }, B: { type: 'A' } }),
  ],
  'entity types': [
    entity({ shape: { type: 'Record', attributes: {} }, memberOfTypes: [] }),
    entity({ memberOfTypes: ['P', 'P'] }),
    entity({ memberOfTypes: ['Q'] }),
    entity({ memberOfTypes: 'P' }),
    entity({ shape: { type: 'Long' } }),
    entity({ tags: { type: 'Long' } }),
    entity({ tags: null }),
    entity({ shape: null }),
    entity({ foo: 1 }),
    entity({ enum: ['a', 'a'] }),
    entity({ enum: [] }),
    entity({ enum: [1] }),
    entity({ enum: ['a'], tags: { type: 'Long' } }),
    entity({ enum: ['a'], annotations: { a: 'b' } }),
    bare({ entityTypes: { Action: {} } }),
    bare({ entityTypes: { 'N::P': {} } }),
    bare({ entityTypes: { if: {} } }),
    bare({ entityTypes: { __cedar: {} } }),
    bare({
      commonTypes: { T: { type: 'Record', attributes: {} } },
      entityTypes: { P: { shape: { type: 'T' }, tags: { type: 'T' } } },
    }),
  ],
  actions: [
    action({}),
    action({ attributes: {} }),
    action({ attributes: null }),
    action({ appliesTo: null }),
    action({ appliesTo: { principalTypes: ['P'], resourceTypes: [] } }),
    action({ appliesTo: { principalTypes: ['P'] } }),
    action({ appliesTo: { principalTypes: ['P'], resourceTypes: ['Q'] } }),
    action({
      appliesTo: {
        principalTypes: ['P'],
        resourceTypes: ['P'],
        context: { type: 'Record', attributes: {} },
      },
    }),
    action({
      appliesTo: { principalTypes: ['P'], resourceTypes: ['P'], context: { type: 'Long' } },
    }),
    action({ appliesTo: { principalTypes: ['P'], resourceTypes: ['P'], foo: 1 } }),
    action({ memberOf: null }),
    action({ memberOf: [] }),
    action({ memberOf: [{ id: 'b' }] }, { b: {} }),
    action({ memberOf: [{ id: 'b', type: 'Action' }] }, { b: {} }),
    action({ memberOf: [{ id: 'b', type: null }] }, { b: {} }),
    action({ memberOf: [{ id: 'b', foo: 1 }] }, { b: {} }),
    action({ memberOf: [{ type: 'Action' }] }),
    action({ memberOf: ['b'] }, { b: {} }),
    action({ memberOf: [{ id: 'a' }] }),
    bare({ actions: { '': {}, 'a"b': {} } }),
    JSON.parse('{"":{"entityTypes":{},"actions":{"__proto__":{},"constructor":{}}}}'),
  ],
};

describe('a schema in JSON is read exactly as Cedar reads it', () => {
  for (const [about, values] of Object.entries(VALUES)) {
    test(about, () => {
      for (const json of values) {
        const answer = oracle(json as never);
        const told = `${JSON.stringify(json)}\n${problemOf(json)}`;
        expect(problemOf(json) === undefined, told).toBe(answer.type === 'success');
        if (answer.type === 'success') {
          expect(schemaToJson(schemaFromJson(json)), told).toEqual(answer.json);
        }
      }
    });
  }

  test('what is no object is no schema', () => {
    for (const json of [null, undefined, 1, 'x', [], { '': null }, { '': [] }]) {
      expect(problemOf(json)).toContain('expected an object');
    }
  });
});

describe('no JSON exhausts whoever loads it', () => {
  const nested = (depth: number): object =>
    depth === 0 ? { type: 'Long' } : { type: 'Set', element: nested(depth - 1) };

  test('types may nest as deep as the limit and no deeper', () => {
    expect(problemOf(common({ T: nested(TYPE_DEPTH_MAX) }))).toBeUndefined();
    expect(problemOf(common({ T: nested(TYPE_DEPTH_MAX + 1) }))).toContain('deeper');
  });

  test('there may be as many declarations as the limit and no more', () => {
    const many = (count: number) =>
      bare({ actions: Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, {}])) });
    expect(problemOf(many(SCHEMA_DECLARATIONS_MAX))).toBeUndefined();
    expect(problemOf(many(SCHEMA_DECLARATIONS_MAX + 1))).toContain('declarations');
  });
});
