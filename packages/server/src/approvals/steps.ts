/** Entries of the log → steps of the state machine. Pure. */
import type { ApprovalFields, Common, Entry } from '@sealrail/sdk';
import type { Requests, Step } from './requests.ts';

type Recorded = Pick<Common, 'id' | 'principal' | 'onBehalfOf'> & ApprovalFields;

/** The step of an `approval` entry; undefined where it lacks what its step needs. */
export function stepOf(entry: Recorded, atMs: number): Step | undefined {
  const { request, principal, reason = '' } = entry;
  const by = principal?.type === 'human' ? principal.id : undefined;
  switch (entry.step) {
    case 'request': {
      const { actionDigest, policy, policyText, asks } = entry;
      // Without an end it would wait for ever.
      if (typeof asks?.untilMs !== 'number') return undefined;
      const requestedBy = requestersOf(entry);
      const bound = { actionDigest, policy, policyText };
      return { step: 'request', request, atMs, ...bound, asks, requestedBy };
    }
    case 'grant':
    case 'refusal': {
      const { id, step, groups = [] } = entry;
      return { step, request, atMs, id, by, groups, reason };
    }
    case 'use':
      return { step: 'use', request, atMs, decisionId: entry.decisionId ?? '' };
    case 'expiry':
      return { step: 'expiry', request, atMs };
    case 'cancel':
      return { step: 'cancel', request, atMs, reason, ...(by === undefined ? {} : { by }) };
  }
}

/** `agent:bot-7`, `human:alice`: as the guard names the people of an action. */
export function requestersOf({
  principal,
  onBehalfOf = [],
}: Pick<Common, 'principal' | 'onBehalfOf'>): string[] {
  const all = principal ? [principal, ...onBehalfOf] : onBehalfOf;
  return all.map(({ type, id }) => `${type}:${id}`);
}

/** Entries of a log in their order, as steps. */
export class StepsOfLog {
  readonly requests: Requests;
  /** Of decisions that used grants: a crash may have come between such a one and the entry that says so. */
  #unsaid: Extract<Step, { step: 'use' }>[] = [];

  constructor(requests: Requests) {
    this.requests = requests;
  }

  add(entry: Entry): void {
    const atMs = Date.parse(entry.time);
    if (entry.kind === 'approval') this.#approval(entry, atMs);
    else if (entry.kind === 'decision') {
      const grants = entry.decision?.uses ?? [];
      const used = new Set(grants.flatMap((grant) => this.requests.ofGrant(grant)?.id ?? []));
      for (const request of used)
        this.#unsaid.push({ step: 'use', request, atMs, decisionId: entry.id });
    }
  }

  /** What no entry came for any more. */
  end(): void {
    for (const step of this.#unsaid.splice(0)) this.requests.apply(step);
  }

  #approval(entry: Recorded, atMs: number): void {
    const step = stepOf(entry, atMs);
    if (step?.step === 'use') {
      const { request, decisionId } = step;
      this.#unsaid = this.#unsaid.filter(
        (one) => one.request !== request || one.decisionId !== decisionId,
      );
    } else this.end();
    if (step) this.requests.apply(step);
  }
}
