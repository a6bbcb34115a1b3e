/**
 * The growing tree: hashing behind the acks, and which files of it have to be written, made durable and
 * dropped when. Entries come from the journal's files; what it writes can be made anew from them until the
 * durable-tiles mark has passed it.
 */
import { decodeBundle, encodeBundle } from '../bundle.ts';
import { concat, equal } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import type { Hashing } from '../hashing/hashing.ts';
import { type ReadNode, rootAt } from '../merkle.ts';
import { HASH_BYTES } from '../sha256.ts';
import {
  levelWidth,
  parseTilePath,
  TILE_LEVEL_MAX,
  TILE_WIDTH,
  tileOfNode,
  tilePath,
  tileWidth,
} from '../tile.ts';
import { Edge } from './edge.ts';
import { type EdgeTile, Partials } from './partials.ts';
import type { TreeStore } from './store.ts';

interface FullFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** The tree had this size when the file became full. */
  readonly size: number;
}

export class Tree {
  readonly #store: TreeStore;
  readonly #hashing: Hashing;
  readonly #edge: Edge;
  readonly #partials: Partials;
  /** Entries of the bundle that is not full. */
  #bundle: Uint8Array[] = [];
  /** Full tiles and bundles that are not written yet, in order. */
  readonly #unwritten: FullFile[] = [];
  /** Written and not made durable yet, in order. */
  readonly #unsynced: { readonly path: string; readonly size: number }[] = [];

  private constructor(store: TreeStore, hashing: Hashing, edge: Edge) {
    this.#store = store;
    this.#hashing = hashing;
    this.#edge = edge;
    this.#partials = new Partials(store);
  }

  /**
   * With the right edge at the mark, computed from full tiles, which are durable below it. LOG_CORRUPT where
   * one of them is missing, or the last bundle is not what its tile was hashed from.
   */
  static async open(store: TreeStore, mark: number, hashing: Hashing): Promise<Tree> {
    const full = async (level: number, index: number): Promise<Uint8Array[]> => {
      const path = tilePath({ level, index, width: TILE_WIDTH });
      const hashes = splitHashes(await store.get(path), TILE_WIDTH);
      if (!hashes) throw missing(path);
      return hashes;
    };
    const levels: Uint8Array[][] = [[]];
    for (let level = 1; level <= TILE_LEVEL_MAX && levelWidth(level, mark) > 0; level++) {
      const width = levelWidth(level, mark);
      const row: Uint8Array[] = [];
      for (let index = width - (width % TILE_WIDTH); index < width; index++)
        row.push(hashing.root(await full(level - 1, index)));
      levels.push(row);
    }
    if (mark > 0) {
      const index = mark / TILE_WIDTH - 1;
      const path = tilePath({ level: 'entries', index, width: TILE_WIDTH });
      const bytes = await store.get(path);
      if (!bytes) throw missing(path);
      const leaves = hashing.leaves(decodeBundle(bytes, TILE_WIDTH));
      if (!equal(concat(...leaves), concat(...(await full(0, index))))) throw differs(path);
    }
    return new Tree(store, hashing, new Edge(mark, levels, hashing));
  }

  get size(): number {
    return this.#edge.size;
  }

  root(): Uint8Array {
    return this.#edge.root();
  }

  /** Hashes entries; touches no file. What they complete waits for `writeFull`. */
  add(entries: readonly Uint8Array[]): void {
    const leaves = this.#hashing.leaves(entries);
    for (const [at, entry] of entries.entries()) {
      this.#bundle.push(entry);
      const full = this.#edge.add(leaves[at] as Uint8Array);
      if (full.length === 0) continue;
      const { size } = this.#edge;
      const bundle = tilePath({
        level: 'entries',
        index: size / TILE_WIDTH - 1,
        width: TILE_WIDTH,
      });
      this.#unwritten.push({ path: bundle, bytes: encodeBundle(this.#bundle), size });
      this.#bundle = [];
      for (const { level, index, hashes } of full) {
        const path = tilePath({ level, index, width: TILE_WIDTH });
        this.#unwritten.push({ path, bytes: concat(...hashes), size });
      }
    }
  }

  /** Full tiles and bundles are written once; after LOG_STALLED a later call goes on where it stopped. */
  async writeFull(): Promise<void> {
    for (let next = this.#unwritten[0]; next; next = this.#unwritten[0]) {
      await this.#store.put(next.path, next.bytes, 'once');
      this.#written();
    }
  }

  #written(): void {
    const file = this.#unwritten.shift();
    if (file) this.#unsynced.push({ path: file.path, size: file.size });
  }

  /** The partial tiles of the present size: they stand before that size is signed. */
  async writePartials(): Promise<void> {
    await this.#partials.write(this.size, this.edgeTiles());
  }

  /** What the present size consists of besides full tiles and bundles. */
  edgeTiles(): EdgeTile[] {
    const { size, levels } = this.#edge;
    const tiles = levels.map((hashes, level) => ({
      place: tilePath({
        level,
        index: Math.floor(levelWidth(level, size) / TILE_WIDTH),
        width: TILE_WIDTH,
      }),
      width: hashes.length,
      bytes: concat(...hashes),
    }));
    const index = Math.floor(size / TILE_WIDTH);
    tiles.push({
      place: tilePath({ level: 'entries', index, width: TILE_WIDTH }),
      width: this.#bundle.length,
      bytes: encodeBundle(this.#bundle),
    });
    return tiles.filter(({ width }) => width > 0);
  }

  /**
   * Recovery: everything above the mark is written again, whether it is there or not. `unpublished` is the
   * size that was signed last, with its edge tiles, where it has still to be published.
   */
  async rewrite(unpublished?: {
    readonly size: number;
    readonly tiles: readonly EdgeTile[];
  }): Promise<void> {
    for (let next = this.#unwritten[0]; next; next = this.#unwritten[0]) {
      const { path, bytes } = next;
      await this.#partials.find(path, TILE_WIDTH - 1, cutOf(path, bytes));
      await this.#store.put(path, bytes, 'rewrite');
      this.#written();
    }
    for (const { place, width, bytes } of this.edgeTiles())
      await this.#partials.find(place, width, cutOf(place, bytes));
    if (unpublished) await this.#partials.write(unpublished.size, unpublished.tiles);
  }

  /**
   * Partial tiles first, so that a published size never lacks one; then the checkpoint. `size` is one that
   * partial tiles were written for: the newest, or the one that was kept.
   */
  async publish(size: number, note: Uint8Array): Promise<void> {
    await this.#partials.makeDurable(size);
    await this.#store.publish(note);
    await this.#partials.published(size);
  }

  /** Of the sizes that are not published, this one and the newest may still be. */
  async keep(size: number): Promise<void> {
    await this.#partials.dropBelow(size);
  }

  /** Makes everything below the mark durable, a multiple of 256; then the partial tiles there go. */
  async makeDurable(mark: number): Promise<void> {
    const above = this.#unsynced.findIndex(({ size }) => size > mark);
    const files = this.#unsynced.splice(0, above < 0 ? this.#unsynced.length : above);
    const paths = files.map(({ path }) => path);
    await this.#store.makeDurable(paths);
    await this.#partials.dropAt(new Set(paths));
  }

  /**
   * True of the full files that a start computes the right edge from: those below a tile that is not full,
   * and the last bundle.
   */
  isEdgeOf(path: string): boolean {
    const id = parseTilePath(path);
    if (id?.width !== TILE_WIDTH) return false;
    const level = id.level === 'entries' ? 0 : id.level;
    const above = levelWidth(level + 1, this.size);
    if (id.level === 'entries') return id.index === above - 1;
    return id.index >= above - (above % TILE_WIDTH);
  }

  /** The entries of one bundle from this index on; of the last, partial one only what `size` covers. */
  async entriesFrom(index: number): Promise<Uint8Array[]> {
    const bundle = Math.floor(index / TILE_WIDTH);
    if (bundle === Math.floor(this.size / TILE_WIDTH))
      return this.#bundle.slice(index % TILE_WIDTH);
    const path = tilePath({ level: 'entries', index: bundle, width: TILE_WIDTH });
    const bytes = await this.#store.get(path);
    if (!bytes) throw missing(path);
    return decodeBundle(bytes, TILE_WIDTH).slice(index % TILE_WIDTH);
  }

  /** What `use` computes from nodes of a tree of this size, read from files only. */
  withNodes<T>(size: number, use: (readNode: ReadNode) => T): Promise<T> {
    const width = (level: number, index: number) => tileWidth(level, index, size);
    return this.#withTiles(use, async (level, index) => {
      const path = tilePath({ level, index, width: width(level, index) });
      const hashes = splitHashes(await this.#store.get(path), width(level, index));
      if (hashes) return hashes;
      // A partial tile gives way to the full one as soon as that is durable, its published size or not.
      const full = tilePath({ level, index, width: TILE_WIDTH });
      const wider = splitHashes(await this.#store.get(full), TILE_WIDTH);
      if (!wider) throw missing(path);
      return wider.slice(0, width(level, index));
    });
  }

  /**
   * Root of a size at or below the present one, from full tiles and the edge alone: partial tiles of an
   * earlier size may never have reached the disk.
   */
  rootOf(size: number): Promise<Uint8Array> {
    return this.#withTiles(
      (readNode) => rootAt(size, readNode, this.#hashing.sha256),
      async (level, index) => {
        if (tileWidth(level, index, this.size) < TILE_WIDTH) return this.#edge.levels[level] ?? [];
        const path = tilePath({ level, index, width: TILE_WIDTH });
        const hashes = splitHashes(await this.#store.get(path), TILE_WIDTH);
        if (!hashes) throw missing(path);
        return hashes;
      },
    );
  }

  /** Calls `use` until no tile is missing any more: it names the few that it needs by asking for them. */
  async #withTiles<T>(
    use: (readNode: ReadNode) => T,
    load: (level: number, index: number) => Promise<readonly Uint8Array[]>,
  ): Promise<T> {
    const tiles = new Map<string, readonly Uint8Array[]>();
    for (;;) {
      const wanted = new Map<string, { level: number; index: number }>();
      const result = use((nodeLevel, nodeIndex) => {
        const { level, index, from, count } = tileOfNode(nodeLevel, nodeIndex);
        const hashes = tiles.get(`${level}/${index}`);
        if (!hashes) wanted.set(`${level}/${index}`, { level, index });
        return hashes
          ? this.#hashing.root(hashes.slice(from, from + count))
          : new Uint8Array(HASH_BYTES);
      });
      if (wanted.size === 0) return result;
      for (const [key, { level, index }] of wanted) tiles.set(key, await load(level, index));
    }
  }
}

/** Narrower tiles of the same place, made from a wider one. */
function cutOf(place: string, bytes: Uint8Array): (width: number) => Uint8Array {
  if (!place.startsWith('tile/entries/')) return (width) => bytes.slice(0, width * HASH_BYTES);
  const entries = decodeBundle(bytes);
  return (width) => encodeBundle(entries.slice(0, width));
}

function missing(path: string): TlogError {
  return new TlogError('LOG_CORRUPT', `${path} is missing or has the wrong length`, {
    hint: 'nothing was repaired: restore the file from a copy; sealrail verify names everything that is wrong',
  });
}

function differs(path: string): TlogError {
  return new TlogError('LOG_CORRUPT', `${path} holds other entries than its tile was hashed from`, {
    hint: 'nothing was repaired: restore the file from a copy; sealrail verify names everything that is wrong',
  });
}

function splitHashes(bytes: Uint8Array | undefined, width: number): Uint8Array[] | undefined {
  if (bytes?.length !== width * HASH_BYTES) return undefined;
  return Array.from({ length: width }, (_, at) =>
    bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
