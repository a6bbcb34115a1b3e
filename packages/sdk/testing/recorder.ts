/** Shared by this package's tests: a log in memory and a recorder whose world is fixed. */
import { createHash } from 'node:crypto';
import type { Entry } from '../src/entry/entry.ts';
import { parseEntry } from '../src/entry/parse.ts';
import {
  type EntryLog,
  NO_PREVIOUS,
  openRecorder,
  type RecorderOptions,
} from '../src/entry/recorder.ts';
import type { SideStore, StoredValue } from '../src/entry/side/sidestore.ts';

class MemoryLog implements EntryLog {
  readonly entries: Uint8Array[] = [];
  refuse: Error | undefined;

  async append(entry: Uint8Array): Promise<number> {
    if (this.refuse) throw this.refuse;
    return this.entries.push(entry) - 1;
  }

  read(index: number): Entry {
    return parseEntry(this.entries[index] ?? new Uint8Array(0));
  }
}

class MemorySideStore implements SideStore {
  readonly values = new Map<string, { subject: string; values: readonly StoredValue[] }>();
  readonly blobs = new Map<string, Uint8Array>();
  /** Called before a blob is there: what must not have happened yet can be looked at. */
  beforeBlob: (() => Promise<void>) | undefined;
  refuse: Error | undefined;

  async put(subject: string, entryId: string, values: readonly StoredValue[]): Promise<void> {
    if (this.refuse) throw this.refuse;
    this.values.set(entryId, { subject, values });
  }

  async putBlob(bytes: Uint8Array): Promise<string> {
    await this.beforeBlob?.();
    if (this.refuse) throw this.refuse;
    const digest = createHash('sha256').update(bytes).digest('hex');
    this.blobs.set(digest, bytes);
    return digest;
  }

  async readBlob(digest: string): Promise<Uint8Array | undefined> {
    return this.blobs.get(digest);
  }

  async read(entryId: string) {
    const found = this.values.get(entryId);
    return found
      ? ({ kind: 'values', values: found.values } as const)
      : ({ kind: 'absent' } as const);
  }
}

/** Counts up, so that salts and ids differ and a run can be repeated. */
function countingRandom(): (bytes: number) => Uint8Array {
  let count = 0;
  return (bytes) => {
    const block = createHash('sha512').update(String(count++)).digest();
    return Uint8Array.from({ length: bytes }, (_, i) => (block[i % 64] ?? 0) ^ (i >> 6));
  };
}

export function recorderForTest(options: Partial<RecorderOptions> = {}) {
  const log = new MemoryLog();
  const sideStore = new MemorySideStore();
  let now = 1_764_072_000_000_000n;
  const recorder = openRecorder({
    log,
    sideStore,
    source: { id: 'gateway-1', type: 'gateway', version: '0.1.0', epoch: 1 },
    previous: NO_PREVIOUS,
    clock: () => now++,
    random: countingRandom(),
    ...options,
  });
  return { log, sideStore, recorder };
}
