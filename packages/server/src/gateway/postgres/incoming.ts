/** Bytes of a connection that has not become a session yet: read on demand, and never more than a little. */
import type { Socket } from 'node:net';
import { type Frame, type FrameLimit, FrameReader } from './frame.ts';

/**
 * What is held of a client that nobody knows yet. It may send on while the upstream is being connected;
 * past this it is not read any more until it is a session.
 */
export const UNREAD_BYTES_MAX = 64 << 10;

/** The client went away; nobody is left to be told. */
export class ClientGone extends Error {}

export class Incoming {
  readonly #frames = new FrameReader();
  readonly #socket: Socket;
  #received = false;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
  }

  /** True once anything came at all: a probe that only opens and closes a connection sends nothing. */
  get received(): boolean {
    return this.#received;
  }

  get pending(): number {
    return this.#frames.pending;
  }

  /** Without taking it. */
  firstByte(): Promise<number> {
    return this.#until(() => this.#frames.firstByte);
  }

  startup(): Promise<Buffer> {
    return this.#until(() => this.#frames.nextStartup());
  }

  frame(limit: FrameLimit): Promise<Frame> {
    return this.#until(() => this.#frames.next(limit));
  }

  /** Hands the socket over, paused, with whatever has arrived. */
  release(): FrameReader {
    this.#socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
    this.#socket.pause();
    return this.#frames;
  }

  /** One caller at a time. Rejects with ClientGone. */
  async #until<T>(take: () => T | undefined): Promise<T> {
    for (;;) {
      const found = take();
      if (found !== undefined) return found;
      if (this.#closed) throw new ClientGone('the client closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#socket.resume();
      });
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received = true;
    this.#frames.push(chunk);
    if (this.#frames.pending > UNREAD_BYTES_MAX) this.#socket.pause();
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#closed = true;
    this.#wake();
  };
}
