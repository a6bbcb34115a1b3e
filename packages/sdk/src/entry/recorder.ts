import { createHash } from 'node:crypto';
import { leafHash, sha256, toHex } from '@sealrail/tlog';
import { SealrailError } from '../errors.ts';
import { encodeCanonical } from './canonical.ts';
import { commit, SALT_BYTES } from './commitment.ts';
import {
  type Commitment,
  type Delegation,
  ENTRY_BYTES_MAX,
  ENTRY_VERSION,
  type EntryFields,
  type Json,
  type Principal,
  type Source,
} from './entry.ts';
import type { SideStore, StoredValue } from './sidestore.ts';
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
 * up to the hand-over, so that an order of decisions is an order of entries. Payloads are what the entry
 * names by digest: they are on disk before it is.
 */
export interface Recorder {
  record(fields: EntryFields, about: About, values?: readonly ClearValue[], payloads?: readonly Uint8Array[]): Recorded;
}

/** Where entries go: @sealrail/tlog's Log is one. */
export interface EntryLog {
  append(entry: Uint8Array): Promise<number>;
}

/** More values than this are committed together, at `/values`: an entry stays small whatever is bound. */
export const VALUES_MAX = 64;
/** In an entry over half its bound, a member larger than this stands by digest in the side store. */
export const MEMBER_BYTES_MAX = 4_096;
export const NO_PREVIOUS = '0'.repeat(64);

export interface RecorderOptions {
  readonly log: EntryLog;
  readonly sideStore: SideStore;
  readonly source: Source;
  /** Leaf hash of the source's last entry in an earlier epoch; NO_PREVIOUS for the very first. */
  readonly previous: string;
  /** Microseconds since 1970. */
  readonly clock: () => bigint;
  readonly random: (bytes: number) => Uint8Array;
}

export function formatTime(us: bigint): string {
  const micros = String(us % 1000n).padStart(3, '0');
  return `${new Date(Number(us / 1000n)).toISOString().slice(0, -1)}${micros}Z`;
}

/** The numbering and the chain of one source live here and nowhere else. */
export function openRecorder(options: RecorderOptions): Recorder {
  const uuid = uuidSource(options.random);
  let seq = 0;
  let previous = options.previous;
  /** Set while an earlier entry waits for its payloads: later ones queue behind it, so that the order holds. */
  let gate: Promise<void> | undefined;

  const handOver = (entry: Uint8Array, payloads: readonly Uint8Array[]): Promise<number> => {
    if (payloads.length === 0 && !gate) return options.log.append(entry);
    const ready = (gate ?? Promise.resolve()).then(async () => {
      for (const payload of payloads) await options.sideStore.putBlob(payload);
    });
    const appended = ready.then(() => options.log.append(entry));
    // A payload that cannot be stored fails its own entry, and the gap in the numbers shows that it did.
    const opened: Promise<void> = ready
      .catch(() => undefined)
      .then(() => {
        if (gate === opened) gate = undefined;
      });
    gate = opened;
    return appended;
  };

  return {
    record(fields, about, values = [], given = []) {
      const now = options.clock();
      const id = uuid.next(Number(now / 1000n));
      const { commitments, stored } = commitAll(values, options.random);
      const rest = {
        ...about,
        ...(fields.kind === 'decision' ? { values: commitments } : {}),
        v: ENTRY_VERSION,
        id,
        time: formatTime(now),
        source: options.source,
        seq,
        prev: previous,
      };
      const { entry, payloads } = encodeEntry(
        fields as unknown as Members,
        rest as unknown as Members,
      );
      seq++;
      previous = toHex(leafHash(entry, sha256));
      // The flushes of log and side store overlap: nobody acts before both have ended, so a crash between
      // them leaves at worst an entry that nobody was answered for, or values that no entry names.
      const subject = about.principal ? `${about.principal.type}:${about.principal.id}` : 'system';
      const kept =
        stored.length > 0
          ? options.sideStore.put(subject, { entry: id, values: stored })
          : undefined;
      const durable = Promise.all([handOver(entry, [...given, ...payloads]), kept]).then(([index]) => index);
      return { id, durable };
    },
  };
}

type Members = Readonly<Record<string, Json | undefined>>;

/** An entry past the bound gives its large members away by digest; what is still too large is an error. */
function encodeEntry(fields: Members, rest: Members): { entry: Buffer; payloads: Uint8Array[] } {
  const whole = Buffer.from(encodeCanonical({ ...fields, ...rest }));
  if (whole.length <= ENTRY_BYTES_MAX / 2) return { entry: whole, payloads: [] };
  const payloads: Uint8Array[] = [];
  const inline = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const payload = Buffer.from(value === undefined ? '' : encodeCanonical(value));
      if (payload.length <= MEMBER_BYTES_MAX) return [name, value];
      payloads.push(payload);
      return [
        name,
        { digest: createHash('sha256').update(payload).digest('hex'), bytes: payload.length },
      ];
    }),
  );
  const entry = Buffer.from(encodeCanonical({ ...inline, ...rest }));
  if (entry.length > ENTRY_BYTES_MAX)
    throw new SealrailError('ENTRY_TOO_LARGE', `an entry of ${entry.length} bytes`);
  return { entry, payloads };
}

function commitAll(
  values: readonly ClearValue[],
  random: (bytes: number) => Uint8Array,
): { commitments: Commitment[]; stored: StoredValue[] } {
  const bytes = values.filter(({ at }) => at === '/bytes');
  const rest = values.filter(({ at }) => at !== '/bytes');
  const together = () => [
    {
      at: '/values',
      value: encodeCanonical(rest.map(({ at, value }) => [at, value.toWellFormed()])),
    },
  ];
  const commitments: Commitment[] = [];
  const stored: StoredValue[] = [];
  for (const { at, value } of [...(rest.length > VALUES_MAX ? together() : rest), ...bytes]) {
    const clear = value.toWellFormed();
    const salt = random(SALT_BYTES);
    commitments.push({ at, hash: commit(salt, at, clear) });
    stored.push({ at, salt: Buffer.from(salt).toString('base64'), value: clear });
  }
  return { commitments, stored };
}
