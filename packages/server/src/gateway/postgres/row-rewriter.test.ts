import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackendReader } from './backend.ts';
import { frame, int32, ProtocolError } from './frame.ts';
import type { Mask } from './mask.ts';
import { MASKED_ROW_BYTES_MAX, ResultRefused, RowRewriter } from './row-rewriter.ts';

type Row = readonly (Buffer | undefined)[];

function rowFrame(values: Row): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  const parts = values.flatMap((value) => (value ? [int32(value.length), value] : [int32(-1)]));
  return frame('D', count, ...parts);
}

/** What comes out of a session's reader for these bytes, cut into such pieces. */
function relay(bytes: Buffer, sizes: readonly number[], rewriter: RowRewriter): Buffer {
  const reader = new BackendReader({ message: () => 'pass', passing: () => rewriter });
  const out: Buffer[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const chunk = bytes.subarray(at, at + size);
    at += size;
    if (chunk.length > 0) out.push(...reader.push(chunk));
  }
  return Buffer.concat(out);
}

const reversed: Mask = (value) => value && Buffer.from(value).reverse();
const longer: Mask = (value) => Buffer.concat([Buffer.from('masked '), value ?? Buffer.alloc(0)]);
const nothing: Mask = () => undefined;

describe('RowRewriter', () => {
  const value = fc.option(
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
    { nil: undefined },
  );
  const table = fc.integer({ min: 1, max: 6 }).chain((width) =>
    fc.record({
      masks: fc.array(fc.constantFrom(undefined, reversed, longer, nothing), {
        minLength: width,
        maxLength: width,
      }),
      rows: fc.array(fc.array(value, { minLength: width, maxLength: width }), { maxLength: 8 }),
    }),
  );

  test('rows that arrive in any pieces leave with just the masked values replaced', () => {
    fc.assert(
      fc.property(
        table,
        fc.array(fc.integer({ min: 1, max: 19 }), { maxLength: 120 }),
        ({ masks, rows }, sizes) => {
          const tail = frame('C', Buffer.from('SELECT 1\0'));
          const sent = Buffer.concat([...rows.map(rowFrame), tail]);
          const expected = rows.map((row) =>
            rowFrame(
              row.map((one, at) => {
                const mask = masks[at];
                return mask ? mask(one) : one;
              }),
            ),
          );
          const rewriter = new RowRewriter(masks);
          expect(relay(sent, sizes, rewriter)).toEqual(Buffer.concat([...expected, tail]));
          const masked = masks.filter((mask) => mask !== undefined).length;
          expect(rewriter.values).toBe(masked * rows.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what stands behind the last masked value leaves as it comes, and is never held', () => {
    const row = rowFrame([Buffer.from('secret'), Buffer.alloc(3 * MASKED_ROW_BYTES_MAX, 'x')]);
    const reader = new BackendReader({
      message: () => 'pass',
      passing: () => new RowRewriter([longer, undefined]),
    });
    const first = Buffer.concat(reader.push(row.subarray(0, 1_000)));
    expect(first.length).toBe(1_000 + 'masked '.length);
    expect(Buffer.concat(reader.push(row.subarray(1_000))).length).toBe(row.length - 1_000);
  });

  test('a masked value that ends at the bound is masked; behind it, the result is refused', () => {
    const before = 5 + 2 + 4;
    const fits = rowFrame([Buffer.alloc(MASKED_ROW_BYTES_MAX - before)]);
    expect(relay(fits, [100, 1 << 20], new RowRewriter([nothing])).length).toBe(before);
    const wide = rowFrame([Buffer.alloc(MASKED_ROW_BYTES_MAX - before + 1)]);
    expect(() => relay(wide, [100], new RowRewriter([nothing]))).toThrow(ResultRefused);
  });

  test('rows of another shape than was described never pass', () => {
    const rewriter = () => new RowRewriter([nothing, undefined]);
    const one = Buffer.from('one');
    expect(() => relay(rowFrame([one]), [], rewriter())).toThrow(ProtocolError);
    const lying = rowFrame([one, one]);
    lying.writeInt32BE(1_000, 7);
    expect(() => relay(lying, [], rewriter())).toThrow(ProtocolError);
  });
});
