/** The checkpoints that a verification stands on: signed by the caller's key, of that key's log. */
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { TlogError } from '../errors.ts';
import type { Sha256 } from '../sha256.ts';
import { ED25519, parseVkey, type VerifierKey } from '../vkey.ts';
import { type Verifier, verifyNote } from './note.ts';
import { type Findings, reasonOf } from './report.ts';

/** Whom the caller trusts; nothing that is verified has a say in it. */
export interface Trust {
  /** The log's public key, `name+id+base64`, from whoever vouches for it. */
  readonly vkey: string;
  readonly verifier: Verifier;
  /** Checkpoints that the caller kept from before: signed notes. */
  readonly held?: readonly Uint8Array[];
}

/** Throws KEY_MALFORMED: a wrong key is the caller's mistake, not a finding about the log. */
export function logKey(vkey: string, sha256: Sha256): VerifierKey {
  const key = parseVkey(vkey, sha256);
  if (key.type === ED25519) return key;
  throw new TlogError('KEY_MALFORMED', `${key.name}+${key.id} is a witness's key, not a log's`, {
    hint: "pass the log's own key, of type 1",
  });
}

/** A checkpoint of this very key and origin; otherwise a finding and undefined. */
export async function readCheckpoint(
  bytes: Uint8Array,
  what: string,
  trust: { readonly key: VerifierKey; readonly verifier: Verifier },
  findings: Findings,
): Promise<Checkpoint | undefined> {
  const { key, verifier } = trust;
  const refuse = (problem: string, hint?: string): undefined => {
    const finding = { severity: 'critical', what: `${what} ${problem}`, path: what } as const;
    findings.add(hint === undefined ? finding : { ...finding, hint });
    return undefined;
  };
  try {
    const { note, checkpoint } = parseCheckpoint(bytes);
    const signed = await verifyNote(note, [key], verifier);
    if (signed.length === 0)
      return refuse(
        `is not signed by ${key.name}+${key.id}`,
        'is this the key of this log? A log never changes its key without an entry that says so',
      );
    // Another log's checkpoint under this key: its operator runs several logs with one key.
    if (checkpoint.origin !== key.name)
      return refuse(`is of the log ${checkpoint.origin}, and the key is of ${key.name}`);
    return checkpoint;
  } catch (error) {
    return refuse(`could not be verified: ${reasonOf(error)}`);
  }
}
