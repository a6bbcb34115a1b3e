/** Tells an operator that the disk is filling, before it is full and everything is denied. */
import type { Clock } from './clock.ts';
import type { Files } from './files/files.ts';
import type { LogFinding } from './log.ts';

/** Percent of the disk at which a finding is due, each once on the way up. */
export const DISK_PERCENTS: readonly number[] = [80, 90, 95];
export const LOOK_MS = 10_000;

export interface DiskWatchOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly path: string;
  readonly onFinding: (finding: LogFinding) => void;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #passed = 0;
  #full = false;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  /** Looks at most every LOOK_MS. */
  async look(): Promise<void> {
    const { files, clock, path, onFinding } = this.#options;
    if (clock.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = clock.now();
    const percent = Math.floor((await files.disk(path)).used * 100);
    const passed = DISK_PERCENTS.findLast((one) => percent >= one) ?? 0;
    if (passed > this.#passed) {
      const message = `the disk of ${path} is ${percent} % full; at 100 % everything is denied`;
      onFinding({ rule: 'disk-filling', message, percent });
    }
    this.#passed = passed;
    if (passed < (DISK_PERCENTS.at(-1) ?? 100)) this.#full = false;
  }

  /** Something was refused for want of room; told once until there is room again. */
  full(error: Error): void {
    if (this.#full) return;
    this.#full = true;
    this.#options.onFinding({ rule: 'disk-full', message: error.message, percent: 100 });
  }
}
