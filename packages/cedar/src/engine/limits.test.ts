/** Hostile policies and values: the process answers, in time that the limits bound, and errs where it has to. */
import { describe, expect, test } from 'vitest';
import type { Expr, Policy } from '../ast.ts';
import { prepareEntities } from '../entities/entities.ts';
import { EntityUid, type Request, type Value } from '../value.ts';
import { type Answer, authorize, compilePolicies } from './authorize.ts';
import { compilePattern } from './like.ts';
import { EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, VALUE_DEPTH_MAX } from './limits.ts';

const at = 0;
const literal = (value: boolean | string | number): Expr => ({ kind: 'literal', value, at });
const context = (name: string): Expr => ({
  kind: 'attribute',
  object: { kind: 'variable', name: 'context', at },
  name,
  at,
});
const binary = (operator: '&&' | '||' | '==' | '+', left: Expr, right: Expr): Expr => ({
  kind: 'binary',
  operator,
  left,
  right,
  at,
});
const forbid = (body: Expr): Policy => ({
  effect: 'forbid',
  annotations: new Map(),
  principal: { kind: 'any' },
  action: { kind: 'any' },
  resource: { kind: 'any' },
  conditions: [{ kind: 'when', body }],
  start: 0,
  end: 0,
});

const user = new EntityUid('U', 'u');
const none = prepareEntities([]);
function ask(body: Expr, members: Record<string, Value> = {}): Answer {
  const request: Request = { principal: user, action: user, resource: user, context: members };
  return authorize(compilePolicies([{ id: 'p', policy: forbid(body) }]), request, none);
}
const outcome = ({ forbids, errors }: Answer): string =>
  errors[0]?.message ?? (forbids.length > 0 ? 'holds' : 'does not hold');

describe('depth', () => {
  /** `{a: {a: … true}}.a.a…` is no constant for long; `if` in a test nests without being flattened. */
  const nested = (depth: number): Expr => {
    let expr: Expr = context('b');
    for (let level = 1; level < depth; level++) {
      expr = { kind: 'if', test: expr, consequent: literal(true), alternate: literal(false), at };
    }
    return expr;
  };

  test('up to the bound is evaluated, and one more is an error of that policy', () => {
    expect(outcome(ask(nested(EXPRESSION_DEPTH_MAX - 1), { b: true }))).toBe('holds');
    expect(outcome(ask(nested(EXPRESSION_DEPTH_MAX + 1), { b: true }))).toMatch(/deep/);
  });

  test('5,000 deep is an error and no crash, of every operator that nests', () => {
    const wraps: readonly ((inner: Expr) => Expr)[] = [
      (operand) => ({ kind: 'negate', operand, at }),
      (inner) => binary('==', inner, literal(1)),
      (inner) => binary('+', literal(1), inner),
      (inner) => ({ kind: 'set', elements: [inner], at }),
      (inner) => ({ kind: 'record', members: [['a', inner]], at }),
      (operand) => ({ kind: 'is', operand, type: 'U', at }),
      (operand) => ({ kind: 'like', operand, pattern: ['a', ''], at }),
      (object) => ({ kind: 'has', object, path: ['a'], at }),
      (inner) => ({ kind: 'call', name: 'isEmpty', args: [inner], at }),
      (inner) => ({ kind: 'call', name: 'toDays', args: [inner], at }),
    ];
    for (const wrap of wraps) {
      let expr = context('b');
      for (let level = 0; level < 5_000; level++) expr = wrap(expr);
      expect(ask(binary('==', expr, literal(1)), { b: 1 }).errors).toHaveLength(1);
    }
  });

  test('is not what a long chain has', () => {
    const chain = (operator: '&&' | '||' | '+', left: boolean, operand: Expr): Expr => {
      let expr = operand;
      for (let length = 1; length < 10_000; length++) {
        expr = left ? binary(operator, expr, operand) : binary(operator, operand, expr);
      }
      return expr;
    };
    for (const left of [true, false]) {
      expect(outcome(ask(chain('&&', left, context('b')), { b: true }))).toBe('holds');
      expect(outcome(ask(chain('||', left, context('b')), { b: false }))).toBe('does not hold');
      expect(outcome(ask(chain('&&', left, context('b')), {}))).toMatch(/no attribute/);
    }
    const sum = binary('==', chain('+', true, context('n')), literal(10_000));
    expect(outcome(ask(sum, { n: 1 }))).toBe('holds');
    let path = context('a');
    for (let length = 1; length < 10_000; length++) {
      path = { kind: 'attribute', object: path, name: 'a', at };
    }
    expect(outcome(ask(path, { a: { a: { a: 1 } } }))).toMatch(/takes a record or entity/);
    let nots = context('b');
    for (let length = 0; length < 10_000; length++) nots = { kind: 'not', operand: nots, at };
    expect(outcome(ask(nots, { b: true }))).toBe('holds');
    let choice: Expr = literal(true);
    for (let length = 0; length < 10_000; length++) {
      choice = {
        kind: 'if',
        test: context('b'),
        consequent: literal(false),
        alternate: choice,
        at,
      };
    }
    expect(outcome(ask(choice, { b: false }))).toBe('holds');
  });

  test('of a branch that is not reached does not matter', () => {
    expect(outcome(ask(binary('&&', context('b'), nested(5_000)), { b: false }))).toBe(
      'does not hold',
    );
  });
});

describe('size', () => {
  const many = (count: number): Expr => ({
    kind: 'call',
    name: 'contains',
    args: [
      { kind: 'set', elements: Array.from({ length: count }, (_, n) => literal(n)), at },
      context('n'),
    ],
    at,
  });

  test('up to the bound is evaluated, and more is an error of that policy', () => {
    expect(outcome(ask(many(EXPRESSION_NODES_MAX - 10), { n: 5 }))).toBe('holds');
    expect(outcome(ask(many(EXPRESSION_NODES_MAX + 10), { n: 5 }))).toMatch(
      /operators and operands/,
    );
  });
});

describe('values', () => {
  const deep = (depth: number): Value => {
    let value: Value = 1;
    for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
    return value;
  };
  const same = binary('==', context('x'), context('y'));

  test('as deep as the bound are compared, and deeper ones are an error', () => {
    const bound = VALUE_DEPTH_MAX;
    expect(outcome(ask(same, { x: deep(bound), y: deep(bound) }))).toBe('holds');
    expect(outcome(ask(same, { x: deep(bound + 2), y: deep(bound + 2) }))).toMatch(/steps/);
    expect(outcome(ask(same, { x: deep(50_000), y: deep(50_000) }))).toMatch(/steps/);
  });

  test('of 100,000 elements are compared without going through their square', () => {
    const numbers = (from: number) =>
      Array.from({ length: 100_000 }, (_, n) => (from + n) % 100_000);
    expect(outcome(ask(same, { x: numbers(0), y: numbers(7) }))).toBe('holds');
    expect(outcome(ask(same, { x: numbers(0), y: [...numbers(1), -1] }))).toBe('does not hold');
  });

  test('that can only be compared one by one run out of steps instead of time', () => {
    const records = (more: number) => Array.from({ length: 20_000 }, (_, n) => ({ n: n + more }));
    const started = performance.now();
    expect(outcome(ask(same, { x: records(0), y: records(20_000) }))).toBe('does not hold');
    const all: Expr = { kind: 'call', name: 'containsAll', args: [context('x'), context('y')], at };
    expect(outcome(ask(all, { x: records(0), y: records(0).reverse() }))).toMatch(/steps/);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('that are no Cedar values are refused where they are read', () => {
    const one = binary('==', context('n'), literal(1));
    for (const n of [1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      expect(outcome(ask(one, { n }))).toMatch(/64-bit integer/);
    }
    expect(outcome(ask(one, { n: 1n }))).toBe('holds');
  });
});

describe('like', () => {
  test('takes time linear in the text, whatever the pattern', () => {
    const text = `${'a'.repeat(200_000)}b`;
    const started = performance.now();
    expect(compilePattern(Array<string>(1_000).fill('a'))(text)).toBe(false);
    expect(compilePattern([...Array<string>(1_000).fill('a'), ''])(text)).toBe(true);
    expect(compilePattern(['', `${'a'.repeat(5_000)}c`, ''])(text)).toBe(false);
    expect(compilePattern(['', `${'a'.repeat(5_000)}b`, ''])(text)).toBe(true);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('long pieces are found where short ones would be', () => {
    const piece = 'abcab'.repeat(8);
    for (const text of [piece, `x${piece}`, `${piece.slice(1)}${piece}y`, piece.slice(1), '']) {
      expect(compilePattern(['', piece, ''])(text)).toBe(text.includes(piece));
      expect(compilePattern(['', piece, piece, ''])(text + text)).toBe(
        (text + text).indexOf(piece, (text + text).indexOf(piece) + piece.length) > 0,
      );
    }
  });
});
