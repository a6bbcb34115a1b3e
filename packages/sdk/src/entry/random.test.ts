import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stockedRandom } from './random.ts';

test('gives as many bytes as asked for, and no byte twice: a salt that two values share joins them', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 60 }), (lengths) => {
      let next = 0;
      // Counting bytes, four at a time: whatever came twice would show.
      const random = stockedRandom((bytes) => {
        const words = new Uint32Array(Math.ceil(bytes / 4));
        for (let at = 0; at < words.length; at++) words[at] = ++next;
        return new Uint8Array(words.buffer, 0, bytes);
      });
      const given = lengths.map((length) => random(length));
      expect(given.map((bytes) => bytes.length)).toEqual(lengths);
      const places = given.map((bytes) => [bytes.buffer, bytes.byteOffset, bytes.length] as const);
      for (const [at, [buffer, from, length]] of places.entries())
        for (const [otherBuffer, other, otherLength] of places.slice(at + 1))
          if (buffer === otherBuffer && length > 0 && otherLength > 0)
            expect(other >= from + length || from >= other + otherLength).toBe(true);
    }),
  );
});

test('what was given stays as it was', () => {
  const random = stockedRandom((bytes) => randomBytes(bytes));
  const first = random(32);
  const copy = Uint8Array.from(first);
  for (let i = 0; i < 1_000; i++) random(32);
  expect(first).toEqual(copy);
});
