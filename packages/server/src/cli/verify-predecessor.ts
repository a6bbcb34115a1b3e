/** From a log to the one that it succeeds: what its first entry says has to be true of the other's files. */
import { decodeUtf8, directorySource, encodeUtf8, hashing, verifySignature } from '@sealrail/tlog';
import { type Report, type VerifyFinding, verifyTree } from '@sealrail/tlog/verify';

export interface Predecessor {
  readonly folder: string;
  /** From whoever vouches for it: the log that follows does not say whom to trust. */
  readonly vkey: string;
}

export interface Succeeded {
  readonly findings: readonly VerifyFinding[];
  /** In words, what was checked. */
  readonly against: string;
}

/** `first` is the first entry of the log that follows, where its files have one. */
export async function verifyPredecessor(
  { folder, vkey }: Predecessor,
  first: Uint8Array | undefined,
  onProgress: (done: number, size: number) => void,
): Promise<Succeeded> {
  const succeeds = successionIn(first);
  if (succeeds === undefined) {
    const what = 'the first entry names no log that this one succeeds';
    return { findings: [{ severity: 'critical', what, index: 0 }], against: '' };
  }
  const report = await verifyTree({
    source: directorySource(folder),
    vkey,
    verifier: verifySignature,
    hashing,
    held: [encodeUtf8(succeeds.checkpoint)],
    onProgress,
  });
  const findings = report.findings.map((finding) => ({
    ...finding,
    what: `in the log before: ${finding.what}`,
  }));
  const missing = succeeds.missing === 'no' ? '' : ` (entries missing there: ${succeeds.missing})`;
  const against = `succeeds ${report.origin ?? ''} at ${succeeds.size}${missing}`;
  return { findings, against };
}

export function withPredecessor(report: Report, { findings, against }: Succeeded): Report {
  const ok = report.ok && findings.every(({ severity }) => severity === 'low');
  const all = against === '' ? report.against : `${report.against}, ${against}`;
  return { ...report, ok, against: all, findings: [...findings, ...report.findings] };
}

interface Succession {
  readonly checkpoint: string;
  readonly size: string;
  readonly missing: string;
}

/** Entries come from whoever wrote the log: what does not look like a succession is none. */
function successionIn(first: Uint8Array | undefined): Succession | undefined {
  try {
    const entry = JSON.parse(decodeUtf8(first ?? new Uint8Array()) ?? '') as {
      succeeds?: Partial<Record<keyof Succession, unknown>>;
    };
    const { checkpoint, size, missing } = entry.succeeds ?? {};
    if (typeof checkpoint !== 'string' || typeof missing !== 'string') return undefined;
    return typeof size === 'string' ? { checkpoint, size, missing } : undefined;
  } catch {
    return undefined;
  }
}
