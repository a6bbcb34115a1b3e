import { describe, expect, test } from 'vitest';
import { Machine } from '../../testing/simulated-machine.ts';
import { BLOCK_BYTES, FrameWriter } from './frame.ts';
import { writeMark } from './mark.ts';
import { readJournal, segmentName } from './reading.ts';
import { encodeSegmentHeader, type SegmentHeader } from './segment.ts';

const logId = new Uint8Array(32).fill(9);

/** Segments made by hand, each frame of one entry and one block. */
class Journal {
  readonly machine = new Machine(1);
  readonly files = this.machine.start().files;

  constructor() {
    this.machine.disk.makeDirectory('/j');
  }

  put(header: Partial<SegmentHeader>, frames: number, damage?: (segment: Buffer) => void) {
    const full = { logId, epoch: 1, opening: 1, firstIndex: 0, previousCrc: 0, ...header };
    const segment = Buffer.alloc(16 * BLOCK_BYTES);
    encodeSegmentHeader(full).copy(segment);
    let crc = full.previousCrc;
    for (let frame = 0; frame < frames; frame++) {
      const writer = new FrameWriter(2_000);
      writer.add(Buffer.from(`epoch ${full.epoch} entry ${full.firstIndex + frame}`));
      const place = {
        epoch: full.epoch,
        firstIndex: full.firstIndex + frame,
        previousCrc: crc,
      };
      const sealed = writer.seal(place);
      segment.set(sealed.bytes, (1 + frame) * BLOCK_BYTES);
      crc = sealed.crc;
    }
    damage?.(segment);
    this.machine.disk.create(`/j/${segmentName(full.epoch)}`).write(0, segment);
    return crc;
  }

  async read(mark = 0) {
    await this.machine.finish(writeMark(this.files, '/j', mark));
    return this.machine.finish(readJournal(this.files, '/j', logId));
  }
}

const flip = (offset: number) => (segment: Buffer) => {
  segment[offset] = (segment[offset] ?? 0) ^ 1;
};
const text = (entries: readonly Uint8Array[]) => entries.map((one) => Buffer.from(one).toString());

describe('a journal', () => {
  test('is read over its segments, in order', async () => {
    const journal = new Journal();
    const previousCrc = journal.put({}, 3);
    journal.put({ epoch: 2, firstIndex: 3, previousCrc }, 2);
    const reading = await journal.read();
    expect(text(reading.entries)).toEqual([
      'epoch 1 entry 0',
      'epoch 1 entry 1',
      'epoch 1 entry 2',
      'epoch 2 entry 3',
      'epoch 2 entry 4',
    ]);
    expect(reading.cutTail).toBeUndefined();
    expect(reading.epochMax).toBe(2);
  });

  test('ends at a torn last frame, which is stated', async () => {
    const journal = new Journal();
    journal.put({}, 3, flip(3 * BLOCK_BYTES + 40));
    const reading = await journal.read();
    expect(reading.entries).toHaveLength(2);
    expect(reading.cutTail).toHaveLength(BLOCK_BYTES);
  });

  test('with a bad frame before a good one is damaged: file and offset are named', async () => {
    const journal = new Journal();
    journal.put({}, 3, flip(2 * BLOCK_BYTES + 40));
    await expect(journal.read()).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      message: '/j/0000000000000001.seg is damaged at offset 8192',
    });
  });

  test('with a frame gone in the middle is damaged', async () => {
    const journal = new Journal();
    journal.put({}, 5, (segment) => {
      segment.copyWithin(2 * BLOCK_BYTES, 3 * BLOCK_BYTES);
    });
    await expect(journal.read()).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('with a torn frame behind which a later segment was begun is damaged', async () => {
    const journal = new Journal();
    const previousCrc = journal.put({}, 3, flip(3 * BLOCK_BYTES + 40));
    journal.put({ epoch: 2, firstIndex: 3, previousCrc }, 0);
    await expect(journal.read()).rejects.toThrow(/damaged at offset 12288/);
  });

  test('whose last segment but one is missing does not close the gap', async () => {
    const journal = new Journal();
    const crc = journal.put({}, 3);
    journal.put({ epoch: 3, firstIndex: 5, previousCrc: crc }, 2);
    await expect(journal.read()).rejects.toThrow(
      /0003.seg does not continue the segment before it at entry 3/,
    );
  });

  test('takes frames of an earlier use of the same file for nothing at all', async () => {
    const journal = new Journal();
    const old = new FrameWriter(2_000);
    old.add(Buffer.from('of an earlier use'));
    journal.put({ epoch: 7, opening: 7, firstIndex: 100 }, 2, (segment) => {
      for (let block = 3; block < 16; block++) {
        const place = { epoch: 4, firstIndex: 40 + block, previousCrc: block };
        segment.set(old.seal(place).bytes, block * BLOCK_BYTES);
      }
    });
    const reading = await journal.read(0).catch((error: unknown) => error);
    // It does not reach down to the mark; with one that does, it is read to its own end.
    expect(reading).toMatchObject({ code: 'LOG_CORRUPT' });
    journal.put({}, 1);
    const both = new Journal();
    both.put({ epoch: 7, opening: 7 }, 2, (segment) => {
      const place = { epoch: 4, firstIndex: 2, previousCrc: 5 };
      segment.set(old.seal(place).bytes, 3 * BLOCK_BYTES);
    });
    const { entries, cutTail } = await both.read();
    expect(text(entries)).toEqual(['epoch 7 entry 0', 'epoch 7 entry 1']);
    expect(cutTail).toBeUndefined();
  });

  test('of a recovery that was interrupted is ruled by the older segments', async () => {
    const journal = new Journal();
    const crc = journal.put({}, 5);
    journal.put({ epoch: 2, firstIndex: 5, previousCrc: crc }, 5);
    // Of the new opening only the second segment has its name: the first is named last.
    journal.put({ epoch: 4, opening: 3, firstIndex: 8 }, 2);
    const reading = await journal.read();
    expect(reading.entries).toHaveLength(10);
    expect(reading.epochMax).toBe(4);
    // With the first one there the new opening rules, whatever is left of the old one.
    const firstCrc = journal.put({ epoch: 3, opening: 3 }, 8);
    journal.put({ epoch: 4, opening: 3, firstIndex: 8, previousCrc: firstCrc }, 2);
    expect(text((await journal.read()).entries).at(0)).toBe('epoch 3 entry 0');
  });

  test('passes over segments that are retired, even if their names came back', async () => {
    const journal = new Journal();
    const crc = journal.put({ firstIndex: 0 }, 8);
    const second = journal.put({ epoch: 3, firstIndex: 250, previousCrc: crc }, 8);
    journal.put({ epoch: 4, firstIndex: 258, previousCrc: second }, 2);
    const reading = await journal.read(256);
    expect(reading.firstIndex).toBe(250);
    expect(reading.entries).toHaveLength(10);
  });

  test('that ends before its mark, or has a damaged mark, is damaged', async () => {
    const journal = new Journal();
    journal.put({}, 3);
    await expect(journal.read(256)).rejects.toThrow(/ends before entry 256/);
    for (const wrong of ['256\n', '256 00000000\n', '257 00000000\n', '', '-1 0\n']) {
      journal.machine.disk.create('/j/mark').write(0, Buffer.from(wrong));
      const read = journal.machine.finish(readJournal(journal.files, '/j', logId));
      await expect(read, wrong).rejects.toThrow(/mark is damaged/);
    }
    journal.machine.disk.remove('/j/mark');
    const read = journal.machine.finish(readJournal(journal.files, '/j', logId));
    await expect(read).rejects.toThrow(/mark is missing/);
  });

  test('of another log, or with a damaged header, is refused', async () => {
    const journal = new Journal();
    journal.put({ logId: new Uint8Array(32) }, 1);
    await expect(journal.read()).rejects.toThrow(/belongs to another log/);
    journal.put({}, 1, flip(60));
    await expect(journal.read()).rejects.toThrow(/no valid header at offset 0/);
  });
});
