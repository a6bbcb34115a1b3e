/**
 * Tiles: c2sp.org/tlog-tiles. A tile of level L holds up to 256 hashes of level 8L; sizes and
 * indices are numbers, because a file tree of ours has at most 2^53−1 entries.
 */
import { TlogError } from './errors.ts';

export const TILE_WIDTH = 256;
export const TILE_LEVEL_MAX = 63;

export interface TileId {
  /** `entries` for a bundle. */
  readonly level: number | 'entries';
  readonly index: number;
  /** 1 to 256; below 256 the tile is partial. */
  readonly width: number;
}

/** `tile/0/x001/x234/067.p/112`: groups of three digits, all but the last behind an x. */
export function tilePath({ level, index, width }: TileId): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.{3}/g) ?? [];
  const path = groups
    .map((group, at) => (at === groups.length - 1 ? group : `x${group}`))
    .join('/');
  return `tile/${level}/${path}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

const PATH =
  /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/**
 * Undefined for anything but the one spelling of a tile's path: a second one would escape the cache
 * and the checks.
 */
export function parseTilePath(path: string): TileId | undefined {
  const [, level = '', groups = '', width] = PATH.exec(path) ?? [];
  if (level === '') return undefined;
  const index = Number(groups.replace(/[x/]/g, ''));
  const id: TileId = {
    level: level === 'entries' ? level : Number(level),
    index,
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  const bounded =
    Number.isSafeInteger(index) &&
    (id.level === 'entries' || id.level <= TILE_LEVEL_MAX) &&
    id.width <= TILE_WIDTH;
  return bounded && tilePath(id) === path ? id : undefined;
}

/** Number of hashes that level L of the tile tree has in a log of this size. */
export function levelWidth(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** Width that a tile has in a log of this size; 0 where the log does not reach it. */
export function tileWidth(level: number | 'entries', index: number, size: number): number {
  const rest = levelWidth(level === 'entries' ? 0 : level, size) - index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, rest));
}

/** Every tile of every level that a log of this size consists of, bundles excepted. */
export function* tilesOf(size: number): Generator<TileId & { readonly level: number }> {
  for (let level = 0; level <= TILE_LEVEL_MAX; level++) {
    const width = levelWidth(level, size);
    if (width === 0) return;
    for (let index = 0; index * TILE_WIDTH < width; index++) {
      yield { level, index, width: tileWidth(level, index, size) };
    }
  }
}

/** The tile that holds a node of the binary tree, and which of its hashes lie below the node. */
export function tileOfNode(
  level: number,
  index: number,
): { level: number; index: number; from: number; count: number } {
  const tileLevel = Math.floor(level / 8);
  const count = 2 ** (level % 8);
  const first = index * count;
  const tileIndex = Math.floor(first / TILE_WIDTH);
  return { level: tileLevel, index: tileIndex, from: first - tileIndex * TILE_WIDTH, count };
}

export function assertIndex(index: number, size: number): void {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new TlogError('LOG_INDEX', `there is no entry ${index} in a log of ${size}`);
  }
}
