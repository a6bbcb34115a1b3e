/**
 * The folder of policies, replaced as a whole: a crash in the middle must not leave some files of one set and
 * some of another, which together may say less than either.
 *
 *   DIR.next       the new files, complete and flushed
 *   DIR → DIR.old  from here to the next line there is no DIR: a start puts DIR.old back
 *   DIR.next → DIR
 *
 * DIR.old is removed once the log knows of the change, and put back where it does not take it.
 */
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface FolderFile {
  readonly name: string;
  readonly text: string;
}

/** Policies, and the cases beside them. Anything else in the folder stays as it is. */
export const POLICY_FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,100}(\.cedar|\.test\.yaml)$/;
const OWNER_ONLY = 0o600;

/** Where `stageFolder` writes. */
export const stagedOf = (folder: string): string => `${folder}.next`;
const oldOf = (folder: string): string => `${folder}.old`;

/** Writes the files beside the folder, with whatever else it holds; returns where. Nothing is in force yet. */
export function stageFolder(folder: string, files: readonly FolderFile[]): string {
  const next = stagedOf(folder);
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { mode: statSync(folder).mode & 0o777 });
  for (const name of readdirSync(folder)) {
    if (!POLICY_FILE.test(name)) cpSync(join(folder, name), join(next, name), { recursive: true });
  }
  for (const { name, text } of files) {
    if (!POLICY_FILE.test(name))
      throw new Error(`${JSON.stringify(name)} is no name of a policy file`);
    const path = join(next, name);
    writeFileSync(path, text, { mode: OWNER_ONLY });
    syncPath(path);
  }
  syncPath(next);
  return next;
}

/** Puts what was staged in the folder's place; the old one is kept until `settle` or `restore`. */
export function swapFolder(folder: string): void {
  rmSync(oldOf(folder), { recursive: true, force: true });
  renameSync(folder, oldOf(folder));
  renameSync(stagedOf(folder), folder);
  syncPath(dirname(folder));
}

export function discardStaged(folder: string): void {
  rmSync(stagedOf(folder), { recursive: true, force: true });
}

/** The log knows of the new files. */
export function settleFolder(folder: string): void {
  rmSync(oldOf(folder), { recursive: true, force: true });
}

/** The log did not take the change: the old files again. */
export function restoreFolder(folder: string): void {
  rmSync(stagedOf(folder), { recursive: true, force: true });
  renameSync(folder, stagedOf(folder));
  renameSync(oldOf(folder), folder);
  syncPath(dirname(folder));
  discardStaged(folder);
}

/** What a crash left behind, at a start: the folder that was in force is the one that the log knows of. */
export function recoverFolder(folder: string): void {
  if (!existsSync(folder) && existsSync(oldOf(folder))) {
    renameSync(oldOf(folder), folder);
    syncPath(dirname(folder));
  }
  discardStaged(folder);
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
