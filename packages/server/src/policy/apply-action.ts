/** `policy.apply` as an action that the policies in force are asked about. Pure. */
import {
  type Act,
  type CedarRecord,
  type Entity,
  EntityUid,
  jsonOf,
  type PolicySet,
} from '@sealrail/sdk';
import type { Config, User } from '../config/config.ts';
import { metaOf } from '../gateway/postgres/action.ts';
import type { SetChanges } from './set-changes.ts';

/** The target under which the daemon's own administration stands in the log. */
export const OWN_TARGET = 'sealrail';
export const PRINCIPAL_TYPES = { human: 'Human', service: 'Service', agent: 'Agent' } as const;

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
  const principal = new EntityUid(PRINCIPAL_TYPES[user.type], user.name);
  const resource = new EntityUid('PolicySet', config.log.origin);
  const meta = metaOf({ session, nowMs, text: '' });
  const change = changeOf(facts, principal);
  const action = 'policy.apply';
  return {
    action: {
      requests: [{ principal, action, resource, context: { meta, change } }],
      entities: ownEntities(user, { principal, resource, env: envOf(config) }),
    },
    target: OWN_TARGET,
    // Whoever watches a database only does not want its guardrails changed by anybody.
    mode: 'enforce',
    session,
    principal: { type: user.type, id: user.name, proof: 'scram' },
    resources: [{ action, type: resource.type, id: resource.id }],
    values: [],
    facts: { change: jsonOf(change) },
    meta,
  };
}

function changeOf(
  { user, before, after, changes, rollback, testsPassed }: ApplyFacts,
  principal: EntityUid,
): CedarRecord {
  return {
    doubts: [],
    fields: changes.changes.map(({ id }) => id),
    digest: after.digest,
    rollback,
    diffLines: linesOf(before, changes) + linesOf(after, changes),
    testsPassed,
    // Nobody signs or reviews a set on its way here: what is not known to be so is not so.
    signed: false,
    authors: user.type === 'human' ? [principal] : [],
    reviewers: [],
    reviewedByOther: false,
    loosens: changes.loosens,
  };
}

function linesOf({ byId }: PolicySet, { changes }: SetChanges): number {
  const texts = changes.map(({ id }) => byId.get(id)?.text);
  return texts.reduce((sum, text) => sum + (text === undefined ? 0 : text.split('\n').length), 0);
}

const ENVS = ['prod', 'staging', 'test', 'dev'] as const;

/** One set decides for every target: it belongs where most is at stake. */
export const envOf = ({ targets }: ApplyFacts['config']): string =>
  ENVS.find((env) => targets.some((target) => target.env === env)) ?? 'prod';

/** Of an action of the daemon's own: who acts, and what on. */
export function ownEntities(
  user: User,
  { principal, resource, env }: { principal: EntityUid; resource: EntityUid; env: string },
): readonly Entity[] {
  const parents = [
    ...user.groups.map((id) => new EntityUid('Group', id)),
    ...user.roles.map((id) => new EntityUid('Role', id)),
  ];
  const attrs: Entity['attrs'] = user.type === 'agent' ? { trust: 0 } : {};
  return [
    { uid: principal, attrs, parents },
    ...parents.map((uid) => ({ uid, attrs: {}, parents: [] })),
    { uid: resource, attrs: {}, parents: [new EntityUid('Env', env)] },
  ];
}
