/**
 * The tree on disk: `checkpoint` and `tile/`, and nothing else. Not synced as it is written: above the
 * durable-tiles mark everything can be made anew from the journal, and recovery does.
 */

import { decodeBundle, encodeBundle } from '../bundle.ts';
import { concat } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import type { Files } from '../files/files.ts';
import { leafHash, type ReadNode } from '../merkle.ts';
import { HASH_BYTES, type Sha256 } from '../sha256.ts';
import {
  levelWidth,
  TILE_LEVEL_MAX,
  TILE_WIDTH,
  type TileId,
  tileOfNode,
  tilePath,
  tileWidth,
} from '../tile.ts';
import { Edge, subtreeRoot } from './edge.ts';

/** Files synced between two looks at the queue: pacing, so that retiring a segment does not stall appends. */
const SYNC_GROUP = 64;

export class Tree {
  readonly #files: Files;
  readonly #folder: string;
  readonly #staging: string;
  readonly #sha256: Sha256;
  readonly edge: Edge;
  /** Entries of the bundle that is not full. */
  #bundle: Uint8Array[];
  /** Below it a file is never written again. */
  #durable: number;
  /** Full tiles written since the last `makeDurable`. */
  #unsynced: string[] = [];
  /** `.p` folders whose full tile exists but is not durable yet. */
  #stalePartials: string[] = [];
  /** Partial files of the present size, and those written since the last publication. */
  #current = new Set<string>();
  readonly #unpublished = new Set<string>();
  readonly #directories = new Set<string>();

  private constructor(options: TreeOptions, edge: Edge, durable: number) {
    this.#files = options.files;
    this.#folder = options.folder;
    this.#staging = options.staging;
    this.#sha256 = options.sha256;
    this.edge = edge;
    this.#bundle = [];
    this.#durable = durable;
  }

  /** With the right edge at the mark, which is computed from tiles that are durable: full ones below it. */
  static async open(options: TreeOptions, mark: number): Promise<Tree> {
    const levels: Uint8Array[][] = [];
    for (let level = 0; level <= TILE_LEVEL_MAX; level++) {
      const width = levelWidth(level, mark);
      if (width === 0 && level > 0) break;
      const row: Uint8Array[] = [];
      for (let index = width - (width % TILE_WIDTH); level > 0 && index < width; index++) {
        const path = tilePath({ level: level - 1, index, width: TILE_WIDTH });
        const hashes = splitHashes(
          await options.files.read(`${options.folder}/${path}`),
          TILE_WIDTH,
        );
        if (!hashes) throw missing(options.folder, path);
        row.push(subtreeRoot(hashes, options.sha256));
      }
      levels.push(row);
    }
    return new Tree(options, new Edge(mark, levels, options.sha256), mark);
  }

  /** Adds entries and writes what they complete. */
  async add(entries: readonly Uint8Array[]): Promise<void> {
    for (const entry of entries) {
      this.#bundle.push(entry);
      const full = this.edge.add(leafHash(entry, this.#sha256));
      for (const tile of full) {
        if (tile.level === 0)
          await this.#putFull(
            { level: 'entries', index: tile.index, width: TILE_WIDTH },
            encodeBundle(this.#bundle),
          );
        await this.#putFull(
          { level: tile.level, index: tile.index, width: TILE_WIDTH },
          concat(...tile.hashes),
        );
      }
      if (full.length > 0) this.#bundle = [];
    }
  }

  /** Writes the partial tiles of the present size: before that size is signed. */
  async writePartials(): Promise<void> {
    const size = this.edge.size;
    const before = this.#current;
    this.#current = new Set();
    const put = async (id: TileId, bytes: Uint8Array) => {
      const path = tilePath(id);
      this.#current.add(path);
      // The same width of the same tile holds the same bytes: a level that did not grow is not written again.
      if (before.has(path)) return;
      await this.#put(path, bytes);
      this.#unpublished.add(path);
    };
    for (const [level, hashes] of this.edge.levels.entries()) {
      if (hashes.length === 0) continue;
      await put(
        { level, index: Math.floor(levelWidth(level, size) / TILE_WIDTH), width: hashes.length },
        concat(...hashes),
      );
    }
    if (this.#bundle.length > 0) {
      const index = Math.floor(size / TILE_WIDTH);
      await put(
        { level: 'entries', index, width: this.#bundle.length },
        encodeBundle(this.#bundle),
      );
    }
  }

  /**
   * Publishes what was signed for the present size. Partial files of published sizes stay until the full
   * tile of their place is durable; those of sizes that nobody was told of go.
   */
  async publish(note: Uint8Array): Promise<void> {
    const staged = `${this.#staging}/checkpoint`;
    await this.#files.write(staged, note);
    await this.#files.datasync(staged);
    await this.#files.rename(staged, `${this.#folder}/checkpoint`);
    for (const path of this.#unpublished) {
      if (!this.#current.has(path)) await this.#files.remove(`${this.#folder}/${path}`);
    }
    this.#unpublished.clear();
  }

  checkpoint(): Promise<Uint8Array | undefined> {
    return this.#files.read(`${this.#folder}/checkpoint`);
  }

  /** Syncs every full tile up to this index, a multiple of 256, then each touched directory once. */
  async makeDurable(mark: number): Promise<void> {
    const paths = this.#unsynced;
    this.#unsynced = [];
    const directories = new Set<string>();
    for (let at = 0; at < paths.length; at += SYNC_GROUP) {
      const group = paths.slice(at, at + SYNC_GROUP);
      await Promise.all(group.map((path) => this.#files.datasync(`${this.#folder}/${path}`)));
      for (const path of group)
        for (const parent of parents(path)) directories.add(`${this.#folder}${parent}`);
    }
    for (const directory of directories) await this.#files.syncDirectory(directory);
    this.#durable = mark;
    for (const path of this.#stalePartials) await this.#files.remove(`${this.#folder}/${path}`);
    this.#stalePartials = [];
  }

  /** One entry of the tree, from its bundle. */
  async entry(index: number): Promise<Uint8Array> {
    const bundle = Math.floor(index / TILE_WIDTH);
    if (bundle === Math.floor(this.edge.size / TILE_WIDTH)) {
      const found = this.#bundle[index % TILE_WIDTH];
      if (found) return found;
    }
    const path = tilePath({ level: 'entries', index: bundle, width: TILE_WIDTH });
    const bytes = await this.#files.read(`${this.#folder}/${path}`);
    const found = bytes && decodeBundle(bytes, TILE_WIDTH)[index % TILE_WIDTH];
    if (!found) throw missing(this.#folder, path);
    return found;
  }

  /** Nodes of a tree of this size, from files only; loads the tiles that a proof needs on first use. */
  async nodes(size: number, wanted: (readNode: ReadNode) => void): Promise<ReadNode> {
    const tiles = new Map<string, readonly Uint8Array[]>();
    for (;;) {
      const misses = new Map<string, number>();
      const readNode: ReadNode = (level, index) => {
        const tile = tileOfNode(level, index);
        const width = tileWidth(tile.level, tile.index, size);
        const path = tilePath({ level: tile.level, index: tile.index, width });
        const hashes = tiles.get(path);
        if (hashes)
          return subtreeRoot(hashes.slice(tile.from, tile.from + tile.count), this.#sha256);
        misses.set(path, width);
        return new Uint8Array(HASH_BYTES);
      };
      wanted(readNode);
      if (misses.size === 0) return readNode;
      for (const [path, width] of misses) {
        const hashes = splitHashes(await this.#files.read(`${this.#folder}/${path}`), width);
        if (!hashes) throw missing(this.#folder, path);
        tiles.set(path, hashes);
      }
    }
  }

  async #putFull(id: TileId, bytes: Uint8Array): Promise<void> {
    const path = tilePath(id);
    await this.#put(path, bytes);
    this.#unsynced.push(path);
    this.#stalePartials.push(`${path}.p`);
  }

  async #put(path: string, bytes: Uint8Array): Promise<void> {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (!this.#directories.has(parent)) {
      await this.#files.makeDirectory(`${this.#folder}/${parent}`);
      this.#directories.add(parent);
    }
    const staged = `${this.#staging}/tile`;
    await this.#files.write(staged, bytes);
    await this.#files.rename(staged, `${this.#folder}/${path}`);
  }

  get durable(): number {
    return this.#durable;
  }
}

export interface TreeOptions {
  readonly files: Files;
  readonly folder: string;
  /** On the same file system, outside the tree: half-written files never stand where a reader looks. */
  readonly staging: string;
  readonly sha256: Sha256;
}

function missing(folder: string, path: string): TlogError {
  return new TlogError('LOG_CORRUPT', `${folder}/${path} is missing or has the wrong length`, {
    hint: 'nothing was repaired: restore the file from a copy; sealrail verify names everything that is wrong',
  });
}

export function splitHashes(
  bytes: Uint8Array | undefined,
  width: number,
): Uint8Array[] | undefined {
  if (bytes?.length !== width * HASH_BYTES) return undefined;
  return Array.from({ length: width }, (_, at) =>
    bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

function* parents(path: string): Generator<string> {
  for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
    yield `/${path.slice(0, at)}`;
    if (at === 0) return;
  }
  yield '';
}
