/** Verifies one entry from its receipt alone: entry → leaf → root → signature. */
import { equal, toBase64 } from '../bytes.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { leafHash } from '../merkle.ts';
import { verifyInclusion } from '../proof.ts';
import { parseReceipt, type Receipt } from '../receipt.ts';
import { sha256 as pureSha256, type Sha256 } from '../sha256.ts';
import { AGAINST_NOTHING, Findings, joinAgainst, type Report, reasonOf } from './report.ts';
import { logKey, readCheckpoint, readCosigned, type Trust } from './trust.ts';

export interface VerifyReceiptOptions extends Trust {
  /** The bytes of a .tlog-proof file. */
  readonly receipt: Uint8Array;
  /** Faster where the platform has one: Node's `sha256` of @sealrail/tlog. */
  readonly sha256?: Sha256;
  /** The entry's exact bytes, where the receipt does not carry them or the caller has their own. */
  readonly entry?: Uint8Array;
}

export interface ReceiptReport extends Report {
  readonly index?: bigint;
  /**
   * The bytes that the proof authenticates: absent unless `ok`, so that nobody shows what was not
   * proved.
   */
  readonly entry?: Uint8Array;
}

/** Throws KEY_MALFORMED for the caller's own key; everything else is a finding. */
export async function verifyReceipt(options: VerifyReceiptOptions): Promise<ReceiptReport> {
  const sha256 = options.sha256 ?? pureSha256;
  const trust = { key: logKey(options.vkey, sha256), verifier: options.verifier };
  const findings = new Findings();
  let receipt: Receipt;
  try {
    receipt = parseReceipt(options.receipt);
  } catch (error) {
    findings.add({ severity: 'critical', what: reasonOf(error) });
    return findings.report({ entries: 0, rootMatches: false, against: AGAINST_NOTHING });
  }
  const entry = options.entry ?? receipt.extra;
  if (!entry)
    findings.add({
      severity: 'critical',
      what: 'the receipt carries no entry and none was given',
      hint: 'pass the exact bytes of the entry: --entry FILE',
    });
  else if (receipt.extra && !equal(entry, receipt.extra))
    findings.add({
      severity: 'critical',
      what: 'the receipt carries another entry than the one that was given',
    });
  const of = 'the checkpoint in the receipt';
  const { policy } = options;
  const read = await readCosigned(receipt.checkpoint, of, { ...trust, policy }, findings);
  if (!read) return findings.report({ entries: 0, rootMatches: false, against: AGAINST_NOTHING });
  const { checkpoint, cosigned } = read;
  const rootMatches =
    entry !== undefined && checkInclusion(receipt, entry, checkpoint, sha256, findings);
  const against = joinAgainst(cosigned, await checkHeld(options, trust, checkpoint, findings));
  const report = findings.report({
    size: checkpoint.size,
    root: toBase64(checkpoint.root),
    origin: checkpoint.origin,
    entries: entry ? 1 : 0,
    rootMatches,
    against,
    index: receipt.index,
  });
  return report.ok && entry ? { ...report, entry } : report;
}

function checkInclusion(
  { index, proof }: Receipt,
  entry: Uint8Array,
  { size, root }: Checkpoint,
  sha256: Sha256,
  findings: Findings,
): boolean {
  const leaf = leafHash(entry, sha256);
  const problem = verifyInclusion({ index, size, leaf, root, proof }, sha256);
  if (problem)
    findings.add({
      severity: 'critical',
      what: `the entry is not number ${index} of the ${size} that were signed: ${problem}`,
      hint: 'the entry, the index or the proof was altered, or they do not belong together',
    });
  return problem === undefined;
}

async function checkHeld(
  { held = [] }: Trust,
  trust: Parameters<typeof readCheckpoint>[2],
  checkpoint: Checkpoint,
  findings: Findings,
): Promise<string | undefined> {
  let against: string | undefined;
  for (const [at, note] of held.entries()) {
    const one = await readCheckpoint(note, `your checkpoint ${at + 1}`, trust, findings);
    if (!one) continue;
    if (one.size !== checkpoint.size)
      findings.add({
        severity: 'high',
        what: `your checkpoint of ${one.size} entries cannot be compared with the receipt's of ${checkpoint.size}`,
        hint: 'a receipt holds no consistency proof: verify the log itself against your checkpoint',
      });
    else if (equal(one.root, checkpoint.root))
      against = `consistent with your checkpoint at ${one.size}`;
    else
      findings.add({
        severity: 'critical',
        what: `your checkpoint of ${one.size} entries has another root: there are two histories`,
      });
  }
  return against;
}
