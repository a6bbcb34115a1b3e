/** Verifies a whole tree from its files: every leaf re-hashed, every tile, the root and the signature. */

import { decodeBundle } from '../bundle.ts';
import { toBase64 } from '../bytes.ts';
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { leafHash } from '../merkle.ts';
import { type Verifier, verifyNote } from '../note.ts';
import type { Sha256 } from '../sha256.ts';
import { TILE_WIDTH, tilePath, tileWidth } from '../tile.ts';
import { Edge, type FullTile } from '../tree/edge.ts';
import type { VerifierKey } from '../vkey.ts';
import { Findings, type Report } from './report.ts';

/** Where a tree's files come from: a folder, HTTP, a page. Undefined where there is no such file. */
export interface TreeSource {
  get(path: string): Promise<Uint8Array | undefined>;
}

export interface VerifyTreeOptions {
  readonly source: TreeSource;
  /** From whoever trusts it; never from what is verified. */
  readonly key: VerifierKey;
  readonly verifier: Verifier;
  readonly sha256: Sha256;
  /** Checkpoints that the caller kept: signed notes. */
  readonly held?: readonly Uint8Array[];
  /** Bundles wholly below it may be absent; they are counted. */
  readonly minIndex?: number;
  readonly onProgress?: (done: number, size: number) => void;
  /** Sees each entry that was hashed, for checks of what entries say. */
  readonly onEntry?: (index: number, entry: Uint8Array) => void;
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A signed checkpoint of this very key, or undefined with a finding. */
export async function readCheckpoint(
  bytes: Uint8Array,
  what: string,
  options: { key: VerifierKey; verifier: Verifier },
  findings: Findings,
): Promise<Checkpoint | undefined> {
  try {
    const { note, checkpoint } = parseCheckpoint(bytes);
    const signed = await verifyNote(note, [options.key], options.verifier);
    if (signed.length === 0) {
      findings.add({
        severity: 'critical',
        what: `${what} is not signed by ${options.key.name}+${options.key.id}`,
        path: what,
      });
      return undefined;
    }
    if (checkpoint.origin !== options.key.name) {
      findings.add({
        severity: 'critical',
        what: `${what} is of the origin ${checkpoint.origin}, the key of ${options.key.name}`,
        path: what,
      });
      return undefined;
    }
    return checkpoint;
  } catch (error) {
    findings.add({ severity: 'critical', what: `${what}: ${reason(error)}`, path: what });
    return undefined;
  }
}

/** Compares the tiles on disk with those that the leaves give. */
class TileCheck {
  readonly #options: VerifyTreeOptions;
  readonly #findings: Findings;

  constructor(options: VerifyTreeOptions, findings: Findings) {
    this.#options = options;
    this.#findings = findings;
  }

  /** Takes the tile's own hashes where its bundle is missing, so that the rest can still be checked. */
  async hashes(level: number, index: number, width: number): Promise<Uint8Array[] | undefined> {
    const path = tilePath({ level, index, width });
    const bytes = await this.#options.source.get(path);
    if (bytes?.length !== width * 32) {
      const what = bytes
        ? `${path} has ${bytes.length} bytes instead of ${width * 32}`
        : `${path} is missing`;
      this.#findings.add({ severity: 'high', what, path });
      return undefined;
    }
    return Array.from({ length: width }, (_, at) => bytes.slice(at * 32, at * 32 + 32));
  }

  async compare({ level, index, hashes }: FullTile): Promise<void> {
    const found = await this.hashes(level, index, hashes.length);
    if (!found) return;
    const path = tilePath({ level, index, width: hashes.length });
    const at = found.findIndex((hash, i) => toBase64(hash) !== toBase64(hashes[i] as Uint8Array));
    if (at < 0) return;
    const first = (index * TILE_WIDTH + at) * TILE_WIDTH ** level;
    const covers =
      level === 0 ? `entry ${first}` : `entries ${first} to ${first + TILE_WIDTH ** level - 1}`;
    this.#findings.add({
      severity: 'critical',
      what: `${path} says another hash than the entries give, first for ${covers}`,
      path,
      index: first,
      hint: 'the entry or the tile was altered',
    });
  }
}

/** Leaf hashes of one bundle; the tile's where the bundle may be and is absent. */
async function bundleLeaves(
  options: VerifyTreeOptions,
  index: number,
  width: number,
  tiles: TileCheck,
  findings: Findings,
): Promise<{ leaves: Uint8Array[]; hashed: boolean } | undefined> {
  const path = tilePath({ level: 'entries', index, width });
  const bytes = await options.source.get(path);
  const first = index * TILE_WIDTH;
  if (bytes === undefined) {
    const pruned = first + width <= (options.minIndex ?? 0);
    findings.add({
      severity: pruned ? 'low' : 'critical',
      what: `${path} is ${pruned ? 'absent, as --min-index allows' : 'missing'}: entries ${first} to ${first + width - 1}`,
      path,
      index: first,
    });
  } else {
    try {
      const entries = decodeBundle(bytes, width);
      entries.forEach((entry, at) => options.onEntry?.(first + at, entry));
      return { leaves: entries.map((entry) => leafHash(entry, options.sha256)), hashed: true };
    } catch (error) {
      findings.add({ severity: 'critical', what: `${path}: ${reason(error)}`, path, index: first });
    }
  }
  const leaves = await tiles.hashes(0, index, width);
  return leaves && { leaves, hashed: false };
}

function checkHeld(
  checkpoint: Checkpoint,
  roots: ReadonlyMap<bigint, string>,
  held: readonly Checkpoint[],
  findings: Findings,
): string {
  let consistent: bigint | undefined;
  for (const { size, root } of held) {
    const found = roots.get(size);
    if (size > checkpoint.size) {
      findings.add({
        severity: 'critical',
        what: `the log ends at ${checkpoint.size} entries, and your checkpoint is of ${size}: entries were taken away`,
        path: 'checkpoint',
      });
    } else if (found !== toBase64(root)) {
      findings.add({
        severity: 'critical',
        what: `the first ${size} entries have another root than your checkpoint: history was rewritten`,
        path: 'checkpoint',
      });
    } else if (consistent === undefined || size > consistent) {
      consistent = size;
    }
  }
  if (consistent === undefined) return 'self-consistent only';
  return `consistent with your checkpoint at ${consistent}`;
}

/**
 * Reports all that is wrong with the files of a tree. Missing evidence is a failure; nothing that is
 * verified says how it is to be verified: the key is the caller's, the size is the signed checkpoint's.
 */
export async function verifyTree(options: VerifyTreeOptions): Promise<Report> {
  const findings = new Findings();
  const bytes = await options.source.get('checkpoint');
  if (!bytes)
    findings.add({ severity: 'critical', what: 'checkpoint is missing', path: 'checkpoint' });
  const checkpoint = bytes && (await readCheckpoint(bytes, 'checkpoint', options, findings));
  const held: Checkpoint[] = [];
  for (const [at, note] of (options.held ?? []).entries()) {
    const one = await readCheckpoint(note, `your checkpoint ${at + 1}`, options, findings);
    if (one) held.push(one);
  }
  if (!checkpoint)
    return findings.report({
      entries: 0,
      against: 'nothing: there is no checkpoint to check against',
    });
  if (checkpoint.size > BigInt(Number.MAX_SAFE_INTEGER)) {
    findings.add({
      severity: 'critical',
      what: `the checkpoint says ${checkpoint.size} entries`,
      path: 'checkpoint',
    });
    return findings.report({ entries: 0, against: 'nothing' });
  }

  const size = Number(checkpoint.size);
  const tiles = new TileCheck(options, findings);
  const edge = new Edge(0, [], options.sha256);
  const wanted = new Set([...held.map((one) => one.size), checkpoint.size]);
  const roots = new Map<bigint, string>();
  const noteRoot = () => {
    if (wanted.has(BigInt(edge.size))) roots.set(BigInt(edge.size), toBase64(edge.root()));
  };
  noteRoot();
  let entries = 0;
  let complete = true;
  for (let index = 0; index * TILE_WIDTH < size && complete; index++) {
    const width = tileWidth('entries', index, size);
    const read = await bundleLeaves(options, index, width, tiles, findings);
    if (!read) {
      complete = false;
      break;
    }
    if (read.hashed) entries += width;
    for (const leaf of read.leaves) {
      for (const full of edge.add(leaf)) await tiles.compare(full);
      noteRoot();
    }
    options.onProgress?.(edge.size, size);
  }
  if (complete) {
    for (const [level, hashes] of edge.levels.entries()) {
      const index = Math.floor(size / TILE_WIDTH ** (level + 1));
      if (hashes.length > 0) await tiles.compare({ level, index, hashes });
    }
    if (roots.get(checkpoint.size) !== toBase64(checkpoint.root)) {
      findings.add({
        severity: 'critical',
        what: `the ${size} entries have another root than the checkpoint`,
        path: 'checkpoint',
      });
    }
  } else {
    findings.add({
      severity: 'critical',
      what: 'the root cannot be recomputed: neither entries nor hashes of a place are there',
    });
  }
  const against = checkHeld(checkpoint, roots, held, findings);
  return findings.report({
    size: checkpoint.size,
    root: toBase64(checkpoint.root),
    origin: checkpoint.origin,
    entries,
    against,
  });
}
