import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reservation } from './decision.ts';
import { History, IN_FLIGHT_MAX, PRINCIPALS_MAX, PRINCIPALS_PER_HUMAN_MAX } from './history.ts';
import type { Account, HistoryEvent } from './history-event.ts';
import { HOSTS_MAX } from './history-tracked.ts';
import { BUCKETS, Window } from './history-window.ts';

const NOW = 1_764_072_000_000;
const bot: Account = { principal: 'agent:bot' };
const annsBot: Account = { principal: 'agent:bot', root: 'human:ann' };

type DecisionEvent = Extract<HistoryEvent, { kind: 'decision' }>;
type OutcomeEvent = Extract<HistoryEvent, { kind: 'outcome' }>;

const decision = (more: Partial<DecisionEvent> = {}): HistoryEvent => ({
  kind: 'decision',
  account: bot,
  atMs: NOW,
  id: 'd',
  counts: true,
  denied: false,
  hosts: [],
  reserve: [],
  uses: [],
  taints: [],
  ...more,
});
const outcome = (more: Partial<OutcomeEvent> = {}): HistoryEvent => ({
  kind: 'outcome',
  account: bot,
  atMs: NOW,
  decisionId: 'd',
  failed: false,
  rows: 0,
  bytes: 0,
  nothingDone: false,
  ...more,
});
const reservation = (cost = 1): Reservation => ({
  policy: 'rate',
  key: 'agent:bot',
  cost,
  windowMs: 60_000,
});
const historyOf = (...events: readonly HistoryEvent[]): History => {
  const history = new History();
  for (const event of events) history.apply(event);
  return history;
};
const used = (history: History, nowMs = NOW, more = { limit: 10, cost: 1 }) =>
  history.counted(bot, 'rate', { windowMs: 60_000, ...more }, nowMs);

describe('a window', () => {
  test('never forgets early, and forgets within a bucket after its time', () => {
    const within = fc.array(
      fc.record({ afterMs: fc.nat(90_000), count: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(within, fc.nat(200_000), (added, laterMs) => {
        const window = new Window(60_000);
        const times = added.toSorted((a, b) => a.afterMs - b.afterMs);
        for (const { afterMs, count } of times) window.add(NOW + afterMs, count);
        const now = NOW + Math.max(laterMs, times.at(-1)?.afterMs ?? 0);
        const sum = (ms: number) =>
          times.reduce((all, one) => all + (NOW + one.afterMs > now - ms ? one.count : 0), 0);
        const total = window.total(now);
        expect(total).toBeGreaterThanOrEqual(sum(60_000));
        expect(total).toBeLessThanOrEqual(sum(60_000 + 60_000 / BUCKETS));
        window.advance(now);
        expect(window.total(now)).toBe(total);
        const waitMs = window.waitMs(now, 3);
        expect(window.total(now + waitMs)).toBeLessThanOrEqual(3);
        if (waitMs > 0) expect(window.total(now + waitMs - 1)).toBeGreaterThan(3);
      }),
    );
  });

  test('holds no more buckets than it has', () => {
    const window = new Window(60_000);
    for (let ms = 0; ms < 600_000; ms += 10) {
      window.advance(NOW + ms);
      window.add(NOW + ms, 1);
    }
    expect(window.total(NOW + 600_000)).toBeLessThanOrEqual(6_200);
    window.advance(NOW + 700_000);
    expect(window.isEmpty).toBe(true);
  });

  test('a clock that was set back does not keep its counts until it has caught up', () => {
    const window = new Window(60_000);
    window.add(NOW + 86_400_000, 7);
    window.advance(NOW);
    expect(window.total(NOW)).toBe(7);
    window.advance(NOW + 62_000);
    expect(window.total(NOW + 62_000)).toBe(0);
  });
});

describe('what is counted', () => {
  test('calls, denials, failures, rows, bytes and hosts, each in its own time', () => {
    const history = historyOf(
      decision({ hosts: ['a', 'b'] }),
      decision({ denied: true, hosts: ['a'] }),
      outcome({ failed: true, rows: 3, bytes: 100 }),
    );
    const first = {
      denied1m: 1,
      calls1m: 2,
      calls1h: 2,
      rows1h: 3,
      bytesOut1h: 100,
      failed5m: 1,
      hosts1h: 2,
      taints: [],
    };
    expect(history.snapshot(bot, NOW)).toEqual(first);
    expect(history.snapshot(bot, NOW + 62_000)).toEqual({ ...first, denied1m: 0, calls1m: 0 });
    expect(history.snapshot(bot, NOW + 306_000)).toMatchObject({ failed5m: 0, rows1h: 3 });
    expect(history.snapshot(bot, NOW + 3_661_000)).toMatchObject({ calls1h: 0, hosts1h: 0 });
    expect(history.snapshot({ principal: 'agent:other' }, NOW)).toMatchObject({ calls1h: 0 });
  });

  test('an agent and its human share what either did, and another human does not', () => {
    const history = historyOf(decision({ account: annsBot, denied: true }));
    const denied = (account: Account) => history.snapshot(account, NOW)?.denied1m;
    expect(denied(annsBot)).toBe(1);
    expect(denied({ principal: 'human:ann' })).toBe(1);
    expect(denied({ principal: 'agent:second', root: 'human:ann' })).toBe(1);
    expect(denied({ principal: 'agent:bot', root: 'human:bob' })).toBe(1);
    expect(denied({ principal: 'agent:second', root: 'human:bob' })).toBe(0);
  });

  test('a denial that the history itself made feeds no lockout', () => {
    const history = historyOf(decision({ denied: true, counts: false }));
    expect(history.snapshot(bot, NOW)).toMatchObject({ denied1m: 0, calls1m: 0 });
  });

  test('a taint stays with agent and human until its time is over, whoever asks', () => {
    const taints = [{ label: 'personal', ttlMs: 1_000 }];
    const history = historyOf(decision({ account: annsBot, taints }));
    const sibling = { principal: 'agent:second', root: 'human:ann' };
    expect(history.snapshot(sibling, NOW + 999)?.taints).toEqual(['personal']);
    expect(history.snapshot(sibling, NOW + 1_000)?.taints).toEqual([]);
    history.apply(decision({ taints: [{ label: 'personal', ttlMs: 10 }] }));
    expect(history.snapshot(annsBot, NOW + 999)?.taints).toEqual(['personal']);
  });

  test('hosts beyond the bound are still that many', () => {
    const hosts = Array.from({ length: HOSTS_MAX + 5 }, (_, at) => `h${at}`);
    expect(historyOf(decision({ hosts })).snapshot(bot, NOW)?.hosts1h).toBe(HOSTS_MAX);
  });
});

describe('reservations', () => {
  test('an action in flight counts, and says how long until there is room', () => {
    const history = historyOf(decision({ reserve: [reservation(10)] }));
    expect(used(history)).toEqual({ key: 'agent:bot', used: 10, waitMs: 61_000 });
    expect(used(history, NOW + 61_000)).toMatchObject({ used: 0, waitMs: 0 });
    expect(used(history, NOW, { limit: 10, cost: 11 }).waitMs).toBeUndefined();
  });

  test('it goes back only where nothing reached the target', () => {
    const reserved = decision({ reserve: [reservation(4)] });
    const after = (one: HistoryEvent) => used(historyOf(reserved, one)).used;
    expect(after(outcome({ nothingDone: true }))).toBe(0);
    expect(after(outcome({ failed: true }))).toBe(4);
    expect(after(outcome())).toBe(4);
  });

  test('what has begun once is not given back by a later outcome', () => {
    const reserved = decision({ reserve: [reservation(4)] });
    const twice = historyOf(reserved, outcome(), outcome({ nothingDone: true }));
    expect(used(twice).used).toBe(4);
    const both = historyOf(
      reserved,
      outcome({ nothingDone: true }),
      outcome({ nothingDone: true }),
    );
    expect(used(both).used).toBe(0);
  });

  test('of more actions in flight than the bound the oldest keeps its place for good', () => {
    const history = historyOf();
    for (let i = 0; i <= IN_FLIGHT_MAX; i++) {
      history.apply(decision({ id: `d${i}`, reserve: [reservation(1)] }));
    }
    history.apply(outcome({ decisionId: 'd0', nothingDone: true }));
    expect(used(history).used).toBe(IN_FLIGHT_MAX + 1);
    history.apply(outcome({ decisionId: 'd1', nothingDone: true }));
    expect(used(history).used).toBe(IN_FLIGHT_MAX);
  });

  test('a grant is used by one action, and free again where nothing was done', () => {
    const uses = [{ id: 'g', untilMs: NOW + 60_000 }];
    expect(historyOf().isUsed('g')).toBe(false);
    expect(historyOf(decision({ uses })).isUsed('g')).toBe(true);
    expect(historyOf(decision({ uses }), outcome()).isUsed('g')).toBe(true);
    expect(historyOf(decision({ uses }), outcome({ nothingDone: true })).isUsed('g')).toBe(false);
  });
});

describe('many principals', () => {
  const fill = (history: History, count: number, atMs = NOW) => {
    for (let i = 0; i < count; i++) {
      history.apply(decision({ account: { principal: `agent:a${i}` }, atMs }));
    }
  };

  test('at the bound everybody who is known goes on, and who is new is not guessed at', () => {
    const history = historyOf();
    fill(history, PRINCIPALS_MAX);
    expect(history.snapshot({ principal: 'agent:a0' }, NOW)?.calls1m).toBe(1);
    expect(history.snapshot(bot, NOW)).toBeUndefined();
    history.apply(decision());
    expect(history.snapshot(bot, NOW)).toBeUndefined();
    const one = historyOf();
    fill(one, PRINCIPALS_MAX - 1);
    expect(one.snapshot(bot, NOW)).toBeDefined();
    expect(one.snapshot(annsBot, NOW)).toBeUndefined();
  });

  test('whoever is idle makes room', () => {
    const history = historyOf();
    fill(history, PRINCIPALS_MAX);
    const laterMs = NOW + 2 * 3_600_000;
    history.apply(decision({ atMs: laterMs }));
    expect(history.snapshot(bot, laterMs)).toBeDefined();
  });

  test('one human cannot fill it with agents of their own', () => {
    const history = historyOf();
    for (let i = 0; i <= PRINCIPALS_PER_HUMAN_MAX; i++) {
      history.apply(decision({ account: { principal: `agent:a${i}`, root: 'human:eve' } }));
    }
    const last = { principal: `agent:a${PRINCIPALS_PER_HUMAN_MAX}`, root: 'human:eve' };
    expect(history.snapshot(last, NOW)).toBeUndefined();
    expect(history.snapshot({ principal: 'agent:a0', root: 'human:eve' }, NOW)).toBeDefined();
    expect(history.snapshot(annsBot, NOW)).toBeDefined();
  });
});

test('a question changes nothing', () => {
  const history = historyOf(decision({ reserve: [reservation(4)] }));
  for (const nowMs of [NOW + 86_400_000, NOW - 86_400_000]) {
    history.snapshot(bot, nowMs);
    used(history, nowMs);
  }
  expect(used(history).used).toBe(4);
  expect(history.snapshot(bot, NOW)?.calls1m).toBe(1);
});
