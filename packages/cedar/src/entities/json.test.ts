/** The JSON forms of values and entities, held against what Cedar makes of the same JSON. */
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalValues } from '../engine/equality.ts';
import { CedarError } from '../engine/error.ts';
import { type Json, parseJson } from '../json/json.ts';
import { parseSchema } from '../schema/parse.ts';
import { resolveSchema } from '../schema/resolve.ts';
import { EntityUid, type Value } from '../value.ts';
import {
  entitiesFromJson,
  recordFromJson,
  uidFromJson,
  VALUE_JSON_DEPTH_MAX,
  valueFromJson,
} from './from-json.ts';
import { entitiesToJson, valueToJson } from './to-json.ts';

const user = { type: 'U', id: 'a' };
const ip = { fn: 'ip', arg: '1.1.1.1' };
const extn = (fn: string, ...args: readonly Json[]): Json => ({ __extn: { fn, args } });

describe('a value in a context', () => {
  const forms: readonly (readonly [string, Json])[] = [
    ['null', null],
    ['a fraction', 1.5],
    ['too large', 1e30],
    ['an entity', { __entity: user }],
    ['an entity with a member more', { __entity: { ...user, more: 1 } }],
    ['an entity with a fraction more', { __entity: { ...user, more: 1.5 } }],
    ['an escape that is not alone', { __entity: user, more: 1 }],
    ['an escape without an id', { __entity: { type: 'U' } }],
    ['an escape of text', { __entity: 'U::"a"' }],
    ['a type that is no name', { __entity: { type: 'U U', id: 'a' } }],
    ['a type with blanks', { __entity: { type: 'A :: B', id: 'a' } }],
    ['a type in a namespace', { __entity: { type: 'A::B', id: 'a' } }],
    ['a reserved type', { __entity: { type: 'in', id: 'a' } }],
    ['a type of Cedar', { __entity: { type: '__cedar', id: 'a' } }],
    ['an extension value', { __extn: ip }],
    ['arguments', extn('ip', '1.1.1.1')],
    ['two arguments too many', extn('ip', '1.1.1.1', '1', '2')],
    ['a method', extn('offset', extn('datetime', '2024-01-01'), extn('duration', '1d'))],
    ['a method that gives a bool', extn('isIpv4', { __extn: ip })],
    ['a constructor of a constructor', extn('ip', { __extn: ip })],
    ['a constructor of a number', extn('decimal', 1)],
    ['text that is no address', extn('ip', 'x')],
    ['no such function', extn('nope', 'x')],
    ['a function that is a name of Object', extn('constructor', 'x')],
    ['an escape of nothing', { __extn: 5 }],
    ['the old escape', { __expr: '1 + 1' }],
    ['the old escape with no text', { __expr: 1 }],
    ['what looks like an entity', user],
    ['what looks like an extension value', ip],
    ['mixed elements', [1, 1, 'a', [], {}]],
    ['nested records', { a: { b: [{ c: true }] } }],
    ['null inside', { a: [{ b: null }] }],
  ];

  test.each(forms)('%s: taken or refused as Cedar does', (_name, form) => {
    const theirs = isAuthorized({
      principal: user,
      action: { type: 'Action', id: 'a' },
      resource: user,
      context: { form } as unknown as Record<string, never>,
      policies: { staticPolicies: '' },
      entities: [{ uid: user, attrs: { form } as unknown as Record<string, never>, parents: [] }],
    });
    const ours = () => [
      recordFromJson({ form }),
      entitiesFromJson([{ uid: user, attrs: { form }, parents: [] }]),
    ];
    if (theirs.type === 'success') expect(ours).not.toThrow();
    else expect(ours).toThrow(CedarError);
  });

  test('a context that is no record is refused', () => {
    for (const json of [[], 1, null, 'x', { __entity: user }, { __extn: ip }]) {
      expect(() => recordFromJson(json)).toThrow(CedarError);
    }
  });

  test('every digit of a Long is kept', () => {
    const parsed = parseJson('{"n": 9223372036854775807, "m": -9223372036854775808, "s": 7}');
    const value = recordFromJson(parsed.ok ? parsed.value : null);
    expect(value).toEqual({ n: 2n ** 63n - 1n, m: -(2n ** 63n), s: 7 });
    expect(() => valueFromJson(2n ** 63n)).toThrow(/64-bit/);
    expect(valueFromJson(5n)).toBe(5);
  });

  test('`__proto__` and `constructor` are names like others', () => {
    const parsed = parseJson(
      '{"__proto__": {"__entity": {"type": "U", "id": "a"}}, "constructor": 1}',
    );
    const value = recordFromJson(parsed.ok ? parsed.value : null);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.entries(value)).toEqual([
      ['__proto__', new EntityUid('U', 'a')],
      ['constructor', 1],
    ]);
  });

  test('nesting up to the bound is taken, and one more refused', () => {
    const nested = (depth: number): Json => {
      let json: Json = 1;
      for (let level = 0; level < depth; level++) json = level % 2 ? [json] : { a: json };
      return json;
    };
    expect(() => valueFromJson(nested(VALUE_JSON_DEPTH_MAX + 1))).not.toThrow();
    expect(() => valueFromJson(nested(VALUE_JSON_DEPTH_MAX + 2))).toThrow(/deep/);
    expect(() => valueFromJson(nested(50_000))).toThrow(/deep/);
  });

  test('JSON that holds escapes is not changed by reading it', () => {
    const json = Object.freeze({ a: Object.freeze([Object.freeze({ __entity: user })]), b: 1 });
    expect(recordFromJson(json)).toEqual({ a: [new EntityUid('U', 'a')], b: 1 });
  });
});

describe('an entity', () => {
  test('needs a uid in one of two forms, attributes and parents', () => {
    const whole = { uid: user, attrs: {}, parents: [] };
    expect(entitiesFromJson([{ ...whole, uid: { __entity: user }, more: 1 }])).toHaveLength(1);
    for (const wrong of [
      { attrs: {}, parents: [] },
      { uid: user, parents: [] },
      { uid: user, attrs: {} },
      { ...whole, uid: 'U::"a"' },
      { ...whole, uid: { type: 'U', id: 1 } },
      { ...whole, attrs: [] },
      { ...whole, tags: 1 },
      { ...whole, parents: ['x'] },
      { uid: { type: 'N::Action', id: 'a' }, attrs: {}, parents: [user] },
    ]) {
      expect(() => entitiesFromJson([wrong])).toThrow(CedarError);
    }
    expect(() => uidFromJson(null)).toThrow(CedarError);
    expect(() => entitiesFromJson({})).toThrow(CedarError);
  });

  test('by a schema, entities and extension values may leave their escapes out', () => {
    const schema = resolveSchema(
      parseSchema(`
        entity U { boss?: U, at?: ipaddr, seen?: Set<U>, deep?: { when: datetime } } tags decimal;
        action a appliesTo { principal: U, resource: U, context: { by: U, for: duration } };
      `),
    );
    const [entity] = entitiesFromJson(
      [
        {
          uid: user,
          parents: [],
          attrs: { boss: user, at: '::1', seen: [user], deep: { when: ['fn'] } },
          tags: { t: '1.5', u: { fn: 'decimal', arg: '2.0' } },
        },
      ],
      schema,
    );
    expect(entity?.attrs.boss).toEqual(new EntityUid('U', 'a'));
    expect(entity?.attrs.seen).toEqual([new EntityUid('U', 'a')]);
    expect(String(entity?.attrs.at)).toBe('0:0:0:0:0:0:0:1/128');
    expect(entity?.attrs.deep).toEqual({ when: ['fn'] });
    expect(String(entity?.tags?.t)).toBe('1.5000');
    expect(String(entity?.tags?.u)).toBe('2.0000');
    const context = schema.actions.get('Action')?.get('a')?.context;
    expect(recordFromJson({ by: user, for: '1d' }, context).by).toEqual(new EntityUid('U', 'a'));
    expect(() => recordFromJson({ by: user, for: 'x' }, context)).toThrow(/duration/);
  });
});

describe('written out and read back', () => {
  const leaf: fc.Arbitrary<Value> = fc.oneof(
    fc.boolean(),
    fc.string(),
    fc.maxSafeInteger(),
    fc.constantFrom<Value>(2n ** 63n - 1n, -(2n ** 63n), new EntityUid('A::B', '"')),
    fc
      .constantFrom<Json>(
        { __extn: ip },
        extn('decimal', '-0.5'),
        extn('duration', '-1d'),
        extn('datetime', '0000-01-01'),
        extn('offset', extn('datetime', '9999-12-31'), extn('duration', '9000000d')),
      )
      .map((json) => valueFromJson(json)),
  );
  const { value } = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
    ),
  }));
  const unsayable = /"__(entity|extn|expr)"/;

  test('a value is the same', () => {
    fc.assert(
      fc.property(value, (before) => {
        const json = valueToJson(before);
        fc.pre(!unsayable.test(String(Object.keys(Object(before)))));
        expect(equalValues(valueFromJson(json), before, { steps: 1e6 })).toBe(true);
      }),
    );
  });

  test('entities are the same, and a record that would be read as an escape is refused', () => {
    const json: Json = [
      {
        uid: user,
        attrs: { a: { __extn: { fn: 'ip', arg: '1.1.1.1/32' } } },
        parents: [],
        tags: { t: 1 },
      },
      { uid: { type: 'V', id: '' }, attrs: {}, parents: [user] },
    ];
    expect(entitiesToJson(entitiesFromJson(json))).toEqual([
      { ...(json[0] as object), attrs: { a: { __extn: { fn: 'ip', arg: '1.1.1.1/32' } } } },
      json[1],
    ]);
    expect(() => valueToJson({ __entity: 1 })).toThrow(CedarError);
  });
});
