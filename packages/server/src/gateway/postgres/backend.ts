/**
 * The server's side of a session: every frame is looked at, almost none is touched. Slices of what arrived
 * go out as they are; only what stands for a denial is replaced or dropped.
 */
import { HEADER_BYTES, ProtocolError } from './frame.ts';

/** What to do with a frame: pass it on, drop it, or send this instead. */
export type Fate = 'pass' | 'drop' | Buffer;

export interface BackendHandler {
  /** A whole frame. */
  message(type: string, body: Buffer): Fate;
  /**
   * A frame that passes in any case: rows, COPY data, and whatever is too long to be one of ours. `head` is
   * the beginning of its body, at most HELD_BYTES_MAX of it and possibly none; `bytes` is its whole length.
   */
  passing(type: string, head: Buffer, bytes: number): void;
}

/** Longer frames are passed on while they arrive: a result, or a value in an error's text, is never held. */
export const HELD_BYTES_MAX = 64 << 10;

/** Rows and COPY data have no meaning to the gateway but their size. */
const STREAMED = new Set(['D', 'd']);
/** May be long without being an attack; anything else that long is no message of a PostgreSQL server. */
const MAY_BE_LONG = new Set(['D', 'd', 'E', 'N', 'A', 'T', 't', 'V']);

export class BackendReader {
  readonly #handler: BackendHandler;
  /** The beginning of a frame that has not arrived whole; below HELD_BYTES_MAX. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of a passing frame that are still to come. */
  #passing = 0;

  constructor(handler: BackendHandler) {
    this.#handler = handler;
  }

  /** What goes to the client for this chunk, in order. Throws ProtocolError. */
  push(arrived: Buffer): Buffer[] {
    const chunk = this.#held.length === 0 ? arrived : Buffer.concat([this.#held, arrived]);
    this.#held = Buffer.alloc(0);
    const out: Buffer[] = [];
    // [from, at) passes as it is and has not been put out yet.
    let from = 0;
    let at = Math.min(this.#passing, chunk.length);
    this.#passing -= at;
    while (chunk.length - at >= HEADER_BYTES) {
      const type = String.fromCharCode(chunk[at] ?? 0);
      const bytes = chunk.readUInt32BE(at + 1) + 1;
      if (bytes < HEADER_BYTES) throw new ProtocolError('the server sent an invalid length');
      const here = Math.min(bytes, chunk.length - at);
      if (STREAMED.has(type) || bytes > HELD_BYTES_MAX) {
        if (!MAY_BE_LONG.has(type)) throw new ProtocolError(`the server sent ${bytes} bytes`);
        // An error's code stands at its beginning; of rows nothing is needed.
        if (!STREAMED.has(type) && here < HELD_BYTES_MAX) break;
        this.#handler.passing(type, chunk.subarray(at + HEADER_BYTES, at + here), bytes);
        this.#passing = bytes - here;
        at += here;
        continue;
      }
      if (here < bytes) break;
      const fate = this.#handler.message(type, chunk.subarray(at + HEADER_BYTES, at + bytes));
      if (fate !== 'pass') {
        if (at > from) out.push(chunk.subarray(from, at));
        if (fate !== 'drop') out.push(fate);
        from = at + bytes;
      }
      at += bytes;
    }
    if (at > from) out.push(chunk.subarray(from, at));
    // A copy: a slice would keep the whole chunk alive.
    if (at < chunk.length) this.#held = Buffer.from(chunk.subarray(at));
    return out;
  }
}
