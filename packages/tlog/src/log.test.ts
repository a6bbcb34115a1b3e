import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseCheckpoint } from './checkpoint.ts';
import { leafHash } from './merkle.ts';
import { secretKeyFromSeed, sha256 } from './node.ts';
import { createLog, type LogOptions, openLog } from './open.ts';
import { verifyInclusion } from './proof.ts';
import { parseReceipt } from './receipt.ts';
import { formatSecretKey } from './vkey.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function fresh(): LogOptions {
  const folder = mkdtempSync(join(tmpdir(), 'tlog-'));
  folders.push(folder);
  const key = formatSecretKey(
    secretKeyFromSeed('example.com/test', createHash('sha256').update(folder).digest()),
  );
  return {
    dir: join(folder, 'data'),
    stateDir: join(folder, 'state'),
    key,
    segmentBytes: 64 << 10,
  };
}
const entry = (i: number) => Buffer.from(`entry ${i} ${'x'.repeat(i % 300)}`);

async function appendMany(
  log: Awaited<ReturnType<typeof openLog>>,
  from: number,
  count: number,
): Promise<void> {
  const indices = await Promise.all(
    Array.from({ length: count }, (_, i) => log.append(entry(from + i))),
  );
  expect(indices).toEqual(Array.from({ length: count }, (_, i) => from + i));
}

describe('a running log', () => {
  test('entries keep the order of the calls, read back, and have receipts that hold', async () => {
    const options = fresh();
    await createLog(options);
    const log = await openLog(options);
    await appendMany(log, 0, 700);
    for (const index of [0, 255, 256, 511, 699]) {
      expect(Buffer.from(await log.read(index)).equals(entry(index))).toBe(true);
      const receipt = parseReceipt(await log.receipt(index));
      const { checkpoint } = parseCheckpoint(receipt.checkpoint);
      const claim = {
        index: receipt.index,
        size: checkpoint.size,
        leaf: leafHash(entry(index), sha256),
        root: checkpoint.root,
        proof: receipt.proof,
      };
      expect(verifyInclusion(claim, sha256)).toBeUndefined();
      expect(Buffer.from(receipt.extra ?? []).equals(entry(index))).toBe(true);
    }
    await log.close();
    expect(readdirSync(join(options.dir, 'log')).sort()).toEqual(['checkpoint', 'tile']);
  });

  test('a second start continues the same log, segments are retired and everything reads', async () => {
    const options = fresh();
    await createLog(options);
    let size = 0;
    for (let round = 0; round < 4; round++) {
      const log = await openLog(options);
      expect(log.size).toBe(size);
      for (let i = 0; i < 5; i++) {
        await appendMany(log, size, 400);
        size += 400;
      }
      await log.receipt(size - 1);
      await log.close();
    }
    const log = await openLog(options);
    for (let i = 0; i < size; i += 37)
      expect(Buffer.from(await log.read(i)).equals(entry(i))).toBe(true);
    await log.close();
    expect(
      readdirSync(join(options.dir, 'journal')).filter((name) => name.endsWith('.seg')).length,
    ).toBeLessThan(8);
  });

  test('a follower sees every entry once, in order, from the past into the present', async () => {
    const options = fresh();
    await createLog(options);
    const log = await openLog(options);
    await appendMany(log, 0, 300);
    const seen: number[] = [];
    const stop = log.follow(100, (index, bytes) => {
      expect(Buffer.from(bytes).equals(entry(index))).toBe(true);
      seen.push(index);
    });
    await appendMany(log, 300, 300);
    await expect.poll(() => seen.length).toBe(500);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => 100 + i));
    stop();
    await log.close();
  });

  test('a second process is refused with the pid of the first', async () => {
    const options = fresh();
    await createLog(options);
    const log = await openLog(options);
    await expect(openLog(options)).rejects.toThrow(
      new RegExp(`another process holds this log: pid ${process.pid}`),
    );
    await log.close();
    await (await openLog(options)).close();
  });

  test('an entry that is too large is refused, the largest is not', async () => {
    const options = fresh();
    await createLog({ ...options, segmentBytes: 1 << 20 });
    const log = await openLog({ ...options, segmentBytes: 1 << 20 });
    await expect(log.append(new Uint8Array(65_536))).rejects.toThrow(/65536 bytes; at most 65535/);
    expect(await log.append(new Uint8Array(65_535))).toBe(0);
    await log.close();
  });

  test('a log is created once', async () => {
    const options = fresh();
    await createLog(options);
    await expect(createLog(options)).rejects.toThrow(/already holds a log/);
    rmSync(options.dir, { recursive: true });
    await expect(createLog(options)).rejects.toThrow(/an? log of the origin|already records/);
    await expect(openLog(options)).rejects.toThrow(/holds no log/);
  });
});

describe('a log that does not hold at start is refused and named', () => {
  async function stopped(count: number): Promise<LogOptions> {
    const options = fresh();
    await createLog(options);
    const log = await openLog(options);
    await appendMany(log, 0, count);
    await log.close();
    return options;
  }
  const segment = (options: LogOptions) => {
    const folder = join(options.dir, 'journal');
    return join(folder, readdirSync(folder).find((name) => name.endsWith('.seg')) ?? '');
  };
  const state = (options: LogOptions) =>
    join(options.stateDir, readdirSync(options.stateDir)[0] ?? '', 'last-signed');

  test('a flipped byte in an acknowledged entry, behind which others follow', async () => {
    const options = fresh();
    await createLog(options);
    const log = await openLog(options);
    for (let i = 0; i < 5; i++) await appendMany(log, i, 1);
    await log.close();
    const bytes = readFileSync(segment(options));
    bytes[4096 + 40] = (bytes[4096 + 40] ?? 0) ^ 1;
    writeFileSync(segment(options), bytes);
    await expect(openLog(options)).rejects.toThrow(/\.seg is damaged at offset 4096/);
  });

  test('fewer entries than were signed', async () => {
    const options = fresh();
    await createLog(options);
    const log = await openLog(options);
    for (let i = 0; i < 5; i++) await appendMany(log, i, 1);
    await log.close();
    const bytes = readFileSync(segment(options));
    bytes.fill(0, 4096 * 4);
    writeFileSync(segment(options), bytes);
    await expect(openLog(options)).rejects.toThrow(/holds 3 entries, and 5 were signed/);
  });

  test('a missing, an older and a foreign record of what was signed', async () => {
    const options = await stopped(10);
    const record = readFileSync(state(options));
    rmSync(state(options));
    await expect(openLog(options)).rejects.toThrow(/no record of what the log/);
    const older = await stopped(0);
    writeFileSync(state(options), readFileSync(state(older)));
    await expect(openLog(options)).rejects.toThrow(/does not hold|is not signed by this log's key/);
    writeFileSync(state(options), record);
    await (await openLog(options)).close();
  });

  test('a state folder restored from before the newest checkpoint', async () => {
    const options = await stopped(10);
    const record = readFileSync(state(options));
    const log = await openLog(options);
    await appendMany(log, 10, 10);
    await log.close();
    writeFileSync(state(options), record);
    await expect(openLog(options)).rejects.toThrow(
      /publishes 20 entries, and 10 are recorded as signed/,
    );
  });

  test('another key', async () => {
    const options = await stopped(3);
    const key = formatSecretKey(secretKeyFromSeed('example.com/test', new Uint8Array(32)));
    await expect(openLog({ ...options, key })).rejects.toThrow(
      /not signed by this log's key|belongs to another log/,
    );
  });
});
