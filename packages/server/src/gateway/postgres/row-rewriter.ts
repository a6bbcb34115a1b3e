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
  /** Behind the last masked value, in what was given. */
  readonly end: number;
}

const NULL_LENGTH = -1;

export class RowRewriter {
  readonly #masks: readonly (Mask | undefined)[];
  /** Number of values up to the last masked one. */
  readonly #size: number;
  /** Values that were replaced so far. */
  values = 0;
  /** Bytes of the row that have to be there before it is worth trying again. */
  needed = 0;

  constructor(masks: readonly (Mask | undefined)[]) {
    this.#masks = masks;
    this.#size = masks.findLastIndex((mask) => mask !== undefined) + 1;
  }

  /**
   * `given` holds the frame of a row from `from` to `to`, all of it or its beginning; undefined where more
   * is `needed`. Throws ProtocolError, and ResultRefused for a row that is too wide.
   */
  rewrite(given: Buffer, from: number, to: number): Rewritten | undefined {
    const values = this.#read(given, from, to);
    if (values === undefined) return undefined;
    const end = values.at(-1)?.end ?? from + HEADER_BYTES;
    const more = values.reduce((sum, { old, made }) => sum + sizeOf(made) - old, 0);
    const bytes = Buffer.allocUnsafe(end - from + more);
    bytes[0] = given[from] ?? 0;
    bytes.writeUInt32BE(given.readUInt32BE(from + 1) + more, 1);
    let [read, written] = [from + HEADER_BYTES, HEADER_BYTES];
    for (const { at, made, end: next } of values) {
      written += given.copy(bytes, written, read, at);
      bytes.writeInt32BE(made === undefined ? NULL_LENGTH : made.length, written);
      written += 4;
      if (made) written += made.copy(bytes, written);
      read = next;
    }
    this.values += values.length;
    this.needed = 0;
    return { bytes, end };
  }

  #read(given: Buffer, from: number, to: number): Replaced[] | undefined {
    const frameEnd = from + 1 + given.readUInt32BE(from + 1);
    const missing = (end: number): boolean => {
      if (end > frameEnd)
        throw new ProtocolError('the server sent a row that is shorter than it says');
      if (end <= to) return false;
      this.needed = end - from;
      if (this.needed <= MASKED_ROW_BYTES_MAX) return true;
      const bound = `${MASKED_ROW_BYTES_MAX} bytes of a row`;
      throw new ResultRefused('54000', `a masked column does not end within ${bound}`);
    };
    let at = from + HEADER_BYTES;
    if (missing(at + 2)) return undefined;
    if (given.readUInt16BE(at) !== this.#masks.length) {
      throw new ProtocolError('the server sent a row of other columns than it described');
    }
    at += 2;
    const found: Replaced[] = [];
    for (let index = 0; index < this.#size; index++) {
      if (missing(at + 4)) return undefined;
      const length = given.readInt32BE(at);
      const end = at + 4 + Math.max(0, length);
      const mask = this.#masks[index];
      if (missing(end)) return undefined;
      if (mask) {
        const value = length < 0 ? undefined : given.subarray(at + 4, end);
        found.push({ at, end, old: Math.max(0, length), made: mask(value) });
      }
      at = end;
    }
    return found;
  }
}

interface Replaced {
  /** Of its length, and behind it. */
  readonly at: number;
  readonly end: number;
  readonly old: number;
  readonly made: Buffer | undefined;
}

const sizeOf = (made: Buffer | undefined): number => made?.length ?? 0;
