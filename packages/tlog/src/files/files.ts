/**
 * Everything of the log that touches a disk goes through this port, so that a simulation can lose, tear
 * and refuse what a real disk may lose, tear and refuse.
 *
 * Durability: `datasync` makes a file's contents (and its size) durable, `syncDirectory` the names in a
 * directory. Nothing else does: not `write`, not `rename`, not closing.
 */
export interface Files {
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** Names in a directory; empty where there is none. */
  list(path: string): Promise<string[]>;
  /** Undefined where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Creates or truncates; not durable before `datasync` of the file and `syncDirectory` of its folder. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  open(path: string, how: 'create' | 'update'): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder; nothing happens where there is none. */
  remove(path: string): Promise<void>;
  datasync(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

/** One open file; positions and lengths in bytes. A short read or write is an error. */
export interface OpenFile {
  readonly size: number;
  read(position: number, length: number): Promise<Uint8Array>;
  write(position: number, bytes: Uint8Array): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** tmp file, datasync, rename, directory sync: after it resolves, a reader sees the new bytes whatever happens. */
export async function replaceDurably(
  files: Files,
  path: string,
  staging: string,
  bytes: Uint8Array,
): Promise<void> {
  await files.write(staging, bytes);
  await files.datasync(staging);
  await files.rename(staging, path);
  await files.syncDirectory(path.slice(0, path.lastIndexOf('/')));
}
