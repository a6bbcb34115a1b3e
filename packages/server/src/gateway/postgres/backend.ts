/**
 * The server's side of a session: every frame is looked at, almost none is touched. Slices of what arrived
 * go out as they are; only what stands for a denial is replaced or dropped.
 */
import { HEADER_BYTES, ProtocolError } from './frame.ts';
import type { RowRewriter } from './row-rewriter.ts';
import type { RowFate } from './showing.ts';

/** What to do with a frame: pass it on, drop it, or send this instead. */
export type Fate = 'pass' | 'drop' | Buffer;

export interface BackendHandler {
  /** A whole frame. */
  message(type: string, body: Buffer): Fate;
  /**
   * A frame that is not held: rows, COPY data, and whatever is too long to be one of ours. `head` is the
   * beginning of its body, possibly none of it; `bytes` is its whole length. Asked once for each frame.
   */
  passing(type: string, head: Buffer, bytes: number): RowFate | Buffer;
}

/** Longer frames are passed on while they arrive: a result, or a value in an error's text, is never held. */
export const HELD_BYTES_MAX = 64 << 10;
/** What describes a result has to be there whole: 1,664 columns with the longest names there are. */
export const DESCRIPTION_BYTES_MAX = 256 << 10;

const heldMax = (type: string): number => (type === 'T' ? DESCRIPTION_BYTES_MAX : HELD_BYTES_MAX);

/** Rows and COPY data have no meaning to the gateway but their size. */
const STREAMED = new Set(['D', 'd']);
/** May be long without being an attack; anything else that long is no message of a PostgreSQL server. */
const MAY_BE_LONG = new Set(['D', 'd', 'E', 'N', 'A', 'T', 't', 'V']);

export class BackendReader {
  readonly #handler: BackendHandler;
  /** The beginning of a frame that has not arrived whole: pieces, so that each byte is joined once. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Of the frame that is held, how many bytes have to be there before it is looked at again. */
  #needed = 0;
  /** Set while the row that is held waits for the values that are to be replaced. */
  #rewriter: RowRewriter | undefined;
  /** Bytes of a frame that are still to come, and whether they go out. */
  #passing = 0;
  #dropping = false;

  constructor(handler: BackendHandler) {
    this.#handler = handler;
  }

  /** What goes to the client for this chunk, in order. Throws ProtocolError and ResultRefused. */
  push(arrived: Buffer): Buffer[] {
    if (this.#heldBytes + arrived.length < this.#needed) {
      this.#hold(arrived);
      return [];
    }
    const chunk = this.#heldBytes === 0 ? arrived : Buffer.concat([...this.#held, arrived]);
    this.#held = [];
    this.#heldBytes = 0;
    this.#needed = 0;
    const out: Buffer[] = [];
    // [from, at) passes as it is and has not been put out yet.
    let at = Math.min(this.#passing, chunk.length);
    let from = this.#dropping ? at : 0;
    this.#passing -= at;
    const replace = (end: number, by: Buffer | undefined): void => {
      if (at > from) out.push(chunk.subarray(from, at));
      if (by) out.push(by);
      from = end;
    };
    while (chunk.length - at >= HEADER_BYTES) {
      const type = String.fromCharCode(chunk[at] ?? 0);
      const bytes = chunk.readUInt32BE(at + 1) + 1;
      if (bytes < HEADER_BYTES) throw new ProtocolError('the server sent an invalid length');
      const here = Math.min(bytes, chunk.length - at);
      if (STREAMED.has(type) || bytes > heldMax(type)) {
        if (!MAY_BE_LONG.has(type)) throw new ProtocolError(`the server sent ${bytes} bytes`);
        // An error's code stands at its beginning; of rows nothing is needed.
        if (!STREAMED.has(type) && here < HELD_BYTES_MAX) {
          this.#needed = HELD_BYTES_MAX;
          break;
        }
        const fate =
          this.#rewriter ??
          this.#handler.passing(type, chunk.subarray(at + HEADER_BYTES, at + here), bytes);
        this.#dropping = fate === 'drop' || Buffer.isBuffer(fate);
        if (fate === 'drop') replace(at + here, undefined);
        else if (Buffer.isBuffer(fate)) replace(at + here, fate);
        else if (fate !== 'pass') {
          const rewritten = fate.rewrite(chunk, at, at + here);
          this.#rewriter = rewritten ? undefined : fate;
          if (!rewritten) {
            this.#needed = fate.needed;
            break;
          }
          replace(rewritten.end, rewritten.bytes);
        }
        this.#passing = bytes - here;
        at += here;
        continue;
      }
      if (here < bytes) {
        this.#needed = bytes;
        break;
      }
      const fate = this.#handler.message(type, chunk.subarray(at + HEADER_BYTES, at + bytes));
      if (fate !== 'pass') replace(at + bytes, fate === 'drop' ? undefined : fate);
      at += bytes;
    }
    if (at > from) out.push(chunk.subarray(from, at));
    if (at < chunk.length) this.#hold(chunk.subarray(at));
    return out;
  }

  /** A copy: a slice would keep the whole chunk alive. */
  #hold(bytes: Buffer): void {
    this.#held.push(Buffer.from(bytes));
    this.#heldBytes += bytes.length;
  }
}
