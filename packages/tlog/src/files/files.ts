/**
 * Everything of the log that touches a disk goes through this port, so that a simulation can lose, tear
 * and refuse what a real disk may lose, tear and refuse.
 *
 * Durability: `datasync` makes a file's contents and size durable, `syncDirectory` the names in one
 * directory. Nothing else does: not `write`, not `rename`, not closing. A sync that failed has said all
 * that it will ever say: the kernel marks the pages clean, and the next one succeeds with the data lost.
 */
import { TlogError } from '../errors.ts';

export interface Files {
  /** With its parents; nothing happens where it is there already. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** Names in a directory; undefined where there is none. */
  list(path: string): Promise<string[] | undefined>;
  /** Undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Creates or truncates. */
  write(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  create(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder and all in it; nothing happens where there is none. */
  remove(path: string): Promise<void>;
  datasync(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  disk(path: string): Promise<Disk>;
}

/** One open file; positions and lengths in bytes. A short write is an error, a short read is not. */
export interface OpenFile {
  read(position: number, length: number): Promise<Uint8Array>;
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** A write and a datasync of it in one: what it resolved for survives a power cut. */
  writeDurably(position: number, bytes: Uint8Array): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Why a power cut or another machine can undo what was synced there: `NFS`, `tmpfs`. */
  readonly forgets?: string;
  /** Of the space that this user may fill, 0 to 1. */
  readonly used: number;
}

/** No room: the one failure that leaves everything as it was, and that passes when somebody makes room. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** What `work` refuses for want of room is refused as LOG_STALLED; it may be tried anew on new files. */
export async function unlessFull<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    throw new TlogError('LOG_STALLED', `couldn't write ${what}: the disk is full`, {
      hint: 'make room on the disk of the data directory and of the state folder; it is tried again',
      cause,
    });
  }
}

/** `.` for a bare name, `/` for a name in the root. */
export function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? '.' : path.slice(0, cut) || '/';
}

/**
 * tmp file, datasync, rename, directory sync: after it resolves, a reader sees the new bytes whatever
 * happens. LOG_STALLED means that the old ones stand untouched; any other failure, that nobody knows.
 */
export async function replaceDurably(
  files: Files,
  path: string,
  staging: string,
  bytes: Uint8Array,
  mode?: number,
): Promise<void> {
  await unlessFull(path, () => files.write(staging, bytes, mode));
  await files.datasync(staging);
  await files.rename(staging, path);
  await files.syncDirectory(parentOf(path));
}

/**
 * A directory whose name survives a power cut, and those of its parents: one that is there already may be
 * what a crash left in the page cache.
 */
export async function makeDirectoryDurably(
  files: Files,
  path: string,
  mode?: number,
): Promise<void> {
  await files.makeDirectory(path, mode);
  for (let at = parentOf(path); ; at = parentOf(at)) {
    try {
      await files.syncDirectory(at);
    } catch (error) {
      // We did not make anything in a directory that we may not even read.
      if (!isForbidden(error)) throw error;
    }
    if (at === '/' || at === '.') return;
  }
}

const isForbidden = (error: unknown): boolean => {
  const { code } = error as { readonly code?: unknown };
  return code === 'EACCES' || code === 'EPERM';
};

/** The same files, of which nothing is ever flushed: `durability: none`. */
export function withoutSync(files: Files): Files {
  return {
    ...files,
    datasync: async () => undefined,
    syncDirectory: async () => undefined,
    create: async (path) => {
      const file = await files.create(path);
      return {
        read: (position, length) => file.read(position, length),
        write: (position, bytes) => file.write(position, bytes),
        writeDurably: (position, bytes) => file.write(position, bytes),
        datasync: async () => undefined,
        close: () => file.close(),
      };
    },
  };
}
