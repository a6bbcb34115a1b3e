import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBundle, ENTRY_BYTES_MAX, encodeBundle, readBundle } from './bundle.ts';

const bundles = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 20 });
const plain = (entries: readonly Uint8Array[]) => entries.map((entry) => Buffer.from(entry));

describe('an entry bundle', () => {
  test('gives back what was written', () => {
    fc.assert(
      fc.property(bundles, (entries) => {
        const read = decodeBundle(encodeBundle(entries), entries.length);
        expect(plain(read)).toEqual(plain(entries));
      }),
    );
  });

  test('has one spelling: whatever is read is written back to the byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { entries, problem } = readBundle(bytes);
        if (!problem) expect(Buffer.from(encodeBundle(entries))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('takes entries up to ENTRY_BYTES_MAX', () => {
    const largest = new Uint8Array(ENTRY_BYTES_MAX).fill(7);
    expect(decodeBundle(encodeBundle([largest]))[0]).toHaveLength(ENTRY_BYTES_MAX);
    expect(() => encodeBundle([new Uint8Array(ENTRY_BYTES_MAX + 1)])).toThrow(/65536 bytes/);
  });

  test('that is cut off anywhere is refused, and what stands before the cut can be read', () => {
    const entries = [Buffer.from('a'), Buffer.from(''), Buffer.from('bcd')];
    const bytes = encodeBundle(entries);
    for (let end = 0; end < bytes.length; end++) {
      expect(() => decodeBundle(bytes.subarray(0, end), 3), `${end} bytes`).toThrow(/bundle/);
      const { entries: read } = readBundle(bytes.subarray(0, end), 3);
      expect(plain(read)).toEqual(plain(entries.slice(0, read.length)));
    }
  });

  test('of another number of entries is refused', () => {
    const bytes = encodeBundle([Buffer.from('a'), Buffer.from('b')]);
    expect(() => decodeBundle(bytes, 1)).toThrow(/2 entries instead of 1/);
    expect(() => decodeBundle(bytes, 3)).toThrow(/2 entries instead of 3/);
  });
});
