/** A running log: one writer, durable appends, a standard C2SP tree behind them. */
export interface Log {
  /** Equals the key's name; never changes. */
  readonly origin: string;
  /** The log's public key in the vkey encoding of c2sp.org/signed-note. */
  readonly vkey: string;
  /** Number of entries acknowledged as durable. */
  readonly size: number;
  /** What recovery found and did at this start: a cut tail, a rewritten range. For a `system` entry. */
  readonly recovery: Recovery;

  /**
   * Resolves with the entry's index once it is on disk (one write and one fdatasync behind it, shared with
   * whatever queued meanwhile). Rejects with TlogError when the queue is over its bound (`LOG_BACKPRESSURE`
   * is waited out, never thrown), when the entry is larger than 65,535 bytes or when the log has failed.
   * Appends keep the order of the calls.
   */
  append(entry: Uint8Array): Promise<number>;

  /** The bytes of an acknowledged entry, from the journal or the tree. */
  read(index: number): Promise<Uint8Array>;

  /** Calls back for each entry once it is durable, in order, from `from` on. Returns how to stop. */
  follow(from: number, listener: (index: number, entry: Uint8Array) => void): () => void;

  /** The newest published checkpoint: signed note bytes and its tree size. */
  checkpoint(): { readonly note: Uint8Array; readonly size: number };

  /** A C2SP tlog-proof of one entry, `extra` holding the entry; waits for the signed checkpoint that covers it. */
  receipt(index: number): Promise<Uint8Array>;

  /** Rejects or resolves once: with the reason when the log has failed for good. */
  readonly failed: Promise<Error>;

  /** Flushes, signs what is acknowledged, publishes, releases the lock. */
  close(): Promise<void>;
}

export interface Recovery {
  /** Rises with every open; fences older writers. */
  readonly epoch: number;
  readonly size: number;
  /** A torn last frame that was cut off: its bytes' count and SHA-256, lowercase hex. */
  readonly cutTail?: { readonly bytes: number; readonly digest: string };
  /** Entries above the durable-tiles mark that were written again. */
  readonly rewritten: number;
}
