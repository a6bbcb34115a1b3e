/** Time and turns of the event loop as the log sees them; a simulation passes its own. */
export interface Clock {
  /** Milliseconds on a clock that only rises. */
  now(): number;
  /** Runs once after this many milliseconds; returns how to call it off. */
  after(ms: number, run: () => void): () => void;
  /** Runs once when everything that is ready now has run: lets callers in, waits for nobody. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};
