import { describe, expect, test } from 'vitest';
import {
  entryAt,
  memorySource,
  memoryTree,
  testSigner,
  vkeyOf,
} from '../../../../tests/tlog/memory-tree.ts';
import { policyOf, TestWitness } from '../../testing/witnesses.ts';
import { concat, encodeUtf8 } from '../bytes.ts';
import { hashing, verifySignature } from '../node.ts';
import { formatAddCheckpoint } from '../witness/add-checkpoint.ts';
import { type VerifyTreeOptions, verifyTree } from './index.ts';

const signer = testSigner('example.com/verify');
const vkey = vkeyOf(signer);
const files = memoryTree(
  Array.from({ length: 21 }, (_, at) => entryAt(at)),
  [signer],
);
const checkpoint = files.get('checkpoint') ?? new Uint8Array();

const witnesses = ['w1', 'w2', 'w3'].map((name) => new TestWitness(name, signer.key));
const [w1, w2] = witnesses as [TestWitness, TestWitness];
const TWO = policyOf(witnesses, 'group g 2 w1 w2 w3', 'quorum g');

async function cosignedBy(...cosigners: readonly TestWitness[]): Promise<Uint8Array> {
  let note = checkpoint;
  for (const witness of cosigners) {
    // A fresh one each time: it cosigns whatever it sees first.
    witness.store.kept.clear();
    const { body } = await witness.answer(formatAddCheckpoint({ old: 0n, proof: [], checkpoint }));
    note = concat(note, encodeUtf8(body));
  }
  return note;
}

const verify = (note: Uint8Array, more: Partial<VerifyTreeOptions> = {}) =>
  verifyTree({
    source: memorySource(new Map([...files, ['checkpoint', note]])),
    vkey,
    verifier: verifySignature,
    hashing,
    policy: TWO,
    ...more,
  });

describe('a tree that has to be witnessed', () => {
  test('says by how many it is, and what else it was checked against', async () => {
    const note = await cosignedBy(w1, w2);
    expect(await verify(note)).toMatchObject({ ok: true, against: 'cosigned 2 of 3' });
    expect(await verify(note, { held: [checkpoint] })).toMatchObject({
      ok: true,
      against: 'cosigned 2 of 3, consistent with your checkpoint at 21',
    });
  });

  test('fails without a quorum, and names who is missing', async () => {
    const report = await verify(await cosignedBy(w1));
    expect(report).toMatchObject({ ok: false, rootMatches: true, against: 'self-consistent only' });
    expect(report.findings[0]?.what).toBe(
      'checkpoint is cosigned by 1 of 3 witnesses, and that is no quorum; missing: w2, w3',
    );
  });

  test('fails where a known cosignature does not hold, even if there are enough others', async () => {
    const text = new TextDecoder().decode(await cosignedBy(...witnesses));
    const lines = text.trimEnd().split('\n');
    const last = lines.at(-1) ?? '';
    // Another time than the one that was signed: an old cosignature that is passed off as a new one.
    const blob = Buffer.from(last.split(' ').at(-1) ?? '', 'base64');
    blob[11] = (blob[11] ?? 0) ^ 1;
    const forged = [...lines.slice(0, -1), last.replace(/[^ ]+$/, blob.toString('base64')), ''];
    const report = await verify(encodeUtf8(forged.join('\n')));
    expect(report.findings[0]?.what).toMatch(
      /the signature of w\.example\/w3\+[0-9a-f]+ does not hold/,
    );
  });

  test('does not count a witness that the policy does not have', async () => {
    const stranger = new TestWitness('w4', signer.key);
    expect(await verify(await cosignedBy(w1, stranger))).toMatchObject({ ok: false });
  });

  test('fails where the policy is for another log', async () => {
    const policy = policyOf(
      witnesses,
      `log ${vkeyOf(testSigner('example.com/else'))}`,
      'group g 2 w1 w2 w3',
      'quorum g',
    );
    const report = await verify(await cosignedBy(w1, w2), { policy });
    expect(report.findings[0]?.what).toMatch(/is for other logs than example\.com\/verify/);
  });

  test('with a policy that asks for nobody is no better than without one', async () => {
    const policy = policyOf([], 'quorum none');
    expect(await verify(checkpoint, { policy })).toMatchObject({
      ok: true,
      against: 'self-consistent only',
    });
  });
});
