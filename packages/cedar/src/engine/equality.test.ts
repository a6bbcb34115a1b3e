/** Equality of values and of sets, held against the plainest definition of both. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decimal } from '../extension/decimal.ts';
import { Duration } from '../extension/duration.ts';
import { type CedarSet, EntityUid, type Value } from '../value.ts';
import { equalValues, hasAll, hasAny, hasElement, ValueSet } from './equality.ts';
import { isRecord, isSet } from './type.ts';

const plenty = () => ({ steps: 1_000_000 });
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Value>(0, 1, 1n, 2n ** 60n, true, false, 'a', '1', ''),
    fc.constantFrom<Value>(
      new EntityUid('T', 'a'),
      new EntityUid('T', 'b'),
      new EntityUid('a', 'T'),
    ),
    fc.constantFrom<Value>(new Decimal(1), new Duration(1), new Duration(1n)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor'), tie('value'), {
      maxKeys: 3,
    }),
  ),
}));

/** As one would say it. */
function same(left: Value, right: Value): boolean {
  if (isSet(left) && isSet(right)) {
    const within = (these: CedarSet, those: CedarSet) =>
      these.every((one) => those.some((other) => same(one, other)));
    return within(left, right) && within(right, left);
  }
  if (isSet(left) || isSet(right)) return false;
  if (left instanceof EntityUid || right instanceof EntityUid) {
    return left instanceof EntityUid && right instanceof EntityUid
      ? left.type === right.type && left.id === right.id
      : false;
  }
  if (isRecord(left) && isRecord(right)) {
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && same(left[name]!, right[name]!))
    );
  }
  if (isRecord(left) || isRecord(right)) return false;
  const written = (atom: Value) =>
    typeof atom === 'object' ? `${atom.constructor.name} ${atom}` : `${typeof atom} ${atom}`;
  return written(left).replace(/^bigint/, 'number') === written(right).replace(/^bigint/, 'number');
}

/** Longer than what is gone through one by one, so that hashing gives the same. */
const padding = Array.from({ length: 40 }, (_, at) => `padding ${at}`);

describe('values', () => {
  test('are equal when they say the same, sets whatever their order and repetition', () => {
    fc.assert(
      fc.property(value, value, (left, right) => {
        const expected = same(left, right);
        expect(equalValues(left, right, plenty())).toBe(expected);
        expect(equalValues(right, left, plenty())).toBe(expected);
        expect(equalValues(left, structuredCloneOf(left), plenty())).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('nested 200 sets deep are compared in that many steps, not in two to that power', () => {
    const nested = (depth: number): Value => (depth === 0 ? 'x' : [nested(depth - 1)]);
    const budget = plenty();
    expect(equalValues(nested(200), nested(200), budget)).toBe(true);
    expect(budget.steps).toBeGreaterThan(990_000);
  });
});

describe('sets', () => {
  const sets = fc.tuple(
    fc.array(value, { maxLength: 6 }),
    fc.array(value, { maxLength: 6 }),
    value,
  );

  test('short and long ones have, and are equal to, what they say', () => {
    fc.assert(
      fc.property(sets, fc.boolean(), ([left, right, element], long) => {
        const one = long ? [...padding, ...left] : left;
        const other = long ? [...right, ...padding.toReversed(), 'padding 1'] : right;
        const has = one.some((each) => same(each, element));
        expect(hasElement(one, element, plenty())).toBe(has);
        expect(new ValueSet(one).has(element, plenty())).toBe(has);
        expect(equalValues(one, other, plenty())).toBe(same(one, other));
        const found = other.map((wanted) => one.some((each) => same(each, wanted)));
        expect(hasAll(one, other, plenty())).toBe(found.every(Boolean));
        expect(hasAny(one, other, plenty())).toBe(found.some(Boolean));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Equal and not identical, down to the atoms. */
function structuredCloneOf(original: Value): Value {
  if (isSet(original)) return original.map(structuredCloneOf);
  if (original instanceof EntityUid) return new EntityUid(original.type, original.id);
  if (!isRecord(original)) return original;
  const copy = { ...original };
  for (const name of Object.keys(copy)) {
    Object.defineProperty(copy, name, { value: structuredCloneOf(copy[name]!), enumerable: true });
  }
  return copy;
}
