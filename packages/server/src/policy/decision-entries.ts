/** The decisions among the entries of a log, one after the other. */
import { type DecisionEntry, parseEntry, SealrailError } from '@sealrail/sdk';
import { TILE_WIDTH, tileWidth } from '@sealrail/tlog';
import { type LogFiles, readBundleAt } from './log-files.ts';

export interface LoggedEntry {
  readonly index: number;
  readonly entry: DecisionEntry;
}

export interface Damage {
  readonly index: number;
  readonly reason: string;
}

/** Members of an entry are sorted: no other kind of entry begins with this one. */
const DECISION = Buffer.from('{"action":');

export const isDecision = (bytes: Uint8Array): boolean =>
  DECISION.equals(bytes.subarray(0, DECISION.length));

/** The decisions of one bundle at or after `since`, and every place that holds none of what it should. */
export function* decisionsIn(
  files: LogFiles,
  bundle: number,
  since = '',
): Generator<LoggedEntry | Damage> {
  const entries = readBundleAt(files, bundle);
  const first = bundle * TILE_WIDTH;
  for (const [at, bytes] of entries.entries()) {
    if (!isDecision(bytes)) continue;
    const found = readDecision(first + at, bytes);
    if (!('entry' in found) || found.entry.time >= since) yield found;
  }
  const width = tileWidth('entries', bundle, files.size);
  for (let at = entries.length; at < width; at++) {
    yield { index: first + at, reason: 'the bundle is missing or cut off' };
  }
}

function readDecision(index: number, bytes: Uint8Array): LoggedEntry | Damage {
  try {
    const entry = parseEntry(bytes);
    if (entry.kind === 'decision') return { index, entry };
    return { index, reason: `it is a ${entry.kind} that looks like a decision` };
  } catch (error) {
    if (error instanceof SealrailError) return { index, reason: error.message };
    throw error;
  }
}
