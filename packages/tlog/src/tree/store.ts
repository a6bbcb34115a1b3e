/**
 * Where tiles, bundles and the checkpoint stand: `checkpoint` and `tile/` under one folder and nothing
 * else, a plain tree of c2sp.org/tlog-tiles that any file server may serve and any tool may read.
 */
import { equal } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import { type Files, parentOf, unlessFull } from '../files/files.ts';

/**
 * `once`: if absent or equal; LOG_CORRUPT where something else stands. For recovery alone: `rewrite`, for
 * what nobody reads before it is written again after a crash; `replace`, which leaves the old file or the
 * new one, each whole, whatever crashes.
 */
export type Put = 'once' | 'rewrite' | 'replace';

/**
 * `put` and `drop` promise nothing about durability: what stands above the durable-tiles mark can be made
 * anew from the journal, and recovery does. LOG_STALLED means that there was no room and nothing changed.
 */
export interface TreeStore {
  get(path: string): Promise<Uint8Array | undefined>;
  put(path: string, bytes: Uint8Array, how: Put): Promise<void>;
  drop(path: string): Promise<void>;
  /** Contents and names survive a power cut once it resolves. A failure is final. */
  makeDurable(paths: readonly string[]): Promise<void>;
  /** Readers see the old checkpoint or the new one, whole. */
  publish(note: Uint8Array): Promise<void>;
  /** Widths of the partial tiles that stand at this place. */
  partials(path: string): Promise<number[]>;
}

/** Files synced at a time: pacing, so that retiring a segment leaves threads to the flushes of appends. */
const SYNC_TOGETHER = 2;

export interface TreeStoreOptions {
  readonly files: Files;
  readonly folder: string;
  /** On the same file system, outside the tree: half-written files never stand where a reader looks. */
  readonly staging: string;
}

export function fileTreeStore({ files, folder, staging }: TreeStoreOptions): TreeStore {
  const made = new Set<string>();
  let staged = 0;

  const stage = async (path: string, bytes: Uint8Array): Promise<string> => {
    const name = `${staging}/${++staged}`;
    await unlessFull(path, () => files.write(name, bytes));
    return name;
  };
  const put = async (path: string, bytes: Uint8Array, how: Put): Promise<void> => {
    const parent = parentOf(path);
    if (!made.has(parent)) {
      await unlessFull(parent, () => files.makeDirectory(`${folder}/${parent}`));
      made.add(parent);
    }
    const name = await stage(path, bytes);
    if (how === 'replace') await files.datasync(name);
    await unlessFull(path, () => files.rename(name, `${folder}/${path}`));
  };

  return {
    get: (path) => files.read(`${folder}/${path}`),
    put: async (path, bytes, how) => {
      const there = how === 'once' ? await files.read(`${folder}/${path}`) : undefined;
      if (there === undefined) return put(path, bytes, how);
      if (equal(there, bytes)) return;
      throw new TlogError('LOG_CORRUPT', `${folder}/${path} was there before the log wrote it`, {
        hint: 'something else writes into the tree, or it belongs to another log; nothing was overwritten',
      });
    },
    drop: async (path) => {
      await files.remove(`${folder}/${path}`);
      made.delete(path);
    },
    makeDurable: async (paths) => {
      const directories = new Set<string>();
      const waiting = paths.values();
      const syncSome = async (): Promise<void> => {
        for (const path of waiting) {
          await files.datasync(`${folder}/${path}`);
          for (let at = parentOf(path); at !== '.'; at = parentOf(at)) directories.add(at);
        }
      };
      await Promise.all(Array.from({ length: SYNC_TOGETHER }, syncSome));
      for (const directory of directories) await files.syncDirectory(`${folder}/${directory}`);
      await files.syncDirectory(folder);
    },
    publish: async (note) => {
      const name = await stage('checkpoint', note);
      await files.datasync(name);
      await unlessFull('checkpoint', () => files.rename(name, `${folder}/checkpoint`));
    },
    partials: async (path) => {
      const names = (await files.list(`${folder}/${path}.p`)) ?? [];
      return names.map(Number).filter((width) => Number.isInteger(width));
    },
  };
}
