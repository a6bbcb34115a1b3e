/**
 * Reading the log is an entry, too. Bounded, because the entry of a look is itself something to look at: a
 * client that polls would otherwise fill the log by looking.
 */
import type { Recorder } from '@sealrail/sdk';

/** Of each way of looking, one entry in this time; the next one says how many more there were. */
export const ACCESS_QUIET_MS = 60_000;
/** A receipt leaves the machine, so each is an entry of its own; past this in a minute they are refused. */
export const RECEIPTS_A_MINUTE_MAX = 120;
const MINUTE_MS = 60_000;

type Look = 'stream' | 'search' | 'read';

interface Quiet {
  readonly since: number;
  more: number;
}

export class Accesses {
  readonly #recorder: Recorder;
  readonly #clock: () => number;
  readonly #quiet = new Map<Look, Quiet>();
  #minute = { since: Number.NEGATIVE_INFINITY, receipts: 0 };

  /** `clock` in milliseconds. */
  constructor(recorder: Recorder, clock: () => number) {
    this.#recorder = recorder;
    this.#clock = clock;
  }

  /** Does not wait: whoever looks at a log that has failed has to see that it has. */
  note(how: Look, what: string): void {
    const now = this.#clock();
    const quiet = this.#quiet.get(how);
    if (quiet && now - quiet.since < ACCESS_QUIET_MS) {
      quiet.more++;
      return;
    }
    const more = quiet?.more ?? 0;
    this.#quiet.set(how, { since: now, more: 0 });
    this.#record(how, more === 0 ? what : `${what}, and ${more} times more before`).catch(
      () => undefined,
    );
  }

  /** Resolves when it is on disk that this receipt was given out; false where there were too many. */
  async receipt(index: number): Promise<boolean> {
    const now = this.#clock();
    if (now - this.#minute.since >= MINUTE_MS) this.#minute = { since: now, receipts: 0 };
    if (this.#minute.receipts >= RECEIPTS_A_MINUTE_MAX) return false;
    this.#minute.receipts++;
    await this.#record('receipt', `entry ${index}`);
    return true;
  }

  #record(how: Look | 'receipt', what: string): Promise<number> {
    return this.#recorder.record({ kind: 'access', how, what }, {}).durable;
  }
}
