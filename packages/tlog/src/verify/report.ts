/** What verifying found. Everything wrong is reported, worst first, up to a bound. */

export type Severity = 'critical' | 'high' | 'low';

export interface VerifyFinding {
  /** `low` is worth knowing and no failure; everything else is one. */
  readonly severity: Severity;
  /** One sentence that names the file or the entry. */
  readonly what: string;
  readonly path?: string;
  /** Of the entry, or of the first of several. */
  readonly index?: number;
  readonly hint?: string;
}

export interface Report {
  readonly ok: boolean;
  /** Of the checkpoint that it was checked against; absent where there is none to speak of. */
  readonly size?: bigint;
  /** Base64, as in the checkpoint. */
  readonly root?: string;
  readonly origin?: string;
  /** Entries whose leaves were hashed. */
  readonly entries: number;
  /** Whether the files, or the receipt's proof, lead to the root that was signed. */
  readonly rootMatches: boolean;
  readonly findings: readonly VerifyFinding[];
  /** Findings past FINDINGS_MAX of a severity, by number only. */
  readonly more: number;
  /** What it was checked against: "self-consistent only" is never tamper-proof. */
  readonly against: string;
}

const SELF_CONSISTENT = 'self-consistent only';

/** What somebody else vouches for, witnesses first. */
export function joinAgainst(...against: readonly (string | undefined)[]): string {
  return against.filter((one) => one !== undefined).join(', ') || SELF_CONSISTENT;
}

export const AGAINST_NOTHING = 'nothing: there is no checkpoint to check against';

/** Of each severity, so that a thousand small findings cannot push a grave one out of sight. */
export const FINDINGS_MAX = 100;

const WORST_FIRST: readonly Severity[] = ['critical', 'high', 'low'];

export class Findings {
  readonly #found: Record<Severity, VerifyFinding[]> = { critical: [], high: [], low: [] };
  #more = 0;

  add(finding: VerifyFinding): void {
    const kept = this.#found[finding.severity];
    if (kept.length < FINDINGS_MAX) kept.push(finding);
    else this.#more++;
  }

  report<T extends Omit<Report, 'ok' | 'findings' | 'more'>>(rest: T): T & Report {
    const { critical, high } = this.#found;
    return {
      ok: critical.length === 0 && high.length === 0,
      findings: WORST_FIRST.flatMap((severity) => this.#found[severity]),
      more: this.#more,
      ...rest,
    };
  }
}

export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
