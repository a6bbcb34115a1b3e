/**
 * Who was asked to approve what, and who said yes: the guard's port to it, and what the surfaces and the
 * API do with it. The log is the truth; this is what its `approval` entries say, kept at hand.
 *
 * What gives somebody power (a grant, a request that can be granted) counts once its entry is durable;
 * what takes power away (a refusal, a use, a cancellation) counts at once, and may only be lost together
 * with the daemon. Either way the order in which steps count is the order of their entries, so that a
 * rebuild comes to the same.
 */
import {
  type About,
  type Act,
  type ApprovalFields,
  type Approvals,
  type Decision,
  digestAction,
  type Grant,
  type PolicyInfo,
  type Recorded,
  type Recorder,
} from '@sealrail/sdk';
import type { User } from '../config/config.ts';
import {
  type ApprovalRequest,
  type Bound,
  grantRefusal,
  type Refusal,
  type Requests,
  refusalRefusal,
  stateAt,
} from './requests.ts';
import { requestersOf, stepOf } from './steps.ts';

/** Nobody can be asked for longer; whoever still wants it asks again. */
export const PENDING_MS_MAX = 86_400_000;
/** Open requests (pending, or approved and unused) of one principal, and of all together. */
export const OPEN_PER_PRINCIPAL_MAX = 20;
export const OPEN_MAX = 1_000;
/** Of a statement's template: enough to see what is asked for; its decision's entry has the whole. */
export const STATEMENT_CHARACTERS_MAX = 1_000;

export interface ApprovalsOptions {
  readonly recorder: Recorder;
  /** As a start rebuilt them from the log. */
  readonly requests: Requests;
  /** The guard's: what it names actions by. */
  readonly digestKey: Uint8Array;
  /** Of the set in force. */
  readonly policy: (id: string) => PolicyInfo | undefined;
  readonly users: () => readonly User[];
  /** Takes milliseconds since 1970. */
  readonly newId: (unixMs: number) => string;
}

/** How one policy's hold of an action stands. */
export type Held =
  | { readonly kind: 'pending'; readonly request: ApprovalRequest }
  | { readonly kind: 'denied'; readonly request: ApprovalRequest }
  /** Nothing was asked: as much is open as may be. */
  | { readonly kind: 'full'; readonly policy: string; readonly reason: string };

export interface Holding {
  readonly held: readonly Held[];
  /** Nobody is told of a request before this has resolved. */
  readonly durable: Promise<unknown>;
}

export type Ruled =
  | { readonly kind: 'done'; readonly request: ApprovalRequest }
  | { readonly kind: 'refused'; readonly why: Refusal | 'policy-changed' };

/** A request whose entry is on its way to the disk. */
interface Arriving {
  readonly request: ApprovalRequest;
  readonly durable: Promise<unknown>;
}

export class ApprovalsStore implements Approvals {
  readonly #options: ApprovalsOptions;
  readonly #requests: Requests;
  readonly #arriving = new Map<string, Arriving>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ApprovalsOptions) {
    this.#options = options;
    this.#requests = options.requests;
  }

  // ---------------------------------------------------------------- the guard's port

  grants(act: Act, policy: PolicyInfo, actionDigest: () => string): readonly Grant[] {
    const [requester] = requestersOf(act);
    const nowMs = this.#nowMs();
    const candidates = this.#requests
      .open()
      .filter(
        (one) =>
          stateAt(one, nowMs) === 'approved' &&
          one.policy === policy.id &&
          one.requestedBy[0] === requester,
      );
    // A digest costs more than a decision, and most held actions have nothing to compare it with.
    if (candidates.length === 0) return [];
    const digest = actionDigest();
    return candidates.flatMap((one) =>
      one.actionDigest === digest ? this.#grantsOf(one, policy) : [],
    );
  }

  #grantsOf(request: ApprovalRequest, policy: PolicyInfo): Grant[] {
    const { actionDigest, policyText, requestedBy, untilMs } = request;
    return request.grants.map(({ id, by, groups }) => {
      // Whoever has left the group by now, or is not there any more, has no say any more.
      const now = this.#groupsOf(by);
      return {
        id,
        actionDigest,
        policy: policy.id,
        policyText,
        by,
        groups: groups.filter((group) => now.includes(group)),
        requestedBy,
        untilMs,
        used: false,
      };
    });
  }

  /**
   * In the middle of a decision: it counts at once, and its entry follows that of the decision. An
   * approval that is used stays used, even if the action is not carried out after all.
   */
  used(grants: readonly string[], decisionId: string): void {
    const requests = new Set(grants.flatMap((id) => this.#requests.ofGrant(id) ?? []));
    for (const request of requests) this.#now(request, { step: 'use', decisionId }, {});
  }

  // ---------------------------------------------------------------- what is held

  /** Asks for what a held action needs, where that is not asked for already. In one synchronous step. */
  hold(act: Act, decision: Decision, decisionId: string): Holding {
    const actionDigest = digestAction(act, this.#options.digestKey);
    const pending: Promise<unknown>[] = [];
    const held = decision.holds.flatMap((id): Held[] => {
      const policy = this.#options.policy(id);
      if (policy?.condition?.kind !== 'approved') return [];
      const bound = { actionDigest, policy: id, policyText: policy.textDigest };
      const standing = this.#requests.standing(bound, this.#nowMs());
      if (standing?.state === 'pending') return [{ kind: 'pending', request: standing }];
      if (standing?.state === 'denied') return [{ kind: 'denied', request: standing }];
      const key = keyOf(bound);
      const arriving = this.#arriving.get(key);
      if (arriving) {
        pending.push(arriving.durable);
        return [{ kind: 'pending', request: arriving.request }];
      }
      // Approved, and yet it does not let the action through: by people who have no say any more.
      if (standing) {
        const reason = 'who granted it has no say in this any more';
        this.#now(standing, { step: 'cancel', reason }, {});
      }
      const reason = this.#fullFor(act);
      if (reason !== undefined) return [{ kind: 'full', policy: id, reason }];
      const at = decision.parts.find(({ forbids }) => forbids.includes(id))?.request ?? 0;
      const action = act.action.requests[at]?.action ?? '';
      const asked = this.#ask({ act, action, policy, bound, decisionId });
      this.#arriving.set(key, asked);
      const gone = (): void => void this.#arriving.delete(key);
      asked.durable.then(gone, gone);
      pending.push(asked.durable);
      return [{ kind: 'pending', request: asked.request }];
    });
    return { held, durable: Promise.all(pending) };
  }

  #fullFor(act: Act): string | undefined {
    const [requester = ''] = requestersOf(act);
    const arriving = [...this.#arriving.values()].map(({ request }) => request);
    const nowMs = this.#nowMs();
    const open = [...this.#requests.open(), ...arriving].filter(
      (one) => stateAt(one, nowMs) !== 'expired',
    );
    const own = open.filter(({ requestedBy }) => requestedBy[0] === requester).length;
    if (own >= OPEN_PER_PRINCIPAL_MAX)
      return `${OPEN_PER_PRINCIPAL_MAX} requests of ${requester} are open already`;
    return open.length >= OPEN_MAX ? `${OPEN_MAX} requests are open already` : undefined;
  }

  #ask({ act, action, policy, bound, decisionId }: Asking): Arriving {
    const { newId } = this.#options;
    const nowMs = this.#nowMs();
    const { condition } = policy;
    if (condition?.kind !== 'approved') throw new Error('only an approval can be asked for');
    const { approvers, quorum, ttlMs } = condition;
    const request = newId(nowMs);
    const { statement } = act;
    const fields: ApprovalFields = {
      kind: 'approval',
      step: 'request',
      request,
      ...bound,
      asks: {
        decisionId,
        target: act.target,
        action,
        ...(statement === undefined ? {} : { statement: cut(statement) }),
        approvers,
        quorum,
        ttlMs,
        untilMs: nowMs + PENDING_MS_MAX,
      },
    };
    const about = aboutOf(act);
    const recorded = this.#record(fields, about);
    const made = requestOf(fields, about, recorded);
    return { request: made, durable: this.#whenDurable(fields, about, recorded) };
  }

  // ---------------------------------------------------------------- who decides

  get(id: string): ApprovalRequest | undefined {
    return this.#requests.get(id);
  }

  /** Latest first. */
  all(): ApprovalRequest[] {
    return this.#requests.all();
  }

  nowMs(): number {
    return this.#nowMs();
  }

  /** One after the other: of two people who decide at once, the second one decides on what the first left. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const acted = this.#turn.then(act);
    this.#turn = acted.catch(() => undefined);
    return acted;
  }

  /** Within a turn. Whoever it is has been authenticated, and the policies let them. */
  async grant(id: string, user: User, reason: string): Promise<Ruled> {
    const request = this.get(id);
    if (request === undefined) return { kind: 'refused', why: 'not-pending' };
    const about = principalOf(user);
    const atMs = this.#nowMs();
    const by = humanOf(user);
    const unfit = grantRefusal(request, { by, groups: user.groups, atMs });
    const isChanged = unfit !== 'not-pending' && this.#isOutdated(request);
    const why = isChanged ? 'policy-changed' : unfit;
    if (why) return { kind: 'refused', why };
    const fields = { ...fieldsOf(request, 'grant'), reason, groups: countingGroups(request, user) };
    await this.#whenDurable(fields, about, this.#record(fields, about));
    return { kind: 'done', request: this.get(request.id) ?? request };
  }

  /** Within a turn. Of whoever asked it is a withdrawal. */
  async refuse(id: string, user: User, reason: string): Promise<Ruled> {
    const request = this.get(id);
    if (request === undefined) return { kind: 'refused', why: 'not-pending' };
    const atMs = this.#nowMs();
    const by = humanOf(user);
    const why = refusalRefusal(request, { by, groups: user.groups, atMs });
    if (why && !isWithdrawal(request, user, why)) return { kind: 'refused', why };
    const fields = why
      ? ({ step: 'cancel', reason } as const)
      : ({ step: 'refusal', reason, groups: countingGroups(request, user) } as const);
    await this.#now(request, fields, principalOf(user));
    return { kind: 'done', request: this.get(request.id) ?? request };
  }

  #isOutdated({ policy, policyText }: ApprovalRequest): boolean {
    return this.#options.policy(policy)?.textDigest !== policyText;
  }

  // ---------------------------------------------------------------- what time and policies do

  /** Writes down what time has ended. Resolves when that is durable. */
  sweep(): Promise<unknown> {
    return this.inTurn(() => Promise.all(this.#expireNow()));
  }

  /** What was asked for under other words than those in force now is void. */
  policiesChanged(): Promise<unknown> {
    return this.inTurn(() =>
      Promise.all(
        this.#requests
          .open()
          .filter((one) => stateAt(one, this.#nowMs()) !== 'expired' && this.#isOutdated(one))
          .map((one) => {
            const reason = `policy ${one.policy} is not what it was`;
            return this.#now(one, { step: 'cancel', reason }, {});
          }),
      ),
    );
  }

  /** Within a turn, so that it never overtakes a grant that is on its way to the disk. */
  #expireNow(): Promise<unknown>[] {
    const nowMs = this.#nowMs();
    const overdue = this.#requests.open().filter((one) => stateAt(one, nowMs) === 'expired');
    return overdue.map((one) => this.#now(one, { step: 'expiry' }, {}));
  }

  // ---------------------------------------------------------------- entries

  #record(fields: ApprovalFields, about: About): Recorded {
    return this.#options.recorder.record(fields, about);
  }

  async #whenDurable(fields: ApprovalFields, about: About, recorded: Recorded): Promise<void> {
    await recorded.durable;
    this.#apply(fields, about, recorded);
  }

  /** Counts at once, in the order of the entries. */
  #now(
    request: ApprovalRequest,
    more: Pick<ApprovalFields, 'step'> & Partial<ApprovalFields>,
    about: About,
  ): Promise<number> {
    const fields = { ...fieldsOf(request, more.step), ...more };
    const recorded = this.#record(fields, about);
    this.#apply(fields, about, recorded);
    recorded.durable.catch(() => undefined);
    return recorded.durable;
  }

  #apply(fields: ApprovalFields, about: About, { id, atMs }: Recorded): void {
    const step = stepOf({ id, ...about, ...fields }, atMs);
    if (step) this.#requests.apply(step);
  }

  #groupsOf(name: string): readonly string[] {
    const user = this.#options.users().find((one) => one.name === name && one.type === 'human');
    return user?.groups ?? [];
  }

  /** The clock that entries take their time from. */
  #nowMs(): number {
    return Number(this.#options.recorder.clock() / 1000n);
  }
}

interface Asking {
  readonly act: Act;
  /** The one of its requests that the policy holds. */
  readonly action: string;
  readonly policy: PolicyInfo;
  readonly bound: Bound;
  readonly decisionId: string;
}

const keyOf = ({ actionDigest, policy, policyText }: Bound): string =>
  `${actionDigest} ${policyText} ${policy}`;

const fieldsOf = (
  { id, actionDigest, policy, policyText }: ApprovalRequest,
  step: ApprovalFields['step'],
): ApprovalFields => ({ kind: 'approval', step, request: id, actionDigest, policy, policyText });

/** As it will be once its entry is durable. */
function requestOf(fields: ApprovalFields, about: About, { id, atMs }: Recorded): ApprovalRequest {
  const step = stepOf({ id, ...about, ...fields }, atMs);
  if (step?.step !== 'request') throw new Error('a request without what it asks for');
  const { request, atMs: askedMs, step: _, ...rest } = step;
  const untilMs = step.asks.untilMs;
  return { ...rest, id: request, askedMs, state: 'pending', untilMs, grants: [] };
}

const aboutOf = ({ session, principal, onBehalfOf }: About): About => ({
  ...(session === undefined ? {} : { session }),
  ...(principal ? { principal } : {}),
  ...(onBehalfOf ? { onBehalfOf } : {}),
});

const principalOf = ({ type, name }: User): About => ({
  principal: { type, id: name, proof: 'scram' },
});

/** Others say nothing about this, and an entry must stay small. */
const countingGroups = ({ asks }: ApprovalRequest, { groups }: User): string[] =>
  groups.filter((group) => group === asks.approvers);

const humanOf = ({ type, name }: User): string | undefined => (type === 'human' ? name : undefined);

/** Whoever asked, and nobody it was asked for: a person must not be able to stop others by their name. */
const isWithdrawal = ({ requestedBy }: ApprovalRequest, user: User, why: Refusal): boolean =>
  why !== 'not-pending' && requestedBy.includes(`${user.type}:${user.name}`);

const cut = (text: string): string =>
  text.length > STATEMENT_CHARACTERS_MAX ? `${text.slice(0, STATEMENT_CHARACTERS_MAX - 1)}…` : text;
