/**
 * Frames: what one write and one flush make durable (JOURNAL.md §Frames). Integers big-endian:
 *
 *   magic u32 'SRF1' | epoch u64 | first index u64 | count u32 | length u32 | previous CRC u32
 *   | entries: (u16 length ‖ bytes)… | CRC-32 u32 | zeros up to the next 4 KiB
 *
 * The CRC covers header and entries and is seeded with the previous frame's, which also stands in the
 * header: so a frame can be checked alone, and a chain of frames cannot be reordered or spliced.
 */
import { crc32 } from 'node:zlib';
import { ENTRY_BYTES_MAX } from '../bundle.ts';

export const BLOCK_BYTES = 4096;
export const FRAME_HEADER_BYTES = 32;
export const FRAME_ENTRIES_MAX = 8192;
/** Of entries with their lengths. Caps a batch by bytes, never by a timer. */
export const FRAME_BYTES_MAX = 1 << 20;
const MAGIC = 0x53524631;
const FIRST_BYTES = 16 * BLOCK_BYTES;

export interface Frame {
  readonly epoch: number;
  readonly firstIndex: number;
  readonly entries: readonly Uint8Array[];
  readonly crc: number;
  readonly previousCrc: number;
  /** On disk, padding included: a multiple of 4 KiB. */
  readonly bytes: number;
}

/** Rounded up to whole blocks. */
export const blocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

/** What a frame of so many bytes of entries takes on disk. */
export const frameBytes = (entriesBytes: number): number =>
  blocks(FRAME_HEADER_BYTES + entriesBytes + 4);

/**
 * A frame being filled: entries are copied into the bytes that will be written, so that appending leaves
 * no garbage and the caller's buffer is its own again.
 */
export class FrameWriter {
  readonly #entriesBytesMax: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = FRAME_HEADER_BYTES;
  #count = 0;

  constructor(entriesBytesMax: number) {
    this.#entriesBytesMax = entriesBytesMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Of entries, each with the two bytes of its length. */
  get entriesBytes(): number {
    return this.#end - FRAME_HEADER_BYTES;
  }

  get diskBytes(): number {
    return frameBytes(this.entriesBytes);
  }

  fits(entryBytes: number): boolean {
    return (
      this.#count < FRAME_ENTRIES_MAX && this.entriesBytes + 2 + entryBytes <= this.#entriesBytesMax
    );
  }

  add(entry: Uint8Array): void {
    if (!this.fits(entry.length) || entry.length > ENTRY_BYTES_MAX)
      throw new RangeError(`an entry of ${entry.length} bytes does not fit the frame`);
    this.#reserve(this.#end + 2 + entry.length);
    this.#bytes.writeUInt16BE(entry.length, this.#end);
    this.#bytes.set(entry, this.#end + 2);
    this.#end += 2 + entry.length;
    this.#count++;
  }

  /** Copies of the entries whose number `wanted` takes, in order. */
  *entries(wanted: (number: number) => boolean): Generator<Uint8Array> {
    let at = FRAME_HEADER_BYTES;
    for (let number = 0; number < this.#count; number++) {
      const end = at + 2 + this.#bytes.readUInt16BE(at);
      if (wanted(number)) yield Uint8Array.prototype.slice.call(this.#bytes, at + 2, end);
      at = end;
    }
  }

  /** The frame as it goes to disk, and its CRC. The bytes are the writer's own, until the next `add`. */
  seal(place: { epoch: number; firstIndex: number; previousCrc: number }): {
    readonly bytes: Uint8Array;
    readonly crc: number;
  } {
    const { diskBytes } = this;
    this.#reserve(diskBytes);
    const bytes = this.#bytes;
    bytes.writeUInt32BE(MAGIC, 0);
    bytes.writeBigUInt64BE(BigInt(place.epoch), 4);
    bytes.writeBigUInt64BE(BigInt(place.firstIndex), 12);
    bytes.writeUInt32BE(this.#count, 20);
    bytes.writeUInt32BE(this.entriesBytes, 24);
    bytes.writeUInt32BE(place.previousCrc, 28);
    const crc = crc32(bytes.subarray(0, this.#end), place.previousCrc);
    bytes.writeUInt32BE(crc, this.#end);
    bytes.fill(0, this.#end + 4, diskBytes);
    return { bytes: bytes.subarray(0, diskBytes), crc };
  }

  clear(): void {
    this.#end = FRAME_HEADER_BYTES;
    this.#count = 0;
  }

  /** Grows by doubling: a log with little to say does not hold the largest frame in memory. */
  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }
}

/** Epoch and extent that a frame's header claims, whether or not its CRC holds. Lengths are hostile. */
export function claimedFrame(
  segment: Buffer,
  offset: number,
): { readonly epoch: number; readonly end: number } | undefined {
  if (offset + BLOCK_BYTES > segment.length || segment.readUInt32BE(offset) !== MAGIC)
    return undefined;
  const length = segment.readUInt32BE(offset + 24);
  const bytes = length <= FRAME_BYTES_MAX ? frameBytes(length) : BLOCK_BYTES;
  return {
    epoch: Number(segment.readBigUInt64BE(offset + 4)),
    end: Math.min(offset + bytes, segment.length),
  };
}

/** The frame at this offset, if there is a whole one that its CRC holds together. Lengths are hostile. */
export function decodeFrame(segment: Buffer, offset: number): Frame | undefined {
  if (offset + BLOCK_BYTES > segment.length || segment.readUInt32BE(offset) !== MAGIC)
    return undefined;
  const epoch = Number(segment.readBigUInt64BE(offset + 4));
  const firstIndex = Number(segment.readBigUInt64BE(offset + 12));
  const count = segment.readUInt32BE(offset + 20);
  const length = segment.readUInt32BE(offset + 24);
  const previousCrc = segment.readUInt32BE(offset + 28);
  const end = offset + FRAME_HEADER_BYTES + length;
  if (length > FRAME_BYTES_MAX || end + 4 > segment.length) return undefined;
  if (count === 0 || count > FRAME_ENTRIES_MAX) return undefined;
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(firstIndex + count)) return undefined;
  const crc = segment.readUInt32BE(end);
  if (crc32(segment.subarray(offset, end), previousCrc) !== crc) return undefined;
  const entries: Uint8Array[] = [];
  for (let at = offset + FRAME_HEADER_BYTES; at < end; ) {
    const next = at + 2 + (at + 2 <= end ? segment.readUInt16BE(at) : 0);
    if (next > end) return undefined;
    entries.push(segment.subarray(at + 2, next));
    at = next;
  }
  if (entries.length !== count) return undefined;
  return { epoch, firstIndex, entries, crc, previousCrc, bytes: frameBytes(length) };
}
