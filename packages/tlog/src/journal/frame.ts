/**
 * Frames: what one write and one flush make durable. Layout, integers big-endian:
 *
 *   magic u32 'SRF1' | epoch u64 | first index u64 | count u32 | length u32 | previous CRC u32
 *   | entries: (u16 length ‖ bytes)… | CRC-32 u32 | zeros up to the next 4 KiB
 *
 * The CRC covers header and entries and is seeded with the previous frame's, which also stands in the
 * header: so a frame can be checked alone, and a chain of frames cannot be reordered or spliced.
 */
import { crc32 } from 'node:zlib';

export const BLOCK_BYTES = 4096;
export const FRAME_HEADER_BYTES = 32;
export const FRAME_ENTRIES_MAX = 8192;
/** Caps a batch by bytes, never by a timer; one entry of the largest size always fits. */
export const FRAME_BYTES_MAX = 1 << 20;
const MAGIC = 0x53524631;

export interface Frame {
  readonly epoch: number;
  readonly firstIndex: number;
  readonly entries: readonly Uint8Array[];
  readonly crc: number;
  readonly previousCrc: number;
  /** On disk, padding included: a multiple of 4 KiB. */
  readonly bytes: number;
}

export const blocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

export const frameBytes = (entriesBytes: number): number =>
  blocks(FRAME_HEADER_BYTES + entriesBytes + 4);

/** The frame's bytes with padding, and its CRC. `entriesBytes` counts each entry with its two length bytes. */
export function encodeFrame(frame: {
  epoch: number;
  firstIndex: number;
  entries: readonly Uint8Array[];
  entriesBytes: number;
  previousCrc: number;
}): { bytes: Buffer; crc: number } {
  const bytes = Buffer.alloc(frameBytes(frame.entriesBytes));
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeBigUInt64BE(BigInt(frame.epoch), 4);
  bytes.writeBigUInt64BE(BigInt(frame.firstIndex), 12);
  bytes.writeUInt32BE(frame.entries.length, 20);
  bytes.writeUInt32BE(frame.entriesBytes, 24);
  bytes.writeUInt32BE(frame.previousCrc, 28);
  let at = FRAME_HEADER_BYTES;
  for (const entry of frame.entries) {
    bytes.writeUInt16BE(entry.length, at);
    bytes.set(entry, at + 2);
    at += 2 + entry.length;
  }
  const crc = crc32(bytes.subarray(0, at), frame.previousCrc);
  bytes.writeUInt32BE(crc, at);
  return { bytes, crc };
}

/** The frame at this offset, if there is a whole one that its CRC holds together. Lengths are hostile. */
export function decodeFrame(segment: Uint8Array, offset: number): Frame | undefined {
  const view = Buffer.from(segment.buffer, segment.byteOffset, segment.byteLength);
  if (offset + BLOCK_BYTES > view.length || view.readUInt32BE(offset) !== MAGIC) return undefined;
  const epoch = Number(view.readBigUInt64BE(offset + 4));
  const firstIndex = Number(view.readBigUInt64BE(offset + 12));
  const count = view.readUInt32BE(offset + 20);
  const length = view.readUInt32BE(offset + 24);
  const previousCrc = view.readUInt32BE(offset + 28);
  const end = offset + FRAME_HEADER_BYTES + length;
  if (length > FRAME_BYTES_MAX || count > FRAME_ENTRIES_MAX || end + 4 > view.length)
    return undefined;
  const crc = view.readUInt32BE(end);
  if (crc32(view.subarray(offset, end), previousCrc) !== crc) return undefined;
  const entries: Uint8Array[] = [];
  for (let at = offset + FRAME_HEADER_BYTES; at < end; ) {
    const next = at + 2 + view.readUInt16BE(at);
    if (next > end) return undefined;
    entries.push(view.subarray(at + 2, next));
    at = next;
  }
  if (entries.length !== count) return undefined;
  return {
    epoch,
    firstIndex,
    entries,
    crc,
    previousCrc,
    bytes: blocks(FRAME_HEADER_BYTES + length + 4),
  };
}
