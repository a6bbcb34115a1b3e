/**
 * Reads the published tree back in the background, over and over, as a stranger would: every bundle, every
 * tile, the root and the signature. What a disk lost shows while copies of it are still kept, and not when
 * somebody needs a proof. (A file may come from the page cache: what is damaged on the medium alone shows
 * once the cache has let go of it.)
 */
import type { Clock } from './clock.ts';
import type { Hashing } from './hashing/hashing.ts';
import type { LogFinding } from './log.ts';
import type { Verifier } from './verify/note.ts';
import type { TreeSource } from './verify/source.ts';
import { verifyTree } from './verify/tree.ts';

/** From the end of one pass to the beginning of the next. */
export const PASS_PAUSE_MS = 60_000;

export interface ScrubOptions {
  readonly source: TreeSource;
  readonly vkey: string;
  readonly clock: Clock;
  readonly verifier: Verifier;
  readonly hashing: Hashing;
  readonly bytesPerSecond: number;
  /** Each thing that is wrong, once; `path` where it is a file of the tree. */
  readonly onDamage: (finding: LogFinding, path: string | undefined) => void;
}

export interface Scrubbed {
  /** Whole passes since the start. */
  readonly passes: number;
  /** Of the pass under way: entries that were hashed, and how many there are. */
  readonly done: number;
  readonly size: number;
}

class Stopped extends Error {}

export class Scrub {
  readonly #options: ScrubOptions;
  readonly #told = new Set<string>();
  #state: Scrubbed = { passes: 0, done: 0, size: 0 };
  #cancel: () => void = () => undefined;
  #isStopped = false;
  /** When the bytes that were read so far may have been read at the bounded rate. */
  #due = 0;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  get state(): Scrubbed {
    return this.#state;
  }

  start(): void {
    this.#cancel = this.#options.clock.after(PASS_PAUSE_MS, () => {
      void this.#pass().then(
        () => this.start(),
        // Stopped, or a file that could not be looked at: the next pass looks again.
        () => this.#isStopped || this.start(),
      );
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #pass(): Promise<void> {
    const { vkey, verifier, hashing, onDamage, clock } = this.#options;
    this.#due = clock.now();
    const report = await verifyTree({
      source: { get: (path) => this.#read(path) },
      vkey,
      verifier,
      hashing,
      onProgress: (done, size) => {
        this.#state = { ...this.#state, done, size };
      },
    });
    if (this.#isStopped) throw new Stopped();
    this.#state = { ...this.#state, passes: this.#state.passes + 1 };
    for (const { what, path } of report.findings) {
      if (this.#told.has(what)) continue;
      this.#told.add(what);
      onDamage({ rule: 'tree-damaged', message: `reading the tree back: ${what}` }, path);
    }
  }

  async #read(path: string): Promise<Uint8Array | undefined> {
    const { source, clock, bytesPerSecond } = this.#options;
    if (this.#isStopped) throw new Stopped();
    const bytes = await source.get(path);
    this.#due += ((bytes?.length ?? 0) / bytesPerSecond) * 1_000;
    const waitMs = this.#due - clock.now();
    // Always a turn of the event loop: appends come first.
    await new Promise<void>((resolve) => void clock.after(Math.max(0, waitMs), resolve));
    return bytes;
  }
}
