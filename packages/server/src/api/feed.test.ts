/** If these fail, readers that do not read cost the daemon memory without end. */
import { describe, expect, test } from 'vitest';
import { Feed } from './feed.ts';
import { Outcomes } from './outcomes.ts';

const bytes = (length: number) => new Uint8Array(length);

describe('the feed', () => {
  test('keeps as many entries as it may, and lets the oldest go for one more', () => {
    const feed = new Feed(10, { entriesMax: 3, bytesMax: 1_000 });
    for (let index = 10; index < 13; index++) feed.push(index, bytes(1));
    expect([feed.start, feed.end]).toEqual([10, 13]);
    feed.push(13, bytes(1));
    expect([feed.start, feed.end]).toEqual([11, 14]);
    expect(feed.at(10)).toBeUndefined();
    expect(feed.at(11)?.index).toBe(11);
    expect(feed.at(14)).toBeUndefined();
  });

  test('keeps as many bytes as it may, however few entries they are', () => {
    const feed = new Feed(0, { entriesMax: 100, bytesMax: 100 });
    feed.push(0, bytes(60));
    feed.push(1, bytes(40));
    expect(feed.start).toBe(0);
    feed.push(2, bytes(1));
    expect(feed.start).toBe(1);
    feed.push(3, bytes(101));
    expect([feed.start, feed.end]).toEqual([4, 4]);
  });

  test('goes on at a later place without what is between', () => {
    const feed = new Feed(0, { entriesMax: 3, bytesMax: 100 });
    feed.push(0, bytes(90));
    feed.skipTo(50);
    expect(feed.at(0)).toBeUndefined();
    feed.push(50, bytes(90));
    expect([feed.start, feed.end]).toEqual([50, 51]);
  });

  test('wakes whoever waits when something comes, and leaves nobody waiting at the end', async () => {
    const feed = new Feed(0);
    const never = new AbortController();
    const woken = feed.change(60_000, never.signal);
    feed.push(0, bytes(1));
    await woken;
    const ended = feed.change(60_000, never.signal);
    never.abort();
    await ended;
    await feed.change(60_000, never.signal);
    await feed.change(1, new AbortController().signal);
  });
});

describe('outcomes in mind', () => {
  const outcome = (index: number, decisionId: string, more: object = {}) =>
    [
      index,
      {
        v: 1,
        id: `id-${index}`,
        kind: 'outcome',
        time: '',
        source: { id: 's', type: 't', version: '1', epoch: 1 },
        seq: index,
        prev: '',
        decisionId,
        outcome: { status: 'executed' },
        durationUs: 1,
        ...more,
      },
    ] as Parameters<Outcomes['add']>;

  test('are as many as may be, and the oldest goes first', () => {
    const outcomes = new Outcomes(2);
    for (const [index, id] of ['a', 'b', 'c'].entries()) outcomes.add(...outcome(index, id));
    expect(['a', 'b', 'c'].map((id) => outcomes.of(id).outcome?.index)).toEqual([undefined, 1, 2]);
  });

  test('what a transaction held open is settled by its end', () => {
    const outcomes = new Outcomes();
    const provisional = { outcome: { status: 'executed', provisional: true }, transaction: 't' };
    outcomes.add(...outcome(0, 'a', provisional));
    expect(outcomes.of('a')).toMatchObject({ outcome: { index: 0 } });
    expect(outcomes.of('a').settled).toBeUndefined();
    outcomes.add(...outcome(1, 'commit', { outcome: { status: 'committed' }, transaction: 't' }));
    expect(outcomes.of('a').settled).toMatchObject({ outcome: { status: 'committed' } });
  });
});
