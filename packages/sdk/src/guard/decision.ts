/** The words of decision.md as types: what is decided on, and what comes out. */
import type { CedarRecord, Entities, Entity, EntityUid, Value } from '@sealrail/cedar';

export type { CedarRecord, Entity } from '@sealrail/cedar';
export { EntityUid } from '@sealrail/cedar';

export const VERDICTS = ['allow', 'hold', 'deny'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** From worst to best, as decision.md orders them. */
export type Code =
  | 'rejected'
  | 'not-understood'
  | 'policy-error'
  | 'forbidden'
  | 'no-permit'
  | 'over-limit'
  | 'needs-approval'
  | 'allowed';

export type Mode = 'observe' | 'enforce';

/** A Cedar value: sets are arrays, records are objects, entities and extension values are classes. */
export type CedarValue = Value;

/** One question to the policies. */
export interface Request {
  readonly principal: EntityUid;
  readonly action: string;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
}

/** What somebody is about to do: at least one request, all of one principal. */
export interface Action {
  readonly requests: readonly Request[];
  /** Every entity that a request names, and all their ancestors. The same list again costs nothing again. */
  readonly entities: readonly Entity[];
  /** Set when the bytes were malformed: the decision is `rejected` before any policy is asked. */
  readonly rejected?: string;
  /** What to do instead, where that is not to send a well-formed message. */
  readonly rejectedHint?: string;
}

export type Obligation =
  | {
      readonly kind: 'mask';
      readonly resource: EntityUid;
      readonly classes: readonly string[];
      readonly detect: readonly string[];
      readonly method: MaskMethod;
      readonly policy: string;
    }
  | {
      readonly kind: 'limit';
      readonly resource: EntityUid;
      readonly rows?: number;
      readonly bytes?: number;
      readonly policy: string;
    }
  | {
      readonly kind: 'taint';
      readonly labels: readonly string[];
      readonly ttlMs: number;
      readonly policy: string;
    };

/** What a forbid's `@unless` asks for: "forbidden unless Sealrail does this". */
export type Condition =
  | {
      readonly kind: 'approved';
      /** Id of a Group. */
      readonly approvers: string;
      readonly quorum: number;
      readonly ttlMs: number;
    }
  | {
      readonly kind: 'within-rate';
      readonly limit: number;
      readonly windowMs: number;
      /** A Cedar expression over the request; absent: 1. */
      readonly cost?: string;
    }
  | {
      readonly kind: 'masked';
      readonly classes: readonly string[];
      readonly detect: readonly string[];
      readonly method: MaskMethod;
    }
  | { readonly kind: 'limited'; readonly rows?: number; readonly bytes?: number }
  | { readonly kind: 'tainted'; readonly labels: readonly string[]; readonly ttlMs: number };
export type ConditionKind = Condition['kind'];
export type MaskMethod = 'null' | 'constant' | 'hash' | 'partial';

/** What an allowed action takes of a rate, in the same step as its decision. */
export interface Reservation {
  readonly policy: string;
  /** Whose: `agent:bot-7`. Never a session. */
  readonly key: string;
  readonly cost: number;
  readonly windowMs: number;
}

export interface PolicyError {
  readonly policy: string;
  readonly message: string;
}

/** What the policies said about one request of the action. */
export interface Part {
  /** Index into the action's requests. */
  readonly request: number;
  readonly code: Code;
  readonly permits: readonly string[];
  readonly forbids: readonly string[];
  readonly errors: readonly PolicyError[];
  /** With `not-understood`: every doubt that a parser or resolver had, and what else was missing. */
  readonly doubts?: readonly string[];
  readonly problem?: string;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly code: Code;
  readonly parts: readonly Part[];
  /** Ids of the policies that made it so; empty for `no-permit`, `rejected` and `not-understood`. */
  readonly determining: readonly string[];
  readonly obligations: readonly Obligation[];
  /** Ids of the policies that hold the action until somebody approves. */
  readonly holds: readonly string[];
  /** What it takes of rates; empty unless it is allowed. */
  readonly reserve: readonly Reservation[];
  /** Ids of the grants that it uses up; empty unless it is allowed. */
  readonly uses: readonly string[];
  /** With `over-limit`: when the same action would be within its rates again; absent where it never is. */
  readonly retryAfterMs?: number;
  /** SHA-256 of the policy set's and the entities' canonical form, lowercase hex. */
  readonly policySet: string;
  readonly entities: string;
  /** Name and version of the engine: `sealrail-cedar/0.1.0`. */
  readonly engine: string;
  readonly mode: Mode;
  readonly shadow?: Shadow;
}

/** What would have been decided with the shadow policies as well. */
export interface Shadow {
  readonly verdict: Verdict;
  readonly code: Code;
  readonly determining: readonly string[];
}

/** A policy as its annotations describe it; ids are unique in a set. */
export interface PolicyInfo {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly severity: 'info' | 'low' | 'medium' | 'high' | 'critical';
  readonly message: string;
  readonly hint: string;
  readonly condition?: Condition;
  /** True where it reads `context.meta.history`: a denial by it must not count in that history. */
  readonly readsHistory: boolean;
  /** Every annotation as written, for the conditions' parameters. */
  readonly annotations: Readonly<Record<string, string>>;
  /** File and 1-based line that it stands at. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** SHA-256 of the text's tokens, lowercase hex: a grant holds for this text and no later one. */
  readonly textDigest: string;
}

/** What a Cedar engine answers for one request. Ids only; all satisfied policies of both effects. */
export interface Evaluation {
  readonly permits: readonly string[];
  readonly forbids: readonly string[];
  readonly errors: readonly PolicyError[];
  /** Of each satisfied forbid with a `cost`; a text says why it has none. */
  readonly costs?: ReadonlyMap<string, number | bigint | string>;
  /** Set where the request or an entity does not validate against the schema. */
  readonly invalid?: string;
}

/** Entities as an engine holds them; `invalid` says why it does not. */
export interface PreparedEntities {
  readonly entities?: Entities;
  readonly invalid?: string;
}

/**
 * A Cedar engine over one loaded policy set. Pure: the same request and entities give the same answer.
 * Never throws for what a request holds; an engine that fails answers with `invalid`.
 */
export interface Engine {
  readonly name: string;
  prepare(entities: readonly Entity[]): PreparedEntities;
  evaluate(request: Request, entities: PreparedEntities): Evaluation;
  /** Lets go of the policies; every request is answered with `invalid` from then on. */
  close(): void;
}

/** What whoever is stopped gets to see; each surface renders it in its own error form. */
export interface Denial {
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
  readonly decisionId: string;
  /** The first determining policy; absent where no policy decided. */
  readonly policy?: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** Where the entry can be looked at. */
  readonly docs?: string;
  /** With `needs-approval`: ids of the requests that people were asked by. */
  readonly requests?: readonly string[];
  /** Where those people answer. */
  readonly answerAt?: string;
}
