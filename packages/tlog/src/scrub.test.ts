import { describe, expect, test } from 'vitest';
import { DrivenLog, entryOf } from '../testing/driven-log.ts';
import type { LogFinding } from './log.ts';
import { PASS_PAUSE_MS } from './scrub.ts';

const RATE = 256 << 10;

/** A log of some hundred kilobytes, most of it in the durable tree and no longer in the journal. */
async function scrubbed(count = 3_000, rate = RATE) {
  const findings: LogFinding[] = [];
  const driven = new DrivenLog({
    scrubBytesPerSecond: rate,
    onFinding: (finding) => void findings.push(finding),
  });
  const log = await driven.open();
  for (let at = 0; at < count; at += 500) {
    await driven.append(log, 500, 300);
    await driven.wait(1_500);
  }
  return { driven, log, findings };
}

const flip = (at: number) => (bytes: Uint8Array) => {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
};
const rules = (findings: readonly LogFinding[]) => findings.map(({ rule }) => rule);
const PASS_MS = PASS_PAUSE_MS + 10_000;

describe('reading the tree back', () => {
  test('goes through all of it, again and again, at the bounded rate', async () => {
    const { driven, log, findings } = await scrubbed();
    const until = async (over: () => boolean) => {
      while (!over()) await driven.wait(100);
    };
    // The first pass may have begun while the log still grew.
    await until(() => log.scrubbed?.passes === 1);
    const ended = driven.machine.now;
    await until(() => log.scrubbed?.passes === 2);
    // 3,000 entries of 300 bytes, and their hashes.
    const passMs = driven.machine.now - ended - PASS_PAUSE_MS;
    expect(passMs).toBeGreaterThan(((3_000 * 300) / RATE) * 1_000);
    expect(log.scrubbed).toMatchObject({ done: 3_000, size: 3_000 });
    expect(findings).toEqual([]);
  });

  test('finds a flipped bit of an old bundle within one pass, says so once, and the log goes on', async () => {
    const { driven, log, findings } = await scrubbed();
    driven.change('/data/log/tile/entries/002', flip(700));
    await driven.wait(PASS_MS);
    expect(rules(findings)).toEqual(['tree-damaged']);
    expect(findings[0]?.message).toMatch(/entry \d+ in tile\/entries\/002 was altered/);
    await driven.wait(2 * PASS_MS);
    expect(findings).toHaveLength(1);
    await driven.append(log, 1);
  });

  test('finds one of a hash tile that the next start needs, and stops signing', async () => {
    const { driven, log, findings } = await scrubbed();
    driven.change('/data/log/tile/0/005', flip(40));
    await driven.wait(PASS_MS);
    expect(rules(findings)).toContain('tree-damaged');
    expect((await log.failed).message).toMatch(/tile\/0\/005/);
    await expect(log.append(entryOf(3_000))).rejects.toMatchObject({ code: 'LOG_FAILED' });
  });

  test('does not take a growing log for a damaged one', async () => {
    const { driven, log, findings } = await scrubbed(500, 64 << 10);
    for (let i = 0; i < 200; i++) {
      await driven.append(log, 7, 200);
      await driven.wait(600);
    }
    expect(log.scrubbed?.passes).toBeGreaterThan(0);
    expect(findings).toEqual([]);
  });

  test('ends with the log', async () => {
    const { driven, log } = await scrubbed(500);
    await driven.wait(PASS_PAUSE_MS + 100);
    await driven.machine.finish(log.close());
    const reads: string[] = [];
    driven.machine.observe = ({ path }) => void reads.push(path);
    await driven.wait(3 * PASS_MS);
    expect(reads).toEqual([]);
  });
});
