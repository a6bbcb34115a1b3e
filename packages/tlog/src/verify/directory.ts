/**
 * A tree in a local folder. Only names of the format are ever opened, so nothing leads out of the
 * folder.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { TlogError } from '../errors.ts';
import { parseTilePath } from '../tile.ts';
import { FINDINGS_MAX } from './report.ts';
import { FILE_BYTES_MAX, type TreeSource } from './source.ts';

export function directorySource(folder: string): Required<TreeSource> {
  return {
    get: async (path) =>
      path === 'checkpoint' || parseTilePath(path) ? readRegular(join(folder, path)) : undefined,
    strangers: () => strangersOf(folder),
  };
}

const ABSENT: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ENXIO'];

/**
 * A copy may come from anybody: a pipe in the place of a tile would block for ever and a device
 * never end, so neither is waited for, and no more is read than a tree's largest file has.
 */
async function readRegular(path: string): Promise<Uint8Array | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (ABSENT.includes(code)) return undefined;
    throw new TlogError('SOURCE_UNAVAILABLE', `couldn't open ${path}: ${message}`, { cause });
  }
  try {
    const { size } = await file.stat().then((stat) => (stat.isFile() ? stat : { size: -1 }));
    if (size < 0) return undefined;
    const bytes = new Uint8Array(Math.min(size, FILE_BYTES_MAX + 1));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** At most as many as a report shows, and one: whoever fills the folder does not fill memory. */
async function strangersOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  const open = [''];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for await (const entry of await opendir(join(folder, next))) {
      const path = next === '' ? entry.name : `${next}/${entry.name}`;
      if (entry.isDirectory()) open.push(path);
      else if (path !== 'checkpoint' && !parseTilePath(path)) found.push(path);
      if (found.length > FINDINGS_MAX) return found.sort();
    }
  }
  return found.sort();
}
