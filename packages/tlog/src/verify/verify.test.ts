import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { corpus } from '../../../../tests/corpora.ts';
import {
  formatSecretKey,
  openSigner,
  parseVkey,
  secretKeyFromSeed,
  sha256,
  verifyEd25519,
} from '../index.ts';
import { createLog, openLog } from '../open.ts';
import { directorySource } from './directory.ts';
import {
  sha256 as pureSha256,
  type TreeSource,
  verifyReceipt,
  verifyTree,
  webVerifier,
} from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'verify-'));
const secret = formatSecretKey(
  secretKeyFromSeed('example.com/verify', createHash('sha256').update('seed').digest()),
);
const { key } = openSigner(secret);
const COUNT = 600;
const receipts: Uint8Array[] = [];
let early: Uint8Array;
const files = new Map<string, Uint8Array>();

beforeAll(async () => {
  const options = { dir: join(folder, 'data'), stateDir: join(folder, 'state'), key: secret };
  await createLog(options);
  let log = await openLog(options);
  for (let i = 0; i < 300; i++) void log.append(Buffer.from(`{"n":${i}}`));
  await log.close();
  early = readFileSync(join(options.dir, 'log/checkpoint'));
  log = await openLog(options);
  for (let i = 300; i < COUNT; i++) void log.append(Buffer.from(`{"n":${i}}`));
  for (const index of [0, 255, 300, COUNT - 1]) receipts.push(await log.receipt(index));
  await log.close();
  const source = directorySource(join(options.dir, 'log'));
  for (const path of [
    'checkpoint',
    'tile/entries/000',
    'tile/entries/001',
    'tile/entries/002.p/88',
    'tile/0/000',
    'tile/0/001',
    'tile/0/002.p/88',
    'tile/1/000.p/2',
  ]) {
    files.set(path, (await source.get(path)) ?? new Uint8Array());
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const memory = (changed: ReadonlyMap<string, Uint8Array | undefined> = new Map()): TreeSource => ({
  get: async (path) => (changed.has(path) ? changed.get(path) : files.get(path)),
});
const check = (source: TreeSource, more = {}) =>
  verifyTree({ source, key, verifier: verifyEd25519, sha256, ...more });
const flipped = (path: string, at: number) => {
  const bytes = Uint8Array.from(files.get(path) ?? []);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return memory(new Map([[path, bytes]]));
};

describe('a whole tree', () => {
  test('holds, and is called self-consistent only', async () => {
    const report = await check(memory());
    expect(report).toMatchObject({
      ok: true,
      entries: COUNT,
      size: 600n,
      findings: [],
      against: 'self-consistent only',
    });
  });

  test('is consistent with a checkpoint that somebody kept, by the browser crypto too', async () => {
    const report = await verifyTree({
      source: memory(),
      key,
      verifier: webVerifier,
      sha256: pureSha256,
      held: [early],
    });
    expect(report).toMatchObject({ ok: true, against: 'consistent with your checkpoint at 300' });
  });

  test('a flipped bit in any file is found, and the finding names the file', async () => {
    for (const path of files.keys()) {
      const length = files.get(path)?.length ?? 0;
      for (const at of [2, 3, Math.floor(length / 2), length - 1]) {
        const report = await check(flipped(path, at));
        expect(report.ok, `${path} at ${at}`).toBe(false);
        const named = report.findings.map((finding) => finding.path ?? '').join(' ');
        expect(named, `${path} at ${at}`).toMatch(
          path.startsWith('tile/entries') ? /tile\/(entries|0)\// : new RegExp(path),
        );
      }
    }
  });

  test('an altered entry is named by its index', async () => {
    const report = await check(flipped('tile/entries/001', 2 + 9 * 3));
    expect(report.findings[0]).toMatchObject({
      severity: 'critical',
      path: 'tile/0/001',
      index: 258,
    });
  });

  test('a missing file is a failure, unless it is a bundle that may be pruned', async () => {
    for (const path of files.keys()) {
      expect((await check(memory(new Map([[path, undefined]])))).ok, path).toBe(false);
    }
    const pruned = memory(new Map([['tile/entries/000', undefined]]));
    expect((await check(pruned, { minIndex: 255 })).ok).toBe(false);
    const report = await check(pruned, { minIndex: 256 });
    expect(report).toMatchObject({ ok: true, entries: COUNT - 256 });
    expect(report.findings[0]?.what).toMatch(/absent, as --min-index allows/);
  });

  test('a rolled-back log fails against the newer checkpoint that somebody kept', async () => {
    const older = memory(new Map([['checkpoint', early]]));
    const report = await check(older, { held: [files.get('checkpoint')] });
    expect(report.findings.map(({ what }) => what).join()).toMatch(/entries were taken away/);
  });

  test('a rewritten history fails against a kept checkpoint, whoever signed it', async () => {
    const other = {
      dir: join(folder, 'other'),
      stateDir: join(folder, 'other-state'),
      key: secret,
    };
    await createLog(other);
    const log = await openLog(other);
    for (let i = 0; i < COUNT; i++) void log.append(Buffer.from(`{"n":${i === 5 ? 6 : i}}`));
    await log.close();
    const source = directorySource(join(other.dir, 'log'));
    expect((await check(source)).ok).toBe(true);
    const report = await check(source, { held: [early] });
    expect(report.findings.map(({ what }) => what).join()).toMatch(/history was rewritten/);
  });

  test('another key and a key of another name prove nothing', async () => {
    const foreign = openSigner(
      formatSecretKey(secretKeyFromSeed('example.com/verify', new Uint8Array(32))),
    ).key;
    expect((await check(memory(), { key: foreign })).ok).toBe(false);
    const renamed = openSigner(
      formatSecretKey(
        secretKeyFromSeed('example.com/other', createHash('sha256').update('seed').digest()),
      ),
    ).key;
    expect((await check(memory(), { key: renamed })).ok).toBe(false);
  });

  test('files that are no part of the tree are noticed', async () => {
    writeFileSync(join(folder, 'data/log/notes.txt'), 'x');
    expect(await directorySource(join(folder, 'data/log')).strangers()).toEqual(['notes.txt']);
    rmSync(join(folder, 'data/log/notes.txt'));
  });
});

describe('a receipt', () => {
  const verify = (receipt: Uint8Array, more = {}) =>
    verifyReceipt({ receipt, key, verifier: verifyEd25519, sha256, ...more });

  test('holds by itself and gives the entry back', async () => {
    for (const receipt of receipts) {
      const report = await verify(receipt);
      expect(report.findings).toEqual([]);
      expect(Buffer.from(report.entry ?? []).toString()).toBe(`{"n":${report.index}}`);
    }
  });

  test('any changed byte is refused', async () => {
    const [receipt = new Uint8Array()] = receipts;
    for (let at = 0; at < receipt.length; at++) {
      const bytes = Uint8Array.from(receipt);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      expect((await verify(bytes)).ok, `byte ${at}`).toBe(false);
    }
  });

  test('without an entry it is no proof; with another entry neither', async () => {
    const text = Buffer.from(receipts[0] ?? []).toString();
    const bare = Buffer.from(text.replace(/^extra .*\n/m, ''));
    expect((await verify(bare)).findings[0]?.what).toMatch(/carries no entry/);
    expect((await verify(bare, { entry: Buffer.from('{"n":0}') })).ok).toBe(true);
    expect((await verify(receipts[0] as Uint8Array, { entry: Buffer.from('{"n":1}') })).ok).toBe(
      false,
    );
  });
});

const tessera = corpus('tessera');
describe.skipIf(!tessera)("Tessera's own log", () => {
  const testKey = parseVkey(
    'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx',
    sha256,
  );
  test.each(Array.from({ length: 16 }, (_, size) => size))('verifies at size %i', async (size) => {
    const source = directorySource(join(tessera ?? '', 'testdata/log'));
    const note = readFileSync(join(tessera ?? '', `testdata/log/checkpoint.${size}`));
    const report = await verifyTree({
      source: { get: async (path) => (path === 'checkpoint' ? note : source.get(path)) },
      key: testKey,
      verifier: verifyEd25519,
      sha256,
    });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ ok: true, size: BigInt(size), entries: size });
  });
});
