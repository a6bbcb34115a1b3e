/**
 * The requests from the log: nothing else keeps them. Only the end of the log is read, since a request
 * and the approval it leads to are void after a bounded time. What stands before is not known, which can
 * only hold something once more: a grant counts for nothing without its request.
 */
import type { Entry } from '@sealrail/sdk';
import { TILE_WIDTH } from '@sealrail/tlog';
import type { PastEntries } from '../look-back.ts';
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
  const from = await whereToBegin(log, nowMs - PENDING_MS_MAX - APPROVED_MS_MAX, entriesMax);
  for (let bundle = from; bundle * TILE_WIDTH < log.size; bundle++)
    for (const bytes of await bundleOf(log, bundle)) {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (!MARKS.some((mark) => text.includes(mark))) continue;
      const entry = parse(text);
      if (entry) steps.add(entry);
    }
  steps.end();
  return steps.requests;
}

/** A clock that was set back makes one bundle look old: it takes two in a row to believe it. */
async function whereToBegin(
  log: PastEntries,
  sinceMs: number,
  entriesMax: number,
): Promise<number> {
  const last = Math.ceil(log.size / TILE_WIDTH) - 1;
  const floor = Math.max(0, Math.floor((log.size - entriesMax) / TILE_WIDTH));
  let olderInARow = 0;
  for (let bundle = last; bundle > floor; bundle--) {
    const entry = parse(Buffer.from(await log.read(bundle * TILE_WIDTH)));
    const isOlder = entry !== undefined && Date.parse(entry.time) < sinceMs;
    olderInARow = isOlder ? olderInARow + 1 : 0;
    if (olderInARow === 2) return bundle;
  }
  return floor;
}

async function bundleOf(log: PastEntries, bundle: number): Promise<readonly Uint8Array[]> {
  const whole = await log.bundle(bundle);
  if (whole) return whole;
  const entries: Uint8Array[] = [];
  const end = Math.min((bundle + 1) * TILE_WIDTH, log.size);
  for (let index = bundle * TILE_WIDTH; index < end; index++) entries.push(await log.read(index));
  return entries;
}

/** An entry that does not read is for `verify` to report; a start must not depend on it. */
function parse(text: Buffer): Entry | undefined {
  try {
    return JSON.parse(text.toString('utf8')) as Entry;
  } catch {
    return undefined;
  }
}
