/** Every logged decision made again, from what the log says that it was made from. */
import {
  type BlobReader,
  type DecisionEntry,
  type Difference,
  isAction,
  loggedAction,
  recheckDecision,
  withPayloads,
} from '@sealrail/sdk';
import { TILE_WIDTH } from '@sealrail/tlog';
import { type Damage, decisionsIn } from './decision-entries.ts';
import { bundlesOf, firstBundleSince, type LogFiles } from './log-files.ts';
import { LoggedSets } from './logged-sets.ts';

/** Differences that are kept whole; more of them are counted. */
export const DIFFERENCES_MAX = 1_000;

export interface Different {
  readonly index: number;
  readonly id: string;
  readonly members: readonly Difference[];
}

export interface Rechecked {
  /** Entries of the published log. */
  readonly size: number;
  /** The first entry that was looked at. */
  readonly from: number;
  readonly decisions: number;
  readonly same: number;
  readonly different: number;
  readonly differences: readonly Different[];
  /** By reason: decisions that there is nothing to make again of, or that cannot be. */
  readonly notRecomputed: Readonly<Record<string, number>>;
  readonly damaged: readonly Damage[];
}

export interface RecheckOptions {
  readonly files: LogFiles;
  readonly blobs: BlobReader;
  /** RFC 3339; only decisions from then on. */
  readonly since?: string | undefined;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

export function recheckLog({ files, blobs, since, onProgress }: RecheckOptions): Rechecked {
  const sets = new LoggedSets(blobs);
  const first = since === undefined ? 0 : firstBundleSince(files, since);
  const end = bundlesOf(files);
  const tally = new Tally();
  try {
    for (let bundle = first; bundle < end; bundle++) {
      for (const found of decisionsIn(files, bundle, since)) {
        if ('reason' in found) tally.damaged.push(found);
        else tally.add(found.index, found.entry, recheckEntry(found.entry, sets, blobs));
      }
      onProgress?.(bundle + 1 - first, end - first);
    }
  } finally {
    sets.close();
  }
  return { size: files.size, from: first * TILE_WIDTH, ...tally.sum() };
}

/** What differs, or why nothing can be said. */
function recheckEntry(
  entry: DecisionEntry,
  sets: LoggedSets,
  blobs: BlobReader,
): readonly Difference[] | string {
  const action = loggedAction(entry, blobs);
  if (!isAction(action)) return action;
  const whole = withPayloads(entry, blobs);
  if (whole === undefined) return 'blob-missing';
  const set = sets.get(entry.decision.policySet);
  if (typeof set === 'string') return set;
  // Another engine may word an error otherwise: what it says is not what this entry can be held to.
  if (set.engine.name !== entry.decision.engine) return `made by ${entry.decision.engine}`;
  return recheckDecision(set, whole, action);
}

class Tally {
  readonly damaged: Damage[] = [];
  readonly #differences: Different[] = [];
  readonly #reasons = new Map<string, number>();
  #decisions = 0;
  #same = 0;
  #different = 0;

  add(index: number, { id }: DecisionEntry, found: readonly Difference[] | string): void {
    this.#decisions++;
    if (typeof found === 'string') {
      this.#reasons.set(found, (this.#reasons.get(found) ?? 0) + 1);
    } else if (found.length === 0) {
      this.#same++;
    } else {
      this.#different++;
      if (this.#differences.length < DIFFERENCES_MAX)
        this.#differences.push({ index, id, members: found });
    }
  }

  sum(): Omit<Rechecked, 'size' | 'from'> {
    return {
      decisions: this.#decisions,
      same: this.#same,
      different: this.#different,
      differences: this.#differences,
      notRecomputed: Object.fromEntries([...this.#reasons].sort()),
      damaged: this.damaged,
    };
  }
}
