/**
 * 64-bit signed arithmetic on Longs. A Long is a number while that is exact and a bigint beyond, so the
 * common case costs what a number costs. `undefined` is an overflow: Cedar makes it an error, never a wrap.
 */
import type { Long } from '../value.ts';

const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** The one representation of an integer as a Long, or undefined outside of i64. */
export function longFromBigint(value: bigint): Long | undefined {
  if (value >= -SAFE_MAX && value <= SAFE_MAX) return Number(value);
  return value >= I64_MIN && value <= I64_MAX ? value : undefined;
}

export function isLong(value: unknown): value is Long {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return typeof value === 'bigint' && value >= I64_MIN && value <= I64_MAX;
}

export function addLongs(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return longFromBigint(BigInt(left) + BigInt(right));
}

export function subtractLongs(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const difference = left - right;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return longFromBigint(BigInt(left) - BigInt(right));
}

export function multiplyLongs(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const product = left * right;
    // + 0 makes 0 of -0, which is no Long of its own.
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return longFromBigint(BigInt(left) * BigInt(right));
}

export function negateLong(value: Long): Long | undefined {
  return subtractLongs(0, value);
}

/** A caller may hand in a small integer as bigint, which is the same Long. */
export function equalLongs(left: Long, right: Long): boolean {
  return left === right || (typeof left !== typeof right && BigInt(left) === BigInt(right));
}

/** Rounds toward zero, as Cedar's conversions of durations do. */
export function divideLong(value: Long, divisor: number): Long {
  if (typeof value === 'number') return Math.trunc(value / divisor) + 0;
  return longFromBigint(value / BigInt(divisor)) ?? 0;
}

/** The remainder that is never negative. */
export function moduloLong(value: Long, divisor: number): number {
  const rest = typeof value === 'number' ? value % divisor : Number(value % BigInt(divisor));
  return rest < 0 ? rest + divisor : rest + 0;
}
