import type { Scrubbed } from './scrub.ts';

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
   * Resolves with the entry's index once it is on disk (one write and one flush behind it, shared with
   * whatever queued meanwhile). Appends keep the order of the calls; the entry is copied at once. Where
   * the queue is full it waits. Rejects with TlogError: LOG_ENTRY_TOO_LARGE above 65,535 bytes; LOG_STALLED
   * while the disk is full or far too much is waiting, a later call may pass; LOG_FAILED and LOG_CLOSED
   * for good. A rejected entry is not in the log, but for LOG_FAILED, after which nobody knows before the
   * next start.
   */
  append(entry: Uint8Array, options?: AppendOptions): Promise<number>;

  /** The bytes of an acknowledged entry, from the journal or the tree. */
  read(index: number): Promise<Uint8Array>;

  /** Acknowledged entries from this index on, at least one: as many as one read of a file gives. */
  readFrom(index: number): Promise<readonly Uint8Array[]>;

  /**
   * Calls back for each entry once it is durable, in order, from `from` on, at most one frame or bundle of
   * them in memory. Returns how to stop. `onEnd` is told once why nothing more will come: an error where an
   * entry could not be read, nothing where the log was closed or has failed.
   */
  follow(
    from: number,
    listener: (index: number, entry: Uint8Array) => void,
    onEnd?: (error?: Error) => void,
  ): () => void;

  /** The newest published checkpoint: signed note bytes and its tree size. */
  checkpoint(): { readonly note: Uint8Array; readonly size: number };

  /** How far the tree was read back since the start; absent where that is switched off. */
  readonly scrubbed: Scrubbed | undefined;

  /** How far entries have come: below each size they are durable, signed, witnessed. */
  readonly states: States;

  /**
   * A C2SP tlog-proof of one entry, `extra` holding the entry. Waits for the signed checkpoint that covers
   * it; with `witnessed` for the published one that a quorum cosigned, which may take as long as they do.
   */
  receipt(index: number, state?: 'signed' | 'witnessed'): Promise<Uint8Array>;

  /** Resolves once, with the reason, when the log has failed for good. */
  readonly failed: Promise<Error>;

  /** Flushes, signs what is acknowledged, publishes, releases the lock. */
  close(): Promise<void>;

  /**
   * Ends the log for good: as `close`, and once it resolves no start opens it any more. Where it rejects the
   * log may be open to a later start.
   */
  seal(): Promise<void>;
}

export interface States {
  readonly durable: number;
  readonly signed: number;
  /** Cosigned by a quorum and published; absent where the log has no witnesses. */
  readonly witnessed?: number;
}

export interface AppendOptions {
  /** For `system` entries: may use the room that is kept for them when the disk is full. */
  readonly reserve?: boolean;
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

/** Something that the log noticed about its place and that an operator should know. */
export interface LogFinding {
  readonly rule:
    | 'disk-filling'
    | 'disk-full'
    | 'witness-refuses'
    | 'witnesses-silent'
    | 'quorum-missing'
    | 'tree-damaged';
  readonly message: string;
  /** Of the disk, where the rule is about it. */
  readonly percent?: number;
}
