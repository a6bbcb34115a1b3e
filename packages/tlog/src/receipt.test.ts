import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENTRY_BYTES_MAX } from './bundle.ts';
import { encodeUtf8, SIZE_MAX, toBase64 } from './bytes.ts';
import { formatReceipt, parseReceipt, RECEIPT_BYTES_MAX, type Receipt } from './receipt.ts';

const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const receipts: fc.Arbitrary<Receipt> = fc
  .record({
    index: fc.bigInt({ min: 0n, max: SIZE_MAX }),
    proof: fc.array(hashes, { maxLength: 63 }),
    extra: fc.option(fc.uint8Array({ maxLength: 200 })),
    checkpoint: fc.string({ unit: 'grapheme' }).map(encodeUtf8),
  })
  .map(({ extra, ...rest }) => (extra === null ? rest : { ...rest, extra }));

describe('a receipt', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(receipts, (receipt) => {
        expect(parseReceipt(formatReceipt(receipt))).toEqual(receipt);
      }),
    );
  });

  test('has one spelling: whatever is read is written back to the byte', () => {
    fc.assert(
      fc.property(receipts, fc.nat(), fc.integer({ min: 0, max: 255 }), (receipt, at, byte) => {
        const bytes = formatReceipt(receipt);
        bytes[at % bytes.length] = byte;
        let parsed: Receipt;
        try {
          parsed = parseReceipt(bytes);
        } catch {
          return;
        }
        expect(Buffer.from(formatReceipt(parsed))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('carries the largest entry, and none that no log could hold', () => {
    const of = (bytes: number) =>
      parseReceipt(
        encodeUtf8(
          `c2sp.org/tlog-proof@v1\nextra ${toBase64(new Uint8Array(bytes))}\nindex 0\n\ncheckpoint`,
        ),
      ).extra?.length;
    expect(of(ENTRY_BYTES_MAX)).toBe(ENTRY_BYTES_MAX);
    expect(() => of(ENTRY_BYTES_MAX + 1)).toThrow(/extra line/);
  });

  test('has at most 63 hashes, and a bound on its size', () => {
    const checkpoint = encodeUtf8('checkpoint');
    const proof = (count: number) => Array.from({ length: count }, () => new Uint8Array(32));
    const of = (count: number) =>
      parseReceipt(formatReceipt({ index: 0n, proof: proof(count), checkpoint }));
    expect(of(63).proof).toHaveLength(63);
    expect(() => of(64)).toThrow(/64 hashes/);
    const head = formatReceipt({ index: 0n, proof: [], checkpoint: new Uint8Array() }).length;
    const sized = (bytes: number) =>
      parseReceipt(
        formatReceipt({ index: 0n, proof: [], checkpoint: new Uint8Array(bytes - head).fill(97) }),
      );
    expect(sized(RECEIPT_BYTES_MAX).index).toBe(0n);
    expect(() => sized(RECEIPT_BYTES_MAX + 1)).toThrow(/bytes/);
  });
});
