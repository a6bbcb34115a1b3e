/**
 * Hashes of ranges of a signed tree, recomputed from its hash tiles; and, where they do not lead to the
 * signed root, which file is to blame.
 */
import {
  equal,
  nodeHash,
  sha256,
  TILE_WIDTH,
  type TreeSource,
  tileOfNode,
  tilePath,
  tileWidth,
} from '@sealrail/tlog/verify';

/** Leaves from `start` up to, but not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

const HASH_BYTES = 32;

/** RFC 6962 §2.1.1: beside the path from a leaf to the root, from the bottom up. */
export function siblings(index: number, size: number): Range[] {
  const found: Range[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + leftSize(end - start);
    if (index < middle) {
      found.push({ start: middle, end });
      end = middle;
    } else {
      found.push({ start, end: middle });
      start = middle;
    }
  }
  return found.reverse();
}

/** The largest power of two below `size`. Multiplied, not shifted: sizes go past 32 bits. */
function leftSize(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}

function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes;
  if (only && hashes.length === 1) return only;
  if (hashes.length === 0) throw new Error('there are no hashes to combine');
  const left = leftSize(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, left)), rootOf(hashes.slice(left)), sha256);
}

export class Hashes {
  readonly size: number;
  readonly #source: TreeSource;
  readonly #tiles = new Map<string, Promise<readonly Uint8Array[]>>();

  constructor(source: TreeSource, size: number) {
    this.#source = source;
    this.size = size;
  }

  /** The tiles that were read so far. */
  get files(): readonly string[] {
    return [...this.#tiles.keys()].sort();
  }

  path(level: number, index: number): string {
    return tilePath({ level, index, width: tileWidth(level, index, this.size) });
  }

  tile(level: number, index: number): Promise<readonly Uint8Array[]> {
    const path = this.path(level, index);
    const known = this.#tiles.get(path) ?? this.#read(path, tileWidth(level, index, this.size));
    this.#tiles.set(path, known);
    return known;
  }

  async #read(path: string, width: number): Promise<readonly Uint8Array[]> {
    const bytes = await this.#source.get(path);
    if (!bytes) throw new Error(`${path} is missing`);
    if (bytes.length !== width * HASH_BYTES) {
      throw new Error(
        `${path} was altered: it has ${bytes.length} bytes instead of ${width * HASH_BYTES}`,
      );
    }
    return Array.from({ length: width }, (_, at) =>
      bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
    );
  }

  /** Of a range as the tree has them: its start is a multiple of the left part's size. */
  async of({ start, end }: Range): Promise<Uint8Array> {
    const size = end - start;
    const left = leftSize(size);
    if (size === 1 || left * 2 === size) return this.#complete(start, size);
    const middle = start + left;
    const both = [this.of({ start, end: middle }), this.of({ start: middle, end })] as const;
    const [before, after] = await Promise.all(both);
    return nodeHash(before, after, sha256);
  }

  async #complete(start: number, size: number): Promise<Uint8Array> {
    const level = Math.round(Math.log2(size));
    const place = tileOfNode(level, start / size);
    const hashes = await this.tile(place.level, place.index);
    return rootOf(hashes.slice(place.from, place.from + place.count));
  }
}

export interface Held {
  readonly index: number;
  readonly root: Uint8Array;
  readonly hashes: Hashes;
  /** Leaf hash of what the bundle holds. */
  readonly leaf: Uint8Array;
}

/**
 * Which file on the way to an entry does not hold what was signed, as a sentence; undefined where all do.
 * From the root, whose signature holds, downwards: the right edge as a whole, then each tile against the
 * hash that the tile above has of it. Looks at whole tiles, the hashes that this entry's proof does not
 * need included.
 */
export async function alteration({ index, root, hashes, leaf }: Held): Promise<string | undefined> {
  const { size } = hashes;
  const edge = edgeFiles(hashes);
  if (!equal(await hashes.of({ start: 0, end: size }), root)) {
    if (edge.length === 1) return `${edge[0]} was altered: it does not lead to the signed root.`;
    return `One of ${edge.join(', ')} was altered: together they do not lead to the signed root. Verify the whole log to learn which.`;
  }
  for (let level = edgeTop(size); level > 0; level--) {
    const below = Math.floor(index / TILE_WIDTH ** level);
    // The last tile of a level is part of the edge, and no tile above has a hash of it.
    if (tileWidth(level - 1, below, size) < TILE_WIDTH) continue;
    const row = await hashes.tile(level, Math.floor(below / TILE_WIDTH));
    const expected = row[below % TILE_WIDTH];
    const found = rootOf(await hashes.tile(level - 1, below));
    if (!expected || !equal(expected, found)) {
      return `${hashes.path(level - 1, below)} was altered: its hashes are not the ones that were signed.`;
    }
  }
  const bundle = Math.floor(index / TILE_WIDTH);
  const signed = (await hashes.tile(0, bundle))[index % TILE_WIDTH];
  if (signed && equal(signed, leaf)) return undefined;
  const path = tilePath({
    level: 'entries',
    index: bundle,
    width: tileWidth('entries', bundle, size),
  });
  return `${path} was altered: its entry ${index} is not the one that was signed.`;
}

/** The highest level that has a tile. */
function edgeTop(size: number): number {
  let level = 0;
  while (TILE_WIDTH ** (level + 1) <= size) level++;
  return level;
}

/** The tiles that are not full: the root is made of them alone. */
function edgeFiles(hashes: Hashes): string[] {
  const found: string[] = [];
  for (let level = 0; level <= edgeTop(hashes.size); level++) {
    const width = Math.floor(hashes.size / TILE_WIDTH ** level);
    if (width % TILE_WIDTH > 0) found.push(hashes.path(level, Math.floor(width / TILE_WIDTH)));
  }
  return found;
}
