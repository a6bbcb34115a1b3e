/** A request as the API shows it: as `sealrail approvals ls` and the console have it. Pure. */
import type { PolicyInfo } from '@sealrail/sdk';
import { type ApprovalRequest, type State, stateAt } from './requests.ts';

export interface ApprovalView {
  readonly id: string;
  readonly state: State;
  readonly requestedBy: readonly string[];
  readonly target: string;
  readonly action: string;
  readonly statement?: string;
  /** The decision that held it: its entry has everything else that is known of the action. */
  readonly decisionId: string;
  readonly actionDigest: string;
  readonly policy: string;
  /** Of the policy, where it is still the one that this was asked under. */
  readonly message?: string;
  readonly severity?: PolicyInfo['severity'];
  readonly approvers: string;
  readonly quorum: number;
  readonly ttlMs: number;
  /** RFC 3339, like all times here. */
  readonly asked: string;
  /** Until when it waits, when it is pending; until when it is good, when it is approved. */
  readonly until?: string;
  readonly grants: readonly { readonly by: string; readonly at: string; readonly reason: string }[];
  readonly ended?: {
    readonly at: string;
    readonly by?: string;
    readonly reason?: string;
    readonly decisionId?: string;
  };
}

export function viewOf(
  request: ApprovalRequest,
  nowMs: number,
  policy: PolicyInfo | undefined,
): ApprovalView {
  const { id, requestedBy, asks, actionDigest, untilMs, grants, ended, askedMs } = request;
  const { target, action, statement, decisionId, approvers, quorum, ttlMs } = asks;
  const state = stateAt(request, nowMs);
  const isSame = policy?.textDigest === request.policyText;
  return {
    id,
    state,
    requestedBy,
    target,
    action,
    ...(statement === undefined ? {} : { statement }),
    decisionId,
    actionDigest,
    policy: request.policy,
    ...(policy && isSame ? { message: policy.message, severity: policy.severity } : {}),
    approvers,
    quorum,
    ttlMs,
    asked: timeOf(askedMs),
    ...(state === 'pending' || state === 'approved' ? { until: timeOf(untilMs) } : {}),
    grants: grants.map(({ by, atMs, reason }) => ({ by, at: timeOf(atMs), reason })),
    ...(ended ? { ended: endedView(ended) } : {}),
  };
}

function endedView({
  atMs,
  ...rest
}: NonNullable<ApprovalRequest['ended']>): NonNullable<ApprovalView['ended']> {
  return { at: timeOf(atMs), ...rest };
}

const timeOf = (ms: number): string => new Date(ms).toISOString();
