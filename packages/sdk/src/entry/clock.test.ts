import { describe, expect, test } from 'vitest';
import { formatTime, systemClock } from './clock.ts';

describe('time', () => {
  test('is RFC 3339 in UTC with microseconds', () => {
    expect(formatTime(1_764_072_000_000_001n)).toBe('2025-11-25T12:00:00.000001Z');
    expect(formatTime(999n)).toBe('1970-01-01T00:00:00.000999Z');
  });

  test('the machine clock rises within a millisecond and stays with the wall clock', () => {
    const clock = systemClock();
    let last = clock();
    for (let i = 0; i < 10_000; i++) {
      const now = clock();
      expect(now >= last).toBe(true);
      last = now;
    }
    expect(Math.abs(Number(last / 1000n) - Date.now())).toBeLessThan(50);
  });
});
