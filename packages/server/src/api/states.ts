/** How far entries have come, in the words that API, console and receipts share. */
import type { Log } from '@sealrail/tlog';

/** `durable`: on disk. `signed`: under a checkpoint. `witnessed`: under one that a quorum cosigned. */
export type EntryState = 'durable' | 'signed' | 'witnessed';

export interface Sizes {
  readonly size: number;
  readonly signedSize: number;
  /** Absent where the log has no witnesses. */
  readonly witnessedSize?: number;
}

export function sizesOf(log: Log): Sizes {
  const { size, states } = log;
  const { signed, witnessed } = states;
  // Without witnesses what counts is what is published: only that can be verified.
  if (witnessed === undefined) return { size, signedSize: log.checkpoint().size };
  return { size, signedSize: signed, witnessedSize: witnessed };
}

export function stateOf(index: number, { signedSize, witnessedSize = 0 }: Sizes): EntryState {
  if (index < witnessedSize) return 'witnessed';
  return index < signedSize ? 'signed' : 'durable';
}
