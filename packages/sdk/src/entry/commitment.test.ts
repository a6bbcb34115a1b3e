import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commit } from './commitment.ts';

const salt = new Uint8Array(32).fill(7);

describe('commitments', () => {
  test('are the HMAC over domain, pointer and canonical value that SPEC names', () => {
    const input = Buffer.from('sealrail/commit/v1\0/binds/1\0"a\\"b"');
    const expected = createHmac('sha256', salt).update(input).digest('hex');
    expect(commit(salt, '/binds/1', 'a"b')).toBe(expected);
  });

  test('change with the salt, the place and the value, so that none passes for another', () => {
    const hashes = new Set([
      commit(salt, '/binds/1', 'x'),
      commit(new Uint8Array(32), '/binds/1', 'x'),
      commit(salt, '/binds/2', 'x'),
      commit(salt, '/binds/1', 'y'),
      // The separators keep a pointer and a value from running into each other.
      commit(salt, '/binds/1\0"x"', 'x'),
    ]);
    expect(hashes.size).toBe(5);
  });
});

test('is HMAC-SHA-256 as others compute it, whatever the value', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      (salt, pointer, value) => {
        const expected = createHmac('sha256', salt)
          .update(`sealrail/commit/v1\0${pointer}\0${JSON.stringify(value)}`)
          .digest('hex');
        expect(commit(salt, pointer, value)).toBe(expected);
      },
    ),
  );
});
