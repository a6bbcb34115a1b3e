/** The log's own files over HTTP: c2sp.org/tlog-tiles. As they are on the disk, so that damage is seen. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  HASH_BYTES,
  type Log,
  parseCheckpoint,
  parseTilePath,
  readBundle,
  TILE_WIDTH,
  type TileId,
  tilePath,
  tileWidth,
} from '@sealrail/tlog';
import type { Hono } from 'hono';
import { problem, quoted } from './problem.ts';

const TILE_HEADERS = {
  'content-type': 'application/octet-stream',
  // What stands at a tile's path never changes; private, because nothing shared may keep what is ours.
  'cache-control': 'private, max-age=31536000, immutable',
};

export function tileRoutes(app: Hono, log: Log, logDir: string): void {
  const files = new TreeFiles(log, logDir);
  app.get('/log/checkpoint', async (c) => {
    const note = await files.read('checkpoint');
    if (!note) return problem(c, 404, 'the log has no checkpoint');
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' };
    return c.body(note, 200, headers);
  });
  app.get('/log/tile/*', async (c) => {
    const path = c.req.path.slice('/log/'.length);
    const id = parseTilePath(path);
    if (!id) return problem(c, 404, `${quoted(path)} is no path of a tile`);
    const bytes = await files.tile(id);
    return bytes
      ? c.body(bytes, 200, TILE_HEADERS)
      : problem(c, 404, `the log has no ${quoted(path)}`);
  });
}

class TreeFiles {
  readonly #log: Log;
  readonly #folder: string;

  constructor(log: Log, folder: string) {
    this.#log = log;
    this.#folder = folder;
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return readFile(join(this.#folder, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
  }

  /**
   * The file, or the start of a fuller one of its place (§Partial Tiles: a partial tile may go once the
   * full one is there), for any width that a published checkpoint can lead to.
   */
  async tile(id: TileId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const exact = await this.read(tilePath(id));
    if (exact || id.width === TILE_WIDTH) return exact;
    if (id.width > tileWidth(id.level, id.index, await this.#publishedSize())) return undefined;
    const fuller = await this.#fuller(id);
    return fuller && prefix(fuller, id);
  }

  /** The published checkpoint's, on disk: it may be a moment ahead of what the log says. */
  async #publishedSize(): Promise<number> {
    const { size } = this.#log.checkpoint();
    const note = await this.read('checkpoint');
    if (!note) return size;
    try {
      return Math.max(size, Number(parseCheckpoint(note).checkpoint.size));
    } catch {
      return size;
    }
  }

  async #fuller(id: TileId): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const full = tilePath({ ...id, width: TILE_WIDTH });
    const names = await readdir(join(this.#folder, `${full}.p`)).catch(() => []);
    const widths = names.map(Number).filter((width) => width > id.width && width < TILE_WIDTH);
    for (const width of [...widths.sort((a, b) => a - b), TILE_WIDTH]) {
      const bytes = await this.read(tilePath({ ...id, width }));
      if (bytes) return bytes;
    }
    return undefined;
  }
}

function prefix(
  bytes: Uint8Array<ArrayBuffer>,
  { level, width }: TileId,
): Uint8Array<ArrayBuffer> | undefined {
  if (level !== 'entries') return bytes.subarray(0, width * HASH_BYTES);
  const last = readBundle(bytes).entries.at(width - 1);
  return last && bytes.subarray(0, last.byteOffset - bytes.byteOffset + last.length);
}
