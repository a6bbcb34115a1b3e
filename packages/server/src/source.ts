/** The daemon as a source of entries: its side store, and its chain, which goes on across starts. */
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type OpenRecorder,
  type OpenSideStore,
  openRecorder,
  openSideStore,
  stockedRandom,
  systemClock,
} from '@sealrail/sdk';
import { type Log, type LogOptions, parseWitnessPolicy, sha256 } from '@sealrail/tlog';
import type { LogConfig } from './config/config.ts';
import { lookBack, type Past } from './look-back.ts';
import { type PastEntries, pastOf } from './past-entries.ts';
import { VERSION } from './version.ts';
import { witnessHttp } from './witness/http.ts';

/** Of the tree that is read back in the background: some percent of one core and of a slow disk. */
const SCRUB_BYTES_PER_SECOND = 4 << 20;

export const logOptions = ({ dir, state, key, durability, witnesses }: LogConfig): LogOptions => ({
  dir,
  stateDir: state,
  key,
  durability,
  scrubBytesPerSecond: SCRUB_BYTES_PER_SECOND,
  ...(witnesses && {
    witnesses: {
      policy: parseWitnessPolicy(Buffer.from(witnesses.policy), sha256),
      failOpen: witnesses.failOpen,
      http: witnessHttp,
    },
  }),
});

export interface OpenSource {
  readonly sideStore: OpenSideStore;
  readonly recorder: OpenRecorder;
  readonly past: Past;
  readonly entries: PastEntries;
}

export async function openSource(config: LogConfig, log: Log): Promise<OpenSource> {
  const random = stockedRandom((bytes) => randomBytes(bytes));
  // One for each log, and the same at every start.
  const id = `daemon-${createHash('sha256').update(config.origin).digest('hex').slice(0, 8)}`;
  const entries = pastOf(log, join(config.dir, 'log'));
  const past = await lookBack(entries, id);
  const sideStore = await openSideStore({ folder: join(config.dir, 'private'), random });
  const recorder = openRecorder({
    log,
    sideStore,
    source: { id, type: 'daemon', version: VERSION, epoch: log.recovery.epoch },
    previous: past.previous,
    clock: systemClock(),
    random,
  });
  return { sideStore, recorder, past, entries };
}
