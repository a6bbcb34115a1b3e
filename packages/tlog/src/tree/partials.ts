/**
 * Which partial tiles stand, and which may go (c2sp.org/tlog-tiles §Partial Tiles): those of every
 * published size stay until the full tile of their place is durable; those of a size that was signed and
 * never published go as soon as a larger one is published.
 */
import { equal } from '../bytes.ts';
import type { TreeStore } from './store.ts';

/** A tile that is not full at some size, bundles included. */
export interface EdgeTile {
  /** Path of the full tile. */
  readonly place: string;
  readonly width: number;
  readonly bytes: Uint8Array;
}

interface Standing {
  readonly place: string;
  /** Some published size needs it, as far as anybody can say. */
  published: boolean;
  /** Written by this process, and not only found in the page cache. */
  written: boolean;
  /** Known to survive a power cut. */
  durable: boolean;
}

const pathOf = ({ place, width }: { place: string; width: number }): string =>
  `${place}.p/${width}`;

export class Partials {
  readonly #store: TreeStore;
  /** By path. */
  readonly #standing = new Map<string, Standing>();
  /** Paths of each size that was written for and may still be published, oldest first. */
  readonly #waiting = new Map<number, ReadonlySet<string>>();

  constructor(store: TreeStore) {
    this.#store = store;
  }

  /** Those of one size. The same width of the same place holds the same bytes, and is written once. */
  async write(size: number, tiles: readonly EdgeTile[]): Promise<void> {
    for (const tile of tiles) {
      const path = pathOf(tile);
      const standing = this.#standing.get(path);
      if (standing?.written) continue;
      await this.#store.put(path, tile.bytes, standing ? 'replace' : 'once');
      const published = standing?.published ?? false;
      this.#standing.set(path, { place: tile.place, published, written: true, durable: false });
    }
    this.#waiting.set(size, new Set(tiles.map(pathOf)));
  }

  /**
   * What stands at a place since before this start. Published ones were durable before they were published,
   * so what differs from what it should be never was, and goes; of the others nobody can say.
   */
  async find(
    place: string,
    widthMax: number,
    expected: (width: number) => Uint8Array,
  ): Promise<void> {
    for (const width of await this.#store.partials(place)) {
      const path = pathOf({ place, width });
      const there = width >= 1 && width <= widthMax ? await this.#store.get(path) : undefined;
      if (there && equal(there, expected(width)))
        this.#standing.set(path, { place, published: true, written: false, durable: false });
      else await this.#store.drop(path);
    }
  }

  /** Before this size is published: its partial tiles survive a power cut. */
  async makeDurable(size: number): Promise<void> {
    // What no longer stands gave way to a full tile, which is durable.
    const paths = [...this.#pathsOf(size)].filter(
      (path) => this.#standing.get(path)?.durable === false,
    );
    if (paths.length === 0) return;
    await this.#store.makeDurable(paths);
    for (const path of paths) {
      const standing = this.#standing.get(path);
      if (standing) standing.durable = true;
    }
  }

  /** This size is published now, and no smaller one will be any more. */
  async published(size: number): Promise<void> {
    for (const path of this.#pathsOf(size)) {
      const standing = this.#standing.get(path);
      if (standing) standing.published = true;
    }
    await this.dropBelow(size);
  }

  /** Sizes below this one, and those between it and the newest, will not be published any more. */
  async dropBelow(size: number): Promise<void> {
    const newest = Math.max(...this.#waiting.keys());
    for (const waiting of [...this.#waiting.keys()])
      if (waiting !== size && waiting !== newest) this.#waiting.delete(waiting);
    const wanted = new Set([...this.#waiting.values()].flatMap((paths) => [...paths]));
    for (const [path, standing] of this.#standing) {
      if (standing.published || wanted.has(path)) continue;
      await this.#store.drop(path);
      this.#standing.delete(path);
    }
  }

  #pathsOf(size: number): ReadonlySet<string> {
    return this.#waiting.get(size) ?? new Set();
  }

  /** The full tiles of these places are durable. */
  async dropAt(places: ReadonlySet<string>): Promise<void> {
    const dropped = new Set<string>();
    for (const [path, { place }] of this.#standing) {
      if (!places.has(place)) continue;
      this.#standing.delete(path);
      dropped.add(place);
    }
    for (const place of dropped) await this.#store.drop(`${place}.p`);
  }
}
