/** The checkpoints that a verification stands on: signed by the caller's key, of that key's log. */
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { TlogError } from '../errors.ts';
import { signatureClaims } from '../note.ts';
import type { Sha256 } from '../sha256.ts';
import { algorithmOf, ED25519, formatVkey, parseVkey, type VerifierKey } from '../vkey.ts';
import {
  isQuorate,
  type PolicyWitness,
  quorumWitnesses,
  type WitnessPolicy,
} from '../witness/policy.ts';
import { type Verifier, verifyNote } from './note.ts';
import { type Findings, reasonOf } from './report.ts';

/** Whom the caller trusts; nothing that is verified has a say in it. */
export interface Trust {
  /** The log's public key, `name+id+base64`, from whoever vouches for it. */
  readonly vkey: string;
  readonly verifier: Verifier;
  /** Checkpoints that the caller kept from before: signed notes. */
  readonly held?: readonly Uint8Array[];
  /** Whose cosignatures the checkpoint has to carry; from the caller, like the key. */
  readonly policy?: WitnessPolicy;
}

/** Who has to have signed, as the caller says. */
export interface Trusted {
  readonly key: VerifierKey;
  readonly verifier: Verifier;
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
  trust: Trusted,
  findings: Findings,
): Promise<Checkpoint | undefined> {
  const read = await readSigned(bytes, what, { ...trust, witnesses: [] }, findings);
  return read?.checkpoint;
}

/**
 * The same with the cosignatures that the policy asks for; `cosigned` says how many of how many. Without a
 * quorum there is a finding, and the checkpoint all the same: what else is wrong shows as well.
 */
export async function readCosigned(
  bytes: Uint8Array,
  what: string,
  trust: Trusted & { readonly policy: WitnessPolicy | undefined },
  findings: Findings,
): Promise<{ readonly checkpoint: Checkpoint; readonly cosigned: string | undefined } | undefined> {
  const { policy, key } = trust;
  const witnesses = policy?.witnesses ?? [];
  const read = await readSigned(bytes, what, { ...trust, witnesses }, findings);
  if (!read || !policy) return read && { ...read, cosigned: undefined };
  const { logs, quorum } = policy;
  if (logs.length > 0 && !logs.some((log) => formatVkey(log.key) === formatVkey(key)))
    findings.add({
      severity: 'high',
      what: `the witness policy is for other logs than ${key.name}`,
      hint: 'a log line of the policy names the key that is given with it',
    });
  const names = read.cosigners;
  if (isQuorate(quorum, names))
    return {
      ...read,
      cosigned:
        names.size === 0
          ? undefined
          : `cosigned ${names.size} of ${quorumWitnesses(quorum).length}`,
    };
  const missing = quorumWitnesses(quorum).filter((name) => !names.has(name));
  findings.add({
    severity: 'critical',
    path: what,
    what: `${what} is cosigned by ${names.size} of ${quorumWitnesses(quorum).length} witnesses, and that is no quorum; missing: ${missing.join(', ')}`,
    hint: 'ask for a newer checkpoint, or find out why these witnesses did not cosign it',
  });
  return { ...read, cosigned: undefined };
}

interface Signed {
  readonly checkpoint: Checkpoint;
  /** Names, as the policy has them, of the witnesses whose cosignatures hold. */
  readonly cosigners: ReadonlySet<string>;
}

async function readSigned(
  bytes: Uint8Array,
  what: string,
  trust: Trusted & { readonly witnesses: readonly PolicyWitness[] },
  findings: Findings,
): Promise<Signed | undefined> {
  const { key, verifier, witnesses } = trust;
  const refuse = (problem: string, hint?: string): undefined => {
    const finding = { severity: 'critical', what: `${what} ${problem}`, path: what } as const;
    findings.add(hint === undefined ? finding : { ...finding, hint });
    return undefined;
  };
  try {
    const { note, checkpoint } = parseCheckpoint(bytes);
    const keys = [key, ...witnesses.map((witness) => witness.key)];
    const signed = await verifyNote(note, keys, verifier);
    if (!signed.includes(key))
      return refuse(
        `is not signed by ${key.name}+${key.id}`,
        'is this the key of this log? A log never changes its key without an entry that says so',
      );
    // Another log's checkpoint under this key: its operator runs several logs with one key.
    if (checkpoint.origin !== key.name)
      return refuse(`is of the log ${checkpoint.origin}, and the key is of ${key.name}`);
    for (const { key: claimed } of signatureClaims(note, keys))
      if (!signed.includes(claimed))
        findings.add({
          severity: 'low',
          what: `${what}: the cosignature of ${claimed.name} was not checked, since there is no ${algorithmOf(claimed.type)} here`,
        });
    const cosigners = witnesses.filter((witness) => signed.includes(witness.key));
    return { checkpoint, cosigners: new Set(cosigners.map(({ name }) => name)) };
  } catch (error) {
    return refuse(`could not be verified: ${reasonOf(error)}`);
  }
}
