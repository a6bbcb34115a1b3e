/**
 * The project's own vectors of the C2SP text formats: what must be read, and as what, and what must
 * not.
 */
import { readFileSync } from 'node:fs';
import {
  encodeUtf8,
  parseCheckpoint,
  parseNote,
  parseReceipt,
  parseTilePath,
  parseVkey,
  sha256,
  signatureClaims,
  toBase64,
  verifyNote,
  verifySignature,
} from '@sealrail/tlog';
import { verifyReceipt } from '@sealrail/tlog/verify';
import type { Case } from './suite.ts';

interface Vector {
  readonly id: string;
  /** Text, or bytes in base64 where it is none. */
  readonly input?: string;
  readonly base64?: string;
  readonly vkey?: string;
  /** What it is read as; `refused` where it must not be read. */
  readonly expected: unknown;
}

const readers: Readonly<Record<string, (bytes: Uint8Array, vector: Vector) => unknown>> = {
  note: (bytes) => {
    const { text, signatures } = parseNote(bytes);
    return { text, signatures: signatures.map(({ name, id }) => `${name}+${id}`) };
  },
  checkpoint: (bytes) => {
    const { origin, size, root } = parseCheckpoint(bytes).checkpoint;
    return { origin, size: String(size), root: toBase64(root) };
  },
  vkey: (bytes) => {
    const { name, id, type } = parseVkey(Buffer.from(bytes).toString(), sha256);
    return { name, id, type };
  },
  cosignature: async (bytes, { vkey = '' }) => {
    const { note } = parseCheckpoint(bytes);
    const key = parseVkey(vkey, sha256);
    // A known key that fails rejects the note; one that is not there leaves it unsigned.
    if ((await verifyNote(note, [key], verifySignature)).length === 0) return 'unsigned';
    return { time: String(signatureClaims(note, [key])[0]?.time) };
  },
  tile: (bytes) => {
    const id = parseTilePath(Buffer.from(bytes).toString());
    if (!id) throw new Error('no path of a tile');
    return id;
  },
  'tlog-proof': async (bytes, { vkey = '' }) => {
    const receipt = parseReceipt(bytes);
    const report = await verifyReceipt({ receipt: bytes, vkey, verifier: verifySignature, sha256 });
    if (!report.ok) throw new Error(report.findings[0]?.what ?? 'not verified');
    const entry = Buffer.from(report.entry ?? []).toString();
    return { index: String(receipt.index), hashes: receipt.proof.length, entry };
  },
};

export const FORMATS = Object.keys(readers);

export function formatCases(format: string): Case[] {
  const file = new URL(`./tlog/${format}.json`, import.meta.url);
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];
  const read = readers[format];
  if (!read) throw new Error(`no reader for ${format}`);
  return vectors.map((vector) => ({
    id: vector.id,
    expected: JSON.stringify(vector.expected),
    run: async () => {
      const bytes =
        vector.base64 === undefined
          ? encodeUtf8(vector.input ?? '')
          : Buffer.from(vector.base64, 'base64');
      try {
        return JSON.stringify(await read(bytes, vector));
      } catch {
        return JSON.stringify('refused');
      }
    },
  }));
}
