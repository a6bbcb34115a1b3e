import type { Json, OutcomeFields, ResourceUse } from '../entry/entry.ts';
import type { About, ClearValue } from '../entry/recorder.ts';
import type { Action, CedarRecord, Decision, Denial, Mode } from './decision.ts';
import type { PolicySet } from './policy-set.ts';

/** An action with everything that its entry says about it. */
export interface Act extends About {
  readonly action: Action;
  readonly target: string;
  readonly mode: Mode;
  readonly resources: readonly ResourceUse[];
  /** Template without literals; absent where the text does not parse. */
  readonly statement?: string;
  /** Literals, bind values, and the exact bytes at `/bytes`. */
  readonly values: readonly ClearValue[];
  readonly facts: Json;
  /** `meta` of the action's contexts. `history` in it is the guard's to fill. */
  readonly meta: CedarRecord;
}

export interface Decided {
  readonly decision: Decision;
  readonly decisionId: string;
  /** True where the action must not happen: not allowed, and the mode is `enforce`; or malformed in any mode. */
  readonly blocked: boolean;
  /** Set whenever `blocked` is. */
  readonly denial?: Denial;
  /** See Recorded: no effect, and no answer, before this has resolved. */
  readonly durable: Promise<number>;
}

/** The one place where policy and log meet. */
export interface Guard {
  /** Decides and hands the entry over in one synchronous step. Never throws; what fails is a deny. */
  decide(act: Act): Decided;
  /** Records what became of an allowed action; resolves when durable. */
  outcome(fields: Omit<OutcomeFields, 'kind'>, about: About): Promise<number>;
  /** Digest of the policy set in force; changes when a new one is swapped in. */
  readonly policySet: string;
  /** What would be decided, recording nothing: for explaining. */
  explain(action: Action): { readonly decision: Decision; readonly denial?: Denial };
  /**
   * Swaps the set at once: a decision is made by one set or the other, never by both. The old one is
   * closed. The `change` entry is the caller's, who knows who did it and why.
   */
  replace(next: PolicySet): void;
}
