/** `policy.apply` as an action that the policies in force are asked about. Pure. */
import { type Act, type CedarRecord, EntityUid, jsonOf, type PolicySet } from '@sealrail/sdk';
import type { Config, User } from '../config/config.ts';
import { envOf, ownAct } from '../own-act.ts';
import { principalOf } from '../principal.ts';
import type { SetChanges } from './set-changes.ts';

export interface ApplyFacts {
  readonly user: User;
  readonly config: Pick<Config, 'log' | 'targets'>;
  readonly before: PolicySet;
  readonly after: PolicySet;
  readonly changes: SetChanges;
  /** The candidate was in force before. */
  readonly rollback: boolean;
  /** Every case beside the candidate holds, and there is at least one. */
  readonly testsPassed: boolean;
  readonly session: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export function applyAct(facts: ApplyFacts): Act {
  const { user, config, session, nowMs } = facts;
  const change = changeOf(facts);
  return ownAct({
    action: 'policy.apply',
    user,
    resource: new EntityUid('PolicySet', config.log.origin),
    env: envOf(config),
    context: { change },
    facts: { change: jsonOf(change) },
    session,
    nowMs,
  });
}

function changeOf({
  user,
  before,
  after,
  changes,
  rollback,
  testsPassed,
}: ApplyFacts): CedarRecord {
  return {
    doubts: [],
    fields: changes.changes.map(({ id }) => id),
    digest: after.digest,
    rollback,
    diffLines: linesOf(before, changes) + linesOf(after, changes),
    testsPassed,
    // Nobody signs or reviews a set on its way here: what is not known to be so is not so.
    signed: false,
    authors: user.type === 'human' ? [principalOf(user)] : [],
    reviewers: [],
    reviewedByOther: false,
    loosens: changes.loosens,
  };
}

function linesOf({ byId }: PolicySet, { changes }: SetChanges): number {
  const texts = changes.map(({ id }) => byId.get(id)?.text);
  return texts.reduce((sum, text) => sum + (text === undefined ? 0 : text.split('\n').length), 0);
}
