/**
 * The guard's history from the log: before any session is accepted, so that a restart is no way out of a
 * rate, a lockout or a taint.
 */
import { BUCKETS, eventOfEntry, History, openBlobsAtRest, withPayloads } from '@sealrail/sdk';
import { TILE_WIDTH } from '@sealrail/tlog';
import {
  entriesOfBundle,
  findBundleBefore,
  type PastEntries,
  parsePastEntry,
} from './past-entries.ts';

/** What is read beyond what the policies need, so that others can be put in force without a restart. */
export const WISHED_MS = 3_600_000;
/** Up to so many entries: a start must not become slow for what nobody may ever ask. */
export const WISHED_ENTRIES_MAX = 100_000;

export interface RebuildOptions {
  readonly log: PastEntries;
  /** DIR/private: large members of an entry stand there. */
  readonly privateDir: string;
  /** For how long the policies in force look back. */
  readonly memoryMs: number;
  readonly nowMs: number;
}

export interface Rebuilt {
  readonly history: History;
  /** Everything that happened from then on is in it; 0 where the whole log is. */
  readonly sinceMs: number;
}

/** Throws where something that counts is not there any more: what nobody knows cannot be decided on. */
export async function rebuildHistory(options: RebuildOptions): Promise<Rebuilt> {
  const history = new History();
  const { log, privateDir } = options;
  const blobs = openBlobsAtRest(privateDir);
  const { from, sinceMs } = await whereToBegin(options);
  for (let bundle = from; bundle * TILE_WIDTH < log.size; bundle++) {
    for (const bytes of await entriesOfBundle(log, bundle)) {
      const entry = parsePastEntry(bytes);
      if (entry?.kind !== 'decision' && entry?.kind !== 'outcome') continue;
      const whole = entry.payloads === undefined ? entry : withPayloads(entry, blobs);
      if (whole === undefined) {
        throw new Error(
          `the history cannot be rebuilt: a payload of the entry ${entry.id} is gone`,
        );
      }
      const event = eventOfEntry(whole);
      if (event) history.apply(event);
    }
  }
  return { history, sinceMs };
}

async function whereToBegin({
  log,
  memoryMs,
  nowMs,
}: RebuildOptions): Promise<{ readonly from: number; readonly sinceMs: number }> {
  const neededMs = nowMs - lookBackMs(memoryMs);
  const wishedMs = Math.min(neededMs, nowMs - lookBackMs(WISHED_MS));
  const last = Math.ceil(log.size / TILE_WIDTH) - 1;
  const sinceMs = (bundle: number): number =>
    (last - bundle) * TILE_WIDTH >= WISHED_ENTRIES_MAX ? neededMs : wishedMs;
  const from = await findBundleBefore(log, sinceMs);
  return from === undefined ? { from: 0, sinceMs: 0 } : { from, sinceMs: sinceMs(from) };
}

/** A window forgets up to one bucket late. */
const lookBackMs = (memoryMs: number): number => memoryMs + Math.ceil(memoryMs / BUCKETS) + 1_000;
