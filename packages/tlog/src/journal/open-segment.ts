/** A segment that this process writes: where its frames stand, and reading them back. */
import type { OpenFile } from '../files/files.ts';
import { BLOCK_BYTES, decodeFrame } from './frame.ts';
import type { SegmentHeader } from './segment.ts';

export class OpenSegment {
  readonly path: string;
  readonly file: OpenFile;
  readonly header: SegmentHeader;
  /** Where the next frame goes. */
  offset = BLOCK_BYTES;
  // One element a frame, in three lists of numbers: a segment holds up to 4,095 frames.
  readonly #firstIndices: number[] = [];
  readonly #offsets: number[] = [];
  readonly #crcs: number[] = [];
  #end: number;
  readonly #reads = new Set<Promise<unknown>>();

  constructor(path: string, file: OpenFile, header: SegmentHeader) {
    this.path = path;
    this.file = file;
    this.header = header;
    this.#end = header.firstIndex;
  }

  /** A frame was written at `offset`. */
  added(firstIndex: number, count: number, sealed: { bytes: Uint8Array; crc: number }): void {
    this.#firstIndices.push(firstIndex);
    this.#offsets.push(this.offset);
    this.#crcs.push(sealed.crc);
    this.#end = firstIndex + count;
    this.offset += sealed.bytes.length;
  }

  /**
   * Entries from this index on, of its frame and of those behind it within `bytesMax`; instead of entries
   * the offset of the frame that is not the one that was written there.
   */
  async read(
    from: number,
    bytesMax: number,
  ): Promise<{ readonly entries?: Uint8Array[]; readonly offset: number }> {
    const first = this.#frameOf(from);
    let last = first;
    const start = this.#offsets[first] ?? this.offset;
    const endOf = (frame: number): number => this.#offsets[frame + 1] ?? this.offset;
    while (last + 1 < this.#offsets.length && endOf(last + 1) - start <= bytesMax) last++;
    const bytes = await this.#readBytes(start, endOf(last) - start);
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const entries: Uint8Array[] = [];
    for (let at = first; at <= last; at++) {
      const offset = this.#offsets[at] ?? start;
      const frame = decodeFrame(view, offset - start);
      const firstIndex = this.#firstIndices[at] ?? this.#end;
      if (frame?.crc !== this.#crcs[at] || frame?.firstIndex !== firstIndex) return { offset };
      if (frame.epoch !== this.header.epoch) return { offset };
      for (const [number, entry] of frame.entries.entries())
        if (firstIndex + number >= from) entries.push(entry);
    }
    return { entries, offset: start };
  }

  async #readBytes(position: number, length: number): Promise<Uint8Array> {
    const read = this.file.read(position, length);
    this.#reads.add(read);
    try {
      return await read;
    } finally {
      this.#reads.delete(read);
    }
  }

  /** Resolves when nobody reads the file any more: a closed descriptor may be another file's by then. */
  async quiet(): Promise<void> {
    await Promise.allSettled(this.#reads);
  }

  /** Binary search: the last frame that begins at or before the index. */
  #frameOf(index: number): number {
    let low = 0;
    let high = this.#firstIndices.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#firstIndices[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
