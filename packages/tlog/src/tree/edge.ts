/** The right edge of the tree in memory: of each tile level the hashes of its one tile that is not full. */
import type { Hashing } from '../hashing/hashing.ts';
import { rootAt } from '../merkle.ts';
import { TILE_WIDTH, tileOfNode } from '../tile.ts';

/** A tile that `add` completed. */
export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
}

export class Edge {
  /** By tile level; fewer than 256 each. */
  readonly levels: Uint8Array[][] = [[]];
  readonly #hashing: Hashing;
  #size: number;

  /** From the partial tiles of a tree of this size. */
  constructor(size: number, levels: readonly (readonly Uint8Array[])[], hashing: Hashing) {
    this.#size = size;
    this.#hashing = hashing;
    if (levels.length > 0) this.levels = levels.map((level) => [...level]);
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a leaf hash; what it completed comes back, lowest level first. */
  add(leaf: Uint8Array): FullTile[] {
    const full: FullTile[] = [];
    let hash = leaf;
    this.#size++;
    for (let level = 0; ; level++) {
      let row = this.levels[level];
      if (!row) {
        row = [];
        this.levels.push(row);
      }
      row.push(hash);
      if (row.length < TILE_WIDTH) return full;
      full.push({ level, index: this.#size / TILE_WIDTH ** (level + 1) - 1, hashes: row });
      this.levels[level] = [];
      hash = this.#hashing.root(row);
    }
  }

  root(): Uint8Array {
    return rootAt(this.#size, (level, index) => this.#node(level, index), this.#hashing.sha256);
  }

  /** Peaks of the tree lie in tiles that are not full: a full one counts as one hash of the level above. */
  #node(level: number, index: number): Uint8Array {
    const tile = tileOfNode(level, index);
    const hashes = this.levels[tile.level]?.slice(tile.from, tile.from + tile.count) ?? [];
    return this.#hashing.root(hashes);
  }
}
