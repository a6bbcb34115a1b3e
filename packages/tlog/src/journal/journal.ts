/**
 * The journal: the files that entries are acknowledged from. Owned by one writer; `append` is called for
 * one frame at a time, and what it wrote is never written again.
 *
 * Files in its folder: `NNNNNNNNNN.seg` (one after the other), `spare-*` (prepared or retired, not part of
 * the log), `mark` (the durable-tiles mark: entries below it are durable in the tree), `*.new` (in the
 * middle of being written; removed at start).
 */
import { parseDecimal } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import { type Files, type OpenFile, replaceDurably } from '../files/files.ts';
import {
  BLOCK_BYTES,
  encodeFrame,
  FRAME_BYTES_MAX,
  FRAME_ENTRIES_MAX,
  frameBytes,
} from './frame.ts';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  readSegment,
  SEGMENT_BYTES,
  type SegmentHeader,
} from './segment.ts';

/** At this many unretired segments appends wait: what recovery must read stays bounded. */
export const SEGMENTS_MAX = 8;
const ZERO_CHUNK_BYTES = 1 << 20;

interface Segment {
  readonly path: string;
  readonly file: OpenFile;
  readonly header: SegmentHeader;
  /** Index after its last entry. */
  end: number;
  /** Where the next frame goes. */
  offset: number;
  /** Up to here everything is flushed: nothing behind it may be read back and signed. */
  durable: number;
}

export interface JournalOptions {
  readonly files: Files;
  readonly folder: string;
  readonly logId: Uint8Array;
  readonly segmentBytes?: number;
  /** False only for `durability: none`, which is logged. */
  readonly flush: boolean;
}

/** What the files held at start, before anything was written. */
export interface JournalReading {
  readonly mark: number;
  readonly epoch: number;
  readonly firstIndex: number;
  readonly entries: readonly Uint8Array[];
  readonly cutTail?: Uint8Array;
  readonly paths: readonly string[];
}

const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.seg`;
const numberOf = (name: string): number => Number(name.slice(0, 10));

function corrupt(message: string): TlogError {
  return new TlogError('LOG_CORRUPT', message, {
    hint: 'acknowledged entries are damaged; nothing was repaired. Restore the file from a copy, or succeed the log',
  });
}

/** Reads without writing. Throws LOG_CORRUPT, naming file and offset, where acknowledged entries are damaged. */
export async function readJournal({
  files,
  folder,
  logId,
}: JournalOptions): Promise<JournalReading> {
  const mark = await readMark(files, folder);
  const names = (await files.list(folder)).filter((name) => /^[0-9]{10}\.seg$/.test(name)).sort();
  const found: { path: string; header: SegmentHeader; bytes: Uint8Array }[] = [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    const bytes = (await files.read(path)) ?? new Uint8Array();
    const header = decodeSegmentHeader(bytes.subarray(0, BLOCK_BYTES), logId, path);
    if (!header) throw corrupt(`${path} has no valid header at offset 0`);
    found.push({ path, header, bytes });
  }
  const paths = found.map(({ path }) => path);
  // An interrupted recovery leaves a newer epoch whose first segment, renamed last, is missing: the older rules.
  const epochs = [...new Set(found.map(({ header }) => header.epoch))].sort((a, b) => b - a);
  const epoch = epochs.find((one) =>
    found.some(({ header }) => header.epoch === one && header.firstIndex <= mark),
  );
  if (epoch === undefined)
    throw corrupt(`${folder} has no segment that begins at or before entry ${mark}`);
  const live = found
    .filter(({ header }) => header.epoch === epoch)
    .sort((a, b) => a.header.firstIndex - b.header.firstIndex);
  return { mark, epoch: epochs[0] ?? epoch, paths, ...readSegments(live) };
}

function readSegments(
  live: readonly { path: string; header: SegmentHeader; bytes: Uint8Array }[],
): {
  firstIndex: number;
  entries: Uint8Array[];
  cutTail?: Uint8Array;
} {
  const entries: Uint8Array[] = [];
  const firstIndex = live[0]?.header.firstIndex ?? 0;
  let crc = live[0]?.header.previousCrc;
  let cutTail: Uint8Array | undefined;
  for (const [at, { path, header, bytes }] of live.entries()) {
    const reading = readSegment(bytes, header);
    const chains = header.firstIndex === firstIndex + entries.length && header.previousCrc === crc;
    const laterFrames = live
      .slice(at + 1)
      .some((later) => readSegment(later.bytes, later.header).frames.length > 0);
    if (!chains)
      throw corrupt(
        `${path} does not continue the segment before it at entry ${firstIndex + entries.length}`,
      );
    if (reading.damaged || (reading.torn && laterFrames))
      throw corrupt(`${path} is damaged at offset ${reading.end}`);
    for (const frame of reading.frames) entries.push(...frame.entries);
    crc = reading.frames.at(-1)?.crc ?? crc;
    if (reading.torn) cutTail = bytes.slice(reading.end, reading.end + FRAME_BYTES_MAX);
  }
  return { firstIndex, entries, ...(cutTail ? { cutTail } : {}) };
}

async function readMark(files: Files, folder: string): Promise<number> {
  const bytes = await files.read(`${folder}/mark`);
  const value = bytes && parseDecimal(Buffer.from(bytes).toString('latin1').trim());
  if (value === undefined) throw corrupt(`${folder}/mark is missing or holds no number`);
  return Number(value);
}

export const writeMark = (files: Files, folder: string, mark: number): Promise<void> =>
  replaceDurably(files, `${folder}/mark`, `${folder}/mark.new`, Buffer.from(`${mark}\n`));

export class Journal {
  readonly #options: JournalOptions;
  readonly #segmentBytes: number;
  readonly #epoch: number;
  readonly #segments: Segment[] = [];
  #spare: Promise<OpenFile & { path: string }> | undefined;
  #next: number;
  #crc = 0;
  #room: (() => void) | undefined;

  private constructor(options: JournalOptions, epoch: number, next: number) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#epoch = epoch;
    this.#next = next;
  }

  /** The first segment of a new log; the folder is empty. */
  static async create(options: JournalOptions): Promise<void> {
    await writeMark(options.files, options.folder, 0);
    const journal = new Journal(options, 1, 1);
    await journal.#activate(0);
    await journal.close();
  }

  /**
   * Writes what `readJournal` accepted above the mark once more, under a new epoch, into fresh segments:
   * having read a frame proves only that it was in the page cache. The segment that begins at the mark is
   * renamed last, so that a new epoch counts only when all of it is there. Until then the old segments rule.
   */
  static async reopen(options: JournalOptions, reading: JournalReading): Promise<Journal> {
    const { files, folder } = options;
    for (const name of await files.list(folder)) {
      if (name.endsWith('.new') || name.startsWith('spare-'))
        await files.remove(`${folder}/${name}`);
    }
    const highest = Math.max(
      0,
      ...reading.paths.map((path) => numberOf(path.slice(folder.length + 1))),
    );
    const journal = new Journal(options, reading.epoch + 1, highest + 1);
    await journal.#rewrite(reading.entries.slice(reading.mark - reading.firstIndex), reading.mark);
    for (const path of reading.paths) await files.remove(path);
    await files.syncDirectory(folder);
    return journal;
  }

  async #rewrite(entries: readonly Uint8Array[], mark: number): Promise<void> {
    const written: { segment: Segment; path: string }[] = [];
    const start = async (index: number): Promise<Segment> => {
      const path = `${this.#options.folder}/${segmentName(this.#next++)}`;
      const segment = await this.#begin(await this.#prepare(`${path}.new`), path, index);
      written.push({ segment, path });
      return segment;
    };
    let segment = await start(mark);
    for (let at = 0; at < entries.length; ) {
      const batch = takeBatch(entries, at);
      if (segment.offset + frameBytes(batch.entriesBytes) > this.#segmentBytes)
        segment = await start(mark + at);
      await this.#write(segment, batch.entries, batch.entriesBytes);
      at += batch.entries.length;
    }
    for (const { segment: one } of written) {
      if (this.#options.flush) await one.file.datasync();
      one.durable = one.offset;
    }
    await this.#options.files.syncDirectory(this.#options.folder);
    for (const { path } of written.reverse()) {
      await this.#options.files.rename(`${path}.new`, path);
      // Each name on its own: a later one must not become durable before the ones it depends on.
      await this.#options.files.syncDirectory(this.#options.folder);
    }
    this.#segments.push(...written.reverse().map((one) => one.segment));
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Index after the last entry written. */
  get end(): number {
    return this.#segments.at(-1)?.end ?? 0;
  }

  /** Where reading back begins when everything so far is known. */
  get position(): JournalPosition {
    const segment = this.#segments.at(-1);
    return { segment, offset: segment?.offset ?? BLOCK_BYTES, crc: this.#crc };
  }

  /** Writes one frame and flushes it; after it resolves the entries survive a power cut. Any failure is final. */
  async append(entries: readonly Uint8Array[], entriesBytes: number): Promise<void> {
    let segment = this.#segments.at(-1);
    if (!segment || segment.offset + frameBytes(entriesBytes) > this.#segmentBytes) {
      while (this.#segments.length >= SEGMENTS_MAX) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      }
      segment = await this.#activate(this.end);
    }
    await this.#write(segment, entries, entriesBytes);
    if (this.#options.flush) await segment.file.datasync();
    segment.durable = segment.offset;
    // Half full: the next one is prepared while this one still takes frames.
    if (segment.offset > this.#segmentBytes / 2) this.#prepareSpare();
  }

  /** Reads frames back from the file, from this entry on, as far as whole frames of `FRAME_BYTES_MAX` go. */
  async readBack(
    from: number,
    position: JournalPosition,
  ): Promise<{ entries: Uint8Array[]; position: JournalPosition }> {
    let at = position;
    if (!at.segment) throw new TlogError('LOG_FAILED', 'the journal has no segment');
    const following = this.#segments[this.#segments.indexOf(at.segment as Segment) + 1];
    if (at.offset >= (at.segment as Segment).durable && following)
      at = { segment: following, offset: BLOCK_BYTES };
    const segment = at.segment as Segment;
    const bytes = await segment.file.read(
      at.offset,
      Math.min(segment.durable - at.offset, 4 * FRAME_BYTES_MAX),
    );
    const { frames, end } = readSegment(Buffer.concat([Buffer.alloc(BLOCK_BYTES), bytes]), {
      ...segment.header,
      firstIndex: from,
      previousCrc: at.crc ?? segment.header.previousCrc,
    });
    if (bytes.length > 0 && frames.length === 0) {
      throw corrupt(
        `${segment.path} is damaged at offset ${at.offset}: what was flushed does not read back`,
      );
    }
    const entries = frames.flatMap((frame) => frame.entries);
    const crc = frames.at(-1)?.crc ?? at.crc;
    return {
      entries,
      position: {
        segment,
        offset: at.offset + end - BLOCK_BYTES,
        ...(crc === undefined ? {} : { crc }),
      },
    };
  }

  /** Index up to which whole segments could be given back, if the tree below it were durable. */
  retirable(signed: number): number | undefined {
    const [first, second] = this.#segments;
    return first && second && first.end <= signed ? first.end : undefined;
  }

  /** Gives back the segments wholly below the mark, which has been moved durably before. */
  async retire(mark: number): Promise<void> {
    for (
      let first = this.#segments[0];
      first && this.#segments.length > 1 && first.end <= mark;
      first = this.#segments[0]
    ) {
      this.#segments.shift();
      await first.file.close();
      await this.#options.files.remove(first.path);
    }
    await this.#options.files.syncDirectory(this.#options.folder);
    this.#room?.();
  }

  async close(): Promise<void> {
    await Promise.all(this.#segments.map((segment) => segment.file.close()));
    const spare = await this.#spare?.catch(() => undefined);
    if (spare) {
      await spare.close();
      await this.#options.files.remove(spare.path);
    }
  }

  async #write(
    segment: Segment,
    entries: readonly Uint8Array[],
    entriesBytes: number,
  ): Promise<void> {
    const frame = encodeFrame({
      epoch: this.#epoch,
      firstIndex: segment.end,
      entries,
      entriesBytes,
      previousCrc: this.#crc,
    });
    await segment.file.write(segment.offset, frame.bytes);
    this.#crc = frame.crc;
    segment.offset += frame.bytes.length;
    segment.end += entries.length;
  }

  #prepareSpare(): void {
    if (this.#spare) return;
    const path = `${this.#options.folder}/spare-${this.#next}`;
    this.#spare = this.#prepare(path);
    // The failure is met, and thrown, where the segment is needed; a later try prepares anew.
    this.#spare.catch(() => undefined);
  }

  /** Contents, size and directory entry are durable before the first frame: no flush commits a growing file. */
  async #prepare(path: string): Promise<OpenFile & { path: string }> {
    const { files, folder } = this.#options;
    const file = await files.open(path, 'create');
    const zeros = Buffer.alloc(Math.min(ZERO_CHUNK_BYTES, this.#segmentBytes));
    for (let at = 0; at < this.#segmentBytes; at += zeros.length) await file.write(at, zeros);
    if (this.#options.flush) await file.datasync();
    await files.syncDirectory(folder);
    return Object.assign(file, { path });
  }

  async #begin(file: OpenFile, path: string, firstIndex: number): Promise<Segment> {
    const header = {
      logId: this.#options.logId,
      epoch: this.#epoch,
      firstIndex,
      previousCrc: this.#crc,
    };
    await file.write(0, encodeSegmentHeader(header));
    if (this.#options.flush) await file.datasync();
    return { path, file, header, end: firstIndex, offset: BLOCK_BYTES, durable: BLOCK_BYTES };
  }

  async #activate(firstIndex: number): Promise<Segment> {
    this.#prepareSpare();
    const spare = this.#spare;
    this.#spare = undefined;
    if (!spare) throw new TlogError('LOG_FAILED', 'no segment was prepared');
    let file: OpenFile & { path: string };
    try {
      file = await spare;
    } catch (cause) {
      throw new TlogError('LOG_STALLED', "couldn't prepare the next segment of the journal", {
        hint: 'free space on the disk of the data directory; the next append tries again',
        cause,
      });
    }
    const path = `${this.#options.folder}/${segmentName(this.#next++)}`;
    const segment = await this.#begin(file, path, firstIndex);
    await this.#options.files.rename(file.path, path);
    await this.#options.files.syncDirectory(this.#options.folder);
    this.#segments.push(segment);
    return segment;
  }
}

/** Where `readBack` goes on; opaque to its caller. */
export interface JournalPosition {
  readonly segment: object | undefined;
  readonly offset: number;
  readonly crc?: number;
}

/** As many entries from `at` on as one frame holds. */
export function takeBatch(
  entries: readonly Uint8Array[],
  at: number,
): { entries: Uint8Array[]; entriesBytes: number } {
  const batch: Uint8Array[] = [];
  let entriesBytes = 0;
  for (let i = at; i < entries.length && batch.length < FRAME_ENTRIES_MAX; i++) {
    const entry = entries[i];
    if (!entry || (batch.length > 0 && entriesBytes + entry.length + 2 > FRAME_BYTES_MAX)) break;
    batch.push(entry);
    entriesBytes += entry.length + 2;
  }
  return { entries: batch, entriesBytes };
}
