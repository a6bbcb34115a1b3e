/**
 * A receipt, step by step: what verify.html shows. The last word is `verifyReceipt`'s, which the command
 * line uses as well; the steps say how it comes to that. Pure but for the signature's check.
 */
import {
  leafHash,
  parseCheckpoint,
  parseReceipt,
  parseVkey,
  type Receipt,
  sha256,
  toBase64,
  toHex,
  type Verifier,
  verifyInclusion,
  verifyNote,
  verifyReceipt,
} from '@sealrail/tlog/verify';
import type { Step } from './verify-entry.ts';

export interface Given {
  readonly receipt: Uint8Array;
  readonly vkey: string;
  readonly entry?: Uint8Array;
  readonly held?: Uint8Array;
}

export interface Verification {
  readonly verified: boolean;
  readonly steps: readonly Step[];
  /** Absent unless verified, so that nobody shows what was not proved. */
  readonly entry?: Uint8Array;
  readonly index?: bigint;
  readonly size?: bigint;
  readonly origin?: string;
  readonly against?: string;
}

/** Never throws: what cannot be read is a step that failed. */
export async function verifyGiven(given: Given, verifier: Verifier): Promise<Verification> {
  const steps: Step[] = [];
  try {
    await walk(given, verifier, steps);
  } catch (error) {
    steps.push(step(false, 'Reading', `${reasonOf(error)}.`));
  }
  if (steps.some(({ ok }) => !ok)) return { verified: false, steps };
  const { receipt, vkey, entry, held } = given;
  const report = await verifyReceipt({
    receipt,
    vkey,
    verifier,
    sha256,
    ...(entry ? { entry } : {}),
    ...(held ? { held: [held] } : {}),
  });
  for (const { severity, what } of report.findings) {
    steps.push(step(severity === 'low', 'Finding', `${what}.`));
  }
  if (!report.ok || !report.entry) return { verified: false, steps };
  const { index, size, origin, against } = report;
  return {
    verified: true,
    steps,
    entry: report.entry,
    against,
    ...(index === undefined ? {} : { index }),
    ...(size === undefined ? {} : { size }),
    ...(origin === undefined ? {} : { origin }),
  };
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

const step = (
  ok: boolean,
  title: string,
  found: string,
  evidence: Step['evidence'] = [],
): Step => ({ ok, title, found, evidence });

/** Stops where going on would mean to guess. */
async function walk(given: Given, verifier: Verifier, steps: Step[]): Promise<void> {
  const receipt = readOr(steps, 'Receipt', () => parseReceipt(given.receipt));
  if (!receipt) return;
  const carried = receipt.extra
    ? `carries the entry, ${receipt.extra.length} bytes`
    : 'does not carry the entry';
  const { index, proof } = receipt;
  const hashes = `${proof.length} ${proof.length === 1 ? 'hash' : 'hashes'}`;
  steps.push(step(true, 'Receipt', `A tlog-proof of entry ${index}: ${hashes}; it ${carried}.`));

  const key = readOr(steps, 'Public key', () => parseVkey(given.vkey, sha256));
  if (!key) return;
  steps.push(step(true, 'Public key', `An Ed25519 key of ${key.name}.`, [['key id', key.id]]));

  const { note, checkpoint } = parseCheckpoint(receipt.checkpoint);
  const { size, root, origin } = checkpoint;
  const signed = await verifyNote(note, [key], verifier).catch(reasonOf);
  const problem =
    typeof signed === 'string'
      ? `${signed}.`
      : signed.length === 0
        ? `The checkpoint in the receipt is not signed by ${key.name}+${key.id}.`
        : origin === key.name
          ? undefined
          : `The checkpoint is of the log ${origin}, and the key is of ${key.name}.`;
  const found = problem ?? `The signature over ${size} entries holds.`;
  steps.push(
    step(problem === undefined, 'Signed checkpoint', found, [['signed root', toBase64(root)]]),
  );
  if (problem === undefined) climb(given, receipt, { size, root }, steps);
}

function climb(
  given: Given,
  receipt: Receipt,
  { size, root }: { readonly size: bigint; readonly root: Uint8Array },
  steps: Step[],
): void {
  const entry = given.entry ?? receipt.extra;
  if (!entry) {
    const found = 'The receipt carries no entry and none was given: add the file of the entry.';
    steps.push(step(false, 'Leaf hash', found));
    return;
  }
  const leaf = leafHash(entry, sha256);
  const source = given.entry ? 'the file that you gave' : 'the entry in the receipt';
  steps.push(
    step(true, 'Leaf hash', `SHA-256 of a zero byte and ${source}.`, [['leaf', toHex(leaf)]]),
  );
  const { index, proof } = receipt;
  const problem = verifyInclusion({ index, size, leaf, root, proof }, sha256);
  const found = problem
    ? `The entry is not number ${index} of the ${size} that were signed: ${problem}. The entry, the index or the proof was altered, or they do not belong together.`
    : `The hashes lead from the leaf to the signed root: this is entry ${index} of ${size}.`;
  steps.push(step(problem === undefined, 'Path to the root', found, [['root', toBase64(root)]]));
}

function readOr<T>(steps: Step[], title: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    steps.push(step(false, title, `${reasonOf(error)}.`));
    return undefined;
  }
}
