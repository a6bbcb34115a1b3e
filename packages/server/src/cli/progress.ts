/** How far a command has come: one line that replaces itself, only where somebody watches. */
import type { Io } from './io.ts';

const STEP_MS = 100;

export interface Progress {
  readonly step: (done: number, of: number) => void;
  /** Takes the line away. */
  end(): void;
}

export function progress(io: Io, what: string): Progress {
  const { showStatus } = io;
  if (showStatus === undefined) return { step: () => undefined, end: () => undefined };
  let shownMs = Number.NEGATIVE_INFINITY;
  return {
    step: (done, of) => {
      const now = performance.now();
      if (now - shownMs < STEP_MS) return;
      shownMs = now;
      showStatus(`${what} ${of === 0 ? 100 : Math.floor((100 * done) / of)} %`);
    },
    end: () => showStatus(''),
  };
}
