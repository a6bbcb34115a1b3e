/** Which grants let a held action through (decision.md, rule 5, approved). Pure. */
import type { Condition, PolicyInfo } from './decision.ts';

/** A person's yes to one exact action under one exact policy. */
export interface Grant {
  readonly id: string;
  readonly actionDigest: string;
  readonly policy: string;
  /** Digest of the policy's text as it was when the grant was given. */
  readonly policyText: string;
  /** Id of the human who gave it. */
  readonly by: string;
  /** The groups of that human. */
  readonly groups: readonly string[];
  /** Who asked for it and for whom: `agent:bot-7`, `human:alice`. */
  readonly requestedBy: readonly string[];
  /** Milliseconds since 1970; from then on it is void. */
  readonly untilMs: number;
  readonly used: boolean;
}

export interface ApprovalInputs {
  readonly nowMs: number;
  /** Asked for only where a grant could matter. */
  actionDigest(): string;
  /** The principal and everybody in its chain: `agent:bot-7`, `human:alice`. */
  readonly people: readonly string[];
  /** What there is for this action and policy; nothing of it is believed unseen. */
  grants(policy: PolicyInfo): readonly Grant[];
}

type Approved = Extract<Condition, { kind: 'approved' }>;

/**
 * Ids of exactly as many grants as the quorum asks for, each of another person; undefined where there are
 * too few. The first by id count, so that the order in which a store has them changes nothing.
 */
export function grantsThatApprove(
  policy: PolicyInfo,
  condition: Approved,
  approval: ApprovalInputs,
): string[] | undefined {
  const offered = approval.grants(policy);
  // The digest of an action costs more than the decision: most held actions have nothing to compare it with.
  if (offered.length < condition.quorum) return undefined;
  const actionDigest = approval.actionDigest();
  const byPerson = new Map<string, Grant>();
  for (const grant of offered) {
    const holds =
      grant.actionDigest === actionDigest &&
      grant.policy === policy.id &&
      grant.policyText === policy.textDigest &&
      grant.groups.includes(condition.approvers) &&
      grant.untilMs > approval.nowMs &&
      !grant.used;
    const person = `human:${grant.by}`;
    // Nobody approves what is done by them, for them, or at their own asking.
    const isParty = approval.people.includes(person) || grant.requestedBy.includes(person);
    if (!holds || isParty) continue;
    const known = byPerson.get(person);
    if (known === undefined || grant.id < known.id) byPerson.set(person, grant);
  }
  if (byPerson.size < condition.quorum) return undefined;
  const ids = [...byPerson.values()].map(({ id }) => id).sort();
  return ids.slice(0, condition.quorum);
}
