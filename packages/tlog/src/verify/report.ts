/** What verifying found. Everything wrong is reported, worst first, up to a bound. */

export type Severity = 'critical' | 'high' | 'low';

export interface VerifyFinding {
  readonly severity: Severity;
  /** One sentence that names the file or the entry. */
  readonly what: string;
  readonly path?: string;
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
  readonly findings: readonly VerifyFinding[];
  /** Findings past FINDINGS_MAX, by number only. */
  readonly more: number;
  /** What it was checked against: "self-consistent only" is never tamper-proof. */
  readonly against: string;
}

export const FINDINGS_MAX = 100;
const ORDER: readonly Severity[] = ['critical', 'high', 'low'];

export class Findings {
  readonly #found: VerifyFinding[] = [];
  #count = 0;
  #failed = false;

  add(finding: VerifyFinding): void {
    this.#count++;
    if (finding.severity !== 'low') this.#failed = true;
    if (this.#found.length < FINDINGS_MAX) this.#found.push(finding);
  }

  get ok(): boolean {
    return !this.#failed;
  }

  report<T extends Omit<Report, 'ok' | 'findings' | 'more'>>(rest: T): T & Report {
    const findings = [...this.#found].sort(
      (a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity),
    );
    return { ok: this.ok, findings, more: this.#count - findings.length, ...rest };
  }
}
