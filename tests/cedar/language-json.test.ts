/** Cedar's JSON policy format: what is read, what it means, and the sets made of it; cedar-wasm decides. */
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import {
  type Policy,
  parseJson,
  policiesOf,
  policyFromJson,
  policySetFromJson,
  policySetToJson,
  policyToJson,
  printPolicy,
  stringifyJson,
} from '@sealrail/cedar';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Dice } from './dice.ts';
import { exactInteger, type Json, parseExact } from './exact-json.ts';
import { policyOrTemplate } from './language-trees.ts';
import { mutateJson } from './mutate-json.ts';

const toText = (policy: Policy): string => stringifyJson(policyToJson(policy));

/** The text that Cedar makes of it, and whether it can read that text itself. */
function askCedar(json: Json): { readonly text: string; readonly isText: boolean } | undefined {
  const policy = json as unknown as wasm.Policy;
  for (const ask of [wasm.policyToText, wasm.templateToText]) {
    try {
      const answer = ask(policy);
      if (answer.type === 'success') {
        return {
          text: answer.text,
          isText: wasm.policySetTextToParts(answer.text).type === 'success',
        };
      }
    } catch {
      // It panics over a method that is called on nothing.
    }
  }
  return undefined;
}

function check(json: Json): boolean {
  const text = JSON.stringify(json);
  const parsed = parseJson(text);
  const ours = parsed.ok ? policyFromJson(parsed.value) : parsed;
  const cedar = askCedar(json);
  const isTaken = cedar?.isText === true && !isSerdeList(ours);
  expect(ours.ok, `${text}\n${cedar?.text}\n${ours.ok ? '' : JSON.stringify(ours.errors)}`).toBe(
    isTaken,
  );
  if (ours.ok && cedar) expect(meaningOf(printPolicy(ours.policy))).toEqual(meaningOf(cedar.text));
  return ours.ok;
}

/** Rust's reader takes a list of an object's members for the object, which no format describes. */
const isSerdeList = (ours: { ok: boolean; errors?: readonly { message: string }[] }): boolean =>
  ours.errors?.[0]?.message === 'expected an object, found a list';

function meaningOf(text: string): unknown {
  const policy = wasm.policyToJson(text);
  return policy.type === 'success' ? policy.json : wasm.templateToJson(text);
}

const base = (change: object): Json => ({
  effect: 'permit',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [],
  ...change,
});
const when = (body: Json): Json => base({ conditions: [{ kind: 'when', body }] });
const value = (json: Json): Json => when({ Value: json });
const one = { Value: 1 };
const uid = { type: 'U', id: 'a' };
const act = { type: 'Action', id: 'a' };

const ROWS: readonly Json[] = [
  ...[{ x: 1 }, { annotations: { a: null, b: 'x' } }, { annotations: { a: 1 } }].map(base),
  ...[{ annotations: { 'a b': 'x' } }, { annotations: { if: 'x', __cedar: '' } }].map(base),
  ...[{ annotations: null }, { effect: 'Permit' }, { effect: null }].map(base),
  ...[{ op: 'all' }, { op: 'All', x: 1 }, { op: 'any' }, {}, null, { op: 'in', entities: [] }].map(
    (principal) => base({ principal }),
  ),
  ...[uid, { __entity: uid }, { ...uid, x: 1 }, { __entity: { ...uid, x: 1 } }, 'U::"a"', null].map(
    (entity) => base({ principal: { op: '==', entity } }),
  ),
  ...[{ __expr: 'U::"a"' }, { ...uid, __expr: 'a' }, { ...uid, __expr: 1 }, { type: 'U' }, {}].map(
    (entity) => base({ principal: { op: 'in', entity } }),
  ),
  ...['U ', 'A :: U', 'A::U', 'if', '__cedar::A', '', 'principal', 'A//x\n', 'A::', '1', 'é'].map(
    (type) => base({ resource: { op: '==', entity: { type, id: '\0' } } }),
  ),
  ...['?principal', '?resource', '?x', 'principal', null].map((slot) =>
    base({ principal: { op: '==', slot } }),
  ),
  base({ principal: { op: '==', slot: '?principal', entity: uid } }),
  ...[{ entity_type: 'U' }, { entity_type: 'U', in: null }, { entity_type: 'U::' }, {}].map((is) =>
    base({ resource: { op: 'is', ...is } }),
  ),
  ...[{ entity: uid }, { slot: '?resource' }, { slot: '?principal' }, { entity: uid, x: 1 }, 1].map(
    (inside) => base({ resource: { op: 'is', entity_type: 'U', in: inside } }),
  ),
  base({ resource: { op: 'is', entity_type: 'U', x: 1 } }),
  ...[
    { op: '==', entity: uid },
    { op: '==', entity: act },
    { op: 'in', entity: act },
  ].map((action) => base({ action })),
  ...[
    { op: 'in', entities: [act, { __entity: act }] },
    { op: 'in', entities: [] },
  ].map((action) => base({ action })),
  ...[
    { op: 'in', entities: [uid] },
    { op: 'in', entities: [], entity: act },
  ].map((action) => base({ action })),
  ...[{ op: 'in', entities: [], x: 1 }, { op: '==', slot: '?principal' }, { op: 'is' }].map(
    (action) => base({ action }),
  ),
  ...[{ kind: 'While', body: one }, { kind: 'when', body: one, x: 1 }, { kind: 'when' }, null].map(
    (condition) => base({ conditions: [condition] }),
  ),
  ...[[1, { a: true, b: [{ __entity: uid }] }], null, 1.5, { __expr: '1' }, { a: null }, {}].map(
    value,
  ),
  ...[2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 53n + 1n].map((integer) =>
    value(exactInteger(integer)),
  ),
  ...[{ __entity: uid, x: 1 }, { __entity: { ...uid, y: 1 } }, { __entity: { type: 'U' } }].map(
    value,
  ),
  ...[{ __entity: 'U::"a"' }, { __expr: 1 }, { __expr: '1', a: 1 }, { fn: 'ip', arg: '1' }].map(
    value,
  ),
  ...[
    { fn: 'ip', arg: '1' },
    { fn: 'decimal', args: ['1', '2'] },
    { fn: 'decimal', args: [] },
  ].map((extn) => value({ __extn: extn })),
  ...[{ fn: 'foo', arg: '1' }, { fn: 'contains', args: ['1', '2'] }, { fn: 'ip' }, { fn: 1 }].map(
    (extn) => value({ __extn: extn }),
  ),
  ...[
    { fn: 'isIpv4', args: [] },
    { fn: 'isIpv4', arg: 'a' },
    { fn: 'ip', arg: '1', args: [] },
  ].map((extn) => value({ __extn: extn })),
  value({ __extn: { fn: 'ip', arg: '1' }, z: 1 }),
  ...[{ Var: 'principal' }, { Var: 'foo' }, { Slot: '?principal' }, { Slot: '?x' }, {}, null].map(
    when,
  ),
  ...[{ '!': { arg: one } }, { '!': { arg: one, x: 1 } }, { '!': one }, { neg: { arg: one } }].map(
    when,
  ),
  ...[{ '==': { left: one } }, { '==': { left: one, right: one, z: 1 } }, { '==': [one, one] }].map(
    when,
  ),
  ...[
    { '-': { left: one, right: one } },
    { '-': { arg: one } },
    { '/': { left: one, right: one } },
  ].map(when),
  { ...(when(one) as object), conditions: [{ kind: 'when', body: { ...one, Var: 'action' } }] },
  ...[['a', 'b'], ['a'], [], ['if'], 'if', ['a b'], ['a', '__cedar'], ['a', 1], 'a b', 1].map(
    (attr) => when({ has: { left: one, attr } }),
  ),
  ...['__cedar', '', 'a b', 1].map((attr) => when({ '.': { left: one, attr } })),
  ...[
    [{ Literal: 'ab*' }, 'Wildcard', { Literal: '' }, 'Wildcard'],
    'a*',
    [],
    ['Literal'],
    [1],
  ].map((pattern) => when({ like: { left: one, pattern } })),
  ...[{ entity_type: 'U' }, { entity_type: 'U', in: one }, { entity_type: ' U' }, {}].map((is) =>
    when({ is: { left: one, ...is } }),
  ),
  ...[{ Set: [one, one] }, { Set: [1] }, { Record: { '': one, if: one, __entity: one } }].map(when),
  ...[{ Record: [one] }, { ip: [one] }, { ip: [] }, { ip: [one, one] }, { ip: { arg: one } }].map(
    when,
  ),
  ...[{ isIpv4: [] }, { isIpv4: [one, one, one] }, { contains: { left: one, right: one } }].map(
    when,
  ),
  ...[{ contains: [one, one] }, { isEmpty: { arg: one } }, { isEmpty: { left: one } }].map(when),
  ...[{ 'A::ip': [one] }, { toString: [one] }, { __proto__: one }, { constructor: [one] }].map(
    when,
  ),
];

describe('a policy as JSON is taken when Cedar takes it, and means the same', () => {
  test.each(ROWS.map((json) => [JSON.stringify(json), json] as const))('%s', (_, json) => {
    check(json);
  });

  test('and so it is when the JSON is damaged', () => {
    const samples = fc
      .sample(policyOrTemplate, { numRuns: 200, seed: 1 })
      .map((policy) => parseExact(toText(policy)));
    let taken = 0;
    for (let seed = 0; seed < RUNS; seed++) {
      const dice = new Dice(seed);
      if (check(mutateJson(dice, dice.pick(samples), WORDS))) taken++;
    }
    expect(taken).toBeGreaterThan(RUNS / 20);
    expect(taken).toBeLessThan(RUNS);
  });
});

test('JSON as deep as can be is an error and never an overflow', () => {
  const wraps: readonly ((inner: Json) => Json)[] = [
    (inner) => ({ '!': { arg: inner } }),
    (inner) => ({ '&&': { left: inner, right: one } }),
    (inner) => ({ '&&': { left: one, right: inner } }),
    (inner) => ({ Set: [inner] }),
    (inner) => ({ Record: { a: inner } }),
    (inner) => ({ ip: [inner] }),
    (inner) => ({ isIpv4: [inner] }),
    (inner) => ({ is: { left: one, entity_type: 'U', in: inner } }),
    (inner) => ({
      'if-then-else': Object.fromEntries(
        Object.entries({ if: inner, else: one }).concat([['then', one]]),
      ),
    }),
  ];
  for (const wrap of wraps) {
    let body: Json = one;
    for (let depth = 0; depth < 30_000; depth++) body = wrap(body);
    const read = policyFromJson(when(body));
    expect(read.ok ? '' : read.errors[0]!.message).toMatch(/deep|nested/);
  }
  let plain: Json = 1;
  for (let depth = 0; depth < 50_000; depth++) plain = [plain];
  expect(policyFromJson(value(plain)).ok).toBe(false);
});

const RUNS = Number(process.env.SEALRAIL_RUNS ?? 2_000);
const WORDS = [
  ...['effect', 'principal', 'action', 'resource', 'conditions', 'annotations', 'op', 'All', '=='],
  ...['in', 'is', 'entity', 'entities', 'slot', '?principal', '?resource', 'entity_type', 'when'],
  ...['unless', 'kind', 'body', 'Value', 'Var', 'Slot', '!', 'neg', '&&', 'left', 'right', 'arg'],
  ...[
    '.',
    'has',
    'attr',
    'like',
    'pattern',
    'Literal',
    'if-then-else',
    'if',
    'then',
    'else',
    'Set',
  ],
  ...[
    'Record',
    'ip',
    'isIpv4',
    'contains',
    'isEmpty',
    '__entity',
    '__extn',
    '__expr',
    'fn',
    'args',
  ],
  ...['type', 'id', 'a', 'A::B', 'a b', '__cedar', 'permit', 'forbid', 'context', 'Action'],
];

const permit = 'permit (principal, action, resource);';
const template = 'permit (principal == ?principal, action, resource in ?resource);';
const half = 'permit (principal == ?principal, action, resource);';
const link = (values: object, ids: object = {}): Json =>
  ({ templateId: 't', newId: 'x', values, ...ids }) as Json;

const SETS: readonly Json[] = [
  ...[{}, { foo: 1 }, { staticPolicies: null }, { staticPolicies: { a: permit, b: permit } }],
  ...[{ staticPolicies: { a: permit + permit } }, { staticPolicies: { a: template } }],
  ...[{ staticPolicies: { a: '' } }, { staticPolicies: { a: base({}) } }],
  ...[{ templates: { t: template } }, { templates: { t: permit } }, { templates: { t: 1 } }],
  ...[{ staticPolicies: { t: permit }, templates: { t: half } }],
  ...[{ '?principal': uid, '?resource': uid }, { '?principal': uid }, {}, { principal: uid }].map(
    (values) => ({ templates: { t: template }, templateLinks: [link(values)] }),
  ),
  ...[{ '?principal': uid, '?resource': uid }, { '?principal': { __entity: uid } }].map(
    (values) => ({
      templates: { t: half },
      templateLinks: [link(values)],
    }),
  ),
  ...[{ templateId: 'u' }, { newId: 't' }, { newId: 's' }, { y: 1 }].map((ids) => ({
    staticPolicies: { s: permit },
    templates: { t: half },
    templateLinks: [link({ '?principal': uid }, ids)],
  })),
  {
    templates: { t: half },
    templateLinks: [link({ '?principal': uid }), link({ '?principal': uid })],
  },
  { staticPolicies: { s: permit }, templateLinks: [link({}, { templateId: 's' })] },
];

describe('a policy set as JSON is taken when Cedar takes it', () => {
  test.each(SETS.map((json) => [JSON.stringify(json), json] as const))('%s', (_, json) => {
    const ours = policySetFromJson(json);
    let isTaken: boolean;
    try {
      isTaken = wasm.checkParsePolicySet(json as wasm.PolicySet).type === 'success';
    } catch {
      isTaken = false;
    }
    expect(ours.ok, ours.ok ? '' : JSON.stringify(ours.errors)).toBe(isTaken);
    if (ours.ok) {
      const again = policySetFromJson(policySetToJson(ours.set));
      expect(again.ok && policiesOf(again.set).map(({ id }) => id)).toEqual(
        policiesOf(ours.set).map(({ id }) => id),
      );
    }
  });
});
