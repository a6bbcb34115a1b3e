/** Actions on a small database, as a gateway would give them to the guard. */
import { Datetime } from '@sealrail/cedar';
import {
  type Action,
  type CedarValue,
  type Condition,
  type ConditionKind,
  type Entity,
  EntityUid,
  type PolicyInfo,
  type Request,
} from '../src/guard/decision.ts';
import { NO_HISTORY } from '../src/guard/history.ts';
import { loadPolicySet, type PolicySet } from '../src/guard/policy-set.ts';
import { schemaText } from '../src/guard/schema.ts';

export interface SqlCase {
  readonly type?: 'Human' | 'Service' | 'Agent';
  readonly id?: string;
  readonly groups?: readonly string[];
  readonly verb: string;
  readonly resource?: 'table' | 'schema' | 'database';
  readonly table?: string;
  readonly env?: string;
  readonly database?: string;
  readonly scope?: string;
  readonly risks?: readonly string[];
  readonly doubts?: readonly string[];
  readonly readOnly?: boolean;
  readonly literals?: number;
  readonly shownClasses?: readonly string[];
  readonly derivedClasses?: readonly string[];
}

export const entity = (type: string, id: string): EntityUid => new EntityUid(type, id);
const set = (type: string, ids: readonly string[] = []): CedarValue =>
  ids.map((id) => entity(type, id));

function entitiesOf(one: SqlCase): Entity[] {
  const { type = 'Human', id = 'alice', groups = [], table = 'customers' } = one;
  const { env = 'prod', database = 'shop' } = one;
  const parents = groups.map((group) => entity('Group', group));
  return [
    { uid: entity(type, id), attrs: type === 'Agent' ? { trust: 0 } : {}, parents },
    ...parents.map((uid) => ({ uid, attrs: {}, parents: [] })),
    {
      uid: entity('Database', database),
      attrs: { engine: 'postgres' },
      parents: [entity('Env', env)],
    },
    {
      uid: entity('Schema', `${database}.public`),
      attrs: {},
      parents: [entity('Database', database)],
    },
    {
      uid: entity('Table', `${database}.public.${table}`),
      attrs: { classes: [], appendOnly: false },
      parents: [entity('Schema', `${database}.public`)],
    },
  ];
}

export function requestOf(one: SqlCase): Request {
  const { type = 'Human', id = 'alice', table = 'customers', database = 'shop' } = one;
  const resources = {
    table: entity('Table', `${database}.public.${table}`),
    schema: entity('Schema', `${database}.public`),
    database: entity('Database', database),
  };
  return {
    principal: entity(type, id),
    action: `sql.${one.verb}`,
    resource: resources[one.resource ?? 'table'],
    context: { meta: metaOf(), sql: sqlOf(one), access: accessOf(one) },
  };
}

export const actionOf = (...cases: readonly [SqlCase, ...SqlCase[]]): Action => {
  const entities = new Map<string, Entity>();
  for (const one of cases) {
    for (const made of entitiesOf(one)) entities.set(`${made.uid.type} ${made.uid.id}`, made);
  }
  return { requests: cases.map(requestOf), entities: [...entities.values()] };
};

function metaOf(): Record<string, CedarValue> {
  return {
    now: new Datetime(Date.UTC(2025, 10, 25, 12)),
    hour: 12,
    weekday: 2,
    holiday: false,
    caller: {
      chainProved: true,
      hops: 0,
      agents: [],
      services: [],
      proof: entity('Proof', 'scram'),
      session: 's1',
    },
    detected: { doubts: [], secrets: [], personal: [], injection: 0, bytes: 40 },
    history: { ...NO_HISTORY },
  };
}

function sqlOf(one: SqlCase): Record<string, CedarValue> {
  return {
    doubts: set('Doubt', one.doubts),
    dialect: 'postgres',
    statements: 1,
    template: 'DELETE FROM customers WHERE id = $1',
    scope: entity('Scope', one.scope ?? 'no-write'),
    volatility: entity('Volatility', 'immutable'),
    readOnly: one.readOnly ?? ['select', 'session'].includes(one.verb),
    risks: set('SqlRisk', one.risks),
    tablesRead: [],
    tablesWritten: [],
    routines: [],
    returnsRows: false,
    crossJoin: false,
    literals: one.literals ?? 1,
    literalKinds: ['number'],
    parameters: 0,
    inTransaction: false,
  };
}

function accessOf(one: SqlCase): Record<string, CedarValue> {
  return {
    columns: [],
    shown: [],
    shownClasses: one.shownClasses ?? [],
    derivedClasses: one.derivedClasses ?? [],
    written: [],
    writtenClasses: [],
    allColumns: false,
  };
}

/** A set that must load; its problems are the failure. */
export function setOf(...texts: readonly string[]): PolicySet {
  const files = texts.map((text, at) => ({ name: `${at}.cedar`, text }));
  const loaded = loadPolicySet(files, schemaText());
  if (Array.isArray(loaded)) throw new Error(JSON.stringify(loaded, null, 1));
  return loaded;
}

const CONDITIONS: Readonly<Record<ConditionKind, Condition>> = {
  approved: { kind: 'approved', approvers: 'dba', quorum: 1, ttlMs: 900_000 },
  'within-rate': { kind: 'within-rate', limit: 10, windowMs: 60_000 },
  masked: { kind: 'masked', classes: ['personal'], detect: [], method: 'constant' },
  limited: { kind: 'limited', rows: 100 },
  tainted: { kind: 'tainted', labels: ['personal'], ttlMs: 60_000 },
};

/** A forbid with a condition, some of it changed. */
export const conditional = (
  id: string,
  kind: ConditionKind,
  more: object = {},
  info: Partial<PolicyInfo> = {},
): PolicyInfo =>
  policyInfo(id, { condition: { ...CONDITIONS[kind], ...more } as Condition, ...info });

export const policyInfo = (id: string, more: Partial<PolicyInfo> = {}): PolicyInfo => ({
  id,
  effect: 'forbid',
  severity: 'high',
  message: `message of ${id}`,
  hint: `hint of ${id}`,
  annotations: {},
  file: 'a.cedar',
  line: 1,
  text: '',
  textDigest: `text of ${id}`,
  readsHistory: false,
  ...more,
});
