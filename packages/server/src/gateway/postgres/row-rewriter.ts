/**
 * DataRow with some of its values replaced. A row may arrive in any pieces: it is held as far as its last
 * masked value and no further, since its length stands in front; everything behind passes as it comes.
 */
import { HEADER_BYTES, ProtocolError } from './frame.ts';
import type { Mask } from './mask.ts';

/** What is held of one row; a value that is masked may not begin or end behind it. */
export const MASKED_ROW_BYTES_MAX = 4 << 20;

/** A result that must not be shown; nothing more of the session can be. */
export class ResultRefused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Rewritten {
  /** In place of the row up to `end`. */
  readonly bytes: Buffer;
  /** In what was given; what comes behind it of the row passes. */
  readonly end: number;
}

const NULL_LENGTH = -1;
/** Of what stands behind the last masked value of a row: copying more costs more than a piece of its own. */
const REST_BYTES_MAX = 256;

export class RowRewriter {
  readonly #masks: readonly (Mask | undefined)[];
  /** Number of values up to the last masked one. */
  readonly #size: number;
  /** Of the row at hand, by masked value: where its length stands, its end, and what is shown instead. */
  readonly #ats: number[];
  readonly #ends: number[];
  readonly #made: (Buffer | undefined)[];
  /** Values that were replaced so far. */
  values = 0;
  /** Bytes of the row that have to be there before it is worth trying again. */
  needed = 0;

  constructor(masks: readonly (Mask | undefined)[]) {
    this.#masks = masks;
    this.#size = masks.findLastIndex((mask) => mask !== undefined) + 1;
    const masked = masks.filter((mask) => mask !== undefined).length;
    this.#ats = new Array<number>(masked).fill(0);
    this.#ends = new Array<number>(masked).fill(0);
    this.#made = new Array<Buffer | undefined>(masked).fill(undefined);
  }

  /**
   * `given` holds the frame of a row from `from` to `to`, all of it or its beginning; undefined where more
   * is `needed`. Throws ProtocolError, and ResultRefused for a row that is too wide.
   */
  rewrite(given: Buffer, from: number, to: number): Rewritten | undefined {
    const frameEnd = from + 1 + given.readUInt32BE(from + 1);
    const read = this.#read(given, { from, to, frameEnd });
    if (read < 0) return undefined;
    const [ats, ends, made] = [this.#ats, this.#ends, this.#made];
    let more = 0;
    for (let n = 0; n < made.length; n++) {
      more += (made[n]?.length ?? 0) - ((ends[n] ?? 0) - (ats[n] ?? 0) - 4);
    }
    // A short rest goes with it, one piece a row; a long one is not copied.
    const there = Math.min(frameEnd, to);
    const end = there - read > REST_BYTES_MAX ? read : there;
    const bytes = Buffer.allocUnsafe(end - from + more);
    let [copied, written] = [from + HEADER_BYTES, HEADER_BYTES];
    for (let n = 0; n < made.length; n++) {
      const value = made[n];
      written = copy(given, copied, ats[n] ?? 0, bytes, written);
      bytes.writeInt32BE(value === undefined ? NULL_LENGTH : value.length, written);
      written += 4;
      if (value) written = copy(value, 0, value.length, bytes, written);
      copied = ends[n] ?? 0;
    }
    copy(given, copied, end, bytes, written);
    bytes[0] = given[from] ?? 0;
    bytes.writeUInt32BE(frameEnd - from - 1 + more, 1);
    this.values += made.length;
    this.needed = 0;
    return { bytes, end };
  }

  /** Where the masked values stand, and what goes in their place; negative where more is needed. */
  #read(given: Buffer, extent: Extent): number {
    let at = extent.from + HEADER_BYTES;
    if (this.#isMissing(at + 2, extent)) return -1;
    if (given.readUInt16BE(at) !== this.#masks.length) {
      throw new ProtocolError('the server sent a row of other columns than it described');
    }
    at += 2;
    let found = 0;
    for (let index = 0; index < this.#size; index++) {
      if (this.#isMissing(at + 4, extent)) return -1;
      const length = given.readInt32BE(at);
      const end = at + 4 + Math.max(length, 0);
      if (this.#isMissing(end, extent)) return -1;
      const mask = this.#masks[index];
      if (mask) {
        this.#ats[found] = at;
        this.#ends[found] = end;
        this.#made[found++] = mask(length < 0 ? undefined : given.subarray(at + 4, end));
      }
      at = end;
    }
    return at;
  }

  #isMissing(end: number, { from, to, frameEnd }: Extent): boolean {
    if (end > frameEnd) throw new ProtocolError('the server sent a row shorter than it says');
    if (end <= to) return false;
    this.needed = end - from;
    if (this.needed <= MASKED_ROW_BYTES_MAX) return true;
    const bound = `${MASKED_ROW_BYTES_MAX} bytes of a row`;
    throw new ResultRefused('54000', `a masked column does not end within ${bound}`);
  }
}

interface Extent {
  readonly from: number;
  readonly to: number;
  readonly frameEnd: number;
}

/** Below it a loop is faster than the call that copies. */
const LOOP_BYTES_MAX = 64;

/** Copies [from, to) and answers where to go on writing. */
function copy(given: Buffer, from: number, to: number, into: Buffer, at: number): number {
  if (to - from > LOOP_BYTES_MAX) return at + given.copy(into, at, from, to);
  let written = at;
  for (let read = from; read < to; read++) into[written++] = given[read] ?? 0;
  return written;
}
