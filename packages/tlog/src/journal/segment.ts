/**
 * Segments: preallocated files that frames are written into (JOURNAL.md §Segments). Zero-filled once, so
 * that a flush never has to commit a file's growth (measured 2.4 times as many flushes a second); then
 * used again and again, each time under a new epoch, which tells their old frames from new ones.
 *
 * Header, one 4 KiB block, integers big-endian:
 *
 *   magic 8 'SRSEG\0\0\1' | log id 32 | epoch u64 | opening u64 | first index u64
 *   | CRC that the first frame is seeded with u32 | CRC-32 of all before u32 | zeros
 */
import { crc32 } from 'node:zlib';
import { equal } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import { BLOCK_BYTES, claimedFrame, decodeFrame, type Frame } from './frame.ts';

export const SEGMENT_BYTES = 16 << 20;
const MAGIC = Buffer.from('SRSEG\0\0\x01', 'latin1');
const CRC_AT = 68;

export interface SegmentHeader {
  /** SHA-256 of the log's vkey: a segment of another log is refused, not replayed. */
  readonly logId: Uint8Array;
  /** The segment's own; rises from segment to segment, over all openings. */
  readonly epoch: number;
  /** Epoch of the first segment that this opening of the log wrote. */
  readonly opening: number;
  readonly firstIndex: number;
  readonly previousCrc: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  MAGIC.copy(bytes);
  bytes.set(header.logId, 8);
  bytes.writeBigUInt64BE(BigInt(header.epoch), 40);
  bytes.writeBigUInt64BE(BigInt(header.opening), 48);
  bytes.writeBigUInt64BE(BigInt(header.firstIndex), 56);
  bytes.writeUInt32BE(header.previousCrc, 64);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

/** Undefined for a block that is no header at all; throws LOG_CORRUPT for one that is another log's. */
export function decodeSegmentHeader(
  bytes: Buffer,
  logId: Uint8Array,
  path: string,
): SegmentHeader | undefined {
  if (bytes.length < BLOCK_BYTES || !equal(bytes.subarray(0, 8), MAGIC)) return undefined;
  if (bytes.readUInt32BE(CRC_AT) !== crc32(bytes.subarray(0, CRC_AT))) return undefined;
  if (!equal(bytes.subarray(8, 40), logId)) {
    throw new TlogError('LOG_CORRUPT', `${path} belongs to another log`, {
      hint: 'a journal and its key belong together: restore the key, or move the file away',
    });
  }
  return {
    logId,
    epoch: Number(bytes.readBigUInt64BE(40)),
    opening: Number(bytes.readBigUInt64BE(48)),
    firstIndex: Number(bytes.readBigUInt64BE(56)),
    previousCrc: bytes.readUInt32BE(64),
  };
}

export interface SegmentReading {
  readonly frames: readonly Frame[];
  /** Where the first thing that is no frame of this chain stands. */
  readonly end: number;
  /** Index after the last entry. */
  readonly endIndex: number;
  readonly endCrc: number;
  /** A valid frame of this epoch stands at or behind `end`: entries that were acknowledged are damaged. */
  readonly damaged: boolean;
  /** A frame of this epoch was begun at `end` and is not whole: its bytes. */
  readonly torn?: Uint8Array;
}

/** Reads frames as long as they chain; what is behind them is only looked at to tell a torn tail from damage. */
export function readSegment(bytes: Buffer, header: SegmentHeader): SegmentReading {
  const frames: Frame[] = [];
  let end = BLOCK_BYTES;
  let endIndex = header.firstIndex;
  let endCrc = header.previousCrc;
  for (;;) {
    const frame = decodeFrame(bytes, end);
    if (!frame || frame.epoch !== header.epoch) break;
    if (frame.firstIndex !== endIndex || frame.previousCrc !== endCrc) break;
    frames.push(frame);
    end += frame.bytes;
    endIndex += frame.entries.length;
    endCrc = frame.crc;
  }
  let damaged = false;
  for (let at = end; at < bytes.length && !damaged; at += BLOCK_BYTES) {
    const later = decodeFrame(bytes, at);
    damaged = later !== undefined && later.epoch === header.epoch && later.firstIndex >= endIndex;
  }
  const begun = claimedFrame(bytes, end);
  return {
    frames,
    end,
    endIndex,
    endCrc,
    damaged,
    ...(begun?.epoch === header.epoch ? { torn: bytes.subarray(end, begun.end) } : {}),
  };
}
