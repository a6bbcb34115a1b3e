/**
 * What all engines are asked: N policies of five families (scopes, single facts, sets of facts, and two facts
 * each multiplied by numbers of the policy's own, which no index can find it by) and 200 mixed requests, each with 6 entities and a context of
 * 12 fields of which one is a nested record of facts. Each policy and each request is written once as data
 * and rendered for Cedar and for the others from that.
 */
export type Verb = 'sql.select' | 'sql.insert' | 'sql.update' | 'sql.delete';

/** What a gateway knows about one action before it asks. */
export interface Action {
  readonly user: string;
  readonly group: string;
  readonly trust: number;
  readonly verb: Verb;
  readonly table: string;
  readonly schema: string;
  readonly hour: number;
  readonly ticket: string;
  readonly taints: readonly string[];
  readonly sql: SqlFacts;
}

export interface SqlFacts {
  readonly scope: string;
  readonly template: string;
  readonly readOnly: boolean;
  readonly risks: readonly string[];
  readonly columns: readonly string[];
  readonly rows: number;
  readonly limit: number;
  readonly statements: number;
}

/** One policy, by family; `k` counts within the family. */
export type Rule =
  | { readonly family: 'group'; readonly group: string; readonly schema: string }
  | { readonly family: 'owner'; readonly user: string; readonly table: string }
  | { readonly family: 'unscoped'; readonly verb: Verb; readonly schema: string }
  | { readonly family: 'template'; readonly template: string; readonly risk: string }
  | {
      readonly family: 'volume';
      /** More than `over` ÷ `times` of the limit. */
      readonly times: number;
      readonly over: number;
      readonly hour: number;
      readonly taint: string;
      readonly trust: number;
    };

export const DATABASE = 'app';
export const ENV = 'prod';
const USERS = 20;
const TABLES = 50;
const SCHEMAS = 10;
const REQUESTS = 200;
const VERBS: readonly Verb[] = ['sql.select', 'sql.insert', 'sql.update', 'sql.delete'];
const SCOPES = ['key', 'range', 'loose', 'none', 'always-true'];
const RISKS = ['file', 'network', 'setting', 'sleep'];

export const USER_NAMES = Array.from({ length: USERS }, (_, at) => `u${at}`);
export const TABLE_NAMES = Array.from({ length: TABLES }, (_, at) => `t${at}`);
export const groupOf = (user: number): string => `g${user % 7}`;
export const schemaOf = (table: number): string => `s${table % SCHEMAS}`;
export const trustOf = (user: number): number => user % 5;

export function makeRules(count: number): readonly Rule[] {
  return Array.from({ length: count }, (_, at): Rule => {
    const k = Math.floor(at / 5);
    switch (at % 5) {
      case 0:
        return { family: 'group', group: groupOf(k), schema: `s${k % (SCHEMAS * 4)}` };
      case 1:
        return { family: 'owner', user: `u${k % USERS}`, table: `t${(k * 7) % (TABLES * 2)}` };
      case 2:
        return { family: 'unscoped', verb: 'sql.delete', schema: `s${(k * 3) % (SCHEMAS * 4)}` };
      case 3:
        return { family: 'template', template: `q${k}`, risk: RISKS[k % RISKS.length] ?? '' };
      default:
        return volumeRule(k);
    }
  });
}

/** Between nine and ten limits: few of the requests have so many rows. */
function volumeRule(k: number): Rule {
  const times = 2 + (k % 97);
  const over = 9 * times + (k % times);
  return { family: 'volume', times, over, hour: k % 24, taint: `x${k % 10}`, trust: k % 5 };
}

export function makeActions(): readonly Action[] {
  return Array.from({ length: REQUESTS }, (_, at): Action => {
    const user = (at * 7) % USERS;
    const table = (at * 11) % TABLES;
    return {
      user: `u${user}`,
      group: groupOf(user),
      trust: trustOf(user),
      verb: VERBS[at % VERBS.length] ?? 'sql.select',
      table: `t${table}`,
      schema: schemaOf(table),
      hour: at % 24,
      ticket: `T-${at}`,
      taints: at % 3 === 0 ? [`x${at % 10}`, 'personal'] : [],
      sql: {
        scope: SCOPES[at % SCOPES.length] ?? 'key',
        template: `q${(at * 13) % 250}`,
        readOnly: at % VERBS.length === 0,
        risks: at % 4 === 1 ? [RISKS[at % RISKS.length] ?? 'file', 'lock'] : [],
        columns: ['id', 'email', `c${at % 9}`],
        rows: (at * 37) % 1_000,
        limit: 100,
        statements: 1,
      },
    };
  });
}

export const allows = (rule: Rule): boolean => rule.family === 'group' || rule.family === 'owner';

export function cedarText(rule: Rule): string {
  switch (rule.family) {
    case 'group':
      return `permit (principal in Group::"${rule.group}", action in [Action::"sql.select", Action::"sql.insert", Action::"sql.update"], resource in Schema::"${rule.schema}");`;
    case 'owner':
      return `permit (principal == Human::"${rule.user}", action, resource == Table::"${rule.table}");`;
    case 'unscoped':
      return `forbid (principal, action == Action::"${rule.verb}", resource in Schema::"${rule.schema}") when { context.sql.scope == Scope::"none" || context.sql.scope == Scope::"always-true" };`;
    case 'template':
      return `forbid (principal, action, resource) when { context.sql.template == "${rule.template}" && context.sql.risks.contains("${rule.risk}") };`;
    default:
      return `forbid (principal, action, resource) when { context.sql.rows * ${rule.times} > context.sql.limit * ${rule.over} && context.hour < ${rule.hour} && !context.taints.contains("${rule.taint}") } unless { principal.trust > ${rule.trust} };`;
  }
}
