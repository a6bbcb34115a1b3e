/**
 * LastSigned: the one record of what this log has ever signed, outside the data directory and in no
 * export (JOURNAL.md §LastSigned). Sign → replace durably → only then does the signature leave the
 * process; so two checkpoints of one size with different roots cannot both get out, whatever crashes.
 */
import { equal } from './bytes.ts';
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { TlogError } from './errors.ts';
import { type Files, replaceDurably } from './files/files.ts';
import { verifySignature } from './node.ts';
import { verifyNote } from './verify/note.ts';
import type { VerifierKey } from './vkey.ts';

export interface SignedCheckpoint extends Checkpoint {
  /** The signed note, verbatim: a signature need not come out the same a second time. */
  readonly note: Uint8Array;
}

/** `create` and `replace` are durable once they resolve; LOG_STALLED says that the record is untouched. */
export interface LastSigned {
  fetch(): Promise<SignedCheckpoint | undefined>;
  /** Refuses where there is a record. */
  create(first: SignedCheckpoint): Promise<void>;
  /** Compare and swap. A failed or unknown outcome is final: what was signed may then be anywhere. */
  replace(old: SignedCheckpoint, next: SignedCheckpoint): Promise<void>;
}

/** Parses a checkpoint that this log must have signed itself. */
export async function parseOwnCheckpoint(
  bytes: Uint8Array,
  key: VerifierKey,
  what: string,
): Promise<SignedCheckpoint> {
  const { note, checkpoint } = parseCheckpoint(bytes);
  const signed = await verifyNote(note, [key], verifySignature);
  if (signed.length === 0 || checkpoint.origin !== key.name) {
    throw new TlogError(
      'LOG_LASTSIGNED',
      `${what} is not signed by this log's key ${key.name}+${key.id}`,
      { hint: 'the key in the configuration is not the one that this log was created with' },
    );
  }
  return { ...checkpoint, note: bytes };
}

/** In a file of a folder that holds nothing else, mode 0600. */
export function fileLastSigned(files: Files, folder: string, key: VerifierKey): LastSigned {
  const path = `${folder}/last-signed`;
  const put = (next: SignedCheckpoint): Promise<void> =>
    replaceDurably(files, path, `${folder}/last-signed.new`, next.note, 0o600);
  return {
    async fetch() {
      const bytes = await files.read(path);
      return bytes && parseOwnCheckpoint(Uint8Array.from(bytes), key, path);
    },
    async create(first) {
      if (await files.read(path))
        throw new TlogError('LOG_EXISTS', `${path} already records what was signed`);
      await put(first);
    },
    async replace(old, next) {
      const there = await files.read(path);
      if (!there || !equal(there, old.note) || next.size < old.size) {
        throw new TlogError('LOG_LASTSIGNED', `${path} was changed by somebody else`, {
          hint: 'a second writer, or a restored copy: stop both and find out which record is the newest',
        });
      }
      await put(next);
    },
  };
}
