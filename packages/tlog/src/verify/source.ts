/**
 * Reads the files of a tree: of a place its file, or the start of a fuller one; the next ones ahead
 * of time.
 */
import { decodeBundle } from '../bundle.ts';
import { HASH_BYTES } from '../sha256.ts';
import { TILE_WIDTH, type TileId, tilePath, tileWidth } from '../tile.ts';

/** Where a tree's files come from: a folder, HTTP, a page. */
export interface TreeSource {
  /** Undefined where there is no such file; throws where nobody can say. */
  get(path: string): Promise<Uint8Array | undefined>;
  /** What stands beside the tree and is no part of it, where the source can tell. */
  strangers?(): Promise<readonly string[]>;
}

/**
 * The largest file of a tree: a full bundle of the largest entries. A source may cut off what is
 * longer.
 */
export const FILE_BYTES_MAX = TILE_WIDTH * (2 + 65_535);

/** Bundles asked for before they are needed: hides the latency of a disk or of a connection. */
const READ_AHEAD = 8;

export interface Place {
  readonly index: number;
  readonly width: number;
  readonly bundle: Promise<Uint8Array | undefined>;
  readonly tile: Promise<Uint8Array | undefined>;
}

/** Bundle and level-0 tile of every 256 entries, in order. */
export function* places(source: TreeSource, size: number): Generator<Place> {
  const ahead: Place[] = [];
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const width = tileWidth('entries', index, size);
    ahead.push({
      index,
      width,
      bundle: started(readPlace(source, { level: 'entries', index, width })),
      tile: started(readPlace(source, { level: 0, index, width })),
    });
    const next = ahead.length > READ_AHEAD ? ahead.shift() : undefined;
    if (next) yield next;
  }
  yield* ahead;
}

/** A failure is reported to whoever waits for the file, also when somebody else's came first. */
function started<T>(reading: Promise<T>): Promise<T> {
  reading.catch(() => undefined);
  return reading;
}

/**
 * A partial file may give way to the full one of its place while a log grows (c2sp.org/tlog-tiles
 * §Partial Tiles), so the first `width` of a fuller file stand for it: the hashes decide either
 * way.
 */
export async function readPlace(source: TreeSource, id: TileId): Promise<Uint8Array | undefined> {
  const bytes = await source.get(tilePath(id));
  if (bytes || id.width === TILE_WIDTH) return bytes;
  const full = await source.get(tilePath({ ...id, width: TILE_WIDTH }));
  return full && prefix(full, id);
}

function prefix(full: Uint8Array, { level, width }: TileId): Uint8Array {
  if (level !== 'entries') return full.subarray(0, width * HASH_BYTES);
  const last = decodeBundle(full).at(width - 1);
  return last ? full.subarray(0, last.byteOffset - full.byteOffset + last.length) : full;
}
