/** If these fail, a page may say "verified" of an entry that is not what was signed. */
import { hash } from 'node:crypto';
import { verifySignature } from '@sealrail/tlog';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  entryAt,
  memorySource,
  memoryTree,
  testSigner,
  vkeyOf,
} from '../../../tests/tlog/memory-tree.ts';
import { type Step, verifyEntry } from './verify-entry.ts';

const signer = testSigner('example.com/log');
const vkey = vkeyOf(signer);
const treeOf = (size: number) =>
  memoryTree(
    Array.from({ length: size }, (_, i) => entryAt(i)),
    [signer],
  );

/** Large enough for a second level of tiles, small enough to be altered file by file. */
const SIZES = [1, 2, 3, 7, 255, 256, 257, 511, 700];
const trees = new Map(SIZES.map((size) => [size, treeOf(size)]));

interface Given {
  readonly files: ReadonlyMap<string, Uint8Array | undefined>;
  readonly index: number;
  readonly shown?: Uint8Array;
  readonly key?: string;
}

async function verify({ files, index, shown = entryAt(index), key = vkey }: Given) {
  const steps: Step[] = [];
  const read: string[] = [];
  const source = memorySource(files);
  const run = verifyEntry({
    index,
    shown,
    vkey: key,
    verifier: verifySignature,
    source: {
      get: (path) => {
        read.push(path);
        return source.get(path);
      },
    },
  });
  for (;;) {
    const { done, value } = await run.next();
    if (done) return { verified: value, steps, read };
    steps.push(value);
  }
}

const said = (steps: readonly Step[]): string =>
  steps
    .filter(({ ok }) => !ok)
    .map(({ found }) => found)
    .join(' ');

describe('verifying one entry from the tiles', () => {
  test('every entry of every size verifies, step by step', async () => {
    for (const [size, files] of trees) {
      for (const index of new Set([0, 1, size >> 1, size - 2, size - 1, 255, 256])) {
        if (index < 0 || index >= size) continue;
        const { verified, steps } = await verify({ files, index });
        expect(said(steps)).toBe('');
        expect(verified).toBe(true);
        expect(steps.map(({ title }) => title)).toEqual([
          'Signed checkpoint',
          'Entry in its bundle',
          'Leaf hash',
          'Path to the root',
        ]);
      }
    }
  });

  test('an entry of a tree with three levels of tiles verifies, and a tile of the second is named', async () => {
    const files = treeOf(66_000);
    for (const index of [0, 65_535, 65_536, 65_999]) {
      expect((await verify({ files, index })).verified).toBe(true);
    }
    const path = 'tile/1/000';
    const altered = new Map(files).set(path, flipped(files.get(path), 40));
    const { verified, steps } = await verify({ files: altered, index: 3 });
    expect(verified).toBe(false);
    expect(said(steps)).toContain(`${path} was altered`);
  });

  test('any flipped bit in any file that was read is found, and the file is named', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...SIZES),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        async (size, at, which, bit) => {
          const files = trees.get(size) as Map<string, Uint8Array>;
          const index = at % size;
          const { read } = await verify({ files, index });
          const path = read[which % read.length] as string;
          const altered = new Map(files).set(path, flipped(files.get(path), bit));
          const outcome = await verify({ files: altered, index });
          if (path.startsWith('tile/entries/') && outcome.verified) {
            // A neighbour in the same bundle is no part of this entry's proof.
            expect(said(outcome.steps)).toBe('');
            return;
          }
          expect(outcome.verified).toBe(false);
          expect(said(outcome.steps)).toContain(path);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('a bundle whose entry was replaced is named, whoever shows what', async () => {
    const files = trees.get(700) as Map<string, Uint8Array>;
    const path = 'tile/entries/001';
    const bytes = Buffer.from(files.get(path) ?? []);
    const at = bytes.indexOf('{"n":300}');
    bytes.write('{"n":999}', at);
    const altered = new Map(files).set(path, bytes);
    const honest = await verify({ files: altered, index: 300 });
    expect(honest.verified).toBe(false);
    expect(said(honest.steps)).toContain(`${path} holds another entry 300`);
    const fooled = await verify({ files: altered, index: 300, shown: Buffer.from('{"n":999}') });
    expect(fooled.verified).toBe(false);
    expect(said(fooled.steps)).toContain(`${path} was altered: its entry 300`);
  });

  test('a page that was given other bytes than the log holds does not verify', async () => {
    const files = trees.get(257) as Map<string, Uint8Array>;
    const { verified, steps } = await verify({ files, index: 4, shown: entryAt(5) });
    expect(verified).toBe(false);
    expect(said(steps)).toMatch(/holds another entry 4 than the one that this page shows/);
    expect(said(steps)).toMatch(/this page was given another one/);
  });

  test('a missing file is named, and nothing is verified without it', async () => {
    const files = trees.get(700) as Map<string, Uint8Array>;
    for (const path of (await verify({ files, index: 300 })).read) {
      const without = new Map<string, Uint8Array | undefined>(files).set(path, undefined);
      const { verified, steps } = await verify({ files: without, index: 300 });
      expect(verified).toBe(false);
      expect(said(steps)).toContain(`${path} is missing`);
    }
  });

  test('another key, another log and an entry that is not signed yet do not verify', async () => {
    const files = trees.get(7) as Map<string, Uint8Array>;
    const other = vkeyOf(testSigner('example.com/log', 'other'));
    expect(said((await verify({ files, index: 1, key: other })).steps)).toMatch(/is not signed by/);
    expect((await verify({ files, index: 1, key: other })).verified).toBe(false);
    const late = await verify({ files, index: 7 });
    expect(late.verified).toBe(false);
    expect(said(late.steps)).toMatch(/durable and not signed yet/);
    expect((await verify({ files, index: 1, key: 'no key' })).verified).toBe(false);
  });
});

function flipped(bytes: Uint8Array | undefined, seed: number): Uint8Array {
  const copy = Uint8Array.from(bytes ?? []);
  const bit = hash('sha256', String(seed), 'buffer').readUInt32BE() % (copy.length * 8);
  const at = Math.floor(bit / 8);
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8));
  return copy;
}
