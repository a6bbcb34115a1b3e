/**
 * A log that no daemon runs on, read from its published files alone: no lock is taken and nothing is
 * written, so that looking never gets in the way of a start.
 */
import { join } from 'node:path';
import {
  assertIndex,
  decodeBundle,
  directorySource,
  formatReceipt,
  formatVkey,
  HASH_BYTES,
  type Log,
  nodeHash,
  openSigner,
  parseCheckpoint,
  proveInclusion,
  type ReadNode,
  sha256,
  TILE_WIDTH,
  TlogError,
  tileOfNode,
  tilePath,
  tileWidth,
  verifyNote,
  verifySignature,
} from '@sealrail/tlog';
import type { LogConfig } from '../config/config.ts';

type Source = Pick<ReturnType<typeof directorySource>, 'get'>;

/** Throws TlogError where there is no published checkpoint, or one that this log's key did not sign. */
export async function openLogAtRest(config: LogConfig): Promise<Log> {
  const { key } = openSigner(config.key);
  const source = directorySource(join(config.dir, 'log'));
  const note = await source.get('checkpoint');
  if (!note) throw new TlogError('LOG_MISSING', `${config.dir} holds no published log`);
  const { note: parsed, checkpoint } = parseCheckpoint(note);
  if ((await verifyNote(parsed, [key], verifySignature)).length === 0)
    throw new TlogError('NOTE_UNVERIFIED', `${config.dir}/log/checkpoint is not signed by log.key`);
  return new LogAtRest(source, { vkey: formatVkey(key), note, ...checkpoint });
}

interface Published {
  readonly vkey: string;
  readonly note: Uint8Array;
  readonly origin: string;
  readonly size: bigint;
}

class LogAtRest implements Log {
  readonly origin: string;
  readonly vkey: string;
  readonly size: number;
  readonly recovery: Log['recovery'];
  readonly states: Log['states'];
  readonly scrubbed = undefined;
  readonly failed: Promise<Error> = new Promise(() => undefined);
  readonly #source: Source;
  readonly #note: Uint8Array;

  constructor(source: Source, { vkey, note, origin, size }: Published) {
    this.origin = origin;
    this.vkey = vkey;
    this.size = Number(size);
    this.recovery = { epoch: 0, size: this.size, rewritten: 0 };
    // Of a log at rest nothing is known but what was published.
    this.states = { durable: this.size, signed: this.size };
    this.#source = source;
    this.#note = note;
  }

  seal(): Promise<void> {
    return Promise.reject(new TlogError('LOG_CLOSED', 'no daemon runs on this log'));
  }

  append(): Promise<number> {
    return Promise.reject(new TlogError('LOG_CLOSED', 'no daemon runs on this log'));
  }

  follow(): () => void {
    return () => undefined;
  }

  checkpoint(): { note: Uint8Array; size: number } {
    return { note: this.#note, size: this.size };
  }

  async read(index: number): Promise<Uint8Array> {
    assertIndex(index, this.size);
    const bundle = Math.floor(index / TILE_WIDTH);
    const entries = decodeBundle(await this.#file('entries', bundle));
    const entry = entries[index % TILE_WIDTH];
    if (entry === undefined) throw new TlogError('BUNDLE_MALFORMED', `bundle ${bundle} is short`);
    return entry;
  }

  async readFrom(index: number): Promise<readonly Uint8Array[]> {
    assertIndex(index, this.size);
    const bundle = Math.floor(index / TILE_WIDTH);
    const end = Math.min(TILE_WIDTH, this.size - bundle * TILE_WIDTH);
    return decodeBundle(await this.#file('entries', bundle)).slice(index % TILE_WIDTH, end);
  }

  async receipt(index: number): Promise<Uint8Array> {
    const { size } = this;
    const extra = await this.read(index);
    const prove = (readNode: ReadNode) => proveInclusion({ index, size, readNode }, sha256);
    const proof = prove(await this.#nodes(prove));
    return formatReceipt({ index: BigInt(index), proof, extra, checkpoint: this.#note });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Asked once which tiles it needs, then, with those read, for good. */
  async #nodes(wanted: (readNode: ReadNode) => unknown): Promise<ReadNode> {
    const needed = new Map<string, { level: number; index: number }>();
    wanted((level, index) => {
      const tile = tileOfNode(level, index);
      needed.set(`${tile.level}/${tile.index}`, tile);
      return new Uint8Array(HASH_BYTES);
    });
    const tiles = new Map<string, Uint8Array>();
    for (const [key, { level, index }] of needed) tiles.set(key, await this.#file(level, index));
    return (level, index) => {
      const { level: tileLevel, index: tileIndex, from, count } = tileOfNode(level, index);
      const tile = tiles.get(`${tileLevel}/${tileIndex}`) ?? new Uint8Array(0);
      return rootOf(tile.subarray(from * HASH_BYTES, (from + count) * HASH_BYTES));
    };
  }

  /** A tile or a bundle; the full one of its place stands for a partial one that has gone. */
  async #file(level: number | 'entries', index: number): Promise<Uint8Array> {
    const width = tileWidth(level, index, this.size);
    const path = tilePath({ level, index, width });
    const bytes =
      (await this.#source.get(path)) ??
      (await this.#source.get(tilePath({ level, index, width: TILE_WIDTH })));
    if (!bytes) throw new TlogError('SOURCE_UNAVAILABLE', `${path} is missing`);
    return bytes;
  }
}

/** Root of a perfect subtree whose leaves are these hashes, one after the other. */
function rootOf(hashes: Uint8Array): Uint8Array {
  if (hashes.length <= HASH_BYTES) return hashes;
  const middle = hashes.length / 2;
  return nodeHash(rootOf(hashes.subarray(0, middle)), rootOf(hashes.subarray(middle)), sha256);
}
