import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryAt, memoryTree, testSigner, vkeyOf } from '../../../../tests/tlog/memory-tree.ts';
import { leafHash, subtreeRoot } from '../merkle.ts';
import { sha256, verifySignature } from '../node.ts';
import { proveInclusion } from '../proof.ts';
import { formatReceipt, parseReceipt } from '../receipt.ts';
import { type VerifyReceiptOptions, verifyReceipt, webVerifier } from './index.ts';

const signer = testSigner('example.com/verify');
const vkey = vkeyOf(signer);
const SIZE = 21;
const entries = Array.from({ length: SIZE }, (_, i) => entryAt(i));
const checkpoint = memoryTree(entries, [signer]).get('checkpoint') as Uint8Array;
const older = memoryTree(entries.slice(0, 20), [signer]).get('checkpoint') as Uint8Array;

function receiptOf(index: number, more = {}): Uint8Array {
  const leaves = entries.map((entry) => leafHash(entry, sha256));
  const readNode = (level: number, at: number) =>
    subtreeRoot(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level), sha256);
  const proof = proveInclusion({ index, size: SIZE, readNode }, sha256);
  return formatReceipt({
    index: BigInt(index),
    proof,
    extra: entries[index] as Uint8Array,
    checkpoint,
    ...more,
  });
}

const verify = (receipt: Uint8Array, more: Partial<VerifyReceiptOptions> = {}) =>
  verifyReceipt({ receipt, vkey, verifier: verifySignature, sha256, ...more });
const whatOf = async (receipt: Uint8Array, more = {}) =>
  (await verify(receipt, more)).findings.map(({ what }) => what).join('\n');

describe('a receipt', () => {
  test('of every entry holds by itself and gives the entry back, by browser crypto too', async () => {
    for (let index = 0; index < SIZE; index++) {
      const report = await verify(receiptOf(index));
      expect(report).toMatchObject({ ok: true, findings: [], size: 21n, index: BigInt(index) });
      expect(Buffer.from(report.entry ?? [])).toEqual(entryAt(index));
    }
    const report = await verifyReceipt({ receipt: receiptOf(3), vkey, verifier: webVerifier });
    expect(report).toMatchObject({ ok: true, against: 'self-consistent only' });
  });

  test('with any one byte changed is refused, and gives no entry', async () => {
    const receipt = receiptOf(9);
    for (let at = 0; at < receipt.length; at++) {
      for (const mask of [1, 0x20, 0x80]) {
        const bytes = Uint8Array.from(receipt);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        const report = await verify(bytes);
        expect(report.ok, `byte ${at} ^ ${mask}`).toBe(false);
        expect(report.entry).toBeUndefined();
      }
    }
  });

  test('with bytes added, removed or moved never verifies as another', async () => {
    const receipt = receiptOf(9);
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: receipt.length }),
        fc.nat({ max: 40 }),
        fc.uint8Array({ maxLength: 40 }),
        async (at, drop, add) => {
          const bytes = Buffer.concat([
            receipt.subarray(0, at),
            add,
            receipt.subarray(Math.min(receipt.length, at + drop)),
          ]);
          fc.pre(!bytes.equals(receipt));
          expect((await verify(bytes)).ok).toBe(false);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('without an entry is no proof; with the one that it was made for it is', async () => {
    const { extra: _, ...bare } = parseReceipt(receiptOf(0));
    const receipt = formatReceipt(bare);
    expect(await whatOf(receipt)).toMatch(/carries no entry/);
    expect((await verify(receipt, { entry: entryAt(0) })).ok).toBe(true);
    expect((await verify(receipt, { entry: entryAt(1) })).ok).toBe(false);
  });

  test('of another entry than the given one is refused, though it holds by itself', async () => {
    expect(await whatOf(receiptOf(0), { entry: entryAt(1) })).toMatch(/another entry/);
  });

  test('of another log, or signed by nobody we know, is refused', async () => {
    const other = vkeyOf(testSigner('example.com/other'));
    expect(await whatOf(receiptOf(0), { vkey: other })).toMatch(/not signed by example.com\/other/);
  });

  test('is refused with bytes behind its checkpoint', async () => {
    for (const tail of ['\n', 'x', '\n\n', '\u2014 a b\n']) {
      const receipt = Buffer.concat([receiptOf(0), Buffer.from(tail)]);
      expect((await verify(receipt)).ok, JSON.stringify(tail)).toBe(false);
    }
  });

  test('is compared with a kept checkpoint of its size; one of another size is not passed over', async () => {
    const report = await verify(receiptOf(4), { held: [checkpoint] });
    expect(report.against).toBe('consistent with your checkpoint at 21');
    expect(await whatOf(receiptOf(4), { held: [older] })).toMatch(/cannot be compared/);
    const forked = [...entries.slice(0, -1), entryAt(99)];
    const fork = memoryTree(forked, [signer]).get('checkpoint') as Uint8Array;
    expect(await whatOf(receiptOf(4), { held: [fork] })).toMatch(/two histories/);
  });
});
