/** The running log: the append path in front of the flush, the loop behind it. One writer, one thread. */
import { ENTRY_BYTES_MAX } from './bundle.ts';
import { encodeUtf8 } from './bytes.ts';
import { formatCheckpoint } from './checkpoint.ts';
import { TlogError } from './errors.ts';
import { FRAME_BYTES_MAX, FRAME_ENTRIES_MAX } from './journal/frame.ts';
import { type Journal, type JournalPosition, writeMark } from './journal/journal.ts';
import type { LastSigned, SignedCheckpoint } from './last-signed.ts';
import type { Log, Recovery } from './log.ts';
import type { Signer } from './node.ts';
import { formatNote } from './note.ts';
import { proveInclusion } from './proof.ts';
import { formatReceipt } from './receipt.ts';
import type { Sha256 } from './sha256.ts';
import { assertIndex, TILE_WIDTH } from './tile.ts';
import type { Tree } from './tree/tree.ts';
import { formatVkey } from './vkey.ts';

/** Waiting appends, in bytes of entries: past it `append` refuses, and its caller denies. */
export const QUEUE_BYTES_MAX = 64 << 20;
/** Acknowledged but not signed: past either, `append` refuses. */
export const UNSIGNED_BYTES_MAX = 64 << 20;
export const UNSIGNED_MS_MAX = 10_000;
/** How often the loop turns at most, and how often it publishes at most. */
export interface Pace {
  readonly turnMs: number;
  readonly publishMs: number;
}
export const PACE: Pace = { turnMs: 100, publishMs: 1_000 };

interface Waiting {
  readonly entry: Uint8Array;
  readonly resolve: (index: number) => void;
  readonly reject: (error: Error) => void;
}

export interface RunningOptions {
  readonly files: import('./files/files.ts').Files;
  readonly journalFolder: string;
  readonly journal: Journal;
  readonly tree: Tree;
  readonly lastSigned: LastSigned;
  readonly signed: SignedCheckpoint;
  readonly signer: Signer;
  readonly sha256: Sha256;
  readonly recovery: Recovery;
  /** Milliseconds on a clock that only rises. */
  readonly now: () => number;
  readonly pace: Pace;
  readonly release: () => void;
}

export class RunningLog implements Log {
  readonly origin: string;
  readonly vkey: string;
  readonly recovery: Recovery;
  readonly failed: Promise<Error>;
  readonly #options: RunningOptions;
  #fail: (error: Error) => void = () => undefined;
  #failure: TlogError | undefined;
  #closing = false;

  #queue: Waiting[] = [];
  #queueBytes = 0;
  #flushing = false;
  #idle: (() => void)[] = [];
  #size: number;

  /** Acknowledged entries that the loop has not taken yet, for readers, by index. */
  readonly #recent = new Map<number, Uint8Array>();
  #recentBytes = 0;
  #oldestUnsignedAt: number | undefined;

  #signed: SignedCheckpoint;
  #published: SignedCheckpoint;
  #publishedAt = Number.NEGATIVE_INFINITY;
  #position: JournalPosition;
  #timer: NodeJS.Timeout | undefined;
  /** Turns, receipts and readers of the edge take turns with each other. */
  #turns: Promise<unknown> = Promise.resolve();
  #turned: (() => void)[] = [];
  readonly #followers = new Set<() => void>();

  constructor(options: RunningOptions) {
    this.#options = options;
    this.origin = options.signer.key.name;
    this.vkey = formatVkey(options.signer.key);
    this.recovery = options.recovery;
    this.#size = options.journal.end;
    this.#signed = options.signed;
    this.#published = options.signed;
    this.#position = options.journal.position;
    if (this.#size > Number(options.signed.size)) this.#schedule();
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  get size(): number {
    return this.#size;
  }

  append(entry: Uint8Array): Promise<number> {
    const refusal = this.#refusal(entry);
    if (refusal) return Promise.reject(refusal);
    this.#queueBytes += entry.length + 2;
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, resolve, reject });
      // Whatever else arrives before the flush starts shares it; no timer, so nobody waits for company.
      if (!this.#flushing) {
        this.#flushing = true;
        setImmediate(() => void this.#flush());
      }
    });
  }

  #refusal(entry: Uint8Array): TlogError | undefined {
    if (this.#failure) return this.#failure;
    if (this.#closing) return new TlogError('LOG_CLOSED', 'the log is closed');
    if (entry.length > ENTRY_BYTES_MAX) {
      return new TlogError(
        'LOG_ENTRY_TOO_LARGE',
        `an entry of ${entry.length} bytes; at most ${ENTRY_BYTES_MAX} fit`,
      );
    }
    const lag =
      this.#oldestUnsignedAt === undefined ? 0 : this.#options.now() - this.#oldestUnsignedAt;
    if (
      this.#queueBytes > QUEUE_BYTES_MAX ||
      this.#recentBytes > UNSIGNED_BYTES_MAX ||
      lag > UNSIGNED_MS_MAX
    ) {
      return new TlogError(
        'LOG_STALLED',
        'the log cannot keep up: too much is waiting to be flushed or signed',
        {
          hint: 'look at the disk; appends are taken again as soon as it has caught up',
        },
      );
    }
    return undefined;
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0 && !this.#failure) {
      const batch = this.#takeBatch();
      const entries = batch.map(({ entry }) => entry);
      try {
        await this.#options.journal.append(
          entries,
          batch.reduce((sum, { entry }) => sum + entry.length + 2, 0),
        );
      } catch (error) {
        this.#refuseBatch(batch, error);
        continue;
      }
      this.#oldestUnsignedAt ??= this.#options.now();
      for (const { entry, resolve } of batch) {
        // The loop may have read it back between the flush and this line.
        if (this.#size >= this.#options.tree.edge.size) this.#keepRecent(this.#size, entry);
        resolve(this.#size++);
      }
      for (const wake of this.#followers) wake();
      this.#schedule();
    }
    this.#flushing = false;
    for (const wake of this.#idle.splice(0)) wake();
  }

  #keepRecent(index: number, entry: Uint8Array): void {
    this.#recent.set(index, entry);
    this.#recentBytes += entry.length;
  }

  #dropRecent(): void {
    for (const [index, entry] of this.#recent) {
      if (index >= this.#options.tree.edge.size) return;
      this.#recent.delete(index);
      this.#recentBytes -= entry.length;
    }
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { entry } of this.#queue) {
      if (count === FRAME_ENTRIES_MAX || (count > 0 && bytes + entry.length + 2 > FRAME_BYTES_MAX))
        break;
      bytes += entry.length + 2;
      count++;
    }
    this.#queueBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  /** No room for a new segment refuses the batch and is tried anew; anything else that fails is final. */
  #refuseBatch(batch: readonly Waiting[], error: unknown): void {
    const stalled = error instanceof TlogError && error.code === 'LOG_STALLED';
    if (!stalled) this.#failWith(error);
    const reason = stalled ? error : (this.#failure as TlogError);
    for (const { reject } of batch) reject(reason);
  }

  #failWith(cause: unknown): void {
    if (this.#failure) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new TlogError('LOG_FAILED', `the log has stopped for good: ${reason}`, {
      hint: 'nothing more is written; a failed flush is never tried again. Look at the disk, then restart',
      cause,
    });
    for (const { reject } of this.#queue.splice(0)) reject(this.#failure);
    for (const wake of [...this.#turned.splice(0), ...this.#followers]) wake();
    this.#fail(this.#failure);
  }

  #schedule(): void {
    if (this.#timer || this.#failure || this.#closing) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#exclusive(() => this.#turn(false)).catch((error: unknown) =>
        this.#failWith(error),
      );
    }, this.#options.pace.turnMs);
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turns.then(work);
    this.#turns = done.catch(() => undefined);
    return done;
  }

  /**
   * One turn of the loop: read back → hash → tiles → sign exactly that size → LastSigned → publish.
   * Reads the file and not the memory, so that what is signed is what the disk gives back.
   */
  async #turn(final: boolean): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { tree, journal } = this.#options;
    const target = this.#size;
    while (tree.edge.size < target) {
      const { entries, position } = await journal.readBack(tree.edge.size, this.#position);
      this.#position = position;
      await tree.add(entries);
      this.#dropRecent();
    }
    if (BigInt(tree.edge.size) > this.#signed.size) await this.#sign();
    const due = this.#options.now() - this.#publishedAt >= this.#options.pace.publishMs;
    if (this.#signed !== this.#published && (due || final)) await this.#publish();
    await this.#retire();
    for (const wake of this.#turned.splice(0)) wake();
    if (this.#size > tree.edge.size || this.#signed !== this.#published) this.#schedule();
  }

  async #sign(): Promise<void> {
    const { tree, signer, lastSigned } = this.#options;
    await tree.writePartials();
    const checkpoint = {
      origin: this.origin,
      size: BigInt(tree.edge.size),
      root: tree.edge.root(),
    };
    const next = signCheckpoint(checkpoint, signer);
    await lastSigned.replace(next);
    this.#signed = next;
    this.#oldestUnsignedAt = this.#size > tree.edge.size ? this.#options.now() : undefined;
  }

  async #publish(): Promise<void> {
    await this.#options.tree.publish(this.#signed.note);
    this.#published = this.#signed;
    this.#publishedAt = this.#options.now();
  }

  /** Tiles first, then the mark, then the segment: whatever crashes, one of journal and tree has every entry. */
  async #retire(): Promise<void> {
    const { journal, tree, files, journalFolder } = this.#options;
    const end = journal.retirable(Number(this.#signed.size));
    const mark = end === undefined ? 0 : Math.floor(tree.edge.size / TILE_WIDTH) * TILE_WIDTH;
    if (end === undefined || end > mark) return;
    await tree.makeDurable(mark);
    await writeMark(files, journalFolder, mark);
    await journal.retire(mark);
  }

  async read(index: number): Promise<Uint8Array> {
    assertIndex(index, this.#size);
    return this.#exclusive(async () => {
      return this.#recent.get(index) ?? this.#options.tree.entry(index);
    });
  }

  follow(from: number, listener: (index: number, entry: Uint8Array) => void): () => void {
    let stopped = false;
    let wake: () => void = () => undefined;
    const woken = () => wake();
    this.#followers.add(woken);
    const run = async () => {
      for (let next = from; !stopped; ) {
        if (next < this.#size) {
          const entry = await this.read(next);
          if (!stopped) listener(next++, entry);
        } else if (this.#failure || this.#closing) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    };
    run().catch((error: unknown) => this.#failWith(error));
    return () => {
      stopped = true;
      this.#followers.delete(woken);
      wake();
    };
  }

  checkpoint(): { note: Uint8Array; size: number } {
    return { note: this.#published.note, size: Number(this.#published.size) };
  }

  async receipt(index: number): Promise<Uint8Array> {
    assertIndex(index, this.#size);
    while (BigInt(index) >= this.#signed.size) {
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#turned.push(resolve);
        this.#schedule();
      });
    }
    return this.#exclusive(async () => {
      const { tree, sha256 } = this.#options;
      const size = Number(this.#signed.size);
      const prove = (readNode: import('./merkle.ts').ReadNode) =>
        proveInclusion({ index, size, readNode }, sha256);
      const readNode = await tree.nodes(size, prove);
      const extra = await tree.entry(index);
      return formatReceipt({
        index: BigInt(index),
        proof: prove(readNode),
        extra,
        checkpoint: this.#signed.note,
      });
    });
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearTimeout(this.#timer);
    if (this.#flushing) await new Promise<void>((resolve) => this.#idle.push(resolve));
    try {
      if (!this.#failure) await this.#exclusive(() => this.#turn(true));
    } catch (error) {
      this.#failWith(error);
      throw error;
    } finally {
      for (const wake of [...this.#turned.splice(0), ...this.#followers]) wake();
      await this.#options.journal.close();
      this.#options.release();
    }
  }
}

export function signCheckpoint(
  checkpoint: { origin: string; size: bigint; root: Uint8Array },
  signer: Signer,
): SignedCheckpoint {
  const text = formatCheckpoint(checkpoint);
  const blob = signer.sign(encodeUtf8(text));
  return {
    ...checkpoint,
    note: formatNote({ text, signatures: [{ name: signer.key.name, id: signer.key.id, blob }] }),
  };
}
