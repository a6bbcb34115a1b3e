/** What a statement would be taken for and who would decide: nothing is executed, nothing is recorded. */
import type { Denial } from '@sealrail/sdk';
import { sqlAct } from '../gateway/postgres/action.ts';
import { modeFor } from '../gateway/postgres/judge.ts';
import type { ApiOptions } from './api.ts';

export interface Explanation {
  readonly target: string;
  readonly user: string;
  readonly mode: string;
  readonly statement?: string;
  readonly facts: unknown;
  readonly resources: unknown;
  readonly verdict: string;
  readonly code: string;
  readonly determining: readonly string[];
  readonly denial?: Denial;
  readonly syntaxError?: { readonly message: string; readonly position?: number };
}

export function explainSql(
  { gateways, users, targets, guard }: NonNullable<ApiOptions['explain']>,
  asked: { readonly text: string; readonly user: string; readonly target?: string | undefined },
): Explanation | { readonly problem: string } {
  const target = targets().find(({ name }) => asked.target === undefined || name === asked.target);
  const gateway = target && gateways.get(target.name);
  const user = users().find(({ name }) => name === asked.user);
  if (!target || !gateway) return { problem: `there is no target ${asked.target ?? ''}` };
  if (!user) return { problem: `there is no user ${asked.user}` };
  const catalog = gateway.catalog.current();
  if (!catalog) return { problem: `the catalog of ${target.name} cannot be read at the moment` };
  const reading = gateway.readings.read(asked.text, catalog, true);
  const act = sqlAct({
    reading,
    user,
    target,
    session: 'explain',
    inTransaction: false,
    text: asked.text,
    nowMs: Date.now(),
    catalog,
  });
  const { decision, denial } = guard.explain(act.action);
  return {
    target: target.name,
    user: user.name,
    mode: modeFor(target.mode, user.groups),
    ...(act.statement === undefined ? {} : { statement: act.statement }),
    facts: act.facts,
    resources: act.resources,
    verdict: decision.verdict,
    code: decision.code,
    determining: decision.determining,
    ...(denial ? { denial } : {}),
    ...(reading.kind === 'syntax-error'
      ? {
          syntaxError: {
            message: reading.message,
            ...(reading.position === undefined ? {} : { position: reading.position }),
          },
        }
      : {}),
  };
}
