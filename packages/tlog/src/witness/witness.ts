/**
 * A witness's side of c2sp.org/tlog-witness: it cosigns a log's checkpoint only where every one that it
 * cosigned before is a prefix of it. What it remembers is all that it is for: a store that forgets, or an
 * old copy of one that is put back, makes its word worthless.
 */
import { encodeUtf8, equal } from '../bytes.ts';
import { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
import { TlogError } from '../errors.ts';
import { emptyRoot } from '../merkle.ts';
import { formatNote, type Note } from '../note.ts';
import { verifyConsistency } from '../proof.ts';
import type { Sha256 } from '../sha256.ts';
import { type Verifier, verifyNote } from '../verify/note.ts';
import type { VerifierKey } from '../vkey.ts';
import { type AddCheckpoint, parseAddCheckpoint, SIZE_TYPE } from './add-checkpoint.ts';
import { type Cosigner, cosign } from './cosignature.ts';

/** The largest checkpoint of one log that was cosigned. */
export interface Witnessed {
  readonly size: bigint;
  readonly root: Uint8Array;
  /** Seconds since 1970 of the last cosignature, of this or any earlier checkpoint of the log. */
  readonly time: bigint;
  /** The log's own signatures and the witness's. */
  readonly note: Uint8Array;
}

/** Durable once `replace` returns. Shared by processes, so the swap is one step of the store's. */
export interface WitnessStore {
  get(origin: string): Witnessed | undefined;
  /** Compare size and root with `old` and swap; false where they differ. `undefined`: there was none. */
  replace(origin: string, old: Witnessed | undefined, next: Witnessed): boolean;
}

export interface WitnessOptions {
  readonly cosigner: Cosigner;
  /** The keys of each log that is witnessed, by origin. */
  readonly logs: ReadonlyMap<string, readonly VerifierKey[]>;
  readonly store: WitnessStore;
  /** Seconds since 1970. */
  readonly now: () => bigint;
  readonly verifier: Verifier;
  readonly sha256: Sha256;
}

/** An answer of HTTP; `body` ends in a newline. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: string;
  readonly body: string;
}

/** A race for one log is lost at most to another that won. */
const TRIES_MAX = 3;

/** Answers one add-checkpoint request; never throws for what stands in it. */
export async function addCheckpoint(
  body: Uint8Array,
  options: WitnessOptions,
): Promise<WitnessAnswer> {
  let request: AddCheckpoint;
  let note: Note;
  let checkpoint: Checkpoint;
  try {
    request = parseAddCheckpoint(body);
    ({ note, checkpoint } = parseCheckpoint(request.checkpoint));
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    return answer(400, error.message);
  }
  const keys = options.logs.get(checkpoint.origin);
  if (!keys) return answer(404, 'this log is not witnessed here');
  if (!(await isSigned(note, keys, options.verifier)))
    return answer(403, 'no signature of a key of this log holds');
  if (request.old > checkpoint.size)
    return answer(400, 'the old size is larger than that of the checkpoint');
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const kept = options.store.get(checkpoint.origin);
    const refusal = judge(request, checkpoint, kept, options.sha256);
    if (refusal) return refusal;
    const time = later(options.now(), kept?.time ?? 0n);
    const signature = cosign(note.text, time, options.cosigner);
    const lines = note.signatures.filter(({ name, id }) =>
      keys.some((key) => key.name === name && key.id === id),
    );
    const { size, root } = checkpoint;
    const next = {
      size,
      root,
      time,
      note: formatNote({ ...note, signatures: [...lines, signature] }),
    };
    // Before anybody sees the signature: one that is out and not remembered could be contradicted.
    if (!options.store.replace(checkpoint.origin, kept, next)) continue;
    const cosigned = formatNote({ text: note.text, signatures: [signature] });
    const line = new TextDecoder().decode(cosigned.subarray(encodeUtf8(note.text).length + 1));
    return { status: 200, type: 'text/plain; charset=utf-8', body: line };
  }
  return conflict(options.store.get(checkpoint.origin));
}

async function isSigned(
  note: Note,
  keys: readonly VerifierKey[],
  verifier: Verifier,
): Promise<boolean> {
  try {
    return (await verifyNote(note, keys, verifier)).length > 0;
  } catch (error) {
    if (error instanceof TlogError && error.code === 'NOTE_UNVERIFIED') return false;
    throw error;
  }
}

/** In the specification's order: 409 for another size, then 422 for what is not an extension of ours. */
function judge(
  { old, proof }: AddCheckpoint,
  { size, root }: Checkpoint,
  kept: Witnessed | undefined,
  sha256: Sha256,
): WitnessAnswer | undefined {
  if (old !== (kept?.size ?? 0n)) return conflict(kept);
  if (!kept || old === 0n) {
    if (proof.length > 0) return answer(422, 'a proof from size 0 has no hashes');
    const isRoot = size > 0n || equal(root, emptyRoot(sha256));
    return isRoot ? undefined : answer(422, 'an empty log has another root');
  }
  const problem = verifyConsistency(
    { from: old, fromRoot: kept.root, to: size, toRoot: root, proof },
    sha256,
  );
  return problem === undefined ? undefined : answer(422, problem);
}

/** Never before one that was issued, whatever the clock was set to. */
const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);

function conflict(kept: Witnessed | undefined): WitnessAnswer {
  return { status: 409, type: SIZE_TYPE, body: `${kept?.size ?? 0n}\n` };
}

function answer(status: 400 | 403 | 404 | 422, text: string): WitnessAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
