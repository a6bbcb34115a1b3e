import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { concat, encodeUtf8 } from '../bytes.ts';
import { formatCheckpoint } from '../checkpoint.ts';
import { openCosigner, openSigner, secretKeyFromSeed, sha256, verifySignature } from '../node.ts';
import { formatNote, parseNote, signNote } from '../note.ts';
import { verifyNote } from '../verify/note.ts';
import { webVerifier } from '../verify/webcrypto.ts';
import { formatSecretKey, formatVkey, MLDSA44, parseVkey } from '../vkey.ts';
import { cosign, cosignatureMessage } from './cosignature.ts';
import { parseWitnessPolicy } from './policy.ts';

const log = openSigner(formatSecretKey(secretKeyFromSeed('example.com/log', randomBytes(32))));
const secret = formatSecretKey(secretKeyFromSeed('w.example/pq', randomBytes(32), MLDSA44));
const witness = openCosigner(secret);
const root = new Uint8Array(32).fill(9);
const text = formatCheckpoint({ origin: 'example.com/log', size: 300n, root });
const TIME = 1_679_315_147n;
const cosigned = () => {
  const note = parseNote(signNote(text, [log]));
  return { ...note, signatures: [...note.signatures, cosign(text, TIME, witness)] };
};

describe('an ML-DSA-44 cosignature', () => {
  test('holds in a note, beside the signature of the log, and is read back to the byte', async () => {
    const bytes = formatNote(cosigned());
    const keys = [log.key, witness.key];
    expect(await verifyNote(parseNote(bytes), keys, verifySignature)).toEqual(keys);
    expect(parseNote(bytes).signatures[1]?.blob).toHaveLength(8 + 2420);
  });

  test('signs the structure of the specification, field by field', () => {
    const expected = Buffer.concat([
      Buffer.from('subtree/v1\n\0'),
      Buffer.from([12]),
      Buffer.from('w.example/pq'),
      Buffer.from('00000000641850cb', 'hex'),
      Buffer.from([15]),
      Buffer.from('example.com/log'),
      Buffer.alloc(8),
      Buffer.from('000000000000012c', 'hex'),
      Buffer.from(root),
    ]);
    expect(Buffer.from(cosignatureMessage(witness.key, text, TIME))).toEqual(expected);
    // By Node alone, from the public key in the vkey.
    const { publicKey } = parseVkey(formatVkey(witness.key), sha256);
    const spki = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');
    const key = createPublicKey({
      key: concat(spki, publicKey) as Buffer,
      format: 'der',
      type: 'spki',
    });
    const { blob } = cosign(text, TIME, witness);
    expect(verify(null, expected, key, blob.subarray(8))).toBe(true);
  });

  test.each([
    ['another time', 7],
    ['another signature', 100],
  ])('with %s rejects the note', async (_, at) => {
    const note = cosigned();
    const blob = Uint8Array.from(note.signatures[1]?.blob ?? []);
    blob[at] = (blob[at] ?? 0) ^ 1;
    const [own, theirs] = note.signatures;
    const forged = { ...note, signatures: [own, { ...theirs, blob }] } as typeof note;
    await expect(verifyNote(forged, [witness.key], verifySignature)).rejects.toMatchObject({
      code: 'NOTE_UNVERIFIED',
    });
  });

  test('where there is no ML-DSA is as of an unknown key, and the rest of the note counts', async () => {
    expect(await verifyNote(cosigned(), [log.key, witness.key], webVerifier)).toEqual([log.key]);
  });

  test('may stand in a policy; the key of a log may not be of that kind', () => {
    const vkey = formatVkey(witness.key);
    const policy = parseWitnessPolicy(encodeUtf8(`witness w ${vkey}\nquorum w\n`), sha256);
    expect(policy.witnesses[0]?.key).toEqual(witness.key);
    expect(() => parseWitnessPolicy(encodeUtf8(`log ${vkey}\nquorum none\n`), sha256)).toThrow(
      /a witness's key, not a log's/,
    );
    expect(() => openSigner(secret)).toThrow(/a log signs under Ed25519/);
  });

  test('a vkey with a byte too few or too many is none', () => {
    const vkey = formatVkey(witness.key);
    const key = Buffer.from(vkey.split('+').slice(2).join('+'), 'base64');
    for (const bytes of [key.subarray(0, -1), Buffer.concat([key, Buffer.alloc(1)])])
      expect(() => parseVkey(`w.example/pq+00000000+${bytes.toString('base64')}`, sha256)).toThrow(
        /has 1312 bytes/,
      );
  });
});
