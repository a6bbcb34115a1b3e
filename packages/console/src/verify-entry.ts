/**
 * Verifies one entry from the log's own files: entry → leaf → hash tiles → root → signature. Every hash is
 * computed here; nobody's word is taken for anything but the key. Pure but for the source it reads from.
 */
import {
  type Checkpoint,
  decodeBundle,
  equal,
  leafHash,
  parseCheckpoint,
  parseVkey,
  sha256,
  TILE_WIDTH,
  type TreeSource,
  tilePath,
  tileWidth,
  toBase64,
  toHex,
  type Verifier,
  verifyInclusion,
  verifyNote,
} from '@sealrail/tlog/verify';
import { alteration, Hashes, siblings } from './hashes.ts';

export interface Step {
  readonly ok: boolean;
  readonly title: string;
  /** One sentence: what was found. */
  readonly found: string;
  /** Hashes and files that it was found with, by name. */
  readonly evidence: readonly (readonly [name: string, value: string])[];
}

export interface VerifyEntryOptions {
  readonly index: number;
  /** The bytes that the reader is looking at. */
  readonly shown: Uint8Array;
  readonly vkey: string;
  readonly source: TreeSource;
  readonly verifier: Verifier;
}

/** Yields each step as it is done, and stops at the first that fails. True at the end: verified. */
export async function* verifyEntry(options: VerifyEntryOptions): AsyncGenerator<Step, boolean> {
  try {
    const checkpoint = yield* readCheckpoint(options);
    if (!checkpoint) return false;
    const { index } = options;
    const size = Number(checkpoint.size);
    if (index >= size) {
      yield failed(
        'Covered by the checkpoint',
        `Entry ${index} is durable and not signed yet: the checkpoint covers ${size}. Try again in a second.`,
      );
      return false;
    }
    const stored = yield* readEntry(options, size);
    if (!stored) return false;
    return yield* climb(options, checkpoint, stored);
  } catch (error) {
    yield failed('Reading the log', error instanceof Error ? error.message : String(error));
    return false;
  }
}

const failed = (title: string, found: string, evidence: Step['evidence'] = []): Step => ({
  ok: false,
  title,
  found,
  evidence,
});

async function* readCheckpoint(
  options: VerifyEntryOptions,
): AsyncGenerator<Step, Checkpoint | undefined> {
  const title = 'Signed checkpoint';
  const key = parseVkey(options.vkey, sha256);
  const bytes = await options.source.get('checkpoint');
  if (!bytes) {
    yield failed(title, 'checkpoint is missing: there is nothing to verify against.');
    return undefined;
  }
  try {
    const { note, checkpoint } = parseCheckpoint(bytes);
    const signed = await verifyNote(note, [key], options.verifier);
    const evidence: Step['evidence'] = [
      ['size', String(checkpoint.size)],
      ['root', toBase64(checkpoint.root)],
      ['key', options.vkey],
    ];
    const problem =
      signed.length === 0
        ? `checkpoint is not signed by ${key.name}+${key.id}.`
        : checkpoint.origin === key.name
          ? undefined
          : `checkpoint is of the log ${checkpoint.origin}, and the key is of ${key.name}.`;
    if (problem) {
      yield failed(title, problem, evidence);
      return undefined;
    }
    const found = `The signature of ${key.name} over ${checkpoint.size} entries holds.`;
    yield { ok: true, title, found, evidence };
    return checkpoint;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    yield failed(title, `checkpoint could not be verified: ${reason}.`);
    return undefined;
  }
}

/** The entry as the log's bundle has it. */
async function* readEntry(
  { index, shown, source }: VerifyEntryOptions,
  size: number,
): AsyncGenerator<Step, Uint8Array | undefined> {
  const title = 'Entry in its bundle';
  const bundle = Math.floor(index / TILE_WIDTH);
  const width = tileWidth('entries', bundle, size);
  const path = tilePath({ level: 'entries', index: bundle, width });
  const bytes = await source.get(path);
  let problem = bytes ? undefined : `${path} is missing.`;
  let stored: Uint8Array | undefined;
  try {
    stored = bytes && decodeBundle(bytes, width)[index % TILE_WIDTH];
  } catch (error) {
    problem = `${path} was altered: ${error instanceof Error ? error.message : error}.`;
  }
  if (!stored) {
    yield failed(title, problem ?? `${path} does not hold entry ${index}.`, [['file', path]]);
    return undefined;
  }
  const same = equal(stored, shown);
  yield {
    ok: same,
    title,
    found: same
      ? `${path} holds these very ${shown.length} bytes.`
      : `${path} holds another entry ${index} than the one that this page shows.`,
    evidence: [
      ['file', path],
      ['position', String(index % TILE_WIDTH)],
    ],
  };
  // What was altered is named in any case: by the hashes, not by this comparison.
  return stored;
}

async function* climb(
  { index, shown, source }: VerifyEntryOptions,
  { size, root }: Checkpoint,
  stored: Uint8Array,
): AsyncGenerator<Step, boolean> {
  const leaf = leafHash(shown, sha256);
  yield {
    ok: true,
    title: 'Leaf hash',
    found: 'SHA-256 of a zero byte and the bytes shown.',
    evidence: [['leaf', toHex(leaf)]],
  };
  const hashes = new Hashes(source, Number(size));
  const path = siblings(index, Number(size));
  const title = 'Path to the root';
  try {
    const proof = await Promise.all(path.map((range) => hashes.of(range)));
    const altered = await alteration({ index, root, hashes, leaf: leafHash(stored, sha256) });
    const unproved = verifyInclusion({ index: BigInt(index), size, leaf, root, proof }, sha256);
    if (altered ?? unproved) {
      const found =
        altered ?? 'The log holds the signed entry, and this page was given another one.';
      yield failed(title, found, [['signed root', toBase64(root)]]);
      return false;
    }
    yield {
      ok: true,
      title,
      found:
        proof.length === 0
          ? 'The leaf is the root: it is the only entry.'
          : `${proof.length} ${proof.length === 1 ? 'hash leads' : 'hashes lead'} from the leaf to the signed root.`,
      evidence: [...hashes.files.map((file) => ['tile', file] as const), ['root', toBase64(root)]],
    };
    // The leaf was that of the bytes shown; the bundle must hold the same ones.
    return equal(stored, shown);
  } catch (error) {
    yield failed(title, error instanceof Error ? `${error.message}.` : String(error));
    return false;
  }
}
