/** Those who read a running log as it grows, each at a pace of its own. */

export interface Followed {
  /** Entries that may be read. */
  readonly size: () => number;
  /** From this index on, at least one. */
  readonly read: (index: number) => Promise<readonly Uint8Array[]>;
  /** No more will come; what is there may be read. */
  readonly hasFailed: () => boolean;
  /** Nothing can be read any more. */
  readonly isClosed: () => boolean;
}

export type Listener = (index: number, entry: Uint8Array) => void;

export class Followers {
  readonly #followed: Followed;
  readonly #waiting = new Set<() => void>();

  constructor(followed: Followed) {
    this.#followed = followed;
  }

  /** The log has grown, or is over. */
  wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** See Log.follow. */
  follow(from: number, listener: Listener, onEnd: (error?: Error) => void = rethrow): () => void {
    let stopped = false;
    let wake: () => void = () => undefined;
    const woken = (): void => wake();
    this.#waiting.add(woken);
    const run = async (): Promise<void> => {
      const { size, read, hasFailed, isClosed } = this.#followed;
      for (let next = from; !stopped && !isClosed(); ) {
        if (next < size()) {
          for (const entry of await read(next)) {
            if (stopped || next >= size()) break;
            listener(next++, entry);
          }
        } else if (hasFailed()) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    };
    const end = (error?: Error): void => {
      this.#waiting.delete(woken);
      if (!stopped) onEnd(error);
    };
    run().then(() => end(), end);
    return () => {
      stopped = true;
      wake();
    };
  }
}

/** Nobody else would hear of it: an error of a listener is one of its caller's code. */
function rethrow(error?: Error): void {
  if (error)
    queueMicrotask(() => {
      throw error;
    });
}
