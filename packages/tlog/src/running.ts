/** The running log: the append path, the loop behind it, and those who read. One writer, one thread. */
import { Appender } from './appender.ts';
import type { Clock } from './clock.ts';
import { TlogError } from './errors.ts';
import { Failure } from './failure.ts';
import { Followers, type Listener } from './followers.ts';
import type { SignedCheckpoint } from './last-signed.ts';
import type { AppendOptions, Log, LogFinding, Recovery, States } from './log.ts';
import { Loop, type LoopOptions } from './loop.ts';
import { hashing, sha256, verifySignature } from './node.ts';
import { proveConsistency, proveInclusion } from './proof.ts';
import { formatReceipt } from './receipt.ts';
import { Scrub, type Scrubbed } from './scrub.ts';
import { assertIndex } from './tile.ts';
import type { TreeSource } from './verify/source.ts';
import { formatVkey } from './vkey.ts';
import { DiskWatch } from './watch.ts';
import {
  type Evidence,
  type Witnesses,
  Witnessing,
  type WitnessingOptions,
} from './witness/witnessing.ts';

/** Acknowledged but not signed: past either, `append` refuses. */
export const UNSIGNED_BYTES_MAX = 64 << 20;
export const UNSIGNED_MS_MAX = 10_000;
/** Acknowledged but not hashed: past it appends wait, so that a steady overload is never refused. */
export const UNHASHED_BYTES_MAX = 8 << 20;
/** The loop turns when there is something new, at most this often. */
export const TURN_MS = 100;
/** Of the journal at a time, for whoever reads on. */
const READ_BYTES = 64 << 10;
/** After a full disk. */
const RETRY_MS = 1_000;

/** What the disk can keep from being done. */
type Work = 'turn' | 'publish' | 'retire' | 'watch';

export interface RunningOptions extends LoopOptions {
  readonly clock: Clock;
  readonly recovery: Recovery;
  readonly ackEarly: boolean;
  readonly dir: string;
  readonly onFinding: (finding: LogFinding) => void;
  readonly release: () => void;
  readonly witnesses?: Witnesses;
  readonly scrubBytesPerSecond?: number;
  /** The files of the tree, as they stand. */
  readonly source: TreeSource;
  readonly keepEvidence: (evidence: Evidence) => Promise<void>;
  /** Durable once it resolves. */
  readonly markSealed: (last: SignedCheckpoint) => Promise<void>;
}

export class RunningLog implements Log {
  readonly origin: string;
  readonly vkey: string;
  readonly recovery: Recovery;
  readonly #options: RunningOptions;
  readonly #failure = new Failure();
  readonly #appender: Appender;
  readonly #loop: Loop;
  readonly #watch: DiskWatch;
  readonly #witnessing: Witnessing | undefined;
  readonly #scrub: Scrub | undefined;
  #size: number;
  #closed: Promise<void> | undefined;
  #cancelTurn: (() => void) | undefined;
  /** Turns and receipts take turns: a receipt's tiles are those of the size that is signed just now. */
  #turns: Promise<unknown> = Promise.resolve();
  /** Of entries, counted since the start. */
  #durableBytes = 0;
  #signedBytes = 0;
  /** Since when there is an acknowledged entry that is not signed. */
  #unsignedSince: number | undefined;
  /** The same of entries that the turn under way does not cover. */
  #uncoveredSince: number | undefined;
  /** What the full disk keeps from being written, by who wanted to write it. */
  readonly #stalled = new Map<Work, TlogError>();
  #caughtUp: () => void = () => undefined;
  #turnedAt = Number.NEGATIVE_INFINITY;
  readonly #signedListeners: (() => void)[] = [];
  readonly #followers: Followers;

  constructor(options: RunningOptions) {
    this.#options = options;
    this.origin = options.signer.key.name;
    this.vkey = formatVkey(options.signer.key);
    this.recovery = options.recovery;
    this.#size = options.journal.end;
    this.#followers = new Followers({
      size: () => this.#size,
      read: (index) => this.#entriesFrom(index),
      hasFailed: () => this.#failure.error !== undefined,
      isClosed: () => this.#closed !== undefined,
    });
    this.#witnessing = options.witnesses && new Witnessing(this.#witnessed(options.witnesses));
    const witnessing = this.#witnessing;
    this.#loop = new Loop(options, {
      onGrown: () => this.#pace(),
      check: () => {
        if (this.#failure.error) throw this.#failure.error;
      },
      ...(witnessing ? { onSigned: (signed) => witnessing.offer(signed) } : {}),
    });
    const { files, clock, dir, onFinding } = options;
    this.#watch = new DiskWatch({ files, clock, path: dir, onFinding });
    this.#failure.tell((error) => this.#failed(error));
    this.#appender = new Appender({
      journal: options.journal,
      clock,
      failure: this.#failure,
      ackEarly: options.ackEarly,
      onDurable: (count, bytes) => this.#grown(count, bytes),
      paced: () => this.#paced(),
      onRefused: (error) => this.#watch.full(error),
    });
    this.#scrub = this.#scrubbing();
    this.#scrub?.start();
    if (this.#size > this.#signedSize) {
      this.#unsignedSince = clock.now();
      this.#schedule(TURN_MS);
    }
  }

  #scrubbing(): Scrub | undefined {
    const { scrubBytesPerSecond: bytesPerSecond, source, clock, tree, onFinding } = this.#options;
    if (bytesPerSecond === undefined) return undefined;
    return new Scrub({
      source,
      clock,
      bytesPerSecond,
      vkey: this.vkey,
      verifier: verifySignature,
      hashing,
      onDamage: (finding, path) => {
        onFinding(finding);
        // The next start would grow another tree from it than the one that is signed.
        if (path !== undefined && tree.isEdgeOf(path))
          this.#failure.set(new TlogError('LOG_CORRUPT', finding.message));
      },
    });
  }

  get scrubbed(): Scrubbed | undefined {
    return this.#scrub?.state;
  }

  #witnessed(witnesses: Witnesses): WitnessingOptions {
    const { clock, tree, signer, onFinding, keepEvidence } = this.#options;
    return {
      ...witnesses,
      clock,
      onFinding,
      logKey: signer.key,
      verifier: verifySignature,
      sha256,
      history: {
        prove: (from, to) =>
          this.#exclusive(() =>
            tree.withNodes(to, (readNode) => proveConsistency({ from, to, readNode }, sha256)),
          ),
        root: (size) => this.#exclusive(() => tree.rootOf(size)),
      },
      keep: (size) =>
        this.#attempt('publish', () => this.#exclusive(() => tree.keep(Number(size)))),
      publish: async (signed, note) => {
        await this.#attempt('publish', () =>
          this.#exclusive(() => this.#loop.publish(signed, note)),
        );
        this.#tellSigned();
      },
      onContradiction: async (error, evidence) => {
        await keepEvidence(evidence).catch(() => undefined);
        this.#failure.set(error);
      },
    };
  }

  /** Rejects where a witness has seen more of this log than there is; without witnesses there is nothing to ask. */
  async greet(): Promise<void> {
    if (!this.#witnessing) return;
    const isAnswered = await this.#witnessing.greet(this.#loop.signed);
    const { error } = this.#failure;
    // What the witness said, and not that the log has stopped because of it.
    if (error) throw error.cause instanceof TlogError ? error.cause : error;
    if (isAnswered) return;
    const message =
      'no witness answers: a rollback of the whole machine is not detected at this start';
    this.#options.onFinding({ rule: 'witnesses-silent', message });
  }

  get size(): number {
    return this.#size;
  }

  get states(): States {
    const witnessed = this.#witnessing && { witnessed: Number(this.#loop.published.size) };
    return { durable: this.#size, signed: this.#signedSize, ...witnessed };
  }

  get failed(): Promise<Error> {
    return this.#failure.happened;
  }

  get #signedSize(): number {
    return Number(this.#loop.signed.size);
  }

  append(entry: Uint8Array, { reserve = false }: AppendOptions = {}): Promise<number> {
    const refusal = this.#failure.error ?? this.#refusal(reserve);
    return refusal ? Promise.reject(refusal) : this.#appender.append(entry, reserve);
  }

  #refusal(reserve: boolean): TlogError | undefined {
    if (this.#closed) return new TlogError('LOG_CLOSED', 'the log is closed');
    const [stalled] = this.#stalled.values();
    if (stalled && !reserve) return stalled;
    const { clock } = this.#options;
    const lagMs = this.#unsignedSince === undefined ? 0 : clock.now() - this.#unsignedSince;
    const bytes = this.#durableBytes - this.#signedBytes;
    if (bytes <= UNSIGNED_BYTES_MAX && lagMs <= UNSIGNED_MS_MAX) return undefined;
    return new TlogError(
      'LOG_STALLED',
      `${bytes} bytes of entries, for ${Math.round(lagMs)} ms, are on disk and not signed yet`,
      { hint: 'look at the disk; appends are taken again as soon as signing has caught up' },
    );
  }

  #grown(count: number, bytes: number): void {
    this.#size += count;
    this.#durableBytes += bytes;
    const now = this.#options.clock.now();
    this.#unsignedSince ??= now;
    this.#uncoveredSince ??= now;
    this.#followers.wake();
    this.#schedule(TURN_MS);
  }

  get #isAhead(): boolean {
    return this.#durableBytes - this.#loop.grownBytes > UNHASHED_BYTES_MAX && !this.#failure.error;
  }

  async #paced(): Promise<void> {
    while (this.#isAhead) {
      await new Promise<void>((resolve) => {
        this.#caughtUp = resolve;
      });
    }
  }

  #pace(): void {
    if (!this.#isAhead) this.#caughtUp();
  }

  #failed(error: TlogError): void {
    this.#cancelTurn?.();
    this.#witnessing?.stop();
    this.#scrub?.stop();
    this.#options.journal.abort(error);
    this.#wake();
  }

  #wake(): void {
    this.#caughtUp();
    for (const wake of this.#signedListeners.splice(0)) wake();
    this.#followers.wake();
  }

  #schedule(ms: number): void {
    if (this.#cancelTurn || this.#failure.error || this.#closed) return;
    const { clock } = this.#options;
    // From the beginning of the last turn on: one that took long is followed by the next at once.
    const waitMs = Math.max(0, Math.min(ms, this.#turnedAt + ms - clock.now()));
    this.#cancelTurn = clock.after(waitMs, () => {
      this.#turnedAt = clock.now();
      void this.#turn(false).finally(() => {
        this.#cancelTurn = undefined;
        this.#scheduleNext();
      });
    });
  }

  #scheduleNext(): void {
    if (this.#stalled.size > 0) this.#schedule(RETRY_MS);
    else if (this.#size > this.#signedSize || this.#isUnpublished) this.#schedule(TURN_MS);
  }

  /** With witnesses it is they who are waited for. */
  get #isUnpublished(): boolean {
    return !this.#witnessing && this.#loop.signed !== this.#loop.published;
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turns.then(work);
    this.#turns = done.catch(() => undefined);
    return done;
  }

  /** Never rejects: a full disk is waited out, anything else has failed the log. */
  async #turn(final: boolean): Promise<void> {
    await this.#attempt('turn', () => this.#exclusive(() => this.#turnOnce(final)));
    await this.#attempt('watch', () => this.#watch.look());
    const retiring = this.#attempt('retire', () => this.#loop.retire());
    if (final) await retiring;
  }

  async #attempt(who: Work, work: () => Promise<void>): Promise<void> {
    if (this.#failure.error) return;
    try {
      await work();
      this.#stalled.delete(who);
    } catch (error) {
      if (error instanceof TlogError && error.code === 'LOG_STALLED') {
        this.#stalled.set(who, error);
        this.#watch.full(error);
        this.#schedule(RETRY_MS);
      } else {
        this.#failure.set(error);
      }
    }
  }

  async #turnOnce(final: boolean): Promise<void> {
    const size = this.#size;
    const bytes = this.#durableBytes;
    this.#uncoveredSince = undefined;
    await this.#loop.turn(size, final);
    this.#unsignedSince = this.#uncoveredSince;
    this.#signedBytes = bytes;
    this.#tellSigned();
  }

  #tellSigned(): void {
    for (const wake of this.#signedListeners.splice(0)) wake();
  }

  async read(index: number): Promise<Uint8Array> {
    assertIndex(index, this.#size);
    const [entry] = await this.#entriesFrom(index);
    if (!entry) throw new TlogError('LOG_INDEX', `entry ${index} is not there`);
    // A copy, so that a small entry does not hold its whole frame in memory.
    return new Uint8Array(entry);
  }

  readFrom(index: number): Promise<readonly Uint8Array[]> {
    assertIndex(index, this.#size);
    return this.#entriesFrom(index, READ_BYTES);
  }

  /** Of one frame or one bundle, or of frames together. What is retired from the journal is full in the tree. */
  async #entriesFrom(index: number, bytesMax = 0): Promise<readonly Uint8Array[]> {
    const read = await this.#options.journal.read(index, bytesMax);
    return read?.entries ?? this.#options.tree.entriesFrom(index);
  }

  follow(from: number, listener: Listener, onEnd?: (error?: Error) => void): () => void {
    return this.#followers.follow(from, listener, onEnd);
  }

  checkpoint(): { note: Uint8Array; size: number } {
    const { note, size } = this.#loop.published;
    return { note, size: Number(size) };
  }

  async receipt(index: number, state: 'signed' | 'witnessed' = 'signed'): Promise<Uint8Array> {
    assertIndex(index, this.#size);
    if (state === 'witnessed' && !this.#witnessing)
      throw new TlogError('LOG_INDEX', 'this log has no witnesses: nothing in it is witnessed');
    const newest = () => (state === 'signed' ? this.#loop.signed : this.#loop.published);
    while (index >= Number(newest().size)) {
      if (this.#failure.error) throw this.#failure.error;
      if (this.#closed) throw new TlogError('LOG_CLOSED', 'the log is closed');
      await new Promise<void>((resolve) => this.#signedListeners.push(resolve));
    }
    return this.#exclusive(() => this.#prove(index, newest()));
  }

  async #prove(index: number, { size, note }: SignedCheckpoint): Promise<Uint8Array> {
    const { tree } = this.#options;
    const proof = await tree.withNodes(Number(size), (readNode) =>
      proveInclusion({ index, size: Number(size), readNode }, sha256),
    );
    const extra = await this.read(index);
    return formatReceipt({ index: BigInt(index), proof, extra, checkpoint: note });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async seal(): Promise<void> {
    this.#closed ??= this.#close(() => this.#options.markSealed(this.#loop.signed));
    await this.#closed;
  }

  /** `mark` comes last, while the lock still keeps others out. */
  async #close(mark?: () => Promise<void>): Promise<void> {
    const { journal, release } = this.#options;
    this.#scrub?.stop();
    const failedBefore = this.#failure.error;
    await this.#appender.idle();
    this.#cancelTurn?.();
    await this.#turn(true);
    await this.#witnessing?.close();
    this.#wake();
    await this.#turns;
    await this.#loop.retired();
    await journal.close();
    // What was told before is not told again; what kept the closing from being complete is.
    const [stalled] = this.#stalled.values();
    const incomplete = this.#failure.error ?? stalled;
    try {
      if (mark && !incomplete) await mark();
    } finally {
      release();
    }
    if (incomplete && (mark || !failedBefore)) throw incomplete;
  }
}
