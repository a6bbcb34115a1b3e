/**
 * The server's side of a session: every frame is looked at, almost none is touched. Slices of what arrived
 * go out as they are; only what stands for a denial is replaced or dropped.
 */
import { FRAME_BYTES_MAX, ProtocolError } from './frame.ts';

/** What to do with a frame: pass it on, drop it, or send this instead. */
export type Verdict = 'pass' | 'drop' | Buffer;

export interface BackendHandler {
  /** A frame that is small or has a meaning to the gateway. */
  message(type: string, body: Buffer): Verdict;
  /** A row or COPY data of this many bytes, header included: passed on in any case. */
  data(bytes: number): void;
}

const HEADER_BYTES = 5;

export class BackendReader {
  readonly #handler: BackendHandler;
  /** The beginning of a frame that has not arrived whole. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of a row that are still to come. */
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
    while (at < chunk.length) {
      if (chunk.length - at < HEADER_BYTES) break;
      const type = String.fromCharCode(chunk[at] ?? 0);
      const length = chunk.readUInt32BE(at + 1) + 1;
      if (length < HEADER_BYTES)
        throw new ProtocolError('the server sent a message of invalid length');
      if (type === 'D' || type === 'd') {
        this.#handler.data(length);
        const here = Math.min(length, chunk.length - at);
        this.#passing = length - here;
        at += here;
        continue;
      }
      if (length > FRAME_BYTES_MAX)
        throw new ProtocolError(`the server sent a message of ${length} bytes`);
      if (chunk.length - at < length) break;
      const verdict = this.#handler.message(type, chunk.subarray(at + HEADER_BYTES, at + length));
      if (verdict !== 'pass') {
        if (at > from) out.push(chunk.subarray(from, at));
        if (verdict !== 'drop') out.push(verdict);
        from = at + length;
      }
      at += length;
    }
    if (at > from) out.push(chunk.subarray(from, at));
    if (at < chunk.length) this.#held = Buffer.from(chunk.subarray(at));
    return out;
  }
}
