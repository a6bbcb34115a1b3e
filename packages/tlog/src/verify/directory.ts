/**
 * A tree in a local folder. Only names of the format are ever opened, so nothing leads out of the
 * folder.
 */
import { closeSync, constants, fstatSync, open, read } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
  const file = await openAsync(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      if (ABSENT.includes(cause.code)) return undefined;
      throw new TlogError('SOURCE_UNAVAILABLE', `couldn't open ${path}: ${cause.message}`, {
        cause,
      });
    },
  );
  if (file === undefined) return undefined;
  try {
    // Descriptors rather than FileHandles, and what needs no disk at once: half the cost of a file.
    const stat = fstatSync(file);
    if (!stat.isFile()) return undefined;
    const bytes = new Uint8Array(Math.min(stat.size, FILE_BYTES_MAX + 1));
    const { bytesRead } = await readAsync(file, bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    closeSync(file);
  }
}

const openAsync = promisify(open);
const readAsync = promisify(read);

/** At most as many as a report shows, and one: whoever fills the folder does not fill memory. */
async function strangersOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  const folders = [''];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for await (const entry of await opendir(join(folder, next))) {
      const path = next === '' ? entry.name : `${next}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (path !== 'checkpoint' && !parseTilePath(path)) found.push(path);
      if (found.length > FINDINGS_MAX) return found.sort();
    }
  }
  return found.sort();
}
