import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { uuidSource } from './uuid.ts';

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('UUIDv7', () => {
  test('carries the time, and 10,000 of one millisecond rise and differ', () => {
    const next = uuidSource(randomBytes);
    const ids = Array.from({ length: 10_000 }, () => next(0x0123456789ab));
    expect(ids.every((id) => V7.test(id))).toBe(true);
    expect(ids[0]?.startsWith('01234567-89ab-7')).toBe(true);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('still rises when the clock steps back', () => {
    const next = uuidSource(randomBytes);
    const before = next(2_000);
    expect(next(1_000) > before).toBe(true);
    const later = next(3_000);
    expect(later > before).toBe(true);
    expect(next(2_999) > later).toBe(true);
  });

  test('a counter that runs over moves the time on instead of repeating', () => {
    const next = uuidSource(() => new Uint8Array(16).fill(0xff));
    const ids = Array.from({ length: 5_000 }, () => next(1));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
