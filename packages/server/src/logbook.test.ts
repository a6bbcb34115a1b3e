import { createHash } from 'node:crypto';
import { type Entry, NO_PREVIOUS, parseEntry } from '@sealrail/sdk';
import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../sdk/testing/recorder.ts';
import type { Config, PostgresTarget } from './config/config.ts';
import {
  HEARTBEAT_ENTRIES,
  HEARTBEAT_MS,
  type InForce,
  Logbook,
  REFUSED_LENGTH_MAX,
} from './logbook.ts';
import { LOOK_BACK_MAX, NAMED_MAX, type Past } from './look-back.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function force(
  options: {
    policies?: string;
    configuration?: string;
    mode?: PostgresTarget['mode'];
    accept?: readonly string[];
    durability?: Config['log']['durability'];
  } = {},
): InForce {
  const { policies = 'policies', configuration = 'configuration', mode = 'enforce' } = options;
  const target: PostgresTarget = {
    kind: 'postgres',
    name: 'shop',
    env: 'prod',
    mode,
    listen: { host: '127.0.0.1', port: 6432 },
    upstream: {
      host: 'db',
      port: 5432,
      user: 'role',
      database: 'shop',
      password: 'upstream-password',
      accept: options.accept ?? [],
    },
    classes: {},
  };
  const config: Config = {
    file: '/etc/sealrail.yaml',
    log: {
      dir: '/data',
      state: '/state',
      origin: 'example.com/test',
      key: 'signing-key',
      durability: options.durability ?? 'sync',
      values: 'commit',
    },
    users: [],
    usersFile: '/etc/users.yaml',
    targets: [target],
    policies: '/etc/policies',
    api: { listen: { host: '127.0.0.1', port: 7070 } },
    canonical: configuration,
    digest: sha256(configuration),
  };
  return { config, policies: { canonical: policies, digest: sha256(policies) } };
}

const NOTHING: Past = {
  previous: NO_PREVIOUS,
  system: undefined,
  open: [],
  unsettled: [],
  complete: true,
};

function logbook(
  recovery: Partial<{ rewritten: number; cutTail: { bytes: number; digest: string } }> = {},
) {
  const { log, recorder, sideStore } = recorderForTest();
  const size = { value: 0 };
  const book = new Logbook(
    {
      recorder,
      log: {
        get size() {
          return size.value;
        },
        recovery: { epoch: 3, size: 7, rewritten: 0, ...recovery },
      },
      sideStore: { cutTail: undefined, putBlob: (bytes) => sideStore.putBlob(bytes) },
    },
    0,
  );
  const entries = (): Entry[] => log.entries.map((bytes) => parseEntry(bytes));
  const lines = (): string[] =>
    entries().map((entry) => {
      if (entry.kind === 'change')
        return `${entry.what} ${entry.subject}: ${entry.why}${entry.refused ? `: ${entry.refused}` : ''}`;
      if (entry.kind === 'finding') return `${entry.rule}: ${entry.message}`;
      return entry.kind === 'system' ? entry.event : entry.kind;
    });
  return { book, entries, lines, sideStore, log, size };
}

describe('a start', () => {
  test('the first one says what is in force, from nothing', async () => {
    const { book, lines, entries, sideStore } = logbook();
    await book.start(force(), NOTHING);
    expect(lines()).toEqual([
      'start',
      'coverage',
      'policy-set /etc/policies: read at start',
      'configuration /etc/sealrail.yaml: read at start',
      'mode shop: none → enforce, read at start',
    ]);
    const digests = entries().flatMap((entry) => (entry.kind === 'change' ? [entry.after] : []));
    // What an auditor is shown for these digests is kept.
    expect([...sideStore.blobs.keys()].sort()).toEqual(digests.slice(0, 2).sort());
    expect(JSON.stringify(entries())).not.toMatch(/upstream-password|signing-key/);
  });

  test('one after which nothing changed says so by saying nothing of it', async () => {
    const first = logbook();
    await first.book.start(force(), NOTHING);
    const [start] = first.entries();
    const system = start?.kind === 'system' ? start.detail : undefined;
    const second = logbook();
    await second.book.start(force(), { ...NOTHING, system });
    expect(second.lines()).toEqual(['start', 'coverage']);
    const third = logbook();
    await third.book.start(force({ policies: 'others', mode: { enforce: ['agents'] } }), {
      ...NOTHING,
      system,
    });
    expect(third.lines().slice(2)).toEqual([
      'policy-set /etc/policies: read at start',
      'mode shop: enforce → enforce for agents, read at start',
    ]);
  });

  test('what recovery cut off and wrote again stands in the start entry', async () => {
    const { book, entries } = logbook({ rewritten: 4, cutTail: { bytes: 9, digest: 'ab' } });
    await book.start(force(), NOTHING);
    expect(entries()[0]).toMatchObject({
      event: 'start',
      detail: { epoch: 3, size: 7, rewritten: 4, cutTail: { bytes: 9, digest: 'ab' } },
    });
  });

  test('what was accepted although it weakens a promise shows as degraded', async () => {
    const { book, entries } = logbook();
    await book.start(force({ accept: ['superuser'], durability: 'none' }), NOTHING);
    const degraded = entries().flatMap((entry) =>
      entry.kind === 'system' && entry.event === 'degraded' ? [entry.detail] : [],
    );
    expect(degraded).toMatchObject([
      { reason: 'durability-none' },
      { reason: 'accepted-privileges', target: 'shop', privileges: ['superuser'] },
    ]);
  });

  test('actions that a crash cut off become findings, counted beyond what they name', async () => {
    const { book, entries, lines } = logbook();
    const open = Array.from({ length: NAMED_MAX + 1 }, (_, i) => `id-${i}`);
    await book.start(force(), { ...NOTHING, open, unsettled: ['id-x'], complete: false });
    expect(lines().slice(-2)).toEqual([
      'decision-without-outcome: 101 allowed actions have no outcome: what became of them is not known (as far as a start looks back)',
      'transaction-without-end: 1 actions are of transactions without an end: whether they were committed is not known (as far as a start looks back)',
    ]);
    const finding = entries().find((entry) => entry.kind === 'finding');
    expect(finding?.kind === 'finding' && finding.about).toEqual(open.slice(0, NAMED_MAX));
  });
});

describe('a running daemon', () => {
  test('beats once a minute, and before a start would have to look back too far', async () => {
    const { book, lines, size } = logbook();
    const beat = (nowMs: number) => book.beat(force(), 2, nowMs);
    await beat(HEARTBEAT_MS - 1);
    expect(lines()).toEqual([]);
    await beat(HEARTBEAT_MS);
    expect(lines()).toEqual(['heartbeat']);
    size.value = HEARTBEAT_ENTRIES - 1;
    await beat(HEARTBEAT_MS + 1);
    expect(lines()).toEqual(['heartbeat']);
    size.value = HEARTBEAT_ENTRIES;
    await beat(HEARTBEAT_MS + 2);
    expect(lines()).toEqual(['heartbeat', 'heartbeat']);
    expect(HEARTBEAT_ENTRIES).toBeLessThan(LOOK_BACK_MAX / 2);
  });

  test('a log that takes nothing for a while is an entry once it takes one again', async () => {
    const { book, lines, entries, log } = logbook();
    log.refuse = Object.assign(new Error('disk full'), { code: 'LOG_STALLED' });
    await expect(book.beat(force(), 0, HEARTBEAT_MS)).rejects.toThrow();
    await expect(book.beat(force(), 0, HEARTBEAT_MS + 1_000)).rejects.toThrow();
    log.refuse = undefined;
    await book.beat(force(), 0, HEARTBEAT_MS + 2_500);
    expect(lines()).toEqual(['heartbeat', 'recovered']);
    expect(entries()[1]).toMatchObject({ detail: { reason: 'log-stalled', stalledMs: 2_500 } });
  });

  test('a disk that fills is a finding', async () => {
    const { book, entries } = logbook();
    await book.noticed({ rule: 'disk-filling', message: '/data is 90 % full', percent: 90 });
    await book.noticed({ rule: 'disk-full', message: '/data is full', percent: 100 });
    expect(entries()).toMatchObject([
      { kind: 'finding', rule: 'disk-filling', severity: 'medium' },
      { kind: 'finding', rule: 'disk-full', severity: 'high' },
    ]);
  });

  test('a change is on disk as what it was and what it is, with the texts behind the digests', async () => {
    const { book, entries, sideStore } = logbook();
    const [before, after] = [force(), force({ policies: 'stricter', mode: 'observe' })];
    await book.changed(before, after, 'reloaded');
    expect(entries().slice(0, 2)).toMatchObject([
      {
        kind: 'change',
        what: 'policy-set',
        before: before.policies.digest,
        after: after.policies.digest,
      },
      { kind: 'change', what: 'mode', subject: 'shop', why: 'enforce → observe, reloaded' },
    ]);
    expect(sideStore.blobs.has(after.policies.digest)).toBe(true);
  });

  test('a change that cannot be recorded is not one: it rejects', async () => {
    const { book, log } = logbook();
    log.refuse = new Error('the disk is gone');
    await expect(book.changed(force(), force({ policies: 'new' }), 'reloaded')).rejects.toThrow();
  });

  test('a refused reload is an entry with its reason, bounded', async () => {
    const { book, entries } = logbook();
    await book.refused(force(), 'x'.repeat(REFUSED_LENGTH_MAX + 1));
    expect(entries()[0]).toMatchObject({
      kind: 'change',
      before: force().config.digest,
      after: force().config.digest,
      refused: 'x'.repeat(REFUSED_LENGTH_MAX),
    });
  });
});
