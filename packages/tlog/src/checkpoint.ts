/**
 * Checkpoints: c2sp.org/tlog-checkpoint. A note whose text is origin, size and root, and nothing
 * else.
 */
import { fromBase64, parseDecimal, toBase64 } from './bytes.ts';
import { TlogError } from './errors.ts';
import { type Note, parseNote } from './note.ts';
import { HASH_BYTES } from './sha256.ts';

export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
}

const malformed = (what: string): TlogError =>
  new TlogError('CHECKPOINT_MALFORMED', `malformed checkpoint: ${what}`);

/** Extension lines are refused: witnesses do not sign logs that use them, and ours never does. */
export function parseCheckpointText(text: string): Checkpoint {
  const lines = text.split('\n');
  if (lines.length !== 4 || lines[3] !== '')
    throw malformed(`${lines.length - 1} lines instead of origin, size and root`);
  const [origin = '', decimal = '', base64 = ''] = lines;
  if (origin === '') throw malformed('line 1, the origin, is empty');
  const size = parseDecimal(decimal);
  if (size === undefined) throw malformed(`line 2, ${JSON.stringify(decimal)}, is no size`);
  const root = fromBase64(base64);
  if (root?.length !== HASH_BYTES) throw malformed('line 3 is no base64 of a 32-byte hash');
  return { origin, size, root };
}

export function parseCheckpoint(bytes: Uint8Array): {
  readonly note: Note;
  readonly checkpoint: Checkpoint;
} {
  const note = parseNote(bytes);
  return { note, checkpoint: parseCheckpointText(note.text) };
}

/** Throws CHECKPOINT_MALFORMED for what could not be read back, such as an origin of two lines. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  const text = `${origin}\n${size}\n${toBase64(root)}\n`;
  parseCheckpointText(text);
  return text;
}
