import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Disk, type Operation } from '../../../testing/disk.ts';
import { BLOBS_KNOWN_MAX } from './blobs.ts';
import { KEYS_CACHED_MAX } from './keys.ts';
import { openSideStore, type StoredValue } from './sidestore.ts';
import { BATCH_BYTES_MAX, SEGMENT_BYTES_MAX } from './values.ts';

const folder = '/private';
const open = (files: Disk) => openSideStore({ folder, files, random: randomBytes });
const id = (n: number) => `01234567-89ab-7000-8000-${String(n).padStart(12, '0')}`;
const secret = (text: string): StoredValue[] => [{ at: '/binds/1', salt: 'c2FsdA==', value: text }];
const SEGMENT = '/private/values/00000001';

describe('the side store', () => {
  test('gives back what was put, to the entry that it belongs to', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(1), secret('one'));
    await store.put('agent:bot', id(2), secret('two'));
    for (const reader of [store, await open(disk.cut('lost'))]) {
      expect(await reader.read(id(1))).toEqual({ kind: 'values', values: secret('one') });
      expect(await reader.read(id(2))).toEqual({ kind: 'values', values: secret('two') });
      expect(await reader.read(id(3))).toEqual({ kind: 'absent' });
    }
  });

  test('no clear value stands in any of its files, and only their owner may open them', async () => {
    const real = await mkdtemp(join(tmpdir(), 'sealrail-side-'));
    try {
      const store = await openSideStore({ folder: real, random: randomBytes });
      await store.put('human:alice', id(1), secret('hunter2-hunter2'));
      await store.putBlob(Buffer.from('a template'));
      await store.close();
      for (const name of await readdir(real, { recursive: true })) {
        const found = await stat(join(real, name));
        if (found.isDirectory()) continue;
        expect(found.mode & 0o777, name).toBe(0o600);
        expect((await readFile(join(real, name))).includes('hunter2')).toBe(false);
      }
      expect((await stat(real)).mode & 0o777).toBe(0o700);
      const again = await openSideStore({ folder: real, random: randomBytes });
      expect(await again.read(id(1))).toEqual({
        kind: 'values',
        values: secret('hunter2-hunter2'),
      });
      await again.close();
    } finally {
      await rm(real, { recursive: true });
    }
  });

  test('destroying the key of a subject erases its values and nobody else’s', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(1), secret('one'));
    await store.put('human:bob', id(2), secret('two'));
    expect(await store.erase('human:alice')).toBe(true);
    expect(await store.erase('human:alice')).toBe(false);
    expect(await store.read(id(1))).toEqual({ kind: 'erased' });
    // However the power goes: what was told to be erased does not come back.
    const after = await open(disk.cut('lost'));
    expect(await after.read(id(1))).toEqual({ kind: 'erased' });
    expect(await after.read(id(2))).toEqual({ kind: 'values', values: secret('two') });
    // A new key of the same subject must not be taken for the old one.
    await after.put('human:alice', id(3), secret('three'));
    expect(await after.read(id(1))).toEqual({ kind: 'erased' });
    expect(await after.read(id(3))).toEqual({ kind: 'values', values: secret('three') });
  });

  test.each(['erase', 'syncDirectory'] as const)(
    'an erasure whose %s fails is not called one, whether it took effect or not',
    async (operation) => {
      for (const persist of [true, false]) {
        const disk = new Disk();
        const store = await open(disk);
        await store.put('human:alice', id(1), secret('one'));
        disk.fault = { operation, path: /keys/, persist };
        await expect(store.erase('human:alice')).rejects.toMatchObject({
          code: 'SIDE_STORE_FAILED',
        });
      }
    },
  );

  test('a record that was altered, or moved to another entry, does not open', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(1), secret('one'));
    const { crc32 } = await import('node:zlib');
    disk.alter(SEGMENT, (bytes) => {
      // Entry id of the first record, with a checksum that fits: whoever can write can do that.
      bytes.writeUInt8(9, 12 + 4 + 15);
      bytes.writeUInt32BE(crc32(bytes.subarray(12)), 8);
      return bytes;
    });
    const forged = id(0).slice(0, -2).concat('09');
    await expect((await open(disk)).read(forged)).rejects.toMatchObject({
      code: 'SIDE_STORE_CORRUPT',
    });
  });

  test('what is put at once shares a flush', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(0), secret('first'));
    disk.flushes.length = 0;
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.put('human:alice', id(i + 1), secret(`${i}`))),
    );
    expect(disk.flushes.length).toBeLessThanOrEqual(2);
    expect(await store.read(id(50))).toEqual({ kind: 'values', values: secret('49') });
  });

  test('a first use by many at once makes one key', async () => {
    const disk = new Disk();
    const store = await open(disk);
    const ids = Array.from({ length: 10 }, (_, i) => id(i));
    await Promise.all(ids.map((one) => store.put('human:alice', one, secret(one))));
    expect(await disk.list('/private/keys')).toHaveLength(1);
    const after = await open(disk.cut('lost'));
    for (const one of ids) expect(await after.read(one)).toMatchObject({ kind: 'values' });
  });

  test('a full segment is followed by another, and a batch past its bound by another flush', async () => {
    const disk = new Disk();
    const store = await open(disk);
    const count = 6;
    const large = 'x'.repeat(SEGMENT_BYTES_MAX / 4);
    expect(large.length).toBeGreaterThanOrEqual(BATCH_BYTES_MAX);
    const puts = Array.from({ length: count }, (_, i) =>
      store.put('service:svc', id(i), secret(`${i}${large}`)),
    );
    await Promise.all(puts);
    expect((await disk.list('/private/values')).sort()).toEqual(['00000001', '00000002']);
    const after = await open(disk.cut('lost'));
    for (let i = 0; i < count; i++) {
      expect(await after.read(id(i))).toMatchObject({ kind: 'values' });
    }
    disk.alter(SEGMENT, () => undefined);
    disk.alter('/private/values/00000004', () => Buffer.alloc(0));
    await expect(open(disk)).rejects.toThrow(/00000003 is missing/);
  });
});

describe('blobs', () => {
  test('stand under their SHA-256, once, and survive a power cut', async () => {
    const disk = new Disk();
    const store = await open(disk);
    const [digest, same] = await Promise.all([
      store.putBlob(Buffer.from('policy set')),
      store.putBlob(Buffer.from('policy set')),
    ]);
    expect(same).toBe(digest);
    const after = await open(disk.cut('lost'));
    expect(Buffer.from((await after.readBlob(digest)) ?? []).toString()).toBe('policy set');
    expect(await after.putBlob(Buffer.from('policy set'))).toBe(digest);
  });

  test('a name that is no digest leads nowhere, and an altered blob is named', async () => {
    const disk = new Disk();
    const store = await open(disk);
    const digest = await store.putBlob(Buffer.from('policy set'));
    expect(await store.readBlob('../keys/0')).toBeUndefined();
    expect(await store.readBlob('0'.repeat(64))).toBeUndefined();
    disk.alter(`/private/blobs/${digest}`, () => Buffer.from('another set'));
    await expect(store.readBlob(digest)).rejects.toThrow(new RegExp(digest));
  });
});

describe('what is held in memory', () => {
  test('past the bound of keys the oldest is read from its file, and stays the same key', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:0', id(0), secret('first'));
    for (let i = 1; i <= KEYS_CACHED_MAX; i++) await store.put(`human:${i}`, id(i), secret('x'));
    await store.put('human:0', id(99_999), secret('again'));
    expect(await disk.list('/private/keys')).toHaveLength(KEYS_CACHED_MAX + 1);
    for (const one of [id(0), id(99_999)]) {
      expect(await store.read(one)).toMatchObject({ kind: 'values' });
    }
  });

  test('past the bound of blobs the oldest is looked up, and not written again', async () => {
    const disk = new Disk();
    const store = await open(disk);
    const put = (i: number) => store.putBlob(Buffer.from(`blob ${i}`));
    for (let i = 0; i <= BLOBS_KNOWN_MAX; i++) await put(i);
    disk.flushes.length = 0;
    await put(BLOBS_KNOWN_MAX);
    expect(disk.flushes).toEqual([]);
    await put(0);
    expect(disk.flushes).toEqual(['/private/blobs']);
  });
});

describe('after a crash', () => {
  test.each(['lost', 'torn', 'kept'] as const)(
    'what was acknowledged is there, when what was not is %s',
    async (unflushed) => {
      const disk = new Disk();
      const store = await open(disk);
      await store.put('human:alice', id(1), secret('acknowledged'));
      disk.fault = { operation: 'datasync', path: /values/, persist: false };
      await expect(store.put('human:alice', id(2), secret('not'))).rejects.toThrow();
      const after = await open(disk.cut(unflushed));
      expect(await after.read(id(1))).toMatchObject({ kind: 'values' });
      expect(after.cutTail !== undefined).toBe(unflushed === 'torn');
      await after.put('human:alice', id(3), secret('new'));
      const last = await open(disk.cut(unflushed).cut('lost'));
      expect(await last.read(id(1))).toMatchObject({ kind: 'values' });
      expect(await after.read(id(3))).toMatchObject({ kind: 'values' });
    },
  );

  test('what is read back is written again, so that it does not stand in a cache only', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(1), secret('one'));
    disk.fault = { operation: 'datasync', path: /values/, persist: false };
    await expect(store.put('human:alice', id(2), secret('two'))).rejects.toThrow();
    // No power cut: the process dies, and the cache still shows the record that the disk never got.
    const after = await open(disk);
    expect(await after.read(id(2))).toMatchObject({ kind: 'values' });
    const later = await open(disk.cut('lost'));
    expect(await later.read(id(2))).toMatchObject({ kind: 'values' });
  });

  test('damage in front of a valid frame is no torn write: it refuses and names the place', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(1), secret('one'));
    await store.put('human:alice', id(2), secret('two'));
    disk.alter(SEGMENT, (bytes) => {
      bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
      return bytes;
    });
    await expect(open(disk)).rejects.toThrow(/00000001 is damaged at byte 0/);
  });

  test('what was cut is told by length and digest', async () => {
    const disk = new Disk();
    const store = await open(disk);
    await store.put('human:alice', id(1), secret('one'));
    disk.alter(SEGMENT, (bytes) => Buffer.concat([bytes, Buffer.alloc(5)]));
    expect((await open(disk)).cutTail).toEqual({
      bytes: 5,
      digest: '8855508aade16ec573d21e6a485dfd0a7624085c1a14b5ecdd6485de0c6839a4',
    });
  });
});

describe('every operation that can fail', () => {
  const places: [Operation, RegExp, 'value' | 'key' | 'blob'][] = [
    ['create', /values/, 'value'],
    ['write', /values/, 'value'],
    ['datasync', /values/, 'value'],
    ['syncDirectory', /values/, 'value'],
    ['create', /keys/, 'key'],
    ['write', /keys/, 'key'],
    ['datasync', /keys/, 'key'],
    ['rename', /keys/, 'key'],
    ['syncDirectory', /keys/, 'key'],
    ['create', /blobs/, 'blob'],
    ['write', /blobs/, 'blob'],
    ['datasync', /blobs/, 'blob'],
    ['rename', /blobs/, 'blob'],
    ['syncDirectory', /blobs/, 'blob'],
  ];
  const pairs = places.flatMap(([operation, path, what]) =>
    [true, false].map((persist) => ({ operation, path, what, persist })),
  );
  test.each(pairs)(
    '$operation of a $what, took effect: $persist: is final, and a restart works',
    async ({ operation, path, what, persist }) => {
      const disk = new Disk();
      const store = await open(disk);
      disk.fault = { operation, path, persist };
      const put = () =>
        what === 'blob'
          ? store.putBlob(Buffer.from('payload'))
          : store.put('human:alice', id(1), secret('one'));
      await expect(put()).rejects.toMatchObject({ code: 'SIDE_STORE_FAILED' });
      expect(await store.failed).toMatchObject({ code: 'SIDE_STORE_FAILED' });
      // The disk works again, and still nothing more is written: a flush that failed may have lost pages.
      await expect(put()).rejects.toMatchObject({ code: 'SIDE_STORE_FAILED' });
      for (const unflushed of ['lost', 'torn', 'kept'] as const) {
        const after = disk.cut(unflushed);
        const again = await open(after);
        await again.put('human:alice', id(2), secret('two'));
        const digest = await again.putBlob(Buffer.from('payload'));
        const durable = await open(after.cut('lost'));
        expect(await durable.read(id(2))).toEqual({ kind: 'values', values: secret('two') });
        expect(await durable.readBlob(digest)).toEqual(Buffer.from('payload'));
      }
    },
  );
});
