import { leafHash, sha256, toHex } from '@sealrail/tlog';
import { SealrailError } from '../errors.ts';
import { encodeCanonical } from './canonical.ts';
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
  /** `attachments` are what the fields name by SHA-256: on disk before the entry is appended. */
  record(
    fields: EntryFields,
    about: About,
    values?: readonly ClearValue[],
    attachments?: readonly Uint8Array[],
  ): Recorded;
}

/** Where entries go: @sealrail/tlog's Log is one. */
export interface EntryLog {
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
   * Resolves when an entry was refused or lost. The chain of this source then names an entry that may not
   * be there, so nothing more is recorded until a restart begins a new epoch at the log's true end.
   */
  readonly failed: Promise<Error>;
}

export function openRecorder(options: RecorderOptions): OpenRecorder {
  return new ChainedRecorder(options);
}

class ChainedRecorder implements OpenRecorder {
  readonly failed: Promise<Error>;
  readonly #options: RecorderOptions;
  readonly #uuid: (unixMs: number) => string;
  #seq = 0;
  #previous: string;
  /** Set while an entry waits for its payloads: later entries queue behind it, or the order would break. */
  #handedOver: Promise<unknown> | undefined;
  #failure: SealrailError | undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#uuid = uuidSource(options.random);
    this.#previous = options.previous;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  record(
    fields: EntryFields,
    about: About,
    values: readonly ClearValue[] = [],
    attachments: readonly Uint8Array[] = [],
  ): Recorded {
    const now = this.#options.clock();
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
      source: this.#options.source as unknown as Json,
      seq: this.#seq,
      prev: this.#previous,
    });
    const durable = this.#failure
      ? Promise.reject(this.#failure)
      : this.#store({ id, bytes, about, stored, blobs: [...payloads, ...attachments] });
    if (!this.#failure) {
      this.#seq++;
      this.#previous = toHex(leafHash(bytes, sha256));
    }
    // Whoever waits still sees the rejection; whoever comes later must not find a dead process instead.
    durable.catch(() => undefined);
    return { id, durable };
  }

  /**
   * The flushes of log and side store overlap: nobody acts before both have ended, so a crash between them
   * leaves at worst an entry that nobody was answered for, or values that no entry names. Blobs are
   * different: an entry names them by digest, so they are on disk before it is handed over.
   */
  async #store(entry: PreparedEntry): Promise<number> {
    const { sideStore } = this.#options;
    const { principal } = entry.about;
    const subject = principal ? `${principal.type}:${principal.id}` : 'system';
    try {
      const [index] = await Promise.all([
        this.#handOver(entry.bytes, entry.blobs),
        entry.stored.length === 0 ? undefined : sideStore.put(subject, entry.id, entry.stored),
      ]);
      return index;
    } catch (cause) {
      this.#failure ??= new SealrailError('RECORDER_FAILED', "couldn't record an entry", {
        hint: 'nothing more is recorded, and everything is denied, until the daemon is started again',
        cause,
      });
      this.#fail(this.#failure);
      throw this.#failure;
    }
  }

  async #handOver(bytes: Uint8Array, blobs: readonly Uint8Array[]): Promise<number> {
    const { log, sideStore } = this.#options;
    if (blobs.length === 0 && this.#handedOver === undefined) return log.append(bytes);
    // Wrapped, because what queues behind waits for the hand-over only, and shares the next flush.
    const handedOver = Promise.all([
      this.#handedOver,
      ...blobs.map((blob) => sideStore.putBlob(blob)),
    ]).then(() => ({ appended: log.append(bytes) }));
    this.#handedOver = handedOver;
    const { appended } = await handedOver;
    if (this.#handedOver === handedOver) this.#handedOver = undefined;
    return appended;
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
