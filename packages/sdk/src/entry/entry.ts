/**
 * The shape of an entry: SPEC.md describes it, DESIGN section 7 settles it. Canonical JSON (RFC 8785):
 * objects, arrays, strings, booleans and integers within ±(2^53−1); no floats, no null. Nothing is ever
 * removed or renamed here; a reader ignores fields that it does not know.
 */
import type { Code, Decision, Mode, Reservation, Shadow } from '../guard/decision.ts';
import type { LoggedInputs } from '../guard/inputs.ts';

export const ENTRY_VERSION = 1;
/** Also the C2SP entry bundle's bound: u16 length. */
export const ENTRY_BYTES_MAX = 65_535;

/** What can stand in an entry. */
export type Json =
  | string
  | number
  | boolean
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** Who acts. `proof` says how the caller was authenticated (Proof of the schema). */
export interface Principal {
  readonly type: 'human' | 'service' | 'agent';
  readonly id: string;
  readonly proof: 'mtls' | 'scram' | 'token' | 'spiffe' | 'session' | 'none';
}

export interface Delegation {
  readonly type: Principal['type'];
  readonly id: string;
  readonly proved: boolean;
}

/** Who wrote the entry: a gateway process, a hook, the daemon itself. */
export interface Source {
  readonly id: string;
  readonly type: string;
  readonly version: string;
  /** Rises with every start of this source. */
  readonly epoch: number;
}

/** Fields that every entry has. */
export interface Common {
  readonly v: typeof ENTRY_VERSION;
  /** UUIDv7. */
  readonly id: string;
  /** RFC 3339 in UTC with microseconds. */
  readonly time: string;
  readonly source: Source;
  /** 0 for a source's first entry of an epoch, then one more each. */
  readonly seq: number;
  /** Leaf hash of the source's previous entry, across epochs, lowercase hex; 64 zeros before the very first. */
  readonly prev: string;
  readonly session?: string;
  readonly principal?: Principal;
  readonly onBehalfOf?: readonly Delegation[];
  /** W3C traceparent. */
  readonly trace?: string;
  /** Members that were too large to stand here; each leaves an empty value of its own type behind. */
  readonly payloads?: readonly Payload[];
}

/** A member of the entry that stands in the side store, on disk before the entry was appended. */
export interface Payload {
  /** JSON pointer into the entry: `/facts`, `/decision/parts`. */
  readonly at: string;
  /** SHA-256 of the member's canonical text, lowercase hex: the name of the blob that holds it. */
  readonly digest: string;
  readonly bytes: number;
}

/**
 * One value that does not stand in clear. `hash` is a commitment (log-design.md, Privacy), lowercase hex;
 * salt and clear value are in the side store under (entry id, at). `at` is a JSON pointer: `/literals/3`,
 * `/binds/1`, `/statement`, `/bytes`; or `/values`, where there are too many to commit to each: then the
 * clear value is the canonical text of `[[at, value], …]`.
 */
export interface Commitment {
  readonly at: string;
  readonly hash: string;
}

/** A resource that the action touches, with the action on it and what is known of the access. */
export interface ResourceUse {
  readonly action: string;
  readonly type: string;
  readonly id: string;
  readonly access?: Json;
}

export interface DecisionFields {
  readonly kind: 'decision';
  readonly target: string;
  /** The action that decided: of several requests the one with the worst code. */
  readonly action: string;
  readonly resources: readonly ResourceUse[];
  /** Literals and bind values replaced by `$n`; absent where the text does not parse (then it is committed whole). */
  readonly statement?: string;
  readonly values: readonly Commitment[];
  /** By surface: `{ sql: … }`. Kinds and names, never values. */
  readonly facts: Json;
  /** `context.meta` as it was given to the policies. */
  readonly meta: Json;
  readonly decision: LoggedDecision;
}

/** The decision as logged: what a recomputation must give again, and the mode it was made under. */
export type LoggedDecision = Pick<
  Decision,
  'verdict' | 'code' | 'determining' | 'policySet' | 'entities' | 'engine'
> & {
  readonly mode: Mode;
  /** False where mode is `observe` and the verdict was not carried out. */
  readonly enforced: boolean;
  readonly parts: Json;
  readonly obligations?: Json;
  readonly holds?: readonly string[];
  readonly retryAfterMs?: number;
  /** What it took of rates and of grants. */
  readonly reserve?: readonly Reservation[];
  readonly uses?: readonly string[];
  /** Clock, counters and grants as they were read; absent in entries of before they were recorded. */
  readonly inputs?: LoggedInputs;
  /** True of a denial that the history leaves out: every policy that made it so reads history or is a rate. */
  readonly uncounted?: boolean;
  /** Why the bytes were malformed, where they were. */
  readonly rejected?: string;
};

export interface OutcomeFields {
  readonly kind: 'outcome';
  /** Of the decision that it belongs to; for a transaction's end, that of the statement that ended it. */
  readonly decisionId: string;
  readonly outcome: {
    readonly status: 'executed' | 'failed' | 'skipped' | 'unknown' | 'committed' | 'rolled_back';
    /** The surface's own code: SQLSTATE, HTTP status. Never a message text. */
    readonly code?: string;
    /** True while a transaction is open: settled by the entry of the transaction's end. */
    readonly provisional?: boolean;
    /** False with `skipped` where it is proved that nothing of it reached the target. */
    readonly dispatched?: boolean;
  };
  /** Id shared by every outcome of one transaction. */
  readonly transaction?: string;
  /** On the end of a transaction: how many provisional outcomes it settles. */
  readonly settles?: number;
  readonly rows?: number;
  readonly bytes?: number;
  readonly durationUs: number;
  /** What of the decision's obligations was carried out on the result: counts, never values. */
  readonly obligations?: {
    readonly masked?: { readonly columns: number; readonly values: number };
    /** What was shown before the result was cut; absent where it was not. */
    readonly limited?: { readonly rows: number; readonly bytes: number };
  };
}

export interface ChangeFields {
  readonly kind: 'change';
  readonly what: 'policy-set' | 'configuration' | 'key' | 'mode' | 'retention' | 'erasure' | 'log';
  readonly subject: string;
  /** Digests, lowercase hex; '' for none. */
  readonly before: string;
  readonly after: string;
  readonly why: string;
  readonly refused?: string;
  /** In the first entry of a log that follows another one, which ended or was lost. */
  readonly succeeds?: {
    readonly origin: string;
    readonly vkey: string;
    /** Decimal, as in the checkpoint. */
    readonly size: string;
    /** Lowercase hex. */
    readonly root: string;
    /** Its last known checkpoint, verbatim. */
    readonly checkpoint: string;
    /** Whether entries of it are known to be missing. */
    readonly missing: 'no' | 'yes' | 'unknown';
  };
}

export interface ApprovalFields {
  readonly kind: 'approval';
  readonly step: 'request' | 'grant' | 'refusal' | 'expiry' | 'use' | 'cancel';
  readonly request: string;
  readonly actionDigest: string;
  readonly policy: string;
  readonly policyText: string;
  readonly reason?: string;
  /** On `request`. */
  readonly asks?: {
    /** The decision that held the action. */
    readonly decisionId: string;
    readonly target: string;
    readonly action: string;
    /** Template without literals, cut where it is long. */
    readonly statement?: string;
    /** Id of a Group, and how many of it have to say yes. */
    readonly approvers: string;
    readonly quorum: number;
    /** For how long the approval is good, from the last yes on. */
    readonly ttlMs: number;
    /** Milliseconds since 1970: from then on it is not waited any more. */
    readonly untilMs: number;
  };
  /** On `grant` and `refusal`: the groups of whoever said so. */
  readonly groups?: readonly string[];
  /** On `use`: the decision that the approval let through. */
  readonly decisionId?: string;
}

export interface FindingFields {
  readonly kind: 'finding';
  readonly rule: string;
  readonly severity: 'info' | 'low' | 'medium' | 'high' | 'critical';
  readonly message: string;
  /** Ids of the entries that it is about. */
  readonly about: readonly string[];
  /** With rule `shadow`: what would have been decided with the shadow policies as well. */
  readonly shadow?: LoggedShadow;
}

export interface LoggedShadow extends Shadow {
  /** Digest of the set of all of them, enforced and shadow. */
  readonly policySet: string;
  /** Decisions before this one that there was no time to look at. */
  readonly passedOver?: number;
}

export interface AccessFields {
  readonly kind: 'access';
  readonly how: 'stream' | 'search' | 'read' | 'receipt' | 'export' | 'reveal';
  readonly what: string;
}

export interface SessionFields {
  readonly kind: 'session';
  /** `kill`: the principal had the session that `client` names ended; written before it is. */
  readonly event: 'start' | 'end' | 'authentication' | 'kill';
  readonly target: string;
  readonly client: Json;
  readonly result: 'ok' | 'refused';
  /** SQLSTATE of a refusal or of the end. */
  readonly code?: string;
  /** On `end`: counts, so that a lost tail shows. */
  readonly counts?: { readonly decisions: number; readonly outcomes: number };
}

export interface SystemFields {
  readonly kind: 'system';
  readonly event: 'start' | 'stop' | 'heartbeat' | 'degraded' | 'recovered' | 'coverage';
  readonly detail: Json;
}

export type EntryFields =
  | DecisionFields
  | OutcomeFields
  | ChangeFields
  | ApprovalFields
  | FindingFields
  | AccessFields
  | SessionFields
  | SystemFields;

export type Entry = Common & EntryFields;
export type EntryKind = EntryFields['kind'];
export const ENTRY_KINDS = [
  'decision',
  'outcome',
  'change',
  'approval',
  'finding',
  'access',
  'session',
  'system',
] as const satisfies readonly EntryKind[];

/** The codes in which `deny` may be logged; kept beside the shape so that both change together. */
export type { Code };
