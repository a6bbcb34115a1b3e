/** Verifies one entry from its receipt alone: entry → leaf → root → signature. */
import { equal, toBase64 } from '../bytes.ts';
import { leafHash } from '../merkle.ts';
import type { Verifier } from '../note.ts';
import { verifyInclusion } from '../proof.ts';
import { parseReceipt, type Receipt } from '../receipt.ts';
import type { Sha256 } from '../sha256.ts';
import type { VerifierKey } from '../vkey.ts';
import { Findings, type Report } from './report.ts';
import { readCheckpoint } from './tree.ts';

export interface VerifyReceiptOptions {
  readonly receipt: Uint8Array;
  readonly key: VerifierKey;
  readonly verifier: Verifier;
  readonly sha256: Sha256;
  /** The entry's exact bytes, where the receipt does not carry them or the caller has their own. */
  readonly entry?: Uint8Array;
  /** Checkpoints that the caller kept; one of the receipt's size must have its root. */
  readonly held?: readonly Uint8Array[];
}

export interface ReceiptReport extends Report {
  readonly index?: bigint;
  /** The bytes that the proof authenticates; only meaningful where `ok`. */
  readonly entry?: Uint8Array;
}

export async function verifyReceipt(options: VerifyReceiptOptions): Promise<ReceiptReport> {
  const findings = new Findings();
  let receipt: Receipt;
  try {
    receipt = parseReceipt(options.receipt);
  } catch (error) {
    findings.add({
      severity: 'critical',
      what: error instanceof Error ? error.message : String(error),
    });
    return findings.report({ entries: 0, against: 'nothing' });
  }
  const entry = options.entry ?? receipt.extra;
  if (!entry) {
    findings.add({
      severity: 'critical',
      what: 'the receipt carries no entry and none was given',
      hint: 'pass it with --entry FILE',
    });
  } else if (options.entry && receipt.extra && !equal(options.entry, receipt.extra)) {
    findings.add({
      severity: 'critical',
      what: 'the receipt is of another entry than the one that was given',
    });
  }
  const checkpoint = await readCheckpoint(
    receipt.checkpoint,
    'the checkpoint in the receipt',
    options,
    findings,
  );
  if (entry && checkpoint) {
    const problem = verifyInclusion(
      {
        index: receipt.index,
        size: checkpoint.size,
        leaf: leafHash(entry, options.sha256),
        root: checkpoint.root,
        proof: receipt.proof,
      },
      options.sha256,
    );
    if (problem)
      findings.add({
        severity: 'critical',
        what: `entry ${receipt.index} is not in the tree of the checkpoint: ${problem}`,
      });
  }
  let against = 'self-consistent only';
  for (const [at, note] of (options.held ?? []).entries()) {
    const one = await readCheckpoint(note, `your checkpoint ${at + 1}`, options, findings);
    if (!one || one.size !== checkpoint?.size) continue;
    if (equal(one.root, checkpoint.root))
      against = `consistent with your checkpoint at ${one.size}`;
    else
      findings.add({
        severity: 'critical',
        what: `your checkpoint of ${one.size} entries has another root: two histories`,
      });
  }
  return findings.report({
    entries: entry ? 1 : 0,
    against,
    ...(checkpoint
      ? { size: checkpoint.size, root: toBase64(checkpoint.root), origin: checkpoint.origin }
      : {}),
    ...(entry ? { entry } : {}),
    index: receipt.index,
  });
}
