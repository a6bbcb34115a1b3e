import { describe, expect, test } from 'vitest';
import { fold, integerOf, isTrue } from './fold.ts';

const constant = (value: number | boolean | string | null): unknown => {
  if (value === null) return { A_Const: { isnull: true } };
  if (typeof value === 'number') return { A_Const: { ival: value === 0 ? {} : { ival: value } } };
  if (typeof value === 'boolean') return { A_Const: { boolval: value ? { boolval: true } : {} } };
  return { A_Const: { sval: { sval: value } } };
};
const operator = (name: string, left: unknown, right: unknown): unknown => ({
  A_Expr: { kind: 'AEXPR_OP', name: [{ String: { sval: name } }], lexpr: left, rexpr: right },
});

describe('folding constants', () => {
  test('reads the zero and the false that the parser leaves out', () => {
    expect(integerOf(constant(0))).toBe(0);
    expect(fold(constant(false))).toBe(false);
  });

  test('compares integers and plain strings', () => {
    expect(fold(operator('=', constant(1), constant(1)))).toBe(true);
    expect(fold(operator('<', constant(2), constant(1)))).toBe(false);
    expect(fold(operator('=', constant('a'), constant('b')))).toBe(false);
    expect(fold(operator('=', constant(1), constant(null)))).toBeNull();
  });

  test('says nothing where the server might see it differently', () => {
    // `1 = '01'` is true, `0.1 + 0.2 = 0.3` is true in numeric, and a sum may not fit.
    expect(fold(operator('=', constant(1), constant('01')))).toBeUndefined();
    const fraction = { A_Const: { fval: { fval: '0.3' } } };
    expect(fold(operator('=', fraction, fraction))).toBeUndefined();
    expect(fold(operator('+', constant(2_147_483_647), constant(1)))).toBeUndefined();
    expect(fold(operator('<', constant('a'), constant('b')))).toBeUndefined();
  });

  test('knows a condition that holds by constants alone', () => {
    expect(isTrue(operator('=', constant(1), constant(1)))).toBe(true);
    expect(isTrue(constant(null))).toBe(false);
    expect(isTrue({ ColumnRef: {} })).toBe(false);
  });
});
