import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TestWitness } from '../../testing/witnesses.ts';
import { encodeUtf8, toBase64, toHex } from '../bytes.ts';
import { formatCheckpoint, parseCheckpoint } from '../checkpoint.ts';
import { emptyRoot, leafHash, nodeHash, rootAt } from '../merkle.ts';
import { openSigner, secretKeyFromSeed, sha256, verifySignature } from '../node.ts';
import { signNote } from '../note.ts';
import { proveConsistency } from '../proof.ts';
import { verifyNote } from '../verify/note.ts';
import { formatSecretKey } from '../vkey.ts';
import {
  ADD_CHECKPOINT_BYTES_MAX,
  formatAddCheckpoint,
  PROOF_HASHES_MAX,
  parseAddCheckpoint,
} from './add-checkpoint.ts';

const signer = openSigner(formatSecretKey(secretKeyFromSeed('example.com/log', randomBytes(32))));
const other = openSigner(formatSecretKey(secretKeyFromSeed('example.com/log', randomBytes(32))));

/** A log of made-up leaves; `salt` makes another history. */
function tree(salt = '') {
  const readNode = (level: number, index: number): Uint8Array =>
    level === 0
      ? leafHash(encodeUtf8(`${salt}${index}`), sha256)
      : nodeHash(readNode(level - 1, index * 2), readNode(level - 1, index * 2 + 1), sha256);
  return {
    root: (size: number) => (size === 0 ? emptyRoot(sha256) : rootAt(size, readNode, sha256)),
    prove: (from: number, to: number) => proveConsistency({ from, to, readNode }, sha256),
  };
}
const ours = tree();
const theirs = tree('x');

interface Asked {
  readonly old?: number;
  readonly of?: Pick<typeof ours, 'root' | 'prove'>;
  readonly by?: typeof signer;
  readonly origin?: string;
  readonly proof?: readonly Uint8Array[];
}

function request(size: number, asked: Asked = {}): Uint8Array {
  const { old = 0, of = ours, by = signer, origin = signer.key.name } = asked;
  const text = formatCheckpoint({ origin, size: BigInt(size), root: of.root(size) });
  const { proof = of.prove(old, size) } = asked;
  return formatAddCheckpoint({ old: BigInt(old), proof, checkpoint: signNote(text, [by]) });
}
const fresh = () => new TestWitness('w1', signer.key);

describe('a witness cosigns', () => {
  test('what extends everything that it cosigned before, and its signature holds', async () => {
    const witness = fresh();
    let old = 0;
    for (const size of [0, 1, 2, 7, 7, 8, 300]) {
      const body = request(size, { old });
      const { status, body: line } = await witness.answer(body);
      expect([size, status]).toEqual([size, 200]);
      const { checkpoint } = parseAddCheckpoint(body);
      const whole = Buffer.concat([checkpoint, Buffer.from(line)]);
      const signed = await verifyNote(
        parseCheckpoint(whole).note,
        [signer.key, witness.cosigner.key],
        verifySignature,
      );
      expect(signed).toEqual([signer.key, witness.cosigner.key]);
      expect(witness.store.get('example.com/log')?.size).toBe(BigInt(size));
      old = size;
    }
  });

  test('with a time that never goes back, whatever its clock does', async () => {
    const witness = fresh();
    await witness.answer(request(3));
    const { time = 0n } = witness.store.get('example.com/log') ?? {};
    witness.now = time - 1_000n;
    await witness.answer(request(4, { old: 3 }));
    expect(witness.store.get('example.com/log')?.time).toBe(time);
  });

  test('one history only, where two requests race', async () => {
    const witness = fresh();
    await witness.answer(request(3));
    const [a, b] = await Promise.all([
      witness.answer(request(5, { old: 3 })),
      witness.answer(request(8, { old: 3 })),
    ]);
    const statuses = [a.status, b.status].sort();
    expect(statuses).toEqual([200, 409]);
    const won = a.status === 200 ? 5n : 8n;
    expect(witness.store.get('example.com/log')?.size).toBe(won);
  });
});

describe('a witness refuses', () => {
  const after3 = async (): Promise<TestWitness> => {
    const witness = fresh();
    await witness.answer(request(3));
    return witness;
  };
  test.each<[string, Uint8Array, number, RegExp]>([
    [
      'another history of the same size',
      request(3, { old: 3, of: theirs, proof: [] }),
      422,
      /two roots/,
    ],
    ['another history that is longer', request(5, { old: 3, of: theirs }), 422, /does not lead/],
    ['a proof of something else', request(5, { old: 3, proof: ours.prove(2, 5) }), 422, /proof/],
    ['no proof', request(5, { old: 3, proof: [] }), 422, /proof/],
    ['an old size that is not its own', request(5, { old: 2 }), 409, /^3\n$/],
    ['a start from nothing', request(5), 409, /^3\n$/],
    ['an old size above the checkpoint', request(2, { old: 4, proof: [] }), 400, /larger/],
    [
      'a log that it does not know',
      request(5, { origin: 'example.com/else' }),
      404,
      /not witnessed/,
    ],
    ['a key that it does not know', request(5, { old: 3, by: other }), 403, /no signature/],
    ['no request at all', encodeUtf8('hello'), 400, /malformed/],
    ['a request without a checkpoint', encodeUtf8('old 0\n\n'), 400, /malformed/],
  ])('%s', async (_, body, status, text) => {
    const witness = await after3();
    const kept = witness.store.get('example.com/log');
    const answer = await witness.answer(body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatch(text);
    expect(answer.type).toMatch(status === 409 ? /^text\/x\.tlog\.size$/ : /^text\/plain/);
    expect(witness.store.get('example.com/log')).toBe(kept);
  });

  test('a proof with a first checkpoint, and a wrong root of an empty log', async () => {
    const withProof = request(5, { proof: ours.prove(3, 5) });
    expect(await fresh().answer(withProof)).toMatchObject({ status: 422 });
    const wrong = { root: () => new Uint8Array(32), prove: () => [] };
    expect(await fresh().answer(request(0, { of: wrong }))).toMatchObject({ status: 422 });
  });

  test('a signature that was altered', async () => {
    const text = new TextDecoder().decode(request(3));
    const [, base64 = ''] = / ([^ ]+)\n$/.exec(text) ?? [];
    const bytes = Buffer.from(base64, 'base64');
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    const altered = text.replace(base64, bytes.toString('base64'));
    expect(await fresh().answer(encodeUtf8(altered))).toMatchObject({ status: 403 });
  });
});

describe('the request', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: PROOF_HASHES_MAX }),
        (old, proof) => {
          const checkpoint = encodeUtf8('a\n0\nb\n\n— c d\n');
          const read = parseAddCheckpoint(formatAddCheckpoint({ old, proof, checkpoint }));
          expect(read.old).toBe(old);
          expect(read.proof.map(toHex)).toEqual(proof.map(toHex));
          expect(toHex(read.checkpoint)).toBe(toHex(checkpoint));
        },
      ),
    );
  });

  const hash = toBase64(new Uint8Array(32));
  test.each([
    ['a leading zero', 'old 01\n\nx\n'],
    ['a sign', 'old +1\n\nx\n'],
    ['a size past 2^63−1', 'old 9223372036854775808\n\nx\n'],
    ['two spaces', 'old  1\n\nx\n'],
    ['a carriage return', `old 1\r\n${hash}\n\nx\n`],
    ['a hash of another length', `old 1\n${toBase64(new Uint8Array(31))}\n\nx\n`],
    ['base64 with other trailing bits', `old 1\n${hash.replace(/A=$/, 'B=')}\n\nx\n`],
    ['64 hashes', `old 1\n${`${hash}\n`.repeat(PROOF_HASHES_MAX + 1)}\nx\n`],
    ['no blank line', `old 1\n${hash}\n`],
    ['no UTF-8', Buffer.from([0x6f, 0xff, 0x0a, 0x0a])],
    ['more bytes than the bound', Buffer.alloc(ADD_CHECKPOINT_BYTES_MAX + 1, 'a')],
  ])('is refused with %s', (_, text) => {
    const bytes = typeof text === 'string' ? encodeUtf8(text) : text;
    expect(() => parseAddCheckpoint(bytes)).toThrow(/malformed add-checkpoint/);
  });

  test('of 63 hashes is read', () => {
    const text = `old 1\n${`${hash}\n`.repeat(PROOF_HASHES_MAX)}\nx\n`;
    expect(parseAddCheckpoint(encodeUtf8(text)).proof).toHaveLength(PROOF_HASHES_MAX);
  });
});
