/**
 * Somebody decides on a request: who they are is proved, the set in force decides on `approval.grant` as on
 * every other action, and only then it counts. What does not count leaves an outcome that says why.
 */
import { randomBytes } from 'node:crypto';
import { type Act, type Denial, EntityUid, type Guard } from '@sealrail/sdk';
import { type AuthenticationPorts, authenticate, type Credentials } from '../authenticate.ts';
import type { Config, User } from '../config/config.ts';
import { envOf, ownAct } from '../own-act.ts';
import type { ApprovalsStore, Ruled } from './approvals.ts';
import { type ApprovalRequest, stateAt } from './requests.ts';

export interface RulingRequest extends Credentials {
  readonly id: string;
  readonly ruling: 'approve' | 'deny';
  readonly reason: string;
}

export type RulingAnswer =
  | { readonly kind: 'not-authenticated' }
  | { readonly kind: 'unknown' }
  /** The policies in force do not let this person decide on requests. */
  | { readonly kind: 'denied'; readonly decisionId: string; readonly denial: Denial }
  | {
      readonly kind: 'refused';
      readonly decisionId: string;
      readonly why: Extract<Ruled, { kind: 'refused' }>['why'];
      readonly reason: string;
      readonly request: ApprovalRequest;
    }
  | {
      readonly kind: 'done';
      readonly decisionId: string;
      readonly request: ApprovalRequest;
    };

export interface RulingPorts extends AuthenticationPorts {
  /** The plain one: approving is not itself held for approval. */
  readonly guard: Guard;
  readonly approvals: ApprovalsStore;
  readonly config: () => Pick<Config, 'log' | 'targets'>;
}

const SESSION_BYTES = 8;

export async function decideRequest(
  asked: RulingRequest,
  ports: RulingPorts,
): Promise<RulingAnswer> {
  const user = await authenticate(asked, 'approval.grant', ports);
  if (user === undefined) return { kind: 'not-authenticated' };
  return ports.approvals.inTurn(() => decideInTurn(asked, user, ports));
}

async function decideInTurn(
  { id, ruling, reason }: RulingRequest,
  user: User,
  { guard, approvals, config }: RulingPorts,
): Promise<RulingAnswer> {
  const request = approvals.get(id);
  if (request === undefined) return { kind: 'unknown' };
  const startedMs = performance.now();
  const act = rulingAct({ request, ruling, user, config: config(), nowMs: approvals.nowMs() });
  const { denial, decisionId, durable } = guard.decide(act);
  await durable;
  if (denial) return { kind: 'denied', decisionId, denial };
  const outcome = (status: 'executed' | 'failed', code?: string): Promise<number> =>
    guard.outcome(
      {
        decisionId,
        outcome: { status, ...(code === undefined ? {} : { code }) },
        durationUs: Math.round((performance.now() - startedMs) * 1_000),
      },
      act,
    );
  const ruled =
    ruling === 'approve'
      ? await approvals.grant(id, user, reason)
      : await approvals.refuse(id, user, reason);
  if (ruled.kind === 'done') {
    await outcome('executed');
    return { kind: 'done', decisionId, request: ruled.request };
  }
  const { why } = ruled;
  await outcome('failed', why);
  // It may have changed while the decision went to the disk.
  const now = approvals.get(id) ?? request;
  const said = sayWhy(why, now, approvals.nowMs());
  return { kind: 'refused', decisionId, why, reason: said, request: now };
}

interface RulingFacts {
  readonly request: ApprovalRequest;
  readonly ruling: RulingRequest['ruling'];
  readonly user: User;
  readonly config: Pick<Config, 'log' | 'targets'>;
  readonly nowMs: number;
}

function rulingAct({ request, ruling, user, config, nowMs }: RulingFacts): Act {
  const target = config.targets.find(({ name }) => name === request.asks.target);
  return ownAct({
    action: 'approval.grant',
    user,
    resource: new EntityUid('ApprovalRequest', request.id),
    env: target?.env ?? envOf(config),
    facts: { approval: { ruling, request: request.id, policy: request.policy } },
    session: `approval-${randomBytes(SESSION_BYTES).toString('hex')}`,
    nowMs,
  });
}

function sayWhy(
  why: Extract<Ruled, { kind: 'refused' }>['why'],
  request: ApprovalRequest,
  nowMs: number,
): string {
  const { asks, ended, policy } = request;
  switch (why) {
    case 'not-a-person':
      return 'only people decide on requests';
    case 'own-request':
      return 'nobody approves what is done by them, for them, or at their own asking';
    case 'not-an-approver':
      return `only members of ${asks.approvers} decide on this`;
    case 'granted-already':
      return `you have approved it already; it takes ${asks.quorum} different people`;
    case 'policy-changed':
      return `policy ${policy} is not what it was when this was asked`;
    case 'not-pending': {
      const state = stateAt(request, nowMs);
      const by = ended?.by === undefined ? '' : ` by ${ended.by}`;
      const because = ended?.reason === undefined ? '' : `: ${ended.reason}`;
      return state === 'approved'
        ? `it is approved already, by ${request.grants.map((one) => one.by).join(' and ')}`
        : `it is ${state} already${by}${because}`;
    }
  }
}
