import { describe, expect, test } from 'vitest';
import { DrivenLog, entryOf } from '../../testing/driven-log.ts';
import { SEGMENTS_MAX } from './journal.ts';
import { SPARES_MAX } from './spares.ts';

const segments = (driven: DrivenLog) =>
  driven.names('/data/journal').filter((name) => name.endsWith('.seg'));

describe('the segments of a log', () => {
  test('go round: retired ones are used again under a new epoch, and their number stays bounded', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    const used = new Set<unknown>();
    for (let i = 0; i < 40; i++) {
      await driven.append(log, 100, 300);
      await driven.wait(150);
      for (const name of segments(driven))
        used.add(driven.machine.disk.file(`/data/journal/${name}`));
      expect(segments(driven).length).toBeLessThanOrEqual(SEGMENTS_MAX);
    }
    const epochs = segments(driven).map((name) => Number.parseInt(name, 10));
    // More segments were written than there were ever files.
    expect(epochs.at(-1)).toBeGreaterThan(used.size);
    expect(used.size).toBeLessThanOrEqual(SEGMENTS_MAX + SPARES_MAX);
    for (const index of [0, 255, 256, 3_999])
      expect(Buffer.from(await driven.machine.finish(log.read(index)))).toEqual(
        entryOf(index, 300),
      );
    await driven.machine.finish(log.close());
    driven.cutPower();
    const again = await driven.open();
    expect(again.size).toBe(4_000);
  });

  test('are at most SEGMENTS_MAX while nothing can be retired: appends wait, and then go on', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    let held = true;
    const { datasync } = driven.process.files;
    Object.assign(driven.process.files, {
      datasync: async (path: string) => {
        while (held && path.includes('/tile/'))
          await new Promise<void>((go) => driven.process.clock.after(20, go));
        return datasync(path);
      },
    });
    let done = 0;
    const appends = Array.from({ length: 100 }, async (_, caller) => {
      for (let i = 0; i < 60; i++) {
        await log.append(entryOf(caller * 100 + i, 300));
        done++;
      }
    });
    await driven.wait(4_000);
    expect(segments(driven)).toHaveLength(SEGMENTS_MAX);
    const waiting = done;
    expect(waiting).toBeLessThan(6_000);
    await driven.wait(1_000);
    expect(done).toBe(waiting);
    held = false;
    await driven.machine.finish(Promise.all(appends));
    expect(log.size).toBe(6_000);
  });

  test('are zero-filled, synced and named before their first frame', async () => {
    const driven = new DrivenLog();
    await driven.open();
    driven.cutPower();
    const [name = ''] = segments(driven);
    const bytes = driven.bytes(`/data/journal/${name}`);
    expect(bytes).toHaveLength(256 << 10);
    expect(bytes?.subarray(4_096).every((byte) => byte === 0)).toBe(true);
  });
});
