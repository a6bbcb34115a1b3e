import { describe, expect, test } from 'vitest';
import { DrivenLog } from '../../testing/driven-log.ts';

/** Widths of the partial bundles that stand at a place. */
const widths = (driven: DrivenLog, bundle: string) =>
  driven
    .names(`/data/log/tile/entries/${bundle}.p`)
    .map(Number)
    .sort((a, b) => a - b);

describe('the tree', () => {
  test('holds checkpoint and tile/ and nothing else, and its staging is outside', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 300);
    await driven.machine.finish(log.close());
    expect(driven.names('/data/log')).toEqual(['checkpoint', 'tile']);
    expect(driven.names('/data/log/tile')).toEqual(['0', '1', 'entries']);
    expect(driven.names('/data')).toEqual(['journal', 'log', 'private']);
  });

  test('keeps the partial tiles of published sizes, and drops those of sizes that were only signed', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 1);
    await driven.wait(150);
    expect(log.checkpoint().size).toBe(1);
    // Signed within the second after a publication: not published.
    await driven.append(log, 1);
    await driven.wait(250);
    expect(widths(driven, '000')).toEqual([1, 2]);
    expect(log.checkpoint().size).toBe(1);
    await driven.append(log, 1);
    await driven.wait(1_500);
    expect(log.checkpoint().size).toBe(3);
    expect(widths(driven, '000')).toEqual([1, 3]);
  });

  test('keeps them over a start, and until the full tile of their place is durable, then not', async () => {
    const driven = new DrivenLog();
    let log = await driven.open();
    for (let i = 0; i < 3; i++) {
      await driven.append(log, 1);
      await driven.wait(1_200);
    }
    expect(widths(driven, '000')).toEqual([1, 2, 3]);
    driven.cutPower();
    log = await driven.open();
    expect(widths(driven, '000')).toEqual([1, 2, 3]);
    await driven.append(log, 300);
    await driven.wait(1_200);
    // Full, and not durable yet.
    expect(driven.names('/data/log/tile/entries')).toContain('000');
    expect(widths(driven, '000')).toEqual([1, 2, 3]);
    for (let i = 0; i < 6; i++) {
      await driven.append(log, 200, 300);
      await driven.wait(300);
    }
    expect(driven.names('/data/log/tile/entries')).not.toContain('000.p');
    expect(driven.names('/data/log/tile/0')).not.toContain('000.p');
    driven.cutPower();
    expect(driven.bytes('/data/log/tile/entries/000')).toBeDefined();
  });

  test('drops a partial tile that was never whole on the disk, and one wider than the log', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 5);
    await driven.machine.finish(log.close());
    driven.machine.disk.create('/data/log/tile/entries/000.p/4').write(0, Buffer.from('torn'));
    driven.machine.disk.create('/data/log/tile/entries/000.p/9').write(0, Buffer.from('wide'));
    await driven.open();
    expect(widths(driven, '000')).toEqual([5]);
  });

  test('never overwrites what somebody else put into it: the log stops', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    driven.machine.disk.makeDirectory('/data/log/tile/0');
    driven.machine.disk.create('/data/log/tile/0/000').write(0, Buffer.from('planted'));
    await driven.append(log, 300);
    await driven.wait(500);
    expect((await log.failed).message).toMatch(/tile\/0\/000 was there before the log wrote it/);
    expect(Buffer.from(driven.bytes('/data/log/tile/0/000') ?? []).toString()).toBe('planted');
  });

  test('whose last bundle below the mark was changed, or whose edge is gone, does not open', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    for (let i = 0; i < 12; i++) {
      await driven.append(log, 100, 300);
      await driven.wait(300);
    }
    await driven.machine.finish(log.close());
    const mark = Number(
      Buffer.from(driven.bytes('/data/journal/mark') ?? [])
        .toString()
        .split(' ')[0],
    );
    expect(mark).toBeGreaterThan(255);
    const last = String(mark / 256 - 1).padStart(3, '0');
    const flip = (bytes: Uint8Array) => {
      bytes[100] = (bytes[100] ?? 0) ^ 1;
    };
    driven.change(`/data/log/tile/entries/${last}`, flip);
    await expect(driven.open()).rejects.toThrow(
      new RegExp(`tile/entries/${last} holds other entries than its tile`),
    );
    driven.change(`/data/log/tile/entries/${last}`, flip);
    driven.change(`/data/log/tile/0/000`, flip);
    await expect(driven.open()).rejects.toThrow(
      /another root than the one that was signed|holds other/,
    );
    driven.change(`/data/log/tile/0/000`, flip);
    await driven.machine.finish((await driven.open()).close());
    driven.machine.disk.remove('/data/log/tile/0/000');
    await expect(driven.open()).rejects.toThrow(/tile\/0\/000 is missing/);
  });
});
