/**
 * From leaves to the root, tile by tile. What is computed from below is compared with the tile of
 * the place; where one of them is missing the other stands in, and where they differ the tile above
 * says which was altered, so that one bad file does not hide the next.
 */
import { equal } from '../bytes.ts';
import type { Checkpoint } from '../checkpoint.ts';
import type { Hashing } from '../hashing/hashing.ts';
import { HASH_BYTES } from '../sha256.ts';
import { TILE_WIDTH, tilePath, tileWidth } from '../tile.ts';
import { Edge } from '../tree/edge.ts';
import type { Findings } from './report.ts';
import { readPlace, type TreeSource } from './source.ts';

/** A hash that the files give; undefined where no file does. */
export type Known = Uint8Array | undefined;
type Row = readonly Known[];

export interface ClimbOptions {
  readonly source: TreeSource;
  readonly checkpoint: Checkpoint;
  readonly hashing: Hashing;
  readonly findings: Findings;
  /** Sizes whose roots are wanted besides the checkpoint's. */
  readonly sizes: readonly bigint[];
}

interface At {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

export class Climb {
  readonly #options: ClimbOptions;
  readonly #size: number;
  /** By tile level, the hashes of the tile that is not full yet. */
  readonly #rows: Known[][] = [[]];
  readonly #roots = new Map<bigint, Known>();
  #added = 0;

  constructor(options: ClimbOptions) {
    this.#options = options;
    this.#size = Number(options.checkpoint.size);
    this.#noteRoot(0n, []);
  }

  /** The next 256 leaves or the last ones, and the bytes of their tile where it is there. */
  async add(leaves: Row, tile: Uint8Array | undefined): Promise<void> {
    const index = Math.floor(this.#added / TILE_WIDTH);
    const at = { level: 0, index, width: leaves.length };
    const row = await this.#settle(at, leaves, tile);
    for (const size of this.#options.sizes) {
      const count = Number(size) - this.#added;
      if (count > 0 && count <= row.length && count < TILE_WIDTH)
        this.#noteRoot(size, row.slice(0, count));
    }
    this.#added += row.length;
    this.#rows[0] = [...row];
    if (row.length === TILE_WIDTH) await this.#carry(0, row);
    this.#noteRoot(BigInt(this.#added), this.#rows[0]);
  }

  /** Compares the partial tiles of the upper levels; afterwards `root` knows every size. */
  async finish(): Promise<void> {
    for (const [level, row] of this.#rows.entries()) {
      if (level === 0 || row.length === 0) continue;
      const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
      const at = { level, index, width: row.length };
      this.#rows[level] = [...(await this.#settle(at, row, await this.#read(at)))];
    }
    this.#noteRoot(BigInt(this.#size), this.#rows[0] ?? []);
  }

  /** Root of the first `size` entries; undefined where files are missing for it. */
  root(size: bigint): Known {
    return this.#roots.get(size);
  }

  /** A full row becomes one hash of the level above, whose row may be full with it. */
  async #carry(level: number, row: Row): Promise<void> {
    this.#rows[level] = [];
    const above = this.#rows[level + 1] ?? [];
    this.#rows[level + 1] = above;
    above.push(this.#rootOf(row));
    if (above.length < TILE_WIDTH) return;
    const index = Math.floor(this.#added / TILE_WIDTH ** (level + 2)) - 1;
    const at = { level: level + 1, index, width: TILE_WIDTH };
    await this.#carry(level + 1, await this.#settle(at, above, await this.#read(at)));
  }

  async #settle(at: At, computed: Row, tile: Uint8Array | undefined): Promise<Row> {
    const path = tilePath(at);
    if (tile?.length !== at.width * HASH_BYTES) {
      const what = tile
        ? `${path} has ${tile.length} bytes instead of ${at.width * HASH_BYTES}`
        : `${path} is missing`;
      this.#options.findings.add({ severity: 'high', what, path, hint: RESTORE });
      return computed;
    }
    const differing = differences(computed, tile);
    if (differing.length === 0)
      return computed.includes(undefined) ? filled(computed, tile) : computed;
    const fromTile = filled([], tile);
    const altered = await this.#altered(at, filled(computed, tile), fromTile);
    this.#report(at, differing, altered);
    return altered === 'below' ? fromTile : filled(computed, tile);
  }

  /** Which of the two the next hash above agrees with: the other one was altered. */
  async #altered(at: At, computed: Row, fromTile: Row): Promise<'below' | 'tile' | 'unknown'> {
    const isFull = at.width === TILE_WIDTH;
    const above = isFull ? await this.#above(at) : this.#options.checkpoint.root;
    const agrees = (row: Row): boolean => {
      const root = isFull ? this.#rootOf(row) : this.#edgeRoot(at, row);
      return above !== undefined && root !== undefined && equal(above, root);
    };
    if (agrees(fromTile)) return 'below';
    return agrees(computed) ? 'tile' : 'unknown';
  }

  /** The hash that the level above holds for a full tile. */
  async #above({ level, index }: At): Promise<Known> {
    const parent = Math.floor(index / TILE_WIDTH);
    const width = tileWidth(level + 1, parent, this.#size);
    const tile = await this.#read({ level: level + 1, index: parent, width });
    const from = (index % TILE_WIDTH) * HASH_BYTES;
    const hash = tile?.subarray(from, from + HASH_BYTES);
    return hash?.length === HASH_BYTES ? hash : undefined;
  }

  /** Root of the whole tree if this were the row of the level's last tile. */
  #edgeRoot({ level }: At, row: Row): Known {
    const rows = [...this.#rows];
    rows[level] = [...row];
    return rootOfRows(rows, this.#size, this.#options.hashing);
  }

  #noteRoot(size: bigint, lowest: Row): void {
    if (!this.#options.sizes.includes(size)) return;
    const rows = [lowest, ...this.#rows.slice(1)];
    this.#roots.set(size, rootOfRows(rows, Number(size), this.#options.hashing));
  }

  #rootOf(row: Row): Known {
    return isKnown(row) ? this.#options.hashing.root(row) : undefined;
  }

  #read(at: At): Promise<Uint8Array | undefined> {
    return readPlace(this.#options.source, at);
  }

  #report(at: At, differing: readonly number[], altered: 'below' | 'tile' | 'unknown'): void {
    const [first = 0] = differing;
    const span = TILE_WIDTH ** at.level;
    const index = (at.index * TILE_WIDTH + first) * span;
    const path = tilePath(at);
    const below = at.level === 0 ? tilePath({ ...at, level: 'entries' }) : path;
    const which =
      (span === 1 ? `entry ${index}` : `entries ${index} to ${index + span - 1}`) +
      (differing.length > 1 ? ` (and ${differing.length - 1} more in this file)` : '');
    const what = {
      below:
        span === 1
          ? `${which} in ${below} was altered: its hash is not the one that was signed`
          : `${which} were altered together with their tile: ${path} holds what was signed`,
      tile: `${path} was altered: its hash of ${which} is not the one that was signed`,
      unknown: `${span === 1 ? below : 'the tiles below'} and ${path} do not agree on ${which}`,
    }[altered];
    this.#options.findings.add({
      severity: 'critical',
      what,
      path: altered === 'tile' ? path : below,
      index,
      hint:
        altered === 'unknown'
          ? 'more than one file was altered, so the files do not tell which of them was'
          : RESTORE,
    });
  }
}

const RESTORE = 'restore the file from a copy that verifies; sealrail repairs nothing';

const isKnown = (row: Row): row is readonly Uint8Array[] => !row.includes(undefined);

function rootOfRows(rows: readonly Row[], size: number, hashing: Hashing): Known {
  const known: (readonly Uint8Array[])[] = [];
  for (const row of rows) {
    if (!isKnown(row)) return undefined;
    known.push(row);
  }
  return new Edge(size, known, hashing).root();
}

/** Positions where both are known and differ. */
function differences(computed: Row, tile: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < computed.length; at++) {
    const hash = computed[at];
    if (hash && !isAt(tile, at * HASH_BYTES, hash)) found.push(at);
  }
  return found;
}

/** Without a view for each hash: this runs once a leaf. */
function isAt(bytes: Uint8Array, offset: number, hash: Uint8Array): boolean {
  for (let i = 0; i < HASH_BYTES; i++) if (bytes[offset + i] !== hash[i]) return false;
  return true;
}

/** What was computed, with the tile's own hashes where nothing was. */
function filled(computed: Row, tile: Uint8Array): Uint8Array[] {
  return Array.from(
    { length: tile.length / HASH_BYTES },
    (_, at) => computed[at] ?? tile.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
