import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testSigner } from '../../../tests/tlog/memory-tree.ts';
import { encodeUtf8, toBase64 } from './bytes.ts';
import { sha256, verifySignature } from './node.ts';
import {
  formatNote,
  NOTE_BYTES_MAX,
  NOTE_SIGNATURES_MAX,
  type Note,
  parseNote,
  signNote,
} from './note.ts';
import { verifyNote } from './verify/note.ts';
import { webVerifier } from './verify/webcrypto.ts';
import { COSIGNATURE_V1, isNoteName, keyId, type VerifierKey } from './vkey.ts';

const signer = testSigner('example.com/log');
const other = testSigner('example.com/other', 'other');
const read = (text: string) => parseNote(encodeUtf8(text));

const names = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter(isNoteName)
  .filter((name) => !/[\0-\x1f]/.test(name));
const notes: fc.Arbitrary<Note> = fc.record({
  text: fc
    .array(fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\0-\x1f]/g, '')))
    .map((lines) => `${lines.join('\n')}\n`),
  signatures: fc.array(
    fc.record({
      name: names,
      id: fc
        .uint8Array({ minLength: 4, maxLength: 4 })
        .map((id) => Buffer.from(id).toString('hex')),
      blob: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

describe('the format', () => {
  test('gives back what was written', () => {
    fc.assert(
      fc.property(notes, (note) => {
        const { text, signatures } = parseNote(formatNote(note));
        expect(text).toBe(note.text);
        const plain = (of: Note['signatures']) =>
          of.map(({ name, id, blob }) => `${name} ${id} ${toBase64(blob)}`);
        expect(plain(signatures)).toEqual(plain(note.signatures));
      }),
    );
  });

  test('has one spelling: whatever is read is written back to the byte', () => {
    fc.assert(
      fc.property(notes, fc.nat(), fc.integer({ min: 0, max: 255 }), (note, at, byte) => {
        const bytes = formatNote(note);
        bytes[at % bytes.length] = byte;
        let parsed: Note;
        try {
          parsed = parseNote(bytes);
        } catch {
          return;
        }
        expect(Buffer.from(formatNote(parsed))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('holds at most NOTE_SIGNATURES_MAX signatures and NOTE_BYTES_MAX bytes', () => {
    const line = `\u2014 a ${toBase64(new Uint8Array(5))}\n`;
    const signatures = (count: number) => read(`x\n\n${line.repeat(count)}`).signatures.length;
    expect(signatures(NOTE_SIGNATURES_MAX)).toBe(NOTE_SIGNATURES_MAX);
    expect(() => signatures(NOTE_SIGNATURES_MAX + 1)).toThrow(/101 signatures/);
    const tail = encodeUtf8(`\n\n${line}`).length;
    const sized = (bytes: number) => read(`${'x'.repeat(bytes - tail)}\n\n${line}`);
    expect(sized(NOTE_BYTES_MAX).signatures).toHaveLength(1);
    expect(() => sized(NOTE_BYTES_MAX + 1)).toThrow(/1000001 bytes/);
  });

  test('refuses to write a name or a text that would be read as something else', () => {
    const blob = new Uint8Array(64);
    const signed =
      (name: string, text = 'x\n', id = '01020304') =>
      () =>
        formatNote({ text, signatures: [{ name, id, blob }] });
    expect(signed('a')).not.toThrow();
    expect(signed('a b')).toThrow(/malformed/);
    expect(signed('a\nb')).toThrow(/malformed/);
    expect(signed('a', 'no newline')).toThrow(/malformed|something else/);
    expect(signed('a', 'x\n', 'ABCDEF01')).toThrow(/no key id/);
    expect(() => formatNote({ text: 'x\n', signatures: [] })).toThrow(/malformed/);
  });
});

describe('signatures', () => {
  const note = parseNote(signNote('hello\n', [signer, other]));

  test('of known keys are checked, by Node and by WebCrypto alike', async () => {
    for (const verifier of [verifySignature, webVerifier]) {
      expect(await verifyNote(note, [signer.key, other.key], verifier)).toEqual([
        signer.key,
        other.key,
      ]);
    }
  });

  test('of unknown keys are passed over, also where they share a name or an id with a known one', async () => {
    expect(await verifyNote(note, [other.key], verifySignature)).toEqual([other.key]);
    const renamed: VerifierKey = { ...signer.key, name: 'example.com/renamed' };
    const another = testSigner('example.com/log', 'another').key;
    expect(await verifyNote(note, [renamed, another], verifySignature)).toEqual([]);
  });

  test('of a known key that do not hold reject the whole note', async () => {
    const [first, second] = note.signatures;
    if (!first || !second) throw new Error('two signatures');
    const blob = Uint8Array.from(first.blob);
    blob[9] = (blob[9] ?? 0) ^ 1;
    const forged = { ...note, signatures: [{ ...first, blob }, second] };
    const keys = [signer.key, other.key];
    await expect(verifyNote(forged, keys, verifySignature)).rejects.toThrow(/does not hold/);
    const short = { ...note, signatures: [{ ...first, blob: blob.subarray(1) }, second] };
    await expect(verifyNote(short, keys, verifySignature)).rejects.toThrow(/63 bytes/);
  });

  test('that repeat count once, and the first one counts', async () => {
    const [first] = note.signatures;
    if (!first) throw new Error('a signature');
    const bad = { ...first, blob: new Uint8Array(64) };
    const twice = { ...note, signatures: [first, bad] };
    expect(await verifyNote(twice, [signer.key], verifySignature)).toEqual([signer.key]);
    const badFirst = { ...note, signatures: [bad, first] };
    await expect(verifyNote(badFirst, [signer.key], verifySignature)).rejects.toThrow();
  });

  test('cover every byte of the text', async () => {
    const moved = { ...note, text: 'hello \n' };
    await expect(verifyNote(moved, [signer.key], verifySignature)).rejects.toThrow(/does not hold/);
  });

  test('of witnesses cover their time too: c2sp.org/tlog-cosignature', async () => {
    const { name, publicKey } = signer.key;
    const id = keyId(name, COSIGNATURE_V1, publicKey, sha256);
    const key: VerifierKey = { name, id, type: COSIGNATURE_V1, publicKey };
    const signature = signer.sign(encodeUtf8('cosignature/v1\ntime 1700000000\nhello\n'));
    const cosigned = (seconds: bigint) => {
      const blob = new Uint8Array(72);
      new DataView(blob.buffer).setBigUint64(0, seconds);
      blob.set(signature, 8);
      return parseNote(formatNote({ text: 'hello\n', signatures: [{ name, id, blob }] }));
    };
    expect(await verifyNote(cosigned(1_700_000_000n), [key], verifySignature)).toEqual([key]);
    await expect(verifyNote(cosigned(1_700_000_001n), [key], verifySignature)).rejects.toThrow();
  });
});
