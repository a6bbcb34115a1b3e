/** What a start needs to know of the entries before it; bounded, from the log itself. */
import type { Entry } from '@sealrail/sdk';
import type { Log } from '@sealrail/tlog';

/** Heartbeats are a minute apart: a system entry is nearer than this, unless the log was very busy. */
const LOOK_BACK_MAX = 50_000;
const OPEN_LOOK_BACK_MAX = 5_000;
const OPEN_NAMED_MAX = 100;

async function entryAt(log: Log, index: number): Promise<Entry> {
  return JSON.parse(Buffer.from(await log.read(index)).toString('utf8')) as Entry;
}

/** Digests that the last system entry names; undefined where there is none. */
export async function lastSystemEntry(
  log: Log,
): Promise<{ policySet?: string; configuration?: string } | undefined> {
  for (let index = log.size - 1; index >= Math.max(0, log.size - LOOK_BACK_MAX); index--) {
    const entry = await entryAt(log, index);
    if (entry.kind === 'system')
      return entry.detail as { policySet?: string; configuration?: string };
  }
  return undefined;
}

/** Ids of allowed decisions near the end of the log that have no outcome: a stop cut them off. */
export async function openDecisions(log: Log): Promise<string[]> {
  const settled = new Set<string>();
  const open: string[] = [];
  for (let index = log.size - 1; index >= Math.max(0, log.size - OPEN_LOOK_BACK_MAX); index--) {
    const entry = await entryAt(log, index);
    if (entry.kind === 'outcome') settled.add(entry.decisionId);
    // Before an earlier start everything was looked at then.
    if (entry.kind === 'system' && entry.event === 'start') break;
    if (entry.kind !== 'decision') continue;
    const passed = entry.decision.verdict === 'allow' || !entry.decision.enforced;
    if (passed && !settled.has(entry.id)) open.push(entry.id);
  }
  return open.slice(0, OPEN_NAMED_MAX);
}
