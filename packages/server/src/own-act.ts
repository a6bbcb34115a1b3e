/** An action of the daemon's own administration, as the policies in force are asked about it. Pure. */
import { type Act, type CedarRecord, EntityUid, type Json } from '@sealrail/sdk';
import type { Config, User } from './config/config.ts';
import { metaOf } from './gateway/postgres/action.ts';
import { principalEntities, principalOf } from './principal.ts';

/** The target under which the daemon's own administration stands in the log. */
export const OWN_TARGET = 'sealrail';

export interface OwnActOptions {
  readonly action: 'policy.apply' | 'approval.grant';
  readonly user: User;
  readonly resource: EntityUid;
  /** Where the resource belongs. */
  readonly env: string;
  /** Of the request, beside `meta`. */
  readonly context?: CedarRecord;
  /** What the entry records of it. */
  readonly facts: Readonly<Record<string, Json>>;
  readonly session: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export function ownAct(options: OwnActOptions): Act {
  const { action, user, resource, env, context, facts, session, nowMs } = options;
  const principal = principalOf(user);
  const meta = metaOf({ session, nowMs, text: '' });
  return {
    action: {
      requests: [{ principal, action, resource, context: { meta, ...context } }],
      entities: [
        ...principalEntities(user),
        { uid: resource, attrs: {}, parents: [new EntityUid('Env', env)] },
      ],
    },
    target: OWN_TARGET,
    // Whoever watches a database only does not want its administration done by anybody.
    mode: 'enforce',
    session,
    principal: { type: user.type, id: user.name, proof: 'scram' },
    resources: [{ action, type: resource.type, id: resource.id }],
    values: [],
    facts,
    meta,
  };
}

const ENVS = ['prod', 'staging', 'test', 'dev'] as const;

/** One set decides for every target: it belongs where most is at stake. */
export const envOf = ({ targets }: Pick<Config, 'targets'>): string =>
  ENVS.find((env) => targets.some((target) => target.env === env)) ?? 'prod';
