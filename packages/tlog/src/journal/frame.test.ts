import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_BYTES,
  claimedFrame,
  decodeFrame,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
  FrameWriter,
  frameBytes,
} from './frame.ts';

const place = { epoch: 3, firstIndex: 1_000, previousCrc: 0xdeadbeef };

function frameOf(entries: readonly Uint8Array[], writer = new FrameWriter(FRAME_BYTES_MAX)) {
  for (const entry of entries) writer.add(entry);
  return writer.seal(place);
}

const anyEntries = fc.array(fc.uint8Array({ maxLength: 3_000 }), { minLength: 1, maxLength: 40 });

describe('a frame', () => {
  test('gives back what was put in, and ends at a block', () => {
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const { bytes, crc } = frameOf(entries);
        const frame = decodeFrame(Buffer.from(bytes), 0);
        expect(frame).toMatchObject({ ...place, crc, bytes: bytes.length });
        expect(frame?.entries.map((entry) => [...entry])).toEqual(entries.map((one) => [...one]));
        expect(bytes.length % BLOCK_BYTES).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('holds nothing of the frame that was in its buffer before', () => {
    const writer = new FrameWriter(FRAME_BYTES_MAX);
    frameOf([new Uint8Array(9_000).fill(7)], writer);
    writer.clear();
    const { bytes } = frameOf([new Uint8Array(10)], writer);
    expect(bytes.length).toBe(BLOCK_BYTES);
    expect(bytes.subarray(48).every((byte) => byte === 0)).toBe(true);
  });

  test('with any one bit changed before its padding is none', () => {
    const entries = [Buffer.from('one'), Buffer.from(''), Buffer.from('three')];
    const { bytes } = frameOf(entries);
    const used = 32 + 3 * 2 + 8 + 4;
    for (let bit = 0; bit < used * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeFrame(changed, 0), `bit ${bit}`).toBeUndefined();
    }
  });

  test('that is cut short or claims any length is none, and nothing is read past its end', () => {
    const { bytes } = frameOf([new Uint8Array(10_000)]);
    for (const length of [0, 31, 4_095, 4_096, 8_192])
      expect(decodeFrame(Buffer.from(bytes.subarray(0, length)), 0)).toBeUndefined();
    for (const length of [FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1, 0xffffffff]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt32BE(length, 24);
      expect(decodeFrame(changed, 0)).toBeUndefined();
      expect(claimedFrame(changed, 0)?.end).toBeLessThanOrEqual(changed.length);
    }
  });
});

describe('a frame that is being filled', () => {
  test('takes FRAME_BYTES_MAX bytes with the lengths, and not one more', () => {
    const writer = new FrameWriter(FRAME_BYTES_MAX);
    let left = FRAME_BYTES_MAX;
    for (; left > 65_537; left -= 65_537) writer.add(new Uint8Array(65_535));
    expect(writer.fits(left - 2)).toBe(true);
    expect(writer.fits(left - 1)).toBe(false);
    expect(() => writer.add(new Uint8Array(left - 1))).toThrow(RangeError);
    writer.add(new Uint8Array(left - 2));
    expect(writer.entriesBytes).toBe(FRAME_BYTES_MAX);
    expect(decodeFrame(Buffer.from(writer.seal(place).bytes), 0)?.entries).toHaveLength(16);
  });

  test('takes FRAME_ENTRIES_MAX entries, and not one more', () => {
    const writer = new FrameWriter(FRAME_BYTES_MAX);
    for (let i = 0; i < FRAME_ENTRIES_MAX; i++) writer.add(new Uint8Array(1));
    expect(writer.fits(0)).toBe(false);
    expect(decodeFrame(Buffer.from(writer.seal(place).bytes), 0)?.entries).toHaveLength(
      FRAME_ENTRIES_MAX,
    );
  });

  test('gives the entries back that somebody still wants', () => {
    const writer = new FrameWriter(FRAME_BYTES_MAX);
    for (const text of ['a', 'bb', '', 'dddd']) writer.add(Buffer.from(text));
    const odd = [...writer.entries((number) => number % 2 === 1)];
    expect(odd.map((entry) => Buffer.from(entry).toString())).toEqual(['bb', 'dddd']);
  });
});

test('a frame of n bytes of entries takes header, checksum and padding', () => {
  expect(frameBytes(0)).toBe(4_096);
  expect(frameBytes(4_096 - 36)).toBe(4_096);
  expect(frameBytes(4_096 - 35)).toBe(8_192);
});
