/** The calls that cedar-wasm takes, and that our engine takes too where it is fed from JSON. */
import type { EntityJson, StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import { type Action, cedarText, DATABASE, ENV, type Rule } from './workload.ts';

export type CedarCall = Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'>;

export function callOf(action: Action): CedarCall {
  const { sql } = action;
  return {
    principal: { type: 'Human', id: action.user },
    action: { type: 'Action', id: action.verb },
    resource: { type: 'Table', id: action.table },
    context: {
      env: ENV,
      hour: action.hour,
      weekday: 3,
      ticket: action.ticket,
      purpose: 'support',
      session: 'session-1',
      proof: { __entity: { type: 'Proof', id: 'mtls' } },
      mfaAgeSec: 120,
      chainProved: true,
      ip: { __extn: { fn: 'ip', arg: '10.1.2.3' } },
      taints: [...action.taints],
      sql: {
        scope: { __entity: { type: 'Scope', id: sql.scope } },
        template: sql.template,
        readOnly: sql.readOnly,
        risks: [...sql.risks],
        columns: [...sql.columns],
        rows: sql.rows,
        limit: sql.limit,
        statements: sql.statements,
      },
    },
    entities: entitiesOf(action),
  };
}

/** Who acts, what it acts on, and all that stands above them: six. */
function entitiesOf(action: Action): EntityJson[] {
  const entity = (
    type: string,
    id: string,
    parent?: { type: string; id: string },
    attrs: EntityJson['attrs'] = {},
  ): EntityJson => ({ uid: { type, id }, attrs, parents: parent ? [parent] : [] });
  return [
    entity('Human', action.user, { type: 'Group', id: action.group }, { trust: action.trust }),
    entity('Group', action.group),
    entity(
      'Table',
      action.table,
      { type: 'Schema', id: action.schema },
      {
        classes: ['personal'],
        rows: 1_000,
      },
    ),
    entity('Schema', action.schema, { type: 'Database', id: DATABASE }),
    entity('Database', DATABASE, { type: 'Env', id: ENV }),
    entity('Env', ENV),
  ];
}

export interface Verdict {
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

/** One set after the other under one name, since cedar-wasm forgets none that it has parsed. */
const SET = 'bench';

export function prepareWasm(rules: readonly Rule[]): void {
  const staticPolicies = Object.fromEntries(rules.map((rule, at) => [`p${at}`, cedarText(rule)]));
  const parsed = wasm.preparsePolicySet(SET, { staticPolicies });
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors));
}

export function askWasm(call: CedarCall): Verdict {
  const answer = wasm.statefulIsAuthorized({ ...call, preparsedPolicySetId: SET });
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  const { decision, diagnostics } = answer.response;
  return {
    decision,
    reason: diagnostics.reason,
    errors: diagnostics.errors.map((e) => e.policyId),
  };
}
