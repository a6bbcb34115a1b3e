/**
 * Verifies one entry in this browser from the log's own files: entry → leaf → tiles → root → signature.
 * Every hash is computed here; the daemon's word for anything is not asked.
 */
import {
  decodeBundle,
  equal,
  leafHash,
  nodeHash,
  parseCheckpoint,
  parseVkey,
  sha256,
  TILE_WIDTH,
  tilePath,
  tileWidth,
  toBase64,
  verifyNote,
  webVerifier,
} from '@sealrail/tlog/verify';

export interface Step {
  readonly ok: boolean;
  readonly what: string;
}

const HASH_BYTES = 32;

async function file(path: string): Promise<Uint8Array> {
  const response = await fetch(`/log/${path}`, { cache: 'no-store' });
  if (!response.ok) throw new Error(`${path} is missing`);
  return new Uint8Array(await response.arrayBuffer());
}

function root(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 1) return hashes[0] as Uint8Array;
  // RFC 6962: the left part is the largest power of two below the length.
  const cut = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
  return nodeHash(root(hashes.slice(0, cut)), root(hashes.slice(cut)), sha256);
}

async function tile(
  level: number,
  index: number,
  size: number,
): Promise<{ path: string; hashes: Uint8Array[] }> {
  const width = tileWidth(level, index, size);
  const path = tilePath({ level, index, width });
  const bytes = await file(path);
  if (bytes.length !== width * HASH_BYTES) throw new Error(`${path} has the wrong length`);
  return {
    path,
    hashes: Array.from({ length: width }, (_, at) =>
      bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
    ),
  };
}

/** Root of the whole tree from its right edge: of each level the hashes that no full tile covers. */
async function rootOf(size: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let level = 0; Math.floor(size / TILE_WIDTH ** level) > 0; level++) {
    const width = Math.floor(size / TILE_WIDTH ** level);
    const rest = width % TILE_WIDTH;
    if (rest === 0) continue;
    const { hashes } = await tile(level, Math.floor(width / TILE_WIDTH), size);
    parts.unshift(...peaks(hashes));
  }
  const last = parts.pop();
  if (!last) throw new Error('an empty tree');
  return parts.reduceRight((right, left) => nodeHash(left, right, sha256), last);
}

/** The complete subtrees of a row, largest first. */
function peaks(hashes: readonly Uint8Array[]): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < hashes.length; ) {
    const width = 2 ** Math.floor(Math.log2(hashes.length - at));
    found.push(root(hashes.slice(at, at + width)));
    at += width;
  }
  return found;
}

/** Yields each step as it is done; the last is the verdict. Never throws. */
export async function* verifyEntry(
  index: number,
  text: string,
  vkey: string,
): AsyncGenerator<Step> {
  let good = true;
  const step = (ok: boolean, what: string): Step => {
    good &&= ok;
    return { ok, what };
  };
  try {
    const key = parseVkey(vkey, sha256);
    const { note, checkpoint } = parseCheckpoint(await file('checkpoint'));
    const signed = await verifyNote(note, [key], webVerifier);
    yield step(
      signed.length > 0 && checkpoint.origin === key.name,
      `the checkpoint of ${checkpoint.size} entries is signed by ${key.name}+${key.id}`,
    );
    const size = Number(checkpoint.size);
    if (index >= size) {
      yield step(false, `entry ${index} is durable and not signed yet: try again in a second`);
      return;
    }
    const leaf = leafHash(new TextEncoder().encode(text), sha256);
    yield step(true, `the leaf of the entry shown is ${toBase64(leaf)}`);
    const bundleIndex = Math.floor(index / TILE_WIDTH);
    const width = tileWidth('entries', bundleIndex, size);
    const bundlePath = tilePath({ level: 'entries', index: bundleIndex, width });
    const stored = decodeBundle(await file(bundlePath), width)[index % TILE_WIDTH];
    yield step(
      stored !== undefined && equal(leafHash(stored, sha256), leaf),
      `${bundlePath} holds this very entry at ${index % TILE_WIDTH}`,
    );
    let hash = leaf;
    let at = index;
    for (let level = 0; ; level++) {
      const { path, hashes } = await tile(level, Math.floor(at / TILE_WIDTH), size);
      const found = hashes[at % TILE_WIDTH];
      yield step(
        found !== undefined && equal(found, hash),
        `${path} holds its hash at ${at % TILE_WIDTH}`,
      );
      if (hashes.length < TILE_WIDTH) break;
      hash = root(hashes);
      at = Math.floor(at / TILE_WIDTH);
    }
    yield step(
      equal(await rootOf(size), checkpoint.root),
      `the tiles lead to the signed root ${toBase64(checkpoint.root)}`,
    );
  } catch (error) {
    yield step(false, error instanceof Error ? error.message : String(error));
  }
  yield { ok: good, what: good ? 'verified by this browser' : 'NOT verified' };
}
