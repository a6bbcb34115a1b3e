/**
 * The requests from the log: nothing else keeps them. Only the end of the log is read, since a request
 * and the approval it leads to are void after a bounded time. What stands before is not known, which can
 * only hold something once more: a grant counts for nothing without its request.
 */
import { TILE_WIDTH } from '@sealrail/tlog';
import {
  entriesOfBundle,
  findBundleBefore,
  type PastEntries,
  parsePastEntry,
} from '../past-entries.ts';
import { PENDING_MS_MAX } from './approvals.ts';
import { APPROVED_MS_MAX, Requests } from './requests.ts';
import { StepsOfLog } from './steps.ts';

/** Entries looked at; few of them are parsed. */
export const REBUILD_ENTRIES_MAX = 1_000_000;
/** In canonical JSON: a text inside a string has its quotes escaped, so no statement can say this. */
const MARKS = ['"kind":"approval"', '"uses":['].map((mark) => Buffer.from(mark));

export async function rebuildRequests(
  log: PastEntries,
  nowMs: number,
  entriesMax = REBUILD_ENTRIES_MAX,
): Promise<Requests> {
  const steps = new StepsOfLog(new Requests());
  const sinceMs = nowMs - PENDING_MS_MAX - APPROVED_MS_MAX;
  const floor = Math.max(0, Math.floor((log.size - entriesMax) / TILE_WIDTH));
  const from = (await findBundleBefore(log, () => sinceMs, floor)) ?? floor;
  for (let bundle = from; bundle * TILE_WIDTH < log.size; bundle++)
    for (const bytes of await entriesOfBundle(log, bundle)) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (!MARKS.some((mark) => text.includes(mark))) continue;
      const entry = parsePastEntry(text);
      if (entry) steps.add(entry);
    }
  steps.end();
  return steps.requests;
}
