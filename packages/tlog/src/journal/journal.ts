/**
 * The journal: the files that entries are acknowledged from. One writer; `append` is called for one frame
 * at a time, and a block that holds acknowledged bytes is never written again.
 *
 * Files in its folder (JOURNAL.md): `EPOCH.seg`; `spare-EPOCH` (prepared or retired, no part of the log);
 * `mark`; `*.new` (in the middle of being written; removed at start).
 */
import { ENTRY_BYTES_MAX } from '../bundle.ts';
import type { Clock } from '../clock.ts';
import { TlogError } from '../errors.ts';
import type { Files, OpenFile } from '../files/files.ts';
import { BLOCK_BYTES, blocks, FRAME_BYTES_MAX, FrameWriter } from './frame.ts';
import { writeMark } from './mark.ts';
import { OpenSegment } from './open-segment.ts';
import { corrupt, type JournalReading, segmentName } from './reading.ts';
import { encodeSegmentHeader, SEGMENT_BYTES } from './segment.ts';
import { Spares } from './spares.ts';

/** At this many unretired segments appends wait: what recovery must read stays bounded. */
export const SEGMENTS_MAX = 8;
/** The end of a segment that only `system` entries may use, when there is no room for another segment. */
export const RESERVE_BYTES = 64 << 10;

export interface JournalOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly folder: string;
  /** SHA-256 of the log's vkey. */
  readonly logId: Uint8Array;
  /** Smaller ones for tests: a segment is then full sooner. */
  readonly segmentBytes?: number;
  /** So many of them must hold more than 256 entries, or a full tile never comes to be. */
  readonly segmentsMax?: number;
}

/** Entries that were read back, from `firstIndex` on, each checked by its frame's CRC. */
export interface EntriesRead {
  readonly firstIndex: number;
  readonly entries: readonly Uint8Array[];
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #segmentBytes: number;
  readonly #reserveBytes: number;
  readonly #segmentsMax: number;
  readonly #opening: number;
  readonly #spares: Spares;
  /** Unretired, oldest first; frames go into the last one. */
  readonly #segments: OpenSegment[] = [];
  #nextEpoch: number;
  #end: number;
  #crc = 0;
  #aborted: TlogError | undefined;
  #room: (() => void) | undefined;

  private constructor(options: JournalOptions, opening: number, end: number) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#reserveBytes = Math.min(RESERVE_BYTES, blocks(this.#segmentBytes / 4));
    this.#segmentsMax = options.segmentsMax ?? SEGMENTS_MAX;
    this.#opening = opening;
    this.#nextEpoch = opening;
    this.#end = end;
    const { files, clock, folder } = options;
    this.#spares = new Spares({ files, clock, folder, segmentBytes: this.#segmentBytes });
  }

  /** The first segment of a new log. Durable when it resolves. */
  static async create(options: JournalOptions): Promise<void> {
    await writeMark(options.files, options.folder, 0);
    const journal = new Journal(options, 1, 0);
    await journal.#begin();
    await journal.close();
  }

  /**
   * Writes what `readJournal` accepted above the mark once more, under a new epoch, into fresh segments:
   * having read a frame proves only that it was in the page cache. The segment that begins at the mark is
   * named last, so that the new opening counts only when all of it is there; until then the old segments
   * rule. Nothing may be acknowledged or signed before this resolves.
   */
  static async reopen(options: JournalOptions, reading: JournalReading): Promise<Journal> {
    const { files, folder } = options;
    for (const name of (await files.list(folder)) ?? []) {
      if (name.endsWith('.new') || name.startsWith('spare-'))
        await files.remove(`${folder}/${name}`);
    }
    // Read from the cache, as everything was: if it fell back now, no segment would reach down to it.
    await writeMark(files, folder, reading.mark);
    const journal = new Journal(options, reading.epochMax + 1, reading.mark);
    await journal.#rewrite(reading.entries.slice(reading.mark - reading.firstIndex));
    for (const path of reading.paths) await files.remove(path);
    await files.syncDirectory(folder);
    return journal;
  }

  /** Rises with every opening; fences older writers. */
  get epoch(): number {
    return this.#opening;
  }

  /** Index after the last entry that is durable. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of entries, each with two of length, that one frame may hold here. */
  get frameEntriesBytesMax(): number {
    const room = this.#segmentBytes - BLOCK_BYTES - this.#reserveBytes;
    return Math.min(FRAME_BYTES_MAX, room - BLOCK_BYTES);
  }

  /** Of one entry. */
  get entryBytesMax(): number {
    return Math.min(ENTRY_BYTES_MAX, this.frameEntriesBytesMax - 2);
  }

  /**
   * Writes a frame so that it survives a power cut once this resolves. LOG_STALLED: refused, nothing was
   * written, a later one may pass. Anything else: unknown, and nothing more may be written.
   */
  async append(frame: FrameWriter, use: 'ordinary' | 'reserve' = 'ordinary'): Promise<void> {
    const segment = await this.#roomFor(frame.diskBytes, use);
    const sealed = frame.seal({
      epoch: segment.header.epoch,
      firstIndex: this.#end,
      previousCrc: this.#crc,
    });
    await segment.file.writeDurably(segment.offset, sealed.bytes);
    this.#added(segment, frame.count, sealed);
    // Half full: the next one is prepared while this one still takes frames.
    if (segment.offset > this.#segmentBytes / 2) this.#spares.prepare();
  }

  #added(segment: OpenSegment, count: number, sealed: { bytes: Uint8Array; crc: number }): void {
    segment.added(this.#end, count, sealed);
    this.#crc = sealed.crc;
    this.#end += count;
  }

  async #roomFor(bytes: number, use: 'ordinary' | 'reserve'): Promise<OpenSegment> {
    const segment = this.#segments.at(-1);
    const left = segment ? this.#segmentBytes - segment.offset : 0;
    if (segment && bytes <= left - this.#reserveBytes) return segment;
    try {
      while (this.#segments.length >= this.#segmentsMax && !this.#aborted) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
      if (this.#aborted) throw this.#aborted;
      return await this.#begin();
    } catch (error) {
      const refused = error instanceof TlogError && error.code === 'LOG_STALLED';
      if (refused && use === 'reserve' && segment && bytes <= left) return segment;
      throw error;
    }
  }

  /** Contents, size and name of the file are durable before the first frame. */
  async #begin(): Promise<OpenSegment> {
    const { files, folder } = this.#options;
    const spare = await this.#spares.take();
    const epoch = this.#nextEpoch++;
    const path = `${folder}/${segmentName(epoch)}`;
    const segment = await this.#writeHeader(spare, path, epoch);
    await files.rename(spare.path, path);
    await files.syncDirectory(folder);
    this.#segments.push(segment);
    return segment;
  }

  async #writeHeader(
    { file }: { readonly file: OpenFile },
    path: string,
    epoch: number,
  ): Promise<OpenSegment> {
    const header = {
      logId: this.#options.logId,
      epoch,
      opening: this.#opening,
      firstIndex: this.#end,
      previousCrc: this.#crc,
    };
    await file.writeDurably(0, encodeSegmentHeader(header));
    return new OpenSegment(path, file, header);
  }

  async #rewrite(entries: readonly Uint8Array[]): Promise<void> {
    const { files, folder } = this.#options;
    const written: OpenSegment[] = [];
    const start = async (): Promise<OpenSegment> => {
      const epoch = this.#nextEpoch++;
      const path = `${folder}/${segmentName(epoch)}`;
      const segment = await this.#writeHeader(await this.#spares.make(`${path}.new`), path, epoch);
      written.push(segment);
      return segment;
    };
    let segment = await start();
    const flush = async (frame: FrameWriter): Promise<void> => {
      if (segment.offset + frame.diskBytes > this.#segmentBytes - this.#reserveBytes)
        segment = await start();
      const { epoch } = segment.header;
      const place = { epoch, firstIndex: this.#end, previousCrc: this.#crc };
      const sealed = frame.seal(place);
      await segment.file.write(segment.offset, sealed.bytes);
      this.#added(segment, frame.count, sealed);
      frame.clear();
    };
    const frame = new FrameWriter(this.frameEntriesBytesMax);
    for (const entry of entries) {
      if (!frame.fits(entry.length)) await flush(frame);
      frame.add(entry);
    }
    if (frame.count > 0) await flush(frame);
    for (const one of written) await one.file.datasync();
    for (const one of written.toReversed()) {
      await files.rename(`${one.path}.new`, one.path);
      // Each name by itself: none may become durable before those that it needs behind it.
      await files.syncDirectory(folder);
    }
    this.#segments.push(...written);
  }

  /**
   * Entries from this index on, read back from the file: the rest of its frame, and as many whole frames
   * behind it as `bytesMax` allows. Undefined for an entry that was retired. LOG_CORRUPT where the disk
   * does not give back what was written.
   */
  async read(from: number, bytesMax = 0): Promise<EntriesRead | undefined> {
    const segment = this.#segments.findLast(({ header }) => header.firstIndex <= from);
    if (!segment || from >= this.#end) return undefined;
    const read = await segment.read(from, bytesMax);
    // It may have been retired and used again while it was read.
    if (!this.#segments.includes(segment)) return undefined;
    if (!read.entries)
      throw corrupt(
        `${segment.path} is damaged at offset ${read.offset}: what was flushed does not read back`,
      );
    return { firstIndex: from, entries: read.entries };
  }

  /** True where a mark at this index would let a segment go. */
  retirable(mark: number): boolean {
    const second = this.#segments[1];
    return second !== undefined && second.header.firstIndex <= mark;
  }

  /** Gives back the segments wholly below the mark, which has been moved durably before. */
  async retire(mark: number): Promise<void> {
    const { files, folder } = this.#options;
    const retired: OpenSegment[] = [];
    const sparePath = ({ header }: OpenSegment) => `${folder}/spare-${header.epoch}`;
    for (let next = this.#segments[1]; next && next.header.firstIndex <= mark; ) {
      retired.push(...this.#segments.splice(0, 1));
      next = this.#segments[1];
    }
    for (const segment of retired) {
      await files.rename(segment.path, sparePath(segment));
    }
    // Only when its old name is durably gone may its header be written over.
    await files.syncDirectory(folder);
    for (const segment of retired) {
      await segment.quiet();
      await this.#spares.give({ file: segment.file, path: sparePath(segment) });
    }
    this.#room?.();
  }

  /** Whoever waits for room is refused: nobody will make any. */
  abort(reason: TlogError): void {
    this.#aborted = reason;
    this.#room?.();
  }

  async close(): Promise<void> {
    for (const segment of this.#segments) {
      await segment.quiet();
      await segment.file.close();
    }
    await this.#spares.close();
  }
}
