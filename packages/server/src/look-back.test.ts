import type { EntryFields, OutcomeFields } from '@sealrail/sdk';
import { NO_PREVIOUS } from '@sealrail/sdk';
import { leafHash, sha256, TILE_WIDTH, toHex } from '@sealrail/tlog';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../sdk/testing/recorder.ts';
import { lookBack } from './look-back.ts';
import type { PastEntries } from './past-entries.ts';

const SOURCE = 'daemon-1';
const source = (id = SOURCE) => ({ id, type: 'daemon', version: '1', epoch: 1 });

type Written = ReturnType<typeof recorderForTest>;

const record = (to: Written, fields: EntryFields): string => to.recorder.record(fields, {}).id;

function decide(to: Written, verdict: 'allow' | 'deny' = 'allow', enforced = true): string {
  return record(to, {
    kind: 'decision',
    target: 'shop',
    action: 'sql.select',
    resources: [],
    values: [],
    facts: {},
    meta: {},
    decision: {
      verdict,
      code: verdict === 'allow' ? 'allowed' : 'forbidden',
      determining: [],
      policySet: '',
      entities: '',
      engine: 'none/1',
      mode: enforced ? 'enforce' : 'observe',
      enforced,
      parts: [],
    },
  });
}

function settle(to: Written, decisionId: string, more: Partial<OutcomeFields> = {}): void {
  const outcome = { status: 'executed' } as const;
  record(to, { kind: 'outcome', decisionId, outcome, durationUs: 1, ...more });
}

const start = (to: Written): string => record(to, { kind: 'system', event: 'start', detail: {} });

/** Over the entries that were written, as a log gives them back. */
async function look(to: Written, entriesMax?: number) {
  // Appending to a log in memory takes a few turns of the microtask queue.
  await new Promise((resolve) => setImmediate(resolve));
  const { entries } = to.log;
  return lookBack(past(entries), SOURCE, entriesMax);
}

/** Full bundles by themselves, as their files would be, and the rest one by one. */
function past(entries: readonly Uint8Array[]): PastEntries & { readonly reads: number[] } {
  const reads: number[] = [];
  return {
    reads,
    size: entries.length,
    read: async (index) => {
      reads.push(index);
      return entries[index] ?? new Uint8Array(0);
    },
    bundle: async (index) => {
      const found = entries.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH);
      return found.length === TILE_WIDTH ? found : undefined;
    },
  };
}

describe('what a start finds in the entries before it', () => {
  test('an empty log has no chain to continue and nothing open', async () => {
    expect(await look(recorderForTest({ source: source() }))).toEqual({
      previous: NO_PREVIOUS,
      system: undefined,
      open: [],
      unsettled: [],
      complete: true,
    });
  });

  test('the chain goes on from this source’s last entry, whoever wrote after it', async () => {
    const own = recorderForTest({ source: source() });
    start(own);
    await look(own);
    const last = own.log.entries.at(-1) ?? new Uint8Array(0);
    const other = recorderForTest({ source: source('gateway-2'), log: own.log });
    record(other, { kind: 'access', how: 'read', what: 'entries' });
    expect((await look(own)).previous).toBe(toHex(leafHash(last, sha256)));
    expect(own.log.entries.length).toBe(2);
  });

  test('an action that was carried out and has no outcome is open; one that was stopped is not', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    const cut = decide(log);
    const done = decide(log);
    decide(log, 'deny');
    const observed = decide(log, 'deny', false);
    settle(log, done);
    expect(await look(log)).toMatchObject({ open: [cut, observed], complete: true });
  });

  test('a transaction without an end is reported by what was done in it', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    const provisional = { outcome: { status: 'executed', provisional: true } } as const;
    const ended = decide(log);
    settle(log, ended, { ...provisional, transaction: 'a' });
    settle(log, decide(log), { outcome: { status: 'committed' }, transaction: 'a', settles: 1 });
    const cut = decide(log);
    settle(log, cut, { ...provisional, transaction: 'b' });
    expect(await look(log)).toMatchObject({ open: [], unsettled: [cut] });
  });

  test('what an earlier start reported is not reported again', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    decide(log);
    start(log);
    const later = decide(log);
    expect((await look(log)).open).toEqual([later]);
  });

  test('the last system entry says what was in force', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    record(log, { kind: 'system', event: 'heartbeat', detail: { policySet: 'ab' } });
    decide(log);
    expect((await look(log)).system).toEqual({ policySet: 'ab' });
  });

  test('the look is bounded, and says so where it did not reach the last start', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    const first = decide(log);
    const second = decide(log);
    expect(await look(log, 2)).toMatchObject({ open: [first, second], complete: false });
    expect(await look(log, 1)).toMatchObject({ open: [second], complete: false });
    expect(await look(log, 3)).toMatchObject({ open: [first, second], complete: true });
  });

  test('through full bundles the same is found as entry by entry, with a read for the rest only', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    const open = Array.from({ length: 2 * TILE_WIDTH + 3 }, () => decide(log));
    expect((await look(log)).open).toEqual(open);
    const entries = past(log.log.entries);
    await lookBack(entries, SOURCE);
    expect(entries.reads.toReversed()).toEqual([512, 513, 514, 515]);
  });

  test('an entry that does not read keeps nobody from starting: that is for verify to report', async () => {
    const log = recorderForTest({ source: source() });
    start(log);
    const cut = decide(log);
    await look(log);
    log.log.entries.push(Buffer.from('{'));
    expect((await look(log)).open).toEqual([cut]);
  });
});
