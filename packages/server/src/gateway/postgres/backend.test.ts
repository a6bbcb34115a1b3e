import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackendReader, type Fate, HELD_BYTES_MAX } from './backend.ts';
import { frame, ProtocolError } from './frame.ts';

function relay(bytes: Buffer, sizes: readonly number[], fate: (type: string) => Fate) {
  const seen: string[] = [];
  const reader = new BackendReader({
    message: (type) => {
      seen.push(type);
      return fate(type);
    },
    passing: (type, _head, length) => {
      seen.push(`${type}${length}`);
      return 'pass';
    },
  });
  const out: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const chunk = bytes.subarray(at, at + size);
    at += size;
    if (chunk.length > 0) out.push(...reader.push(chunk));
  }
  return { seen, out: Buffer.concat(out) };
}

describe('BackendReader', () => {
  test('passes every byte on, replaces and drops whole frames, however they are cut', () => {
    const message = fc.tuple(
      fc.constantFrom('D', 'C', 'E', 'Z', 'N', 'd'),
      fc.uint8Array({ maxLength: 60 }),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 23 }), { maxLength: 60 }),
        (messages, sizes) => {
          const frames = messages.map(([type, body]) => ({
            type,
            bytes: frame(type, Buffer.from(body)),
          }));
          const replacement = frame('E', Buffer.from('ours'));
          const fate = (type: string): Fate =>
            type === 'E' ? replacement : type === 'N' ? 'drop' : 'pass';
          const sent = Buffer.concat(frames.map(({ bytes }) => bytes));
          const { seen, out } = relay(sent, sizes, fate);
          const expected = frames.flatMap(({ type, bytes }) =>
            type === 'E' ? [replacement] : type === 'N' ? [] : [bytes],
          );
          expect(out).toEqual(Buffer.concat(expected));
          expect(seen.length).toBe(frames.length);
        },
      ),
    );
  });

  test('a row larger than anything we hold leaves as it comes, chunk by chunk', () => {
    const row = frame('D', Buffer.alloc(10 * HELD_BYTES_MAX));
    const reader = new BackendReader({ message: () => 'pass', passing: () => 'pass' });
    const first = reader.push(row.subarray(0, 1_000));
    expect(Buffer.concat(first).length).toBe(1_000);
    expect(Buffer.concat(reader.push(row.subarray(1_000))).length).toBe(row.length - 1_000);
  });

  test('an error at the bound is held whole; a longer one passes, its head looked at', () => {
    const errorOf = (bytes: number) => frame('E', Buffer.alloc(bytes - 5, 'x'));
    const held = relay(errorOf(HELD_BYTES_MAX), [100], () => 'drop');
    expect(held.out.length).toBe(0);
    const long = relay(errorOf(HELD_BYTES_MAX + 1), [100], () => 'drop');
    expect(long.out.length).toBe(HELD_BYTES_MAX + 1);
    expect(long.seen).toEqual([`E${HELD_BYTES_MAX + 1}`]);
  });

  test('a length that no server sends ends it', () => {
    const reader = new BackendReader({ message: () => 'pass', passing: () => 'pass' });
    expect(() => reader.push(Buffer.from([0x5a, 0, 0, 0, 3]))).toThrow(ProtocolError);
    const long = Buffer.from([0x5a, 1, 0, 0, 0]);
    const other = new BackendReader({ message: () => 'pass', passing: () => 'pass' });
    expect(() => other.push(long)).toThrow(ProtocolError);
  });
});
