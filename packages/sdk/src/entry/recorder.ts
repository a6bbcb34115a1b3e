import { leafHash, sha256, toHex } from '@sealrail/tlog';
import { SealrailError } from '../errors.ts';
import { encodeCanonical, keepCanonical } from './canonical.ts';
import { type Clock, formatTime } from './clock.ts';
import { commit, SALT_BYTES } from './commitment.ts';
import {
  type Commitment,
  type Delegation,
  ENTRY_VERSION,
  type EntryFields,
  type Json,
  type Principal,
  type Source,
} from './entry.ts';
import { fitEntry } from './payload.ts';
import type { SideStore, StoredValue } from './side/sidestore.ts';
import { uuidSource } from './uuid.ts';

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
  /** The entry's time, in whole milliseconds since 1970. */
  readonly atMs: number;
  /**
   * Resolves with the log index once the entry and its clear values are on disk. Rejects when the log
   * failed: then the entry may or may not be there, and nothing may be done that depends on it.
   */
  readonly durable: Promise<number>;
}

/**
 * Numbers, chains, encodes and appends the entries of one source, in the order of the calls. Synchronous
 * up to the hand-over, so that an order of decisions is an order of entries. Throws only for a fields
 * object that cannot be encoded.
 */
export interface Recorder {
  /** What entries take their time from. */
  readonly clock: Clock;
  /**
   * `attachments` are what the fields name by SHA-256: on disk before the entry is appended. `nowUs` is
   * given where the fields were made by a reading of the clock, so that the entry's time is that one.
   */
  record(
    fields: EntryFields,
    about: About,
    values?: readonly ClearValue[],
    attachments?: readonly Uint8Array[],
    nowUs?: bigint,
  ): Recorded;
}

/** Where entries go: @sealrail/tlog's Log is one. */
export interface EntryLog {
  /** Rejects with code LOG_STALLED where the entry is certainly not there and a later one may be taken. */
  append(entry: Uint8Array): Promise<number>;
}

/** More values than this are committed to together: what a client binds costs one hash, not thousands. */
export const VALUES_MAX = 64;
/** `prev` of a source's very first entry. */
export const NO_PREVIOUS = '0'.repeat(64);

export interface RecorderOptions {
  readonly log: EntryLog;
  readonly sideStore: SideStore;
  /** Its epoch is above every earlier one of this source. */
  readonly source: Source;
  /** Leaf hash of the source's last entry in the log, lowercase hex; NO_PREVIOUS where there is none. */
  readonly previous: string;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
}

export interface OpenRecorder extends Recorder {
  /**
   * Resolves when an entry may or may not be in the log. The chain of this source has no end to go on from
   * then, so nothing more is recorded until a restart begins a new epoch at the log's true end.
   */
  readonly failed: Promise<Error>;
}

export function openRecorder(options: RecorderOptions): OpenRecorder {
  return new ChainedRecorder(options);
}

/** Where the next entry of the source stands. */
interface Place {
  readonly seq: number;
  readonly prev: string;
}

class ChainedRecorder implements OpenRecorder {
  readonly failed: Promise<Error>;
  readonly clock: Clock;
  readonly #options: RecorderOptions;
  readonly #source: Json;
  readonly #uuid: (unixMs: number) => string;
  #next: Place;
  /** Behind the last entry that the log has taken. */
  #taken: Place;
  #inFlight = 0;
  /** Set while an entry waits for its payloads: later entries queue behind it, or the order would break. */
  #handedOver: Promise<unknown> | undefined;
  #stalled: SealrailError | undefined;
  #failure: SealrailError | undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.#source = keepCanonical({ ...options.source });
    this.#uuid = uuidSource(options.random);
    this.#next = { seq: 0, prev: options.previous };
    this.#taken = this.#next;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  record(
    fields: EntryFields,
    about: About,
    values: readonly ClearValue[] = [],
    attachments: readonly Uint8Array[] = [],
    now: bigint = this.clock(),
  ): Recorded {
    const id = this.#uuid(Number(now / 1000n));
    const { commitments, stored } = commitAll(values, this.#options.random);
    const { session, principal, onBehalfOf, trace } = about;
    const common = { session, principal, onBehalfOf, trace, ...fields };
    const { bytes, payloads } = fitEntry({
      ...(common as unknown as Record<string, Json | undefined>),
      ...(fields.kind === 'decision' ? { values: commitments as unknown as Json } : {}),
      v: ENTRY_VERSION,
      id,
      time: formatTime(now),
      source: this.#source,
      ...this.#next,
    });
    const durable = this.#store({ id, bytes, about, stored, blobs: [...payloads, ...attachments] });
    // Whoever waits still sees the rejection; whoever comes later must not find a dead process instead.
    durable.catch(() => undefined);
    return { id, atMs: Number(now / 1000n), durable };
  }

  /**
   * The flushes of log and side store overlap: nobody acts before both have ended, so a crash between them
   * leaves at worst an entry that nobody was answered for, or values that no entry names. Blobs are
   * different: an entry names them by digest, so they are on disk before it is handed over.
   */
  async #store(entry: PreparedEntry): Promise<number> {
    const refusal = this.#failure ?? this.#stalled;
    if (refusal) throw refusal;
    const { sideStore } = this.#options;
    const { principal } = entry.about;
    const subject = principal ? `${principal.type}:${principal.id}` : 'system';
    const place = { seq: this.#next.seq + 1, prev: toHex(leafHash(entry.bytes, sha256)) };
    this.#next = place;
    this.#inFlight++;
    const appended = this.#handOver(entry.bytes, entry.blobs).then((index) => {
      // Answers of one flush may be seen out of order; the chain goes on from the last of them.
      if (place.seq > this.#taken.seq) this.#taken = place;
      return index;
    });
    try {
      const [index] = await Promise.all([
        appended,
        entry.stored.length === 0 ? undefined : sideStore.put(subject, entry.id, entry.stored),
      ]);
      return index;
    } catch (cause) {
      throw this.#refuse(cause);
    } finally {
      // The side store may have failed first: the log's own answer still counts for the chain.
      await appended.catch(() => undefined);
      this.#inFlight--;
      this.#resume();
    }
  }

  async #handOver(bytes: Uint8Array, blobs: readonly Uint8Array[]): Promise<number> {
    const { log, sideStore } = this.#options;
    if (blobs.length === 0 && this.#handedOver === undefined) return log.append(bytes);
    // Wrapped, because what queues behind waits for the hand-over only, and shares the next flush.
    const handedOver = Promise.all([
      this.#handedOver,
      ...blobs.map((blob) => sideStore.putBlob(blob)),
    ]).then(() => {
      if (this.#stalled) throw this.#stalled;
      return { appended: log.append(bytes) };
    });
    this.#handedOver = handedOver;
    try {
      const { appended } = await handedOver;
      return await appended;
    } finally {
      if (this.#handedOver === handedOver) this.#handedOver = undefined;
    }
  }

  /** A log that says that it did not take the entry may take later ones; everything else is final. */
  #refuse(cause: unknown): SealrailError {
    if (this.#failure) return this.#failure;
    if (cause === this.#stalled && this.#stalled) return this.#stalled;
    if ((cause as { code?: unknown }).code === 'LOG_STALLED') {
      this.#stalled ??= new SealrailError('RECORDER_STALLED', 'the log takes no entries just now', {
        hint: 'nothing passes until it has caught up; look at the disk',
        cause,
      });
      return this.#stalled;
    }
    this.#failure = new SealrailError('RECORDER_FAILED', "couldn't record an entry", {
      hint: 'nothing more is recorded, and everything is denied, until the daemon is started again',
      cause,
    });
    this.#fail(this.#failure);
    return this.#failure;
  }

  /**
   * After a stall the chain goes on from the last entry that the log took: what was refused was numbered,
   * and must not be named. Only when nothing is under way any more is it known which entry that is.
   */
  #resume(): void {
    if (this.#stalled === undefined || this.#inFlight > 0) return;
    this.#stalled = undefined;
    this.#next = this.#taken;
  }
}

interface PreparedEntry {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly about: About;
  readonly stored: readonly StoredValue[];
  readonly blobs: readonly Uint8Array[];
}

function commitAll(
  values: readonly ClearValue[],
  random: (bytes: number) => Uint8Array,
): { commitments: Commitment[]; stored: StoredValue[] } {
  const kept = values.length > VALUES_MAX ? joinValues(values) : values;
  const salts = kept.length > 0 ? random(SALT_BYTES * kept.length) : new Uint8Array(0);
  const commitments: Commitment[] = [];
  const stored: StoredValue[] = [];
  for (const [at, value] of kept.entries()) {
    const salt = salts.subarray(at * SALT_BYTES, (at + 1) * SALT_BYTES);
    // Text that was read as UTF-8 is well-formed; what is not is kept readable rather than lost.
    const clear = value.value.toWellFormed();
    commitments.push({ at: value.at, hash: commit(salt, value.at, clear) });
    stored.push({ at: value.at, salt: Buffer.from(salt).toString('base64'), value: clear });
  }
  return { commitments, stored };
}

/** All but `/bytes`, which stays a commitment of its own: it is what a receipt is compared by. */
function joinValues(values: readonly ClearValue[]): readonly ClearValue[] {
  const bytes = values.filter(({ at }) => at === '/bytes');
  const rest = values.filter(({ at }) => at !== '/bytes');
  const pairs = rest.map(({ at, value }) => [at, value.toWellFormed()]);
  return [...bytes, { at: '/values', value: encodeCanonical(pairs) }];
}
