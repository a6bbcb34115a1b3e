/** Our engine on the same policies: from an action natively, and from the JSON call that cedar-wasm takes. */
import {
  type Answer,
  authorize,
  type CompiledPolicies,
  compilePolicies,
  type Entity,
  EntityUid,
  entitiesFromJson,
  type Json,
  type PolicyEntry,
  parseIp,
  parsePolicies,
  prepareEntities,
  type Request,
  recordFromJson,
  uidFromJson,
} from '../../packages/cedar/src/index.ts';
import type { CedarCall, Verdict } from './cedar-call.ts';
import {
  type Action,
  cedarText,
  DATABASE,
  ENV,
  groupOf,
  type Rule,
  schemaOf,
  TABLE_NAMES,
  trustOf,
  USER_NAMES,
} from './workload.ts';

export interface Ours {
  readonly fromAction: (action: Action) => Verdict;
  readonly fromCall: (call: CedarCall) => Verdict;
}

export function openOurs(rules: readonly Rule[]): Ours {
  const policies = compileText(rules.map(cedarText));
  const catalog = prepareEntities(catalogEntities());
  return {
    fromAction: (action) => verdictOf(authorize(policies, requestOf(action), catalog)),
    fromCall: (call) => verdictOf(decideCall(policies, call)),
  };
}

export function compileText(texts: readonly string[]): CompiledPolicies {
  return compilePolicies(
    texts.flatMap((text, at): PolicyEntry[] => {
      const parsed = parsePolicies(text);
      if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
      return parsed.policies.map((policy) => ({ id: `p${at}`, policy }));
    }),
  );
}

const verdictOf = ({ decision, permits, forbids, errors }: Answer): Verdict => ({
  decision,
  reason: forbids.length > 0 ? forbids : permits,
  errors: errors.length === 0 ? NO_IDS : errors.map(({ policy }) => policy),
});
const NO_IDS: readonly string[] = [];

/** What a gateway knows before any action: everybody and everything, with what stands above them. */
function catalogEntities(): Entity[] {
  const uid = (type: string, id: string): EntityUid => new EntityUid(type, id);
  const database = uid('Database', DATABASE);
  const users = USER_NAMES.map((name, at) => ({
    uid: uid('Human', name),
    parents: [uid('Group', groupOf(at))],
    attrs: { trust: trustOf(at) },
  }));
  const tables = TABLE_NAMES.map((name, at) => ({
    uid: uid('Table', name),
    parents: [uid('Schema', schemaOf(at))],
    attrs: { classes: ['personal'], rows: 1_000 },
  }));
  const schemas = new Set(TABLE_NAMES.map((_, at) => schemaOf(at)));
  const groups = new Set(USER_NAMES.map((_, at) => groupOf(at)));
  return [
    ...users,
    ...[...groups].map((name) => ({ uid: uid('Group', name), parents: [], attrs: {} })),
    ...tables,
    ...[...schemas].map((name) => ({ uid: uid('Schema', name), parents: [database], attrs: {} })),
    { uid: database, parents: [uid('Env', ENV)], attrs: {} },
    { uid: uid('Env', ENV), parents: [], attrs: {} },
  ];
}

/** Of the session, and so made once in it. */
const ADDRESS = parseIp('10.1.2.3');
const PROOF = new EntityUid('Proof', 'mtls');

/** The whole context anew for every action, as a gateway makes it. */
export function requestOf(action: Action): Request {
  const { sql } = action;
  if (ADDRESS === undefined) throw new Error('the address is no address');
  return {
    principal: new EntityUid('Human', action.user),
    action: new EntityUid('Action', action.verb),
    resource: new EntityUid('Table', action.table),
    context: {
      env: ENV,
      hour: action.hour,
      weekday: 3,
      ticket: action.ticket,
      purpose: 'support',
      session: 'session-1',
      proof: PROOF,
      mfaAgeSec: 120,
      chainProved: true,
      ip: ADDRESS,
      taints: action.taints,
      sql: {
        scope: new EntityUid('Scope', sql.scope),
        template: sql.template,
        readOnly: sql.readOnly,
        risks: sql.risks,
        columns: sql.columns,
        rows: sql.rows,
        limit: sql.limit,
        statements: sql.statements,
      },
    },
  };
}

function decideCall(policies: CompiledPolicies, call: CedarCall): Answer {
  const json = (value: unknown): Json => value as Json;
  return authorize(
    policies,
    {
      principal: uidFromJson(json(call.principal)),
      action: uidFromJson(json(call.action)),
      resource: uidFromJson(json(call.resource)),
      context: recordFromJson(json(call.context)),
    },
    prepareEntities(entitiesFromJson(json(call.entities))),
  );
}
