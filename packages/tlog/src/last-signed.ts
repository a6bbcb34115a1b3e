/**
 * LastSigned: the one record of what this log has ever signed, outside the data directory and in no
 * export. Sign → replace durably → only then does the signature leave the process; so two checkpoints
 * of one size with different roots cannot both get out, whatever crashes.
 */
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts';
import { TlogError } from './errors.ts';
import { type Files, replaceDurably } from './files/files.ts';
import { verifyEd25519 } from './node.ts';
import { verifyNote } from './verify/note.ts';
import type { VerifierKey } from './vkey.ts';

export interface SignedCheckpoint extends Checkpoint {
  readonly note: Uint8Array;
}

/** A failed or unknown outcome of `replace` is final: what was signed may then be anywhere. */
export interface LastSigned {
  fetch(): Promise<SignedCheckpoint | undefined>;
  replace(next: SignedCheckpoint): Promise<void>;
}

/** Parses a checkpoint that this log must have signed itself. */
export async function parseOwnCheckpoint(
  bytes: Uint8Array,
  key: VerifierKey,
  what: string,
): Promise<SignedCheckpoint> {
  const { note, checkpoint } = parseCheckpoint(bytes);
  const signed = await verifyNote(note, [key], verifyEd25519);
  if (signed.length === 0 || checkpoint.origin !== key.name) {
    throw new TlogError(
      'LOG_LASTSIGNED',
      `${what} is not signed by this log's key ${key.name}+${key.id}`,
      {
        hint: 'the key in the configuration is not the one that this log was created with',
      },
    );
  }
  return { ...checkpoint, note: bytes };
}

/** In a file of a folder that holds nothing else, mode 0600. */
export function fileLastSigned(files: Files, folder: string, key: VerifierKey): LastSigned {
  const path = `${folder}/last-signed`;
  return {
    async fetch() {
      const bytes = await files.read(path);
      return bytes && parseOwnCheckpoint(Uint8Array.from(bytes), key, path);
    },
    async replace(next) {
      const before = await this.fetch();
      if (before !== undefined && next.size < before.size) {
        throw new TlogError(
          'LOG_LASTSIGNED',
          `a checkpoint of ${next.size} entries after one of ${before.size}`,
        );
      }
      await replaceDurably(files, path, `${folder}/last-signed.new`, next.note);
    },
  };
}
