/** The words that people act on: a verdict that reads wrongly is worse than none. */
import { describe, expect, test } from 'vitest';
import type { Decision, Entry, Outcome, View } from './data.ts';
import {
  age,
  clockTime,
  duration,
  outcomeOf,
  policyOf,
  shortResource,
  verdictOf,
} from './words.ts';

const decision = (more: Partial<Decision>): Entry =>
  ({
    kind: 'decision',
    decision: { verdict: 'deny', code: 'forbidden', determining: [], enforced: true, ...more },
  }) as unknown as Entry;

describe('words for entries', () => {
  test('what was only watched is not called denied', () => {
    expect(verdictOf(decision({})).word).toBe('denied');
    expect(verdictOf(decision({ enforced: false })).word).toBe('would deny');
    expect(verdictOf(decision({ verdict: 'hold', enforced: false })).word).toBe('would hold');
    expect(verdictOf(decision({ verdict: 'allow' })).word).toBe('allowed');
  });

  test('a decision without a policy says why there is none', () => {
    expect(policyOf(decision({ determining: ['a', 'b'] }))).toEqual({ id: 'a' });
    expect(policyOf(decision({ code: 'no-permit' }))).toEqual({ none: 'no policy permits it' });
  });

  test('the end of a transaction counts for more than what it held open', () => {
    const outcome = { outcome: { status: 'executed', provisional: true }, rows: 3 } as Outcome;
    const settled = { outcome: { status: 'rolled_back' } } as Outcome;
    const view = { outcome } as View;
    expect(outcomeOf(view)).toBe('executed · 3 rows');
    expect(outcomeOf({ ...view, settled })).toBe('rolled back · 3 rows');
    expect(outcomeOf({} as View)).toBe('');
  });

  test('resources lose their database and nothing else', () => {
    expect(shortResource('shop.public.orders')).toBe('public.orders');
    expect(shortResource('shop')).toBe('shop');
  });

  test('times and durations are short and in the unit that fits', () => {
    expect([840, 84_000, 8_400_000].map(duration)).toEqual(['840 µs', '84.0 ms', '8.40 s']);
    expect([1_000, 59_999, 60_000, 86_400_000].map(age)).toEqual([
      '1 second',
      '59 seconds',
      '1 minute',
      '1 day',
    ]);
    const now = new Date(2026, 10, 25, 12);
    const today = new Date(2026, 10, 25, 9, 8, 7).toISOString().replace('000Z', '123456Z');
    expect(clockTime(today, now)).toBe('09:08:07.123');
    const before = new Date(2026, 10, 24, 9, 8, 7).toISOString().replace('000Z', '123456Z');
    expect(clockTime(before, now)).toBe('24.11. 09:08');
  });
});
