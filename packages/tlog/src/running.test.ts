import { describe, expect, test } from 'vitest';
import { DrivenLog, entryOf } from '../testing/driven-log.ts';
import { type Call, type Fault, turnOfTheLoop } from '../testing/simulated-machine.ts';
import { QUEUE_BYTES_MAX } from './appender.ts';
import { parseCheckpoint } from './checkpoint.ts';
import type { LogFinding } from './log.ts';
import { parseReceipt } from './receipt.ts';
import { UNSIGNED_MS_MAX } from './running.ts';

/** What a promise was rejected with, by code; `done` where it was not. */
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );

const isFrame = ({ kind, path }: Call): boolean =>
  kind === 'sync' && /journal\/(spare|[0-9]+\.seg)/.test(path);

describe('a flush that fails', () => {
  test.each<Fault>(['failed-and-persisted', 'failed-and-not-persisted'])(
    'is final when it %s: every append is refused and nothing more is written',
    async (fault) => {
      const driven = new DrivenLog();
      const log = await driven.open();
      await driven.append(log, 3);
      driven.machine.fault = (call) => (isFrame(call) ? fault : undefined);
      const waiting = [log.append(entryOf(3)), log.append(entryOf(4))];
      expect(await driven.machine.finish(Promise.all(waiting.map(codeOf)))).toEqual([
        'LOG_FAILED',
        'LOG_FAILED',
      ]);
      driven.machine.fault = () => undefined;
      expect(await codeOf(log.append(entryOf(5)))).toBe('LOG_FAILED');
      expect((await log.failed).message).toMatch(/stopped for good: EIO/);
      // Reading goes on: what was acknowledged is still there.
      expect(Buffer.from(await driven.machine.finish(log.read(2)))).toEqual(entryOf(2));
      // What was under way ends; then nothing comes any more.
      await driven.wait(1_000);
      const writes: string[] = [];
      driven.machine.observe = ({ kind, path }) => {
        if (kind !== 'read' && kind !== 'soon') writes.push(path);
      };
      await driven.wait(3_000);
      expect(writes).toEqual([]);
      await driven.machine.finish(log.close());
    },
  );

  test.each([
    ['of a tile', (call: Call) => call.kind === 'sync' && call.path.includes('/data/log/tile/')],
    ['of LastSigned', (call: Call) => call.kind === 'sync' && call.path.includes('/state/')],
    ['of its folder', (call: Call) => call.kind === 'syncDirectory' && /state/.test(call.path)],
    ['of the checkpoint', (call: Call) => call.kind === 'sync' && /staging/.test(call.path)],
  ] as const)('%s is final too', async (_, victim) => {
    const driven = new DrivenLog();
    const log = await driven.open();
    driven.machine.fault = (call) => (victim(call) ? 'failed-and-persisted' : undefined);
    await driven.append(log, 3);
    await driven.wait(2_000);
    expect(await codeOf(log.append(entryOf(3)))).toBe('LOG_FAILED');
    await driven.machine.finish(log.close());
  });

  test('after which a start does not believe the page cache: the entries are flushed again', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 3);
    // The frame is in the page cache, valid, and will never reach the disk by itself.
    driven.machine.fault = (call) => (isFrame(call) ? 'failed-and-not-persisted' : undefined);
    expect(await driven.machine.finish(codeOf(log.append(entryOf(3))))).toBe('LOG_FAILED');
    driven.machine.fault = () => undefined;
    driven.kill();
    const again = await driven.open();
    expect(again.size).toBe(4);
    const receipt = await driven.machine.finish(again.receipt(3));
    expect(parseCheckpoint(parseReceipt(receipt).checkpoint).checkpoint.size).toBe(4n);
    driven.cutPower();
    const last = await driven.open();
    expect(Buffer.from(await driven.machine.finish(last.read(3)))).toEqual(entryOf(3));
  });
});

describe('a disk that is full', () => {
  test('for a tile refuses appends until there is room, and loses nothing', async () => {
    const findings: LogFinding[] = [];
    const driven = new DrivenLog({ onFinding: (finding) => findings.push(finding) });
    const log = await driven.open();
    driven.machine.full = true;
    // The segment is there already: the entry is acknowledged, and the tile has no room.
    await driven.append(log, 1);
    await driven.wait(500);
    expect(await codeOf(log.append(entryOf(1)))).toBe('LOG_STALLED');
    expect(findings).toMatchObject([{ rule: 'disk-full', percent: 100 }, { rule: 'disk-filling' }]);
    driven.machine.full = false;
    await driven.wait(2_000);
    expect(await driven.append(log, 1)).toEqual([1]);
    await driven.machine.finish(log.receipt(1));
    await driven.machine.finish(log.close());
  });

  test('for the next segment refuses appends, but keeps the end of this one for system entries', async () => {
    const driven = new DrivenLog({ segmentBytes: 512 << 10 });
    const log = await driven.open();
    driven.machine.full = true;
    const answers: string[] = [];
    while (answers.at(-1) !== 'LOG_STALLED' && answers.length < 500)
      answers.push(await driven.machine.finish(codeOf(log.append(entryOf(0, 3_000)))));
    expect(answers.at(-1)).toBe('LOG_STALLED');
    const taken = log.size;
    const system = log.append(entryOf(taken, 3_000), { reserve: true });
    expect(await driven.machine.finish(codeOf(system))).toBe('done');
    driven.machine.full = false;
    await driven.wait(2_000);
    expect(await driven.append(log, 1)).toEqual([taken + 1]);
    await driven.machine.finish(log.close());
    const again = await driven.open();
    expect(again.size).toBe(taken + 2);
  });

  test('is told at 80, 90 and 95 percent, each once on the way up', async () => {
    const findings: LogFinding[] = [];
    const driven = new DrivenLog({ onFinding: (finding) => findings.push(finding) });
    let used = 0.79;
    Object.assign(driven.process.files, { disk: async () => ({ used }) });
    const log = await driven.open();
    for (used of [0.79, 0.8, 0.85, 0.91, 0.95, 0.99]) {
      await driven.append(log, 1);
      await driven.wait(11_000);
    }
    expect(findings.map(({ percent }) => percent)).toEqual([80, 91, 95]);
  });
});

describe('signing', () => {
  test('follows within a turn, publication at most once a second, and at a clean stop at once', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    const published: number[] = [];
    driven.machine.observe = ({ path }) => {
      if (path === '/data/log/checkpoint') published.push(driven.machine.now);
    };
    for (let i = 0; i < 60; i++) {
      await driven.append(log, 1);
      await driven.wait(50);
    }
    const gaps = published.slice(1).map((at, i) => at - (published[i] ?? 0));
    expect(published.length).toBeGreaterThan(2);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    await driven.append(log, 1);
    await driven.machine.finish(log.close());
    expect(log.checkpoint().size).toBe(61);
  });

  test('that does not come for ten seconds refuses appends', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 1);
    let held = true;
    const { rename } = driven.process.files;
    Object.assign(driven.process.files, {
      rename: async (from: string, to: string) => {
        while (held) await new Promise<void>((go) => driven.process.clock.after(100, go));
        return rename(from, to);
      },
    });
    await driven.wait(UNSIGNED_MS_MAX - 500);
    expect(await driven.machine.finish(codeOf(log.append(entryOf(1))))).toBe('done');
    await driven.wait(1_000);
    expect(await codeOf(log.append(entryOf(2)))).toBe('LOG_STALLED');
    held = false;
    await driven.wait(1_000);
    expect(await driven.machine.finish(codeOf(log.append(entryOf(2))))).toBe('done');
  });
});

describe('the queue', () => {
  test('is one frame for everybody who waits while another is written', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    let frames = 0;
    driven.machine.observe = (call) => {
      if (isFrame(call)) frames++;
    };
    await driven.append(log, 200);
    expect(frames).toBeLessThanOrEqual(2);
    expect(log.size).toBe(200);
  });

  test('copies the entry at once: the caller may use its buffer again', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    const buffer = Buffer.from('the first one');
    const appends = [log.append(buffer)];
    // More than a frame holds, so that some wait behind it.
    for (let i = 0; i < 20; i++) appends.push(log.append(entryOf(i, 12_000)));
    const late = Buffer.from('the last one.');
    appends.push(log.append(late));
    buffer.fill(0);
    late.fill(0);
    await driven.machine.finish(Promise.all(appends));
    expect(Buffer.from(await driven.machine.finish(log.read(0))).toString()).toBe('the first one');
    expect(Buffer.from(await driven.machine.finish(log.read(21))).toString()).toBe('the last one.');
  });

  test('waits up to QUEUE_BYTES_MAX behind a disk that does not answer, then refuses', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    const entry = new Uint8Array(60_000);
    const answers: string[] = [];
    for (let i = 0; i < QUEUE_BYTES_MAX / entry.length + 10; i++)
      void codeOf(log.append(entry)).then((code) => answers.push(code));
    await turnOfTheLoop();
    // The frame that is being written and the one that is being filled hold some of them.
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.length).toBeLessThan(10);
    expect(new Set(answers)).toEqual(new Set(['LOG_STALLED']));
  });
});

describe('a follower', () => {
  test('that is stopped in the middle hears nothing more', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 10);
    const seen: number[] = [];
    const stop = log.follow(0, (index) => {
      seen.push(index);
      if (index === 4) stop();
    });
    await driven.wait(1_000);
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  test('is told why nothing more comes: an entry that cannot be read, or the end of the log', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 3);
    const ends: (string | undefined)[] = [];
    log.follow(
      0,
      () => {
        throw new Error('a listener that breaks');
      },
      (error) => ends.push(error?.message),
    );
    log.follow(
      0,
      () => undefined,
      (error) => ends.push(error?.message),
    );
    await driven.wait(1_000);
    expect(ends).toEqual(['a listener that breaks']);
    await driven.machine.finish(log.close());
    expect(ends).toEqual(['a listener that breaks', undefined]);
  });
});

test('async answers before the flush, and a flush that fails afterwards is still final', async () => {
  const driven = new DrivenLog({ durability: 'async' });
  const log = await driven.open();
  // No step of the machine was needed.
  expect(await log.append(entryOf(0))).toBe(0);
  expect(log.size).toBe(0);
  await driven.wait(10);
  expect(log.size).toBe(1);
  driven.machine.fault = (call) => (isFrame(call) ? 'failed-and-not-persisted' : undefined);
  expect(await log.append(entryOf(1))).toBe(1);
  await driven.wait(50);
  expect(await codeOf(log.append(entryOf(2)))).toBe('LOG_FAILED');
});

test('closing twice is closing once, and then everything is refused', async () => {
  const driven = new DrivenLog();
  const log = await driven.open();
  const append = log.append(entryOf(0));
  await driven.machine.finish(Promise.all([append, log.close(), log.close()]));
  expect(log.checkpoint().size).toBe(1);
  expect(await codeOf(log.append(entryOf(1)))).toBe('LOG_CLOSED');
  await expect(log.read(1)).rejects.toMatchObject({ code: 'LOG_INDEX' });
});
