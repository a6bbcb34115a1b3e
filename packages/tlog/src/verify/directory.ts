/** A tree in a local folder. Only names of the format are ever opened, so nothing leads out of the folder. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTilePath } from '../tile.ts';
import type { TreeSource } from './tree.ts';

export interface DirectorySource extends TreeSource {
  /** What stands in the folder and is no part of a tree. */
  strangers(): Promise<string[]>;
}

export function directorySource(folder: string): DirectorySource {
  return {
    async get(path) {
      if (path !== 'checkpoint' && !parseTilePath(path)) return undefined;
      try {
        return await readFile(join(folder, path));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
        throw error;
      }
    },
    async strangers() {
      const found = await readdir(folder, { recursive: true, withFileTypes: true });
      return found
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(folder.length).replace(/^\/+/, ''))
        .filter((path) => path !== 'checkpoint' && !parseTilePath(path))
        .sort();
    },
  };
}
