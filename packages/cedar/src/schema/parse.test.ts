import { schemaToJson as oracle } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { parseSchema } from './parse.ts';
import { resolveSchema } from './resolve.ts';
import {
  SCHEMA_DECLARATIONS_MAX,
  SCHEMA_TEXT_LENGTH_MAX,
  SCHEMA_TOKENS_MAX,
  SchemaError,
  TYPE_DEPTH_MAX,
} from './schema-error.ts';
import { schemaToJson } from './to-json.ts';

/** What is wrong with a schema, or undefined; nothing but SchemaError may come out. */
function problemOf(text: string): SchemaError | undefined {
  try {
    resolveSchema(parseSchema(text));
    return undefined;
  } catch (error) {
    if (error instanceof SchemaError) return error;
    throw error;
  }
}

/** Every one is judged by Cedar itself: accepted or refused alike, and equal as JSON. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  'declarations and punctuation': [
    '',
    '// nothing\n',
    'entity A;;',
    'entity A',
    'entity A, B, C;',
    'entity A = { a?: Long } tags Set<Long>;',
    'entity A = {a: Long};',
    'entity A {a: Long};',
    'entity A {} tags {a: Long};',
    'entity A tags A;',
    'entity A = Long;',
    'entity A =;',
    'entity A { a: Long, };',
    'entity A { a: Long,, };',
    'entity A { , };',
    'entity A { a: Long b: Long};',
    'entity A { a: Long, a: String };',
    'entity A in B,; entity B;',
    'entity A in [B,]; entity B;',
    'entity A in []; entity B;',
    'entity A in [B, B] {}; entity B;',
    'entity A in B tags Long; entity B;',
    'entity A tags Long in B; entity B;',
    'entity A enum ["a","a"];',
    'entity A, B enum ["a", "b"];',
    'entity A enum [];',
    'entity A enum ["a",];',
    'entity A enum [a];',
    'entity A enum ["a"] tags Long;',
    'entity tags tags Long; entity enum enum ["a"];',
    'namespace A {} namespace B::C { entity D; }',
    'namespace A { namespace B {} }',
    'namespace {}',
    'action a, "b c" in ["x", Action::"y", z]; action x, y, z;',
    'action a in b; action b;',
    'action a in []; action b;',
    'action a in [b::c];',
    'action a in Action::b; action b;',
    'action a attributes {};',
    'action a attributes { x: Long };',
    'action a appliesTo { principal: P, resource: [P, P], context: {} };entity P;',
    'action a appliesTo { context: { x: Long }, resource: P, principal: P, };entity P;',
    'action a appliesTo { principal: P, resource: P } attributes {};entity P;',
    'action a appliesTo { principal: P, resource: P } in b;entity P; action b;',
    'action a appliesTo { principal: P, resource: P context: {} };entity P;',
    'action a appliesTo { principal: P };entity P;',
    'action a appliesTo { resource: P };entity P;',
    'action a appliesTo { principal: [], resource: P };entity P;',
    'action a appliesTo { principal: P, principal: P, resource: P };entity P;',
    'action a appliesTo { principal: P, resource: P, context: {}, context: {} };entity P;',
    'action a appliesTo { };',
    'action a appliesTo { principal: P, resource: P, context: Set<Long> };entity P;',
    'type A = Set<Set<Long>>;',
    'type A = Set<Long;',
    'type A = Set;',
    'entity Set; entity B { a: Set, b: Set<Set> };',
    'type A = {a?: {b?: Long}};',
    'type A;',
    'type A, B = Long;',
  ],
  annotations: [
    '@doc("x") @doc("y") entity A;',
    '@doc entity A { @x @if("1") a: Long };',
    '@a entity A; @b namespace X { @c action q; @d type T=Long;}',
    '@__cedar entity A;',
    '@a() entity A;',
    '@"a" entity A;',
    '@a',
    'entity A { @a @a b: Long };',
  ],
  'names that are taken': [
    'entity if;',
    'entity in;',
    'entity __cedar;',
    'entity A { __cedar: Long, "if": Long };',
    'entity A { if: Long };',
    'action in;',
    'action "in", __cedar;',
    'namespace __cedar {}',
    'namespace A::__cedar {}',
    'namespace if {}',
    'entity Action;',
    'namespace N { entity Action; }',
    'type Action = Long; entity A { a: Action }; action b;',
    'type Long = String;',
    'type Record = Long;',
    'type Boolean = Long;',
    'type Set = Long;',
    'entity Long;',
    'entity String; entity B {a: String, b: __cedar::String};',
    'entity ipaddr; entity X {a: ipaddr, b: __cedar::ipaddr};',
    'type decimal = Long; entity A {d: decimal};',
    'namespace N { type ipaddr = Long; entity A {d: ipaddr}; }',
    'entity Boolean {a: Boolean};',
    'entity A {a: Boolean};',
    'type principal = Long; entity resource { context: principal, type: Long, namespace: Long };',
  ],
  'declared twice': [
    'entity A, A;',
    'entity A; entity A;',
    'type T=Long; type T=Long;',
    'action a, "a";',
    'namespace A {} namespace A {}',
    'entity A; namespace N {} entity A;',
    'entity A; type A = Long;',
    'entity A; type A = Long; entity B in A { a: A };',
  ],
  'what names mean': [
    'entity A {a: B::C};',
    'namespace A::B { entity C; } namespace A { entity D {c: B::C}; }',
    'namespace A::B { entity C; } namespace A { entity D {c: A::B::C}; }',
    'namespace A { entity B; } entity B;',
    'namespace A { type B = Long; } entity B;',
    'namespace A { entity B; } type B = Long;',
    'namespace A::A { entity A; } entity A;',
    'action a; namespace X { action a; }',
    'namespace X { entity A; action p; } namespace Y { entity A; action p; entity B in [X::A]; action q in [X::Action::"p"]; }',
    'namespace N { type T = Long; entity T2; } type T3 = N::T; type T4 = N::T2; entity Q {a: T3, b: T4};',
    'entity A { a: __cedar::Long, b: __cedar::ipaddr, c: __cedar::Foo };',
    'entity A { a: __cedar };',
    'entity A {a: Action}; action x;',
    'entity A {a: Action};',
    'entity A in [Action]; action x;',
    'action x appliesTo {principal: Action, resource: Action};',
    'namespace N {entity A {a: Action}; action y;} action x;',
    'type T = A; entity A in [T];',
    'action x appliesTo {principal: T, resource: A}; type T = A; entity A;',
    'action x appliesTo {principal: A, resource: A, context: A}; entity A;',
    'action x appliesTo {principal: A, resource: A, context: T}; entity A; type T = Long;',
    'action x appliesTo {principal: A, resource: A, context: T}; entity A; type T = { a: U }; type U = A;',
    'action q in [Foo::"z"]; action z;',
    'action q in [Q::"z"]; action z; entity Q;',
    'namespace N { action q in ["z"];} action z;',
    'namespace N { action q in [Action::"z", N::Action::"y"]; action y, z;}',
  ],
  circles: [
    'type A = B; type B = A;',
    'type A = {a: A};',
    'type A = Set<B>; type B = {x?: A};',
    'type A = {b: B, c: B}; type B = {c: C}; type C = {};',
    'entity A in A { a: A };',
    'action a in b; action b in a;',
    'action a in a;',
    'action a in [b, c]; action b in d; action c in d; action d;',
  ],
  characters: [
    'entity A { "a\rb": Long };',
    'entity A { "a\nb": Long };',
    'entity A { "a\\\nb": Long };',
    'entity A { "\\u{00_41}": Long };',
    'entity A { "\\u{_41}": Long };',
    'entity A { "\\u{0000041}": Long };',
    'entity A { "\\u{d800}": Long };',
    'entity A { "\\u{110000}": Long };',
    'entity A { "\\u{}": Long };',
    'entity A { "\\x41\\x7f": Long };',
    'entity A { "\\x80": Long };',
    'entity A { "\\n\\r\\t\\0\\\\\\\'\\"": Long };',
    'entity A { "\\*": Long };',
    'entity A { "\\q": Long };',
    'entity A { "": Long, "__proto__": Long, constructor: Long };',
    'entity A { "é😀": Long };',
    'entity A { "a: Long };',
    'entity\u00a0A;',
    'entity\u2028A;',
    'entity\u0085A;',
    'entity\ufeffA;',
    '// x\rentity A;',
    'entity é;',
    'entity A /* c */;',
    'entity A; // "',
    'entity A { 1: Long };',
    '/',
    '"',
  ],
};

describe('a schema is read exactly as Cedar reads it', () => {
  for (const [about, texts] of Object.entries(TEXTS)) {
    test(about, () => {
      for (const text of texts) {
        const answer = oracle(text);
        const problem = problemOf(text);
        expect(problem === undefined, `${text}\n${problem?.message}`).toBe(
          answer.type === 'success',
        );
        if (answer.type === 'success') expect(schemaToJson(parseSchema(text))).toEqual(answer.json);
      }
    });
  }
});

describe('whoever wrote a broken schema is told where and why', () => {
  test.each([
    [
      'entity A\nentity B;',
      2,
      1,
      'expected `tags`, `=`, `{`, `,`, `enum`, `in`, `;`, found `entity`',
    ],
    ['entity A {\n  a Long };', 2, 5, 'expected `:`, `?`, found `Long`'],
    ['entity A {\n  a: Lnog };', 2, 6, 'Lnog is not declared as a type: did you mean `Long`?'],
    ['entity Human;\nentity B in [Humna];', 2, 14, 'did you mean `Human`?'],
    ['action read;\naction x in ["raed"];', 2, 14, 'did you mean `read`?'],
    ['entity A; entity A;', 1, 18, 'A is declared twice'],
    ['entity A {"a\n\n": Long, %};', 3, 10, 'found `%`'],
    ['entity A "\\q";', 1, 10, 'is no escape'],
    ['type A = B; type B = Set<A>;', 1, 6, 'contains itself'],
  ])('%j', (text, line, column, message) => {
    const problem = problemOf(text);
    expect(problem?.position).toEqual({ line, column });
    expect(problem?.message).toContain(message);
  });

  test('half a surrogate pair has no UTF-8 that two places could agree on', () => {
    expect(problemOf('entity A enum ["\ud800"];')?.message).toContain('surrogate');
  });

  test('and an editor can offer what would have been right', () => {
    expect(problemOf('entity A in [B C];')?.expected).toEqual([',', ']']);
  });
});

describe('no schema stalls or exhausts whoever loads it', () => {
  const nested = (depth: number) => `type T = ${'Set<'.repeat(depth)}Long${'>'.repeat(depth)};`;
  const named = (depth: number) =>
    `type T0 = {};${Array.from({ length: depth - 1 }, (_, i) => `type T${i + 1} = Set<T${i}>;`).join('')}`;
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => `entity E${i} in E${(i + 1) % count};`).join('');

  test('types may nest as deep as the limit and no deeper', () => {
    expect(problemOf(nested(TYPE_DEPTH_MAX))).toBeUndefined();
    expect(problemOf(nested(TYPE_DEPTH_MAX + 1))?.message).toContain('deeper');
    expect(problemOf(nested(100_000))?.message).toContain('deeper');
  });

  test('depth that is built from common types counts too', () => {
    expect(problemOf(named(TYPE_DEPTH_MAX))).toBeUndefined();
    expect(problemOf(named(TYPE_DEPTH_MAX + 1))?.message).toContain('deeper');
  });

  test('a common type that doubles at every step stays small', () => {
    const doubling = Array.from(
      { length: 100 },
      (_, i) => `type T${i + 1} = {a: T${i}, b: T${i}};`,
    );
    expect(problemOf(`type T0 = {};${doubling.join('')}`)).toBeUndefined();
  });

  test('a chain of names as long as the schema neither overflows nor hangs', () => {
    const types = Array.from({ length: 10_000 }, (_, i) => `type T${i} = T${i + 1};`);
    expect(problemOf(`${types.join('')} type T10000 = Long;`)).toBeUndefined();
    const actions = Array.from({ length: 10_000 }, (_, i) => `action a${i} in a${i + 1};`);
    expect(problemOf(`${actions.join('')} action a10000;`)).toBeUndefined();
    expect(problemOf(`${actions.join('')} action a10000 in a0;`)?.message).toContain('ancestor');
  });

  test('there may be as many declarations as the limit and no more', () => {
    expect(problemOf(many(SCHEMA_DECLARATIONS_MAX))).toBeUndefined();
    expect(problemOf(many(SCHEMA_DECLARATIONS_MAX + 1))?.message).toContain('declarations');
  });

  test('text may have as many tokens as the limit and no more', () => {
    // `entity A enum ["", "", … ];` has six tokens beside two for each id.
    const ids = (count: number) => `entity A enum [${'"",'.repeat(count - 1)}""];`;
    expect(problemOf(ids((SCHEMA_TOKENS_MAX - 5) >> 1))).toBeUndefined();
    expect(problemOf(ids((SCHEMA_TOKENS_MAX - 3) >> 1))?.message).toContain('tokens');
  });

  test('text may be as long as the limit and no longer', () => {
    expect(problemOf(' '.repeat(SCHEMA_TEXT_LENGTH_MAX))).toBeUndefined();
    expect(problemOf(' '.repeat(SCHEMA_TEXT_LENGTH_MAX + 1))?.message).toContain('longer');
    const long = `entity A { "${'\\n'.repeat(SCHEMA_TEXT_LENGTH_MAX / 2 - 20)}": Long };`;
    expect(problemOf(long)).toBeUndefined();
  });
});
