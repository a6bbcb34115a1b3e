/** A replay over a whole log: by worker threads where it is long, each taking the next part that is left. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { canonicalSource, loadPolicySet, openBlobsAtRest, type PolicySet } from '@sealrail/sdk';
import { TILE_WIDTH, tileWidth } from '@sealrail/tlog';
import { isDecision } from './decision-entries.ts';
import { bundlesOf, firstBundleSince, type LogFiles, readBundleAt } from './log-files.ts';
import { Replayer } from './replay.ts';
import { type Tallied, Tally } from './replay-tally.ts';

/** Bundles that a worker takes at a time. */
const PART_BUNDLES = 16;
/** A shorter log is done before a worker has loaded its policies. */
export const WORKERS_FROM_ENTRIES = 20_000;
const WORKERS_MAX = 8;
const PROGRESS_MS = 100;

export interface ReplayOptions {
  readonly files: LogFiles;
  /** DIR/private. */
  readonly privateFolder: string;
  /** `canonical` of the candidate set. */
  readonly candidate: string;
  /** `canonical` of the set that it is compared with; with what was decided, where it is left out. */
  readonly instead?: string | undefined;
  readonly since?: string | undefined;
  /** How many threads; 0 replays in this one. As many as the machine has, where it is left out. */
  readonly workers?: number | undefined;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

export interface Replayed extends Tallied {
  readonly size: number;
  /** The first entry that was looked at. */
  readonly from: number;
}

export async function replayLog(options: ReplayOptions): Promise<Replayed> {
  const { files, since = '', onProgress } = options;
  const first = since === '' ? 0 : firstBundleSince(files, since);
  const end = bundlesOf(files);
  const { workers = workersFor((end - first) * TILE_WIDTH) } = options;
  const tally = new Tally();
  // The one thing that is shared: the next bundle that nobody has taken.
  const next = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  next[0] = first;
  const part: ReplayPart = { ...partOptions(options), since, end, next };
  if (workers === 0)
    tally.merge(replayPart(part, onProgress && ((at) => onProgress(at - first, end - first))));
  else {
    const timer =
      onProgress &&
      setInterval(() => {
        onProgress(Math.min(Atomics.load(next, 0), end) - first, end - first);
      }, PROGRESS_MS);
    try {
      const parts = await Promise.all(Array.from({ length: workers }, () => runWorker(part)));
      for (const one of parts) tally.merge(one);
    } finally {
      clearInterval(timer);
    }
  }
  return { size: files.size, from: first * TILE_WIDTH, ...tally.sum() };
}

const workersFor = (entries: number): number =>
  entries < WORKERS_FROM_ENTRIES ? 0 : Math.min(availableParallelism(), WORKERS_MAX);

/** What a worker is given: plain data and the shared counter. */
export interface ReplayPart {
  readonly files: LogFiles;
  readonly privateFolder: string;
  readonly candidate: string;
  readonly instead: string | undefined;
  readonly since: string;
  readonly end: number;
  readonly next: Int32Array;
}

const partOptions = ({ files, privateFolder, candidate, instead }: ReplayOptions) => ({
  files,
  privateFolder,
  candidate,
  instead,
});

/** Takes parts until none is left. Throws where the candidate does not load. */
export function replayPart(part: ReplayPart, onBundle?: (bundle: number) => void): Tallied {
  const { files, since, end, next } = part;
  const candidate = loadCanonical(part.candidate);
  const instead = part.instead === undefined ? undefined : loadCanonical(part.instead);
  const blobs = openBlobsAtRest(part.privateFolder);
  const replayer = new Replayer({ candidate, blobs, instead });
  try {
    for (let from = Atomics.add(next, 0, PART_BUNDLES); from < end; ) {
      const to = Math.min(from + PART_BUNDLES, end);
      for (let bundle = from; bundle < to; bundle++) {
        const entries = readBundleAt(files, bundle);
        for (const [at, bytes] of entries.entries())
          if (isDecision(bytes)) replayer.replay(bundle * TILE_WIDTH + at, bytes, since);
        replayer.tally.damaged += tileWidth('entries', bundle, files.size) - entries.length;
        onBundle?.(bundle + 1);
      }
      from = Atomics.add(next, 0, PART_BUNDLES);
    }
    return replayer.tally.sum();
  } finally {
    candidate.close();
    instead?.close();
  }
}

function loadCanonical(canonical: string): PolicySet {
  const { files, schema } = canonicalSource(canonical);
  const set = loadPolicySet(files, schema);
  if ('engine' in set) return set;
  throw new Error(`a set does not load again: ${set[0]?.message ?? 'unknown'}`);
}

// Beside this file, whether it is the source or what was built of it.
const WORKER = new URL(`./replay-worker${import.meta.url.slice(-3)}`, import.meta.url);

function runWorker(part: ReplayPart): Promise<Tallied> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData: part });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a worker ended with ${code}`)));
  });
}
