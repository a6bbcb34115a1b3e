/** Reading a journal at start, without writing: which segments count, where they end, what is damaged. */
import { TlogError } from '../errors.ts';
import type { Files } from '../files/files.ts';
import { BLOCK_BYTES } from './frame.ts';
import { readMark } from './mark.ts';
import { decodeSegmentHeader, readSegment, type SegmentHeader } from './segment.ts';

/** What the files held at start, before anything was written. */
export interface JournalReading {
  /** Durable-tiles mark. */
  readonly mark: number;
  /** The highest epoch that was ever begun, whether or not its segment counts. */
  readonly epochMax: number;
  /** Index of the first of `entries`, at or below the mark. */
  readonly firstIndex: number;
  readonly entries: readonly Uint8Array[];
  /** A frame that was begun and never whole, and therefore never acknowledged. */
  readonly cutTail?: Uint8Array;
  /** Every segment in the folder. */
  readonly paths: readonly string[];
}

interface Found {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly bytes: Buffer;
}

const SEGMENT_NAME = /^[0-9]{16}\.seg$/;

/** Named by epoch, so that a list of names is in order. */
export const segmentName = (epoch: number): string => `${String(epoch).padStart(16, '0')}.seg`;

export function corrupt(message: string): TlogError {
  return new TlogError('LOG_CORRUPT', message, {
    hint: 'acknowledged entries are damaged; nothing was repaired. Restore the file from a copy, or succeed the log',
  });
}

/** Throws LOG_CORRUPT, naming file and offset, where acknowledged entries are damaged. */
export async function readJournal(
  files: Files,
  folder: string,
  logId: Uint8Array,
): Promise<JournalReading> {
  const mark = await readMark(files, folder);
  const found: Found[] = [];
  for (const name of (await files.list(folder)) ?? []) {
    if (!SEGMENT_NAME.test(name)) continue;
    const path = `${folder}/${name}`;
    const read = (await files.read(path)) ?? new Uint8Array();
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
    const header = decodeSegmentHeader(bytes.subarray(0, BLOCK_BYTES), logId, path);
    if (!header) throw corrupt(`${path} has no valid header at offset 0`);
    found.push({ path, header, bytes });
  }
  found.sort((a, b) => a.header.epoch - b.header.epoch);
  const live = chainAt(found, mark);
  if (live.length === 0)
    throw corrupt(`${folder} has no segment that begins at or before entry ${mark}`);
  const chain = readChain(live);
  if (chain.firstIndex + chain.entries.length < mark)
    throw corrupt(`${folder} ends before entry ${mark}, up to which the tree is durable`);
  return {
    mark,
    epochMax: found.at(-1)?.header.epoch ?? 0,
    paths: found.map(({ path }) => path),
    ...chain,
  };
}

/**
 * The segments that count: those of the newest opening that reaches down to the mark. A recovery that was
 * interrupted leaves a newer opening whose first segment, named last, is missing; the older ones rule then.
 * Segments before the last that begins at or below the mark are retired, even if their names came back.
 */
function chainAt(found: readonly Found[], mark: number): readonly Found[] {
  const first = found.findLast(({ header }) => header.firstIndex <= mark);
  if (!first) return [];
  return found.filter(
    ({ header }) => header.opening === first.header.opening && header.epoch >= first.header.epoch,
  );
}

function readChain(live: readonly Found[]): {
  readonly firstIndex: number;
  readonly entries: readonly Uint8Array[];
  readonly cutTail?: Uint8Array;
} {
  const entries: Uint8Array[] = [];
  const firstIndex = live[0]?.header.firstIndex ?? 0;
  let crc: number | undefined;
  let cutTail: Uint8Array | undefined;
  for (const [at, { path, header, bytes }] of live.entries()) {
    const index = firstIndex + entries.length;
    if (header.firstIndex !== index || (crc !== undefined && header.previousCrc !== crc))
      throw corrupt(`${path} does not continue the segment before it at entry ${index}`);
    const reading = readSegment(bytes, header);
    // A segment is begun only after every frame of the one before it was flushed.
    if (reading.damaged || (reading.torn && at < live.length - 1))
      throw corrupt(`${path} is damaged at offset ${reading.end}`);
    for (const frame of reading.frames) entries.push(...frame.entries);
    crc = reading.endCrc;
    cutTail = reading.torn;
  }
  return { firstIndex, entries, ...(cutTail ? { cutTail } : {}) };
}
