/** What the daemon's API answers, as far as the pages show it. SPEC.md describes entries in full. */

export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };
export type Verdict = 'allow' | 'hold' | 'deny';

export interface Principal {
  readonly type: string;
  readonly id: string;
  readonly proof: string;
}

export interface Commitment {
  /** JSON pointer of what was committed to: `/literals/3`, `/binds/1`, `/bytes`. */
  readonly at: string;
  readonly hash: string;
}

export interface Part {
  readonly request: number;
  readonly code: string;
  readonly permits: readonly string[];
  readonly forbids: readonly string[];
  readonly errors: readonly { readonly policy: string; readonly message: string }[];
  readonly doubts?: readonly string[];
  readonly problem?: string;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly code: string;
  readonly determining: readonly string[];
  readonly mode: string;
  readonly enforced: boolean;
  readonly policySet: string;
  readonly entities: string;
  readonly engine: string;
  readonly parts: readonly Part[];
  readonly rejected?: string;
}

export interface OutcomeStatus {
  readonly status: string;
  readonly code?: string;
  readonly provisional?: boolean;
}

/** All kinds in one shape: what an entry of another kind has is absent. */
export interface Entry {
  readonly id: string;
  readonly kind: string;
  readonly time: string;
  readonly seq: number;
  readonly prev: string;
  readonly source: {
    readonly id: string;
    readonly type: string;
    readonly version: string;
    readonly epoch: number;
  };
  readonly session?: string;
  readonly principal?: Principal;
  readonly target?: string;
  readonly action?: string;
  readonly resources?: readonly {
    readonly action: string;
    readonly type: string;
    readonly id: string;
  }[];
  readonly statement?: string;
  readonly values?: readonly Commitment[];
  readonly facts?: { readonly [surface: string]: Json };
  readonly decision?: Decision;
  readonly outcome?: OutcomeStatus;
  readonly decisionId?: string;
  readonly event?: string;
  readonly result?: string;
  readonly code?: string;
  readonly what?: string;
  readonly how?: string;
  readonly why?: string;
  readonly before?: string;
  readonly after?: string;
  readonly refused?: string;
  readonly rule?: string;
  readonly message?: string;
  readonly severity?: string;
  readonly about?: readonly string[];
  readonly rows?: number;
  readonly step?: string;
}

export interface Outcome {
  readonly index: number;
  readonly time: string;
  readonly outcome: OutcomeStatus;
  readonly rows?: number;
  readonly bytes?: number;
  readonly durationUs: number;
  readonly transaction?: string;
}

/** How far entries have come; what is published is what can be verified. */
export interface Sizes {
  readonly size: number;
  readonly signedSize: number;
  /** Absent where the log has no witnesses. */
  readonly witnessedSize?: number;
}

export type EntryState = 'durable' | 'signed' | 'witnessed';

export const publishedSize = ({ signedSize, witnessedSize }: Sizes): number =>
  witnessedSize ?? signedSize;

export function stateOf(index: number, { signedSize, witnessedSize = 0 }: Sizes): EntryState {
  if (index < witnessedSize) return 'witnessed';
  return index < signedSize ? 'signed' : 'durable';
}

export interface View {
  readonly index: number;
  readonly state: EntryState;
  readonly entry: Entry;
  readonly outcome?: Outcome;
  /** The end of the transaction that settled the outcome. */
  readonly settled?: Outcome;
}

/** One entry with the exact text that was hashed. */
export interface Detail extends View {
  readonly text: string;
}

export interface Unreadable {
  readonly index: number;
  readonly reason: string;
}

export interface Page extends Sizes {
  readonly entries: readonly View[];
  readonly unreadable: readonly Unreadable[];
  readonly next?: number;
  readonly scanned: number;
  readonly bounded: boolean;
}

export interface Policy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly severity: string;
  readonly message: string;
  readonly hint: string;
  readonly unless?: string;
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

export interface PolicySet {
  readonly digest: string;
  readonly policies: readonly Policy[];
}

export interface Target {
  readonly name: string;
  readonly kind: string;
  readonly env: string;
  readonly mode: string | { readonly enforce: readonly string[] };
  readonly listen: { readonly host: string; readonly port: number };
}

export const modeOf = ({ mode }: Target): string =>
  typeof mode === 'string' ? mode : `enforce for ${mode.enforce.join(', ')}`;

export interface Status extends Sizes {
  readonly origin: string;
  readonly vkey: string;
  readonly checkpointAgeMs?: number;
  readonly durability: string;
  readonly policySet: string;
  readonly targets: readonly Target[];
  readonly findings: { readonly count: number; readonly since: number };
  readonly recovery: { readonly epoch: number; readonly rewritten: number };
  readonly scrubbed?: { readonly passes: number; readonly done: number; readonly size: number };
  readonly rollback: string;
  readonly failed?: string;
}

export interface Approval {
  readonly id: string;
  readonly state: 'pending' | 'approved' | 'denied' | 'expired' | 'used' | 'cancelled';
  readonly requestedBy: readonly string[];
  readonly target: string;
  readonly action: string;
  readonly statement?: string;
  readonly decisionId: string;
  readonly policy: string;
  readonly message?: string;
  readonly approvers: string;
  readonly quorum: number;
  readonly until?: string;
  readonly grants: readonly { readonly by: string; readonly reason: string }[];
  readonly ended?: { readonly by?: string; readonly reason?: string };
}

/** What became of somebody's yes or no. */
export type Ruled =
  | { readonly kind: 'done'; readonly request: Approval }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'denied';
      readonly denial: { readonly message: string; readonly hint: string };
    };

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> =>
  answerOf(path, signal ? { signal } : {});

export const post = <T>(path: string, body: Json): Promise<T> =>
  answerOf(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** The daemon's own words where it has some; otherwise what a person can do about it. */
async function answerOf<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new Error('The daemon does not answer. Is it running?');
  });
  if (response.ok) return (await response.json()) as T;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string };
  throw new Error(problem.detail ?? `The daemon answered ${response.status}.`);
}

export const reasonOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
