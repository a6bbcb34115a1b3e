import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { corpus } from '../../../../tests/corpora.ts';
import {
  entryAt,
  memorySource,
  memoryTree,
  signedCheckpoint,
  testSigner,
  vkeyOf,
} from '../../../../tests/tlog/memory-tree.ts';
import { hashing, sha256, verifySignature } from '../node.ts';
import { directorySource } from './directory.ts';
import { type TreeSource, type VerifyTreeOptions, verifyTree, webVerifier } from './index.ts';
import { FINDINGS_MAX } from './report.ts';
import { FILE_BYTES_MAX } from './source.ts';

const signer = testSigner('example.com/verify');
const vkey = vkeyOf(signer);
const entriesOf = (count: number) => Array.from({ length: count }, (_, i) => entryAt(i));

/** Two full bundles, and a partial tile of every level. */
const COUNT = 600;
const files = memoryTree(entriesOf(COUNT), [signer]);
const early = signedCheckpoint(entriesOf(300), [signer]);

const check = (source: TreeSource, more: Partial<VerifyTreeOptions> = {}) =>
  verifyTree({ source, vkey, verifier: verifySignature, hashing, ...more });
const changed = (...changes: [string, Uint8Array | undefined][]) =>
  memorySource(new Map<string, Uint8Array | undefined>([...files, ...changes]));
const flip = (from: Uint8Array | undefined, at: number): Uint8Array => {
  const bytes = Uint8Array.from(from ?? []);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
};
const flipped = (path: string, at: number) => changed([path, flip(files.get(path), at)]);

describe('an untouched tree', () => {
  test('holds, and is called self-consistent only: the operator could have rewritten all of it', async () => {
    const report = await check(memorySource(files));
    expect(report).toMatchObject({ ok: true, entries: COUNT, size: 600n, findings: [], more: 0 });
    expect(report).toMatchObject({ against: 'self-consistent only', origin: 'example.com/verify' });
  });

  test('is consistent with the newest checkpoint that somebody kept, by browser crypto too', async () => {
    const held = [early, files.get('checkpoint') as Uint8Array, early];
    const source = memorySource(files);
    const report = await verifyTree({ source, vkey, verifier: webVerifier, held });
    expect(report).toMatchObject({ ok: true, against: 'consistent with your checkpoint at 600' });
  });

  test.each([0, 1, 255, 256, 257, 512, 599])(
    'a kept checkpoint of %i entries is compared',
    async (size) => {
      const held = [signedCheckpoint(entriesOf(size), [signer])];
      const report = await check(memorySource(files), { held });
      expect(report).toMatchObject({
        ok: true,
        findings: [],
        against: `consistent with your checkpoint at ${size}`,
      });
      const other = [...entriesOf(size).slice(0, -1), entryAt(9999)].slice(0, size);
      if (size === 0) return;
      const forked = await check(memorySource(files), {
        held: [signedCheckpoint(other, [signer])],
      });
      expect(forked.findings.map(({ what }) => what).join()).toMatch(/history was rewritten/);
    },
  );

  test('may carry signatures of keys that we do not know', async () => {
    const stranger = testSigner('example.com/witness', 'witness');
    const source = memorySource(memoryTree(entriesOf(3), [signer, stranger]));
    expect(await check(source)).toMatchObject({ ok: true, entries: 3 });
  });

  test('may have grown past a tile while it was read: a full tile stands in for a partial one', async () => {
    const grown = memoryTree(entriesOf(768), [signer]);
    const live = new Map([...grown, ['checkpoint', files.get('checkpoint') as Uint8Array]]);
    live.delete('tile/1/000.p/3');
    live.set('tile/1/000.p/2', files.get('tile/1/000.p/2') as Uint8Array);
    const report = await check(memorySource(live));
    expect(report).toMatchObject({ ok: true, entries: 600, size: 600n });
  });

  test('shows every entry once and in order, and its progress', async () => {
    const seen: string[] = [];
    const progress: number[] = [];
    await check(memorySource(files), {
      onEntry: (index, entry) => seen.push(`${index} ${Buffer.from(entry)}`),
      onProgress: (done) => progress.push(done),
    });
    expect(seen).toEqual(entriesOf(COUNT).map((entry, i) => `${i} ${Buffer.from(entry)}`));
    expect(progress).toEqual([256, 512, 600]);
  });
});

describe('one altered byte', () => {
  test('in any file is found, and the worst finding names exactly that file', async () => {
    for (const [path, bytes] of files) {
      for (const at of [0, 1, 2, 5, Math.floor(bytes.length / 2), bytes.length - 1]) {
        const { ok, findings } = await check(flipped(path, at));
        expect(ok, `${path} at ${at}`).toBe(false);
        expect(findings[0]?.path, `${path} at ${at}`).toBe(path);
      }
    }
  });

  test('in an entry names bundle and index, and says that the rest is as signed', async () => {
    for (const [path, at, index] of [
      ['tile/entries/001', 2 + 11 * 3, 259],
      ['tile/entries/002.p/88', 2 + 11 * 87, 599],
    ] as const) {
      const { findings } = await check(flipped(path, at));
      expect(findings).toHaveLength(1);
      expect(findings[0]).toMatchObject({ severity: 'critical', path, index });
      expect(findings[0]?.what).toMatch(`entry ${index} in ${path} was altered`);
    }
  });

  test('in a hash names the tile, not the entry that is as it was', async () => {
    const { findings } = await check(flipped('tile/0/001', 32 * 3));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ path: 'tile/0/001', index: 259 });
    const partial = await check(flipped('tile/1/000.p/2', 40));
    expect(partial.findings).toMatchObject([{ path: 'tile/1/000.p/2', index: 256 }]);
    expect(partial.findings[0]?.what).toContain('entries 256 to 511');
  });

  test('does not hide the next one: every altered file is reported', async () => {
    const report = await check(
      changed(
        ['tile/entries/000', flip(files.get('tile/entries/000'), 4)],
        ['tile/0/001', flip(files.get('tile/0/001'), 4)],
        ['tile/entries/002.p/88', undefined],
      ),
    );
    const paths = report.findings.map(({ path }) => path);
    expect(paths).toEqual(['tile/entries/000', 'tile/0/001', 'tile/entries/002.p/88']);
  });

  test('in an entry and its hash together is found by the tile above', async () => {
    const entries = entriesOf(COUNT).map((entry, i) => (i === 7 ? entryAt(8) : entry));
    const forged = memoryTree(entries, [signer]);
    const { ok, findings } = await check(
      changed(
        ['tile/entries/000', forged.get('tile/entries/000')],
        ['tile/0/000', forged.get('tile/0/000')],
      ),
    );
    expect(ok).toBe(false);
    expect(findings[0]).toMatchObject({ path: 'tile/1/000.p/2', index: 0 });
    expect(findings[0]?.what).toMatch(/entries 0 to 255 were altered together with their tile/);
  });

  test('in all files together is found by the signed root', async () => {
    const entries = entriesOf(COUNT).map((entry, i) => (i === 7 ? entryAt(8) : entry));
    const forged = memoryTree(entries, [signer]);
    forged.set('checkpoint', files.get('checkpoint') as Uint8Array);
    const { findings } = await check(memorySource(forged));
    expect(findings.map(({ what }) => what).join()).toMatch(
      /another root than the one that was signed/,
    );
  });
});

describe('a tree of any size', () => {
  test('holds as it was written, and with any one byte of any file changed it does not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 800 }),
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (size, file, at, mask) => {
          const tree = memoryTree(entriesOf(size), [signer]);
          expect(await check(memorySource(tree))).toMatchObject({ ok: true, entries: size });
          const path = [...tree.keys()][file % tree.size] ?? '';
          const bytes = Uint8Array.from(tree.get(path) ?? []);
          bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask;
          const report = await check(memorySource(new Map([...tree, [path, bytes]])));
          expect(report.ok, `${path} at ${at % bytes.length}`).toBe(false);
          expect(report.findings[0]?.path).toBe(path);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('missing evidence', () => {
  test('any missing file is a failure that names it', async () => {
    for (const path of files.keys()) {
      const { ok, findings } = await check(changed([path, undefined]));
      expect(ok, path).toBe(false);
      expect(findings[0]?.path).toBe(path);
    }
  });

  test('a bundle may be absent below the minimum index and not one entry above it', async () => {
    const pruned = changed(['tile/entries/000', undefined], ['tile/entries/001', undefined]);
    expect((await check(pruned)).ok).toBe(false);
    expect((await check(pruned, { minIndex: 511 })).ok).toBe(false);
    const report = await check(pruned, { minIndex: 512 });
    expect(report).toMatchObject({ ok: true, entries: COUNT - 512 });
    expect(report.findings).toHaveLength(1);
    expect(report.findings[0]?.what).toMatch('entries 0 to 511 are absent (bundles: 2)');
  });

  test('a bundle that is there is checked, also below the minimum index', async () => {
    const report = await check(flipped('tile/entries/000', 4), { minIndex: 512 });
    expect(report.ok).toBe(false);
  });

  test('entry and hash missing together leave the root unknown only if the tile above is missing too', async () => {
    const both: [string, undefined][] = [
      ['tile/entries/000', undefined],
      ['tile/0/000', undefined],
    ];
    const two = (await check(changed(...both))).findings.map(({ what }) => what).join();
    expect(two).not.toMatch(/cannot be recomputed/);
    const three = (await check(changed(...both, ['tile/1/000.p/2', undefined]))).findings;
    expect(three.map(({ what }) => what).join()).toMatch(
      /root of 600 entries cannot be recomputed/,
    );
  });

  test('without a checkpoint nothing is said about the tree', async () => {
    const report = await check(changed(['checkpoint', undefined]));
    expect(report).toMatchObject({ ok: false, entries: 0 });
    expect(report.against).toMatch(/^nothing/);
  });

  test('findings are bounded by severity, and the rest is counted', async () => {
    const many = FINDINGS_MAX + 5;
    const strangers = async () => Array.from({ length: many }, (_, i) => `extra-${i}`);
    const report = await check({ ...flipped('tile/0/000', 1), strangers });
    expect(report.findings).toHaveLength(FINDINGS_MAX + 1);
    expect(report.more).toBe(5);
    expect(report.findings[0]?.path).toBe('tile/0/000');
  });
});

describe('trust', () => {
  test('a rolled-back log fails against the newer checkpoint that somebody kept', async () => {
    const older = memorySource(memoryTree(entriesOf(300), [signer]));
    expect((await check(older)).ok).toBe(true);
    const report = await check(older, { held: [files.get('checkpoint') as Uint8Array] });
    expect(report.ok).toBe(false);
    expect(report.findings.map(({ what }) => what).join()).toMatch(/entries were taken away/);
  });

  test('a rewritten history that the log itself signed fails against a kept checkpoint', async () => {
    const entries = entriesOf(COUNT).map((entry, i) => (i === 5 ? entryAt(6) : entry));
    const source = memorySource(memoryTree(entries, [signer]));
    expect((await check(source)).ok).toBe(true);
    const report = await check(source, { held: [early] });
    expect(report).toMatchObject({ ok: false, against: 'self-consistent only' });
    expect(report.findings.map(({ what }) => what).join()).toMatch(/history was rewritten/);
  });

  test('another key of the same name, or the same key of another name, proves nothing', async () => {
    for (const other of [testSigner('example.com/verify', 'x'), testSigner('example.com/other')]) {
      expect((await check(memorySource(files), { vkey: vkeyOf(other) })).ok).toBe(false);
    }
  });

  test("another log's checkpoint under the same key is refused", async () => {
    const text = Buffer.from(files.get('checkpoint') ?? []).toString();
    const note = text.slice(0, text.indexOf('\n\n') + 1).replace('/verify', '/other');
    const { signNote } = await import('../note.ts');
    const source = changed(['checkpoint', signNote(note, [signer])]);
    const { findings } = await check(source);
    expect(findings[0]?.what).toMatch(/is of the log example.com\/other/);
  });

  test('a kept checkpoint that is not signed by the key is a failure, not ignored', async () => {
    const report = await check(memorySource(files), { held: [flip(early, 25)] });
    expect(report.ok).toBe(false);
    expect(report.findings[0]?.path).toBe('your checkpoint 1');
  });

  test("a witness's key is refused as a log's", async () => {
    const { formatVkey, keyId, COSIGNATURE_V1 } = await import('../vkey.ts');
    const { name, publicKey } = signer.key;
    const id = keyId(name, COSIGNATURE_V1, publicKey, sha256);
    const cosigner = formatVkey({ name, id, type: COSIGNATURE_V1, publicKey });
    await expect(check(memorySource(files), { vkey: cosigner })).rejects.toThrow(/witness's key/);
    await expect(check(memorySource(files), { vkey: 'nonsense' })).rejects.toThrow(/verifier key/);
  });

  test('a tree larger than any file tree is refused, not walked', async () => {
    const { signNote } = await import('../note.ts');
    const text = `example.com/verify\n${2n ** 63n - 1n}\n${Buffer.alloc(32).toString('base64')}\n`;
    const report = await check(memorySource(new Map([['checkpoint', signNote(text, [signer])]])));
    expect(report).toMatchObject({ ok: false, entries: 0 });
  });
});

describe('a large tree', () => {
  test('of three tile levels holds, and an altered hash of the second is named', async () => {
    const count = 65_536 + 300;
    const large = memoryTree(entriesOf(count), [signer]);
    const held = [signedCheckpoint(entriesOf(65_536), [signer])];
    const report = await check(memorySource(large), { held });
    expect(report).toMatchObject({ ok: true, entries: count, findings: [] });
    for (const [path, at, index] of [
      ['tile/1/000', 32 * 9, 9 * 256],
      ['tile/2/000.p/1', 0, 0],
      ['tile/1/001.p/1', 0, 65_536],
    ] as const) {
      const altered = new Map([...large, [path, flip(large.get(path), at)]]);
      const { findings } = await check(memorySource(altered));
      expect(findings, path).toMatchObject([{ severity: 'critical', path, index }]);
    }
  });
});

describe('a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealrail-verify-'));
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is verified as it stands; what is no part of a tree is a small finding', async () => {
    expect(await check(directorySource(folder))).toMatchObject({ ok: true, findings: [] });
    writeFileSync(join(folder, 'notes.txt'), 'x');
    writeFileSync(join(folder, 'tile/0/0000'), 'x');
    const report = await check(directorySource(folder));
    rmSync(join(folder, 'notes.txt'));
    rmSync(join(folder, 'tile/0/0000'));
    expect(report.ok).toBe(true);
    const [first, second] = report.findings;
    expect(first).toMatchObject({ severity: 'low', path: 'notes.txt' });
    expect(second).toMatchObject({ severity: 'low', path: 'tile/0/0000' });
  });

  test('a pipe or a folder in the place of a tile is missing evidence, not a hang', async () => {
    const path = join(folder, 'tile/0/001');
    rmSync(path);
    execFileSync(join('/usr/bin', 'mkfifo'), [path]);
    const pipe = await check(directorySource(folder));
    rmSync(path);
    mkdirSync(path);
    const directory = await check(directorySource(folder));
    rmSync(path, { recursive: true });
    writeFileSync(path, files.get('tile/0/001') as Uint8Array);
    for (const report of [pipe, directory])
      expect(report.findings).toMatchObject([{ severity: 'high', path: 'tile/0/001' }]);
  });

  test('no more is read of a file than the largest that a tree has', async () => {
    const path = join(folder, 'tile/entries/000');
    writeFileSync(path, new Uint8Array(FILE_BYTES_MAX + 5));
    const bytes = await directorySource(folder).get('tile/entries/000');
    writeFileSync(path, files.get('tile/entries/000') as Uint8Array);
    expect(bytes?.length).toBe(FILE_BYTES_MAX + 1);
  });

  test('a name that is none of a tree is never opened', async () => {
    writeFileSync(join(folder, 'secret'), 'x');
    for (const path of [
      'secret',
      '../secret',
      'tile/../secret',
      '/etc/passwd',
      'tile/0/../../secret',
    ])
      expect(await directorySource(folder).get(path)).toBeUndefined();
    rmSync(join(folder, 'secret'));
  });
});

const tessera = corpus('tessera');
describe.skipIf(!tessera)("Tessera's own log", () => {
  const log = join(tessera ?? '', 'testdata/log');
  const testKey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

  test.each(Array.from({ length: 16 }, (_, size) => size))('verifies at size %i', async (size) => {
    const { get } = directorySource(log);
    const note = readFileSync(join(log, `checkpoint.${size}`));
    const report = await verifyTree({
      source: { get: async (path) => (path === 'checkpoint' ? note : get(path)) },
      vkey: testKey,
      verifier: verifySignature,
      held: Array.from({ length: size }, (_, at) => readFileSync(join(log, `checkpoint.${at}`))),
    });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ ok: true, size: BigInt(size), entries: size });
  });
});
