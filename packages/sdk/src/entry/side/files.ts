/**
 * Everything of the side store that touches a disk goes through this port, so that a test can lose, tear
 * and refuse what a real disk may. The shape is that of tlog's port of the same name.
 *
 * Durability: `datasync` makes a file's contents durable, `syncDirectory` the names in a folder. Nothing
 * else does: not `write`, not `rename`, not closing.
 */
import {
  chmod,
  close,
  fdatasync,
  fsync,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  unlink,
  write,
} from 'node:fs';
import { promisify } from 'node:util';

export interface Files {
  /** Only for the owner: 0700. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a folder; empty where there is none. */
  list(path: string): Promise<string[]>;
  /** Undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Creates or empties, for the owner only (0600). */
  create(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Zeros over the bytes where they stand, flushed, and then the name away: what is left of it is chance. */
  erase(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

/** A file being written; positions in bytes. A short write is an error. */
export interface OpenFile {
  write(position: number, bytes: Uint8Array): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Written aside, flushed, renamed, and the name flushed: a reader sees the whole file or none of it. */
export async function createDurably(
  files: Files,
  folder: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const aside = `${folder}/${name}.new`;
  const file = await files.create(aside);
  try {
    await file.write(0, bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
  await files.rename(aside, `${folder}/${name}`);
  await files.syncDirectory(folder);
}

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;

const openFile = promisify(open);
const closeFile = promisify(close);

function orAbsent<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}

export const nodeFiles: Files = {
  makeDirectory: async (path) => {
    await promisify(mkdir)(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
    // It may have stood there before, with whatever mode somebody gave it.
    await promisify(chmod)(path, OWNER_ONLY_FOLDER);
  },
  list: (path) => promisify(readdir)(path).catch(orAbsent<string[]>([])),
  read: (path) => promisify(readFile)(path).catch(orAbsent(undefined)),
  create: async (path) => nodeFile(await openFile(path, 'w', OWNER_ONLY_FILE)),
  rename: promisify(rename),
  erase: async (path) => {
    // Not truncated first: that would give the blocks away with the bytes still in them.
    const file = nodeFile(await openFile(path, 'r+'));
    try {
      await file.write(0, new Uint8Array((await promisify(stat)(path)).size));
      await file.datasync();
    } finally {
      await file.close();
    }
    await promisify(unlink)(path);
  },
  syncDirectory: async (path) => {
    const fd = await openFile(path, 'r');
    try {
      await promisify(fsync)(fd);
    } finally {
      await closeFile(fd);
    }
  },
};

function nodeFile(fd: number): OpenFile {
  return {
    write: (position, bytes) =>
      new Promise((resolve, reject) => {
        write(fd, bytes, 0, bytes.length, position, (error, count) => {
          if (error) reject(error);
          else if (count === bytes.length) resolve();
          else reject(new Error(`short write: ${count} of ${bytes.length} bytes`));
        });
      }),
    datasync: promisify(fdatasync).bind(undefined, fd),
    close: () => closeFile(fd),
  };
}
