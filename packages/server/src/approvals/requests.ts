/**
 * Requests for approval and what became of them: a state machine over the `approval` entries of the log.
 * The daemon feeds it each step as it is recorded and a start feeds it the entries, so both come to the
 * same; a step that is not allowed where it stands changes nothing, whoever wrote it. Pure.
 */
import type { ApprovalFields } from '@sealrail/sdk';

export type State = 'pending' | 'approved' | 'denied' | 'expired' | 'used' | 'cancelled';
export type Asks = NonNullable<ApprovalFields['asks']>;

/** The one action under the one policy text that it is about: for anything else it counts for nothing. */
export interface Bound {
  readonly actionDigest: string;
  readonly policy: string;
  readonly policyText: string;
}

export interface ApprovalRequest extends Bound {
  readonly id: string;
  readonly asks: Asks;
  /** Whoever acts, and for whom, nearest first: `agent:bot-7`, `human:alice`. */
  readonly requestedBy: readonly string[];
  readonly askedMs: number;
  /** As the last step left it; `stateAt` knows what time did since. */
  readonly state: State;
  /** Until when it waits, when it is pending; until when it is good, when it is approved. */
  readonly untilMs: number;
  readonly grants: readonly Given[];
  /** What ended it. */
  readonly ended?: Ended;
}

export interface Given {
  /** Id of the entry. */
  readonly id: string;
  readonly by: string;
  readonly groups: readonly string[];
  readonly atMs: number;
  readonly reason: string;
}

export interface Ended {
  readonly atMs: number;
  readonly by?: string;
  readonly reason?: string;
  readonly decisionId?: string;
}

export type Step = { readonly request: string; readonly atMs: number } & (
  | (Bound & {
      readonly step: 'request';
      readonly asks: Asks;
      readonly requestedBy: readonly string[];
    })
  | {
      readonly step: 'grant' | 'refusal';
      /** Id of the entry. */
      readonly id: string;
      /** Id of the human, absent where it was none. */
      readonly by: string | undefined;
      readonly groups: readonly string[];
      readonly reason: string;
    }
  | { readonly step: 'use'; readonly decisionId: string }
  | { readonly step: 'expiry' }
  | { readonly step: 'cancel'; readonly by?: string; readonly reason: string }
);

/** Whatever `@ttl` says: an approval of last month is nobody's present will. */
export const APPROVED_MS_MAX = 7 * 86_400_000;
/** For so long a refusal answers the same action again, or whoever asks could flood who answers. */
export const REFUSAL_STANDS_MS = 3_600_000;
/** What is over and can still be looked at here; the log has all of it. */
export const FINISHED_MAX = 1_000;

export const isOpen = ({ state }: Pick<ApprovalRequest, 'state'>): boolean =>
  state === 'pending' || state === 'approved';

export function stateAt(request: ApprovalRequest, nowMs: number): State {
  return isOpen(request) && nowMs >= request.untilMs ? 'expired' : request.state;
}

export type Refusal =
  | 'not-pending'
  | 'not-a-person'
  | 'own-request'
  | 'not-an-approver'
  | 'granted-already';

/** Why this person's yes does not count; undefined where it does. */
export function grantRefusal(
  request: ApprovalRequest,
  { by, groups, atMs }: { by: string | undefined; groups: readonly string[]; atMs: number },
): Refusal | undefined {
  if (stateAt(request, atMs) !== 'pending') return 'not-pending';
  const unfit = unfitFor(request, by, groups);
  if (unfit) return unfit;
  return request.grants.some((given) => given.by === by) ? 'granted-already' : undefined;
}

/** Why this person's no does not count. An approval that nobody has used yet can be taken back by one. */
export function refusalRefusal(
  request: ApprovalRequest,
  { by, groups, atMs }: { by: string | undefined; groups: readonly string[]; atMs: number },
): Refusal | undefined {
  if (stateAt(request, atMs) !== 'pending' && stateAt(request, atMs) !== 'approved')
    return 'not-pending';
  return unfitFor(request, by, groups);
}

function unfitFor(
  { asks, requestedBy }: ApprovalRequest,
  by: string | undefined,
  groups: readonly string[],
): Refusal | undefined {
  if (by === undefined) return 'not-a-person';
  if (requestedBy.includes(`human:${by}`)) return 'own-request';
  return groups.includes(asks.approvers) ? undefined : 'not-an-approver';
}

const keyOf = ({ actionDigest, policy, policyText }: Bound): string =>
  `${actionDigest}\0${policy}\0${policyText}`;

export class Requests {
  readonly #byId = new Map<string, ApprovalRequest>();
  /** The last one of each action and policy. */
  readonly #byKey = new Map<string, string>();
  readonly #byGrant = new Map<string, string>();
  readonly #open = new Set<string>();

  get(id: string): ApprovalRequest | undefined {
    return this.#byId.get(id);
  }

  ofGrant(grant: string): ApprovalRequest | undefined {
    return this.#byId.get(this.#byGrant.get(grant) ?? '');
  }

  /** The one that answers for this action now; an expired, used or cancelled one answers for nothing. */
  standing(bound: Bound, nowMs: number): ApprovalRequest | undefined {
    const request = this.#byId.get(this.#byKey.get(keyOf(bound)) ?? '');
    if (request === undefined) return undefined;
    const state = stateAt(request, nowMs);
    if (state === 'denied') return nowMs < request.untilMs ? request : undefined;
    return state === 'pending' || state === 'approved' ? request : undefined;
  }

  /** Pending or approved as of the last step; time may have ended some of them. */
  open(): ApprovalRequest[] {
    return [...this.#open].flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Latest first. */
  all(): ApprovalRequest[] {
    return [...this.#byId.values()].sort(
      (a, b) => b.askedMs - a.askedMs || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
    );
  }

  /** False where the step is not allowed: then nothing has changed. */
  apply(step: Step): boolean {
    const next =
      step.step === 'request' ? this.#requested(step) : this.#after(this.get(step.request), step);
    if (next === undefined) return false;
    this.#byId.set(next.id, next);
    if (isOpen(next)) this.#open.add(next.id);
    else {
      this.#open.delete(next.id);
      this.#forget();
    }
    return true;
  }

  #requested(step: Extract<Step, { step: 'request' }>): ApprovalRequest | undefined {
    const { request: id, asks, requestedBy, atMs, actionDigest, policy, policyText } = step;
    const key = keyOf(step);
    if (this.#byId.has(id) || this.standing(step, atMs)) return undefined;
    this.#byKey.set(key, id);
    return {
      id,
      actionDigest,
      policy,
      policyText,
      asks,
      requestedBy,
      askedMs: atMs,
      state: 'pending',
      untilMs: asks.untilMs,
      grants: [],
    };
  }

  #after(
    request: ApprovalRequest | undefined,
    step: Exclude<Step, { step: 'request' }>,
  ): ApprovalRequest | undefined {
    if (request === undefined || !isOpen(request)) return undefined;
    const { atMs } = step;
    switch (step.step) {
      case 'grant':
        return this.#granted(request, step);
      case 'refusal': {
        const { by, reason } = step;
        if (refusalRefusal(request, step) || by === undefined) return undefined;
        const ended = { atMs, by, reason };
        return { ...request, state: 'denied', untilMs: atMs + REFUSAL_STANDS_MS, ended };
      }
      case 'use': {
        // The decision was made while it was good; its own entry may be a moment later.
        if (request.state !== 'approved') return undefined;
        return { ...request, state: 'used', ended: { atMs, decisionId: step.decisionId } };
      }
      case 'expiry':
        if (atMs < request.untilMs) return undefined;
        return { ...request, state: 'expired', ended: { atMs } };
      case 'cancel': {
        const { by, reason } = step;
        const ended = { atMs, reason, ...(by === undefined ? {} : { by }) };
        return { ...request, state: 'cancelled', ended };
      }
    }
  }

  #granted(
    request: ApprovalRequest,
    step: Extract<Step, { step: 'grant' | 'refusal' }>,
  ): ApprovalRequest | undefined {
    const { id, by, groups, atMs, reason } = step;
    if (grantRefusal(request, step) || by === undefined) return undefined;
    this.#byGrant.set(id, request.id);
    const grants = [...request.grants, { id, by, groups, atMs, reason }];
    if (grants.length < request.asks.quorum) return { ...request, grants };
    const untilMs = atMs + Math.min(request.asks.ttlMs, APPROVED_MS_MAX);
    return { ...request, state: 'approved', grants, untilMs };
  }

  /** The oldest of what is over, past the bound; a refusal that still answers may be among them. */
  #forget(): void {
    if (this.#byId.size - this.#open.size <= FINISHED_MAX) return;
    let oldest: ApprovalRequest | undefined;
    for (const one of this.#byId.values())
      if (!isOpen(one) && (oldest === undefined || endsBefore(one, oldest))) oldest = one;
    if (oldest === undefined) return;
    this.#byId.delete(oldest.id);
    for (const { id } of oldest.grants) this.#byGrant.delete(id);
    const key = keyOf(oldest);
    if (this.#byKey.get(key) === oldest.id) this.#byKey.delete(key);
  }
}

function endsBefore(a: ApprovalRequest, b: ApprovalRequest): boolean {
  const [one, other] = [a.ended?.atMs ?? 0, b.ended?.atMs ?? 0];
  return one === other ? a.id < b.id : one < other;
}
