/** The one place where bytes go up: in order, and behind the disk. */
import type { Socket } from 'node:net';
import type { Unit } from './unit.ts';

/** A log that takes longer for a decision ends the session: nothing of it has gone up. */
export const LOG_WAIT_MS_MAX = 10_000;

/** The log has not taken what had to be in it before anything happens. */
export class NotDurable extends Error {}

export class Outbox {
  readonly #socket: Socket;
  readonly #nowUs: () => number;
  readonly #waitMsMax: number;
  #slices: Buffer[] = [];
  #bytes = 0;
  #waits: Promise<unknown>[] = [];
  #units: Unit[] = [];

  constructor(socket: Socket, nowUs: () => number, waitMsMax: number = LOG_WAIT_MS_MAX) {
    this.#socket = socket;
    this.#nowUs = nowUs;
    this.#waitMsMax = waitMsMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that follow each other in what arrived stay one slice: they are written as they came. */
  add(bytes: Buffer, unit?: Unit): void {
    const last = this.#slices.at(-1);
    const end = last && last.byteOffset + last.length;
    if (last && end === bytes.byteOffset && last.buffer === bytes.buffer) {
      const joined = Buffer.from(last.buffer, last.byteOffset, last.length + bytes.length);
      this.#slices[this.#slices.length - 1] = joined;
    } else this.#slices.push(bytes);
    this.#bytes += bytes.length;
    if (unit) this.#units.push(unit);
  }

  /** Nothing that was added, or will be before the next flush, goes up before this has resolved. */
  waitFor(durable: Promise<unknown>): void {
    this.#waits.push(durable);
    // It is awaited in `flush`; until then a rejection must not count as unhandled.
    durable.catch(() => undefined);
  }

  /**
   * One wait for all of it, one write, and then as long as the upstream does not take more. Rejects with
   * NotDurable. `stopped` is asked after the wait: then nothing goes up either.
   */
  async flush(stopped: () => boolean): Promise<void> {
    const [slices, waits, units] = [this.#slices, this.#waits, this.#units];
    this.#slices = [];
    this.#bytes = 0;
    this.#waits = [];
    this.#units = [];
    if (waits.length > 0) await allDurable(waits, this.#waitMsMax);
    if (stopped() || slices.length === 0) return;
    const sentUs = this.#nowUs();
    for (const unit of units) unit.sentUs ??= sentUs;
    const socket = this.#socket;
    socket.cork();
    for (const slice of slices) socket.write(slice);
    socket.uncork();
    if (socket.writableNeedDrain) await drained(socket);
  }
}

export async function allDurable(waits: readonly Promise<unknown>[], msMax: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${msMax} ms`)), msMax);
  });
  try {
    await Promise.race([Promise.all(waits), late]);
  } catch (cause) {
    throw new NotDurable('the log cannot record this', { cause });
  } finally {
    clearTimeout(timer);
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
