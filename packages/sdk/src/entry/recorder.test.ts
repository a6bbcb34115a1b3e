import { createHash } from 'node:crypto';
import { leafHash, sha256, toHex } from '@sealrail/tlog';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { encodeCanonical } from './canonical.ts';
import { checkSources } from './chains.ts';
import { commit } from './commitment.ts';
import {
  type DecisionFields,
  ENTRY_BYTES_MAX,
  type Entry,
  type EntryFields,
  type SystemFields,
} from './entry.ts';
import { MEMBER_BYTES_MAX } from './payload.ts';
import { type ClearValue, NO_PREVIOUS, VALUES_MAX } from './recorder.ts';

const heartbeat: SystemFields = { kind: 'system', event: 'heartbeat', detail: {} };
const decision = (fields: Partial<DecisionFields> = {}): DecisionFields => ({
  kind: 'decision',
  target: 'shop',
  action: 'sql.delete',
  resources: [],
  values: [],
  facts: {},
  meta: {},
  decision: {
    verdict: 'deny',
    code: 'forbidden',
    determining: ['p'],
    policySet: '00',
    entities: '00',
    engine: 'e',
    mode: 'enforce',
    enforced: true,
    parts: [],
  },
  ...fields,
});
const alice = { principal: { type: 'human', id: 'alice', proof: 'scram' } } as const;
const values = (count: number): ClearValue[] =>
  Array.from({ length: count }, (_, i) => ({ at: `/literals/${i + 1}`, value: `secret-${i}` }));

describe('recording', () => {
  test('entries are numbered and chained from the first, in the order of the calls', async () => {
    const { log, recorder } = recorderForTest();
    const all = Array.from({ length: 20 }, () => recorder.record(heartbeat, {}).durable);
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(log.read(0)).toMatchObject({ v: 1, seq: 0, prev: NO_PREVIOUS, source: { epoch: 1 } });
    const first = log.entries[0] ?? new Uint8Array(0);
    expect(log.read(1).prev).toBe(toHex(leafHash(first, sha256)));
    expect(checkSources(log.entries)).toEqual([]);
  });

  test('the entry has the id that the caller was given, the time, and who acted', async () => {
    const { log, recorder } = recorderForTest();
    const { id, durable } = recorder.record(heartbeat, { ...alice, session: 's1' });
    await durable;
    expect(log.read(0)).toMatchObject({
      id,
      time: '2025-11-25T12:00:00.000000Z',
      session: 's1',
      ...alice,
    });
  });

  test('nothing of what surrounds an act gets into its entry unasked', async () => {
    const { log, recorder } = recorderForTest();
    await recorder.record(heartbeat, { ...alice, secret: 'x' } as never).durable;
    expect(Buffer.from(log.entries[0] ?? []).toString()).not.toContain('"secret"');
  });

  test('a clear value is not in the log, opens its commitment, and has a salt of its own', async () => {
    const { log, sideStore, recorder } = recorderForTest();
    const same = [
      { at: '/literals/1', value: 'hunter2' },
      { at: '/binds/1', value: 'hunter2' },
    ];
    const one = recorder.record(decision(), alice, same);
    const two = recorder.record(decision(), alice, same);
    await Promise.all([one.durable, two.durable]);
    expect(Buffer.concat(log.entries).toString()).not.toContain('hunter2');
    const salts = new Set<string>();
    for (const [index, { id }] of [one, two].entries()) {
      const stored = sideStore.values.get(id);
      expect(stored?.subject).toBe('human:alice');
      const opened = stored?.values.map(({ at, salt, value }) => {
        salts.add(salt);
        return { at, hash: commit(Buffer.from(salt, 'base64'), at, value) };
      });
      expect((log.read(index) as Entry & DecisionFields).values).toEqual(opened);
    }
    expect(salts.size).toBe(4);
  });

  test('at the bound every value has its commitment, past it they have one together', async () => {
    const { log, sideStore, recorder } = recorderForTest();
    const bytes = { at: '/bytes', value: 'the whole message' };
    await recorder.record(decision(), alice, values(VALUES_MAX)).durable;
    const past = recorder.record(decision(), alice, [...values(VALUES_MAX), bytes]);
    await past.durable;
    expect((log.read(0) as DecisionFields).values).toHaveLength(VALUES_MAX);
    const joined = (log.read(1) as DecisionFields).values;
    expect(joined.map(({ at }) => at)).toEqual(['/bytes', '/values']);
    const stored = sideStore.values.get(past.id)?.values.find(({ at }) => at === '/values');
    expect(stored?.value).toBe(
      encodeCanonical(values(VALUES_MAX).map(({ at, value }) => [at, value])),
    );
  });

  test('a value with half a character is kept readable instead of being lost', async () => {
    const { sideStore, recorder } = recorderForTest();
    const { id, durable } = recorder.record(decision(), alice, [
      { at: '/binds/1', value: 'a\ud800' },
    ]);
    await durable;
    expect(sideStore.values.get(id)?.values[0]?.value).toBe('a\ufffd');
  });
});

describe('entries that would be too large', () => {
  const statement = 'SELECT $1 '.repeat(25_600);

  test('250 KiB of statement and 10,000 literals fit, and can be found by digest', async () => {
    const { log, sideStore, recorder } = recorderForTest();
    const { id, durable } = recorder.record(decision({ statement }), alice, values(10_000));
    await durable;
    const entry = log.read(0) as Entry & DecisionFields;
    expect(log.entries[0]?.length).toBeLessThan(2_000);
    expect(entry.statement).toBe('');
    const text = encodeCanonical(statement);
    const digest = createHash('sha256').update(text).digest('hex');
    expect(entry.payloads).toEqual([{ at: '/statement', digest, bytes: text.length }]);
    expect(Buffer.from(sideStore.blobs.get(digest) ?? []).toString()).toBe(text);
    expect(JSON.parse(sideStore.values.get(id)?.values[0]?.value ?? '[]')).toHaveLength(10_000);
  });

  test('a member at the bound stays, one byte more moves out', async () => {
    const { log, recorder } = recorderForTest();
    const fits = 'x'.repeat(MEMBER_BYTES_MAX - 2);
    await recorder.record(decision({ statement: fits }), alice).durable;
    await recorder.record(decision({ statement: `${fits}x` }), alice).durable;
    // Half as many characters, but as many bytes.
    await recorder.record(decision({ statement: 'é'.repeat(MEMBER_BYTES_MAX / 2) }), alice).durable;
    expect(log.read(0).payloads).toBeUndefined();
    expect(log.read(1).payloads).toHaveLength(1);
    expect(log.read(2).payloads).toHaveLength(1);
  });

  test('every large member at once still fits, and verdict and code stay in the entry', async () => {
    const { log, recorder } = recorderForTest();
    const big = (bytes: number) => ['y'.repeat(bytes)];
    for (const bytes of [MEMBER_BYTES_MAX - 4, 200_000]) {
      const fields = decision({
        statement: 'y'.repeat(bytes),
        facts: big(bytes),
        meta: big(bytes),
        resources: big(bytes) as never,
        target: 'y'.repeat(bytes),
        action: 'y'.repeat(bytes),
        decision: {
          ...decision().decision,
          parts: big(bytes),
          determining: big(bytes),
          holds: big(bytes),
          obligations: big(bytes),
        },
      });
      await recorder.record(fields, alice, values(VALUES_MAX)).durable;
    }
    expect(log.entries).toHaveLength(2);
    for (const [index, entry] of log.entries.entries()) {
      expect(entry.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
      const read = log.read(index) as Entry & DecisionFields;
      expect(read.decision).toMatchObject({ verdict: 'deny', code: 'forbidden', parts: [] });
    }
  });

  test('more members than any kind has are refused, not cut', () => {
    const { recorder } = recorderForTest();
    const detail = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`m${i}`, 'x'.repeat(1_000)]),
    );
    const fields = { ...heartbeat, ...detail } as EntryFields;
    expect(() => recorder.record(fields, {})).toThrow(
      expect.objectContaining({ code: 'ENTRY_TOO_LARGE' }),
    );
  });

  test('a payload is on disk before the entry that names it, and later entries wait behind it', async () => {
    const { log, sideStore, recorder } = recorderForTest();
    const appendedAt: number[] = [];
    let slowest = 20;
    sideStore.beforeBlob = async () => {
      // The first blob is the slowest: what comes after it must not overtake it.
      slowest -= 10;
      await new Promise((resolve) => setTimeout(resolve, 10 + slowest));
      appendedAt.push(log.entries.length);
    };
    const large = recorder.record(decision({ statement }), alice);
    const attached = recorder.record(heartbeat, {}, [], [Buffer.from('policy set')]);
    const small = recorder.record(heartbeat, {});
    expect(await small.durable).toBe(2);
    expect(await Promise.all([large.durable, attached.durable])).toEqual([0, 1]);
    expect(appendedAt).toEqual([0, 0]);
    const index = await recorder.record(heartbeat, {}).durable;
    expect(index).toBe(3);
    expect(checkSources(log.entries)).toEqual([]);
    expect(sideStore.blobs.size).toBe(2);
  });

  test('a field that has no canonical form is refused, and takes no number', async () => {
    const { log, recorder } = recorderForTest();
    const fields = { ...heartbeat, detail: { share: 0.5 } } as EntryFields;
    expect(() => recorder.record(fields, {})).toThrow(/not canonical JSON/);
    await recorder.record(heartbeat, {}).durable;
    expect(log.read(0).seq).toBe(0);
  });
});

describe('when the disk fails', () => {
  test.each(['log', 'sideStore'] as const)(
    'a failure of the %s is final, for the entry and for all after it',
    async (where) => {
      const world = recorderForTest();
      world[where].refuse = new Error('disk full');
      const lost = world.recorder.record(decision(), alice, values(1));
      await expect(lost.durable).rejects.toThrow(/couldn't record an entry/);
      expect((await world.recorder.failed).message).toMatch(/couldn't record/);
      world[where].refuse = undefined;
      const later = world.recorder.record(heartbeat, {});
      await expect(later.durable).rejects.toMatchObject({ code: 'RECORDER_FAILED' });
      expect(world.log.entries.length).toBeLessThanOrEqual(1);
    },
  );

  test('a log that stalls refuses what comes meanwhile, and the chain goes on whole', async () => {
    const { log, sideStore, recorder } = recorderForTest();
    const stall = Object.assign(new Error('too much is waiting'), { code: 'LOG_STALLED' });
    await recorder.record(heartbeat, {}).durable;
    for (let round = 0; round < 3; round++) {
      // One waits for its payload while the log begins to refuse, others follow in the same step.
      const waiting = recorder.record(decision({ statement: 'z'.repeat(100_000) }), alice);
      log.refuse = stall;
      const all = [waiting, ...[1, 2, 3].map(() => recorder.record(heartbeat, {}))];
      for (const { durable } of all) {
        await expect(durable).rejects.toMatchObject({ code: 'RECORDER_STALLED' });
      }
      log.refuse = undefined;
      await recorder.record(decision(), alice, values(1)).durable;
      await recorder.record(heartbeat, {}).durable;
    }
    expect(log.entries).toHaveLength(7);
    expect(checkSources(log.entries)).toEqual([]);
    expect(sideStore.values.size).toBe(3);
  });

  test('while something is under way after a stall, nothing is numbered anew', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const stall = Object.assign(new Error('stalled'), { code: 'LOG_STALLED' });
    const entries: Uint8Array[] = [];
    const answers = [async () => held, async () => Promise.reject(stall), async () => {}];
    const { recorder } = recorderForTest({
      log: {
        append: async (entry) => {
          await answers.shift()?.();
          return entries.push(entry) - 1;
        },
      },
    });
    const first = recorder.record(heartbeat, {});
    const refused = recorder.record(heartbeat, {});
    await expect(refused.durable).rejects.toMatchObject({ code: 'RECORDER_STALLED' });
    await expect(recorder.record(heartbeat, {}).durable).rejects.toMatchObject({
      code: 'RECORDER_STALLED',
    });
    release();
    await first.durable;
    await new Promise((resolve) => setImmediate(resolve));
    await recorder.record(heartbeat, {}).durable;
    expect(checkSources(entries)).toEqual([]);
    expect(entries).toHaveLength(2);
  });

  test('an entry whose payload could not be written is not appended, nor is what queued behind', async () => {
    const { log, sideStore, recorder } = recorderForTest();
    sideStore.refuse = new Error('no space');
    const large = recorder.record(decision({ statement: 'z'.repeat(100_000) }), {});
    const behind = recorder.record(heartbeat, {});
    await expect(large.durable).rejects.toThrow();
    await expect(behind.durable).rejects.toThrow();
    expect(log.entries).toHaveLength(0);
  });

  test('a rejection that nobody waits for yet does not end the process', async () => {
    const { log, recorder } = recorderForTest();
    log.refuse = new Error('disk full');
    const { durable } = recorder.record(heartbeat, {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(durable).rejects.toThrow();
  });
});
