import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DrivenLog, entryOf } from '../testing/driven-log.ts';
import type { Fault } from '../testing/simulated-machine.ts';
import { parseCheckpoint } from './checkpoint.ts';
import { secretKeyFromSeed } from './node.ts';
import { createLog, type LogOptions, openLog, recreateLastSigned } from './open.ts';
import { formatSecretKey } from './vkey.ts';

const folders: string[] = [];
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function fresh(root = tmpdir()): LogOptions {
  const folder = mkdtempSync(join(root, 'tlog-open-'));
  folders.push(folder);
  const key = formatSecretKey(secretKeyFromSeed('example.com/open', new Uint8Array(32).fill(5)));
  return {
    dir: join(folder, 'data'),
    stateDir: join(folder, 'state'),
    key,
    segmentBytes: 64 << 10,
  };
}

const mode = (path: string): number => statSync(path).mode & 0o777;
const TMPFS = 0x01021994;
const memory = '/dev/shm';
const hasTmpfs = existsSync(memory) && statfsSync(memory).type === TMPFS;

describe('a new log', () => {
  test('keeps journal, side store and LastSigned from other users, and the tree readable', async () => {
    const options = fresh();
    await createLog(options);
    await (await openLog(options)).close();
    const { dir, stateDir } = options;
    expect(readdirSync(dir).sort()).toEqual(['journal', 'log', 'private']);
    expect(mode(join(dir, 'private'))).toBe(0o700);
    expect(mode(join(dir, 'journal'))).toBe(0o700);
    expect(mode(join(dir, 'log', 'checkpoint'))).toBe(0o644);
    const [origin = ''] = readdirSync(stateDir);
    expect(origin).toMatch(/^[0-9a-f]{64}$/);
    expect(mode(join(stateDir, origin))).toBe(0o700);
    expect(mode(join(stateDir, origin, 'last-signed'))).toBe(0o600);
    for (const name of readdirSync(join(dir, 'journal')))
      expect(mode(join(dir, 'journal', name))).toBe(0o600);
  });

  test('is not opened before it is created', async () => {
    await expect(openLog(fresh())).rejects.toMatchObject({ code: 'LOG_MISSING' });
  });

  test.skipIf(!hasTmpfs)(
    'is refused on tmpfs, for data and for LastSigned, unless durability is none',
    async () => {
      const options = fresh(memory);
      await expect(createLog(options)).rejects.toMatchObject({
        code: 'LOG_FILESYSTEM',
        message: `${options.dir} is on tmpfs, which does not keep what it acknowledges`,
      });
      const state = { ...fresh(), stateDir: fresh(memory).stateDir };
      await expect(createLog(state)).rejects.toMatchObject({ code: 'LOG_FILESYSTEM' });
      const thrownAway = { ...fresh(memory), durability: 'none' } as const;
      await createLog(thrownAway);
      const log = await openLog(thrownAway);
      expect(await log.append(entryOf(0))).toBe(0);
      await log.close();
      await expect(openLog({ ...thrownAway, durability: 'sync' })).rejects.toMatchObject({
        code: 'LOG_FILESYSTEM',
      });
    },
  );
});

test('a killed process leaves no lock behind, a living one is named', async () => {
  const options = fresh();
  await createLog(options);
  const open = new URL('./open.ts', import.meta.url).href;
  const script = `import { openLog } from ${JSON.stringify(open)};
    await openLog(${JSON.stringify(options)});
    process.stdout.write('open');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  children.push(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error(said)));
  });
  await expect(openLog(options)).rejects.toMatchObject({
    code: 'LOG_LOCKED',
    message: expect.stringMatching(
      new RegExp(`^another process holds this log: pid ${child.pid} on \\S+ since 20`),
    ),
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  await (await openLog(options)).close();
});

describe('LastSigned', () => {
  test('is made anew from a checkpoint that somebody kept, and from no other', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 5);
    await driven.machine.finish(log.receipt(4));
    await driven.machine.finish(log.close());
    const { size, root } = parseCheckpoint(log.checkpoint().note).checkpoint;
    const accepted = { size: Number(size), root };
    const recreate = (given: typeof accepted) =>
      driven.machine.finish(recreateLastSigned(driven.options, given));
    // While there is a record nothing replaces it.
    await expect(recreate(accepted)).rejects.toMatchObject({ code: 'LOG_EXISTS' });
    driven.machine.disk.remove('/state');
    await expect(driven.open()).rejects.toThrow(/no record of what the log in \/data has signed/);
    await expect(driven.create()).rejects.toMatchObject({ code: 'LOG_EXISTS' });
    await expect(recreate({ ...accepted, size: 4 })).rejects.toThrow(/publishes 5 entries/);
    await expect(recreate({ ...accepted, size: 6 })).rejects.toThrow(/holds 5 entries, and 6/);
    const wrong = { ...accepted, root: new Uint8Array(32) };
    await expect(recreate(wrong)).rejects.toThrow(/another root/);
    await recreate(accepted);
    const again = await driven.open();
    expect(await driven.append(again, 1)).toEqual([5]);
  });

  test('that is newer than what is published is published at start, byte for byte', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 1);
    await driven.wait(200);
    const older = driven.bytes('/data/log/checkpoint')?.slice();
    await driven.append(log, 1);
    await driven.machine.finish(log.close());
    const [origin = ''] = driven.names('/state');
    const signed = driven.bytes(`/state/${origin}/last-signed`)?.slice();
    driven.change('/data/log/checkpoint', (bytes) => bytes.set(older ?? []));
    const again = await driven.open();
    expect(driven.bytes('/data/log/checkpoint')).toEqual(signed);
    expect(again.checkpoint()).toEqual({ size: 2, note: signed });
  });

  test('that changed under a running log stops it before another signature leaves', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 1);
    await driven.wait(200);
    const [origin = ''] = driven.names('/state');
    driven.change(`/state/${origin}/last-signed`, (bytes) => {
      bytes[0] = 0x7a;
    });
    await driven.append(log, 1);
    await driven.wait(200);
    expect((await log.failed).message).toMatch(/last-signed was changed by somebody else/);
    expect(log.checkpoint().size).toBe(1);
  });
});

test('a refused start changes nothing', async () => {
  const driven = new DrivenLog();
  const log = await driven.open();
  await driven.append(log, 400);
  await driven.machine.finish(log.close());
  const [segment = ''] = driven.names('/data/journal').filter((name) => name.endsWith('.seg'));
  driven.change(`/data/journal/${segment}`, (bytes) => {
    bytes[4_096 + 60] = 0xff;
  });
  const written: string[] = [];
  driven.machine.observe = ({ kind, path }) => {
    if (kind !== 'read' && kind !== 'soon' && !path.includes('/staging')) written.push(path);
  };
  await expect(driven.open()).rejects.toThrow(/LOG|damaged|holds/);
  expect(written).toEqual([]);
});

describe('a log that is sealed', () => {
  test('ends with what was acknowledged, verifies, and is opened by nobody any more', async () => {
    const driven = new DrivenLog();
    const log = await driven.open();
    await driven.append(log, 5);
    await driven.machine.finish(log.seal());
    const { checkpoint } = parseCheckpoint(
      driven.bytes('/data/log/checkpoint') ?? new Uint8Array(),
    );
    expect(checkpoint.size).toBe(5n);
    driven.cutPower();
    await expect(driven.open()).rejects.toMatchObject({ code: 'LOG_SEALED' });
  });

  test.each<Fault>(['failed-and-persisted', 'failed-and-not-persisted'])(
    'is not called so where the mark %s',
    async (fault) => {
      const driven = new DrivenLog();
      const log = await driven.open();
      await driven.append(log, 5);
      driven.machine.fault = ({ path, kind }) =>
        path.endsWith('/sealed.new') && kind === 'sync' ? fault : undefined;
      await expect(driven.machine.finish(log.seal())).rejects.toThrow(/EIO/);
    },
  );
});
