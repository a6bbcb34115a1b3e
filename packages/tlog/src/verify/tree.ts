/**
 * Verifies a whole tree from its files: every leaf re-hashed, every tile, the root and the
 * signature.
 */
import { readBundle } from '../bundle.ts';
import { equal, toBase64 } from '../bytes.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type Hashing, plainHashing } from '../hashing/hashing.ts';
import { sha256 as pureSha256 } from '../sha256.ts';
import { TILE_WIDTH, tilePath } from '../tile.ts';
import { Climb, type Known } from './climb.ts';
import { AGAINST_NOTHING, Findings, joinAgainst, type Report } from './report.ts';
import { type Place, places, type TreeSource } from './source.ts';
import { logKey, readCheckpoint, readCosigned, type Trust } from './trust.ts';

export interface VerifyTreeOptions extends Trust {
  readonly source: TreeSource;
  /** Faster where the platform has one: Node's `hashing` of @sealrail/tlog. */
  readonly hashing?: Hashing;
  /** Bundles wholly below it may be absent; they are counted and named. */
  readonly minIndex?: number;
  readonly onProgress?: (done: number, size: number) => void;
  /** Sees each entry that was hashed, for checks of what entries say. */
  readonly onEntry?: (index: number, entry: Uint8Array) => void;
}

/**
 * Reports all that is wrong with the files of a tree. Missing evidence is a failure; nothing that
 * is verified says how it is to be verified: the key is the caller's, the size is the signed
 * checkpoint's. Throws KEY_MALFORMED for the caller's own key, and whatever the source throws.
 */
export async function verifyTree(options: VerifyTreeOptions): Promise<Report> {
  const hashing = options.hashing ?? plainHashing(pureSha256);
  const trust = { key: logKey(options.vkey, hashing.sha256), verifier: options.verifier };
  const findings = new Findings();
  const held: Checkpoint[] = [];
  for (const [at, note] of (options.held ?? []).entries()) {
    const one = await readCheckpoint(note, `your checkpoint ${at + 1}`, trust, findings);
    if (one) held.push(one);
  }
  const bytes = await options.source.get('checkpoint');
  if (!bytes)
    findings.add({ severity: 'critical', what: 'checkpoint is missing', path: 'checkpoint' });
  const { policy } = options;
  const read = bytes && (await readCosigned(bytes, 'checkpoint', { ...trust, policy }, findings));
  if (!read) return findings.report({ entries: 0, rootMatches: false, against: AGAINST_NOTHING });
  const { checkpoint, cosigned } = read;
  const { size, root, origin } = checkpoint;
  const known = { size, root: toBase64(root), origin };
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
    const what = `a tree of ${size} entries is larger than any that has files`;
    findings.add({ severity: 'critical', what, path: 'checkpoint' });
    return findings.report({ ...known, entries: 0, rootMatches: false, against: AGAINST_NOTHING });
  }

  const sizes = [...held.map((one) => one.size), size];
  const climb = new Climb({ source: options.source, checkpoint, hashing, findings, sizes });
  const entries = await climbAll(climb, Number(size), { ...options, hashing }, findings);
  const rootMatches = checkRoot(climb.root(size), checkpoint, findings);
  const against = joinAgainst(cosigned, checkHeld(climb, checkpoint, held, findings));
  for (const path of (await options.source.strangers?.()) ?? [])
    findings.add({ severity: 'low', what: `${path} is no part of the tree`, path });
  return findings.report({ ...known, entries, rootMatches, against });
}

/** Returns how many entries were hashed. */
async function climbAll(
  climb: Climb,
  size: number,
  options: VerifyTreeOptions & { readonly hashing: Hashing },
  findings: Findings,
): Promise<number> {
  const pruned = new Pruned(findings);
  let entries = 0;
  for (const place of places(options.source, size)) {
    const leaves = await leavesOf(place, options, findings, pruned);
    for (const leaf of leaves) if (leaf) entries++;
    await climb.add(leaves, await place.tile);
    options.onProgress?.(place.index * TILE_WIDTH + place.width, size);
  }
  await climb.finish();
  pruned.report();
  return entries;
}

/** Leaf hashes of one bundle, unknown where it is missing or cannot be read. */
async function leavesOf(
  { index, width, bundle }: Place,
  { hashing, onEntry, minIndex = 0 }: VerifyTreeOptions & { readonly hashing: Hashing },
  findings: Findings,
  pruned: Pruned,
): Promise<Known[]> {
  const path = tilePath({ level: 'entries', index, width });
  const first = index * TILE_WIDTH;
  const bytes = await bundle;
  const leaves = new Array<Known>(width).fill(undefined);
  if (bytes === undefined) {
    if (first + width <= minIndex) pruned.add(first, width);
    else
      findings.add({
        severity: 'critical',
        what: `${path} is missing: entries ${first} to ${first + width - 1}`,
        path,
        index: first,
        hint: 'restore it from a copy; if it was pruned under a retention policy, say --min-index',
      });
    return leaves;
  }
  const { entries, problem } = readBundle(bytes, width);
  if (problem)
    findings.add({ severity: 'critical', what: `${path}: ${problem}`, path, index: first });
  const known = entries.slice(0, width);
  hashing.leaves(known).forEach((leaf, at) => {
    leaves[at] = leaf;
  });
  if (onEntry) for (const [at, entry] of known.entries()) onEntry(first + at, entry);
  return leaves;
}

/** Bundles that may be absent and are, named as ranges. */
class Pruned {
  readonly #findings: Findings;
  #first = 0;
  #end = 0;
  #bundles = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  add(first: number, width: number): void {
    if (first !== this.#end) this.report();
    if (this.#bundles === 0) this.#first = first;
    this.#end = first + width;
    this.#bundles++;
  }

  report(): void {
    if (this.#bundles === 0) return;
    this.#findings.add({
      severity: 'low',
      what: `entries ${this.#first} to ${this.#end - 1} are absent (bundles: ${this.#bundles}), as the minimum index allows`,
      index: this.#first,
    });
    this.#bundles = 0;
  }
}

function checkRoot(root: Known, checkpoint: Checkpoint, findings: Findings): boolean {
  if (root && equal(root, checkpoint.root)) return true;
  findings.add({
    severity: 'critical',
    path: 'checkpoint',
    what: root
      ? `the files give another root than the one that was signed for ${checkpoint.size} entries`
      : `the root of ${checkpoint.size} entries cannot be recomputed: files are missing for it`,
    hint: root
      ? 'the other findings, if any, name the files; without any, the checkpoint is of other entries'
      : 'restore the missing files from a copy',
  });
  return false;
}

/** Says which of the caller's checkpoints the tree extends. */
function checkHeld(
  climb: Climb,
  checkpoint: Checkpoint,
  held: readonly Checkpoint[],
  findings: Findings,
): string | undefined {
  let newest: bigint | undefined;
  for (const { size, root } of held) {
    const found = size > checkpoint.size ? undefined : climb.root(size);
    if (found && equal(found, root)) {
      if (newest === undefined || size > newest) newest = size;
      continue;
    }
    let what = `the root of the first ${size} entries cannot be recomputed: files are missing for it`;
    if (size > checkpoint.size)
      what = `the log ends at ${checkpoint.size} entries and your checkpoint is of ${size}: entries were taken away, or this is an old copy`;
    else if (found)
      what = `the first ${size} entries have another root than your checkpoint: history was rewritten`;
    findings.add({ severity: 'critical', what, path: 'checkpoint' });
  }
  return newest === undefined ? undefined : `consistent with your checkpoint at ${newest}`;
}
