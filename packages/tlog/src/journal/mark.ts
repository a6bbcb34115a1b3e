/**
 * The durable-tiles mark (JOURNAL.md §Mark): entries below it are durable in full tiles and bundles of the
 * tree, and segments that hold nothing else may go. A multiple of 256 that only rises.
 */
import { crc32 } from 'node:zlib';
import { encodeUtf8, parseDecimal } from '../bytes.ts';
import { TlogError } from '../errors.ts';
import { type Files, replaceDurably } from '../files/files.ts';
import { TILE_WIDTH } from '../tile.ts';

export async function readMark(files: Files, folder: string): Promise<number> {
  const path = `${folder}/mark`;
  const bytes = await files.read(path);
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString('latin1');
  const mark = Number(parseDecimal(text.split(' ')[0] ?? '') ?? -1n);
  // The text must be the very one that would be written: a damaged mark would hide damaged entries.
  if (Number.isSafeInteger(mark) && mark >= 0 && mark % TILE_WIDTH === 0 && text === format(mark))
    return mark;
  throw new TlogError(
    'LOG_CORRUPT',
    bytes === undefined ? `${path} is missing` : `${path} is damaged`,
    { hint: 'nothing was repaired: restore the data directory from a copy, or succeed the log' },
  );
}

/** Durable when it resolves. */
export function writeMark(files: Files, folder: string, mark: number): Promise<void> {
  return replaceDurably(
    files,
    `${folder}/mark`,
    `${folder}/mark.new`,
    encodeUtf8(format(mark)),
    0o600,
  );
}

const format = (mark: number): string =>
  `${mark} ${crc32(`${mark}`).toString(16).padStart(8, '0')}\n`;
