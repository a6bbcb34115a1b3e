import type { Delegation, EntryFields, Principal } from './entry.ts';

/** A value that goes into the entry as a commitment and into the side store in clear. */
export interface ClearValue {
  /** JSON pointer: `/literals/3`, `/binds/1`, `/statement`, `/bytes`. */
  readonly at: string;
  readonly value: string;
}

export interface About {
  readonly session?: string;
  readonly principal?: Principal;
  readonly onBehalfOf?: readonly Delegation[];
  readonly trace?: string;
}

export interface Recorded {
  /** UUIDv7 of the entry; known before it is durable. */
  readonly id: string;
  /**
   * Resolves with the log index once the entry and its clear values are on disk. Rejects when the log
   * failed: then the entry may or may not be there, and nothing may be done that depends on it.
   */
  readonly durable: Promise<number>;
}

/**
 * Numbers, chains, encodes and appends the entries of one source, in the order of the calls. Synchronous
 * up to the hand-over, so that an order of decisions is an order of entries. Throws only for a fields
 * object that cannot be encoded within ENTRY_BYTES_MAX.
 */
export interface Recorder {
  record(fields: EntryFields, about: About, values?: readonly ClearValue[]): Recorded;
}

/** Where entries go: @sealrail/tlog's Log is one. */
export interface EntryLog {
  append(entry: Uint8Array): Promise<number>;
}
