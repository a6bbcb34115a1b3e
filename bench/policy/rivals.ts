/**
 * The same policies in other engines' words, over facts that were flattened for them beforehand (ancestors
 * as lists; no conversion is timed), so that they compare with our figures from an action.
 */
import { createMongoAbility, subject } from '@casl/ability';
import { Environment } from '@marcbachmann/cel-js';
import { newEnforcer, newModelFromString, StringAdapter } from 'casbin';
import { type Action, allows, DATABASE, ENV, type Rule } from './workload.ts';

export interface Rival {
  readonly name: string;
  /** One closure a request, with everything prepared that the engine lets one prepare. */
  readonly deciders: readonly (() => boolean)[];
}

interface Facts {
  readonly user: string;
  readonly groups: readonly string[];
  readonly trust: number;
  readonly verb: string;
  readonly table: string;
  readonly ancestors: readonly string[];
  readonly hour: number;
  readonly taints: readonly string[];
  readonly scope: string;
  readonly template: string;
  readonly risks: readonly string[];
  /** Rows by the limit, since not every engine multiplies two facts. */
  readonly share: number;
}

const flatten = (action: Action): Facts => ({
  user: action.user,
  groups: [action.group],
  trust: action.trust,
  verb: action.verb,
  table: action.table,
  ancestors: [action.schema, DATABASE, ENV],
  hour: action.hour,
  taints: action.taints,
  scope: action.sql.scope,
  template: action.sql.template,
  risks: action.sql.risks,
  share: action.sql.rows / action.sql.limit,
});

/** Every policy is an expression, and every expression is asked; a forbid outweighs the permits. */
export function celRival(rules: readonly Rule[], actions: readonly Action[]): Rival {
  const environment = new Environment()
    .registerVariable('user', 'string')
    .registerVariable('groups', 'list<string>')
    .registerVariable('trust', 'int')
    .registerVariable('verb', 'string')
    .registerVariable('table', 'string')
    .registerVariable('ancestors', 'list<string>')
    .registerVariable('hour', 'int')
    .registerVariable('taints', 'list<string>')
    .registerVariable('scope', 'string')
    .registerVariable('template', 'string')
    .registerVariable('risks', 'list<string>')
    .registerVariable('share', 'double');
  const policies = rules.map((rule) => ({
    permit: allows(rule),
    holds: environment.parse(celText(rule)),
  }));
  return {
    name: '@marcbachmann/cel-js',
    deciders: actions.map((action) => {
      const facts = flatten(action);
      const context = {
        ...facts,
        trust: BigInt(facts.trust),
        hour: BigInt(facts.hour),
      };
      return () => {
        let permitted = false;
        let forbidden = false;
        for (const { permit, holds } of policies)
          if (holds(context) === true) {
            if (permit) permitted = true;
            else forbidden = true;
          }
        return permitted && !forbidden;
      };
    }),
  };
}

/** A literal that is one of a double, whole or not. */
const double = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

function celText(rule: Rule): string {
  switch (rule.family) {
    case 'group':
      return `"${rule.group}" in groups && verb in ["sql.select", "sql.insert", "sql.update"] && "${rule.schema}" in ancestors`;
    case 'owner':
      return `user == "${rule.user}" && table == "${rule.table}"`;
    case 'unscoped':
      return `verb == "${rule.verb}" && "${rule.schema}" in ancestors && (scope == "none" || scope == "always-true")`;
    case 'template':
      return `template == "${rule.template}" && "${rule.risk}" in risks`;
    default:
      return `share > ${double(rule.over / rule.times)} && hour < ${rule.hour} && !("${rule.taint}" in taints) && !(trust > ${rule.trust})`;
  }
}

/** The last rule that matches decides, so the forbids stand last; it stops there, and reports that one only. */
export function caslRival(rules: readonly Rule[], actions: readonly Action[]): Rival {
  const ordered = [...rules.filter(allows), ...rules.filter((rule) => !allows(rule))];
  const ability = createMongoAbility(
    ordered.map((rule) => ({ ...caslRule(rule), subject: 'Table', inverted: !allows(rule) })),
  );
  return {
    name: '@casl/ability',
    deciders: actions.map((action) => {
      const facts = subject('Table', { ...flatten(action) });
      return () => ability.can(action.verb, facts);
    }),
  };
}

function caslRule(rule: Rule): {
  readonly action: string | string[];
  readonly conditions: Record<string, unknown>;
} {
  switch (rule.family) {
    case 'group':
      return {
        action: ['sql.select', 'sql.insert', 'sql.update'],
        conditions: { groups: rule.group, ancestors: rule.schema },
      };
    case 'owner':
      return { action: 'manage', conditions: { user: rule.user, table: rule.table } };
    case 'unscoped':
      return {
        action: rule.verb,
        conditions: { ancestors: rule.schema, scope: { $in: ['none', 'always-true'] } },
      };
    case 'template':
      return { action: 'manage', conditions: { template: rule.template, risks: rule.risk } };
    default:
      return {
        action: 'manage',
        conditions: {
          share: { $gt: rule.over / rule.times },
          hour: { $lt: rule.hour },
          taints: { $ne: rule.taint },
          trust: { $lte: rule.trust },
        },
      };
  }
}

const CASBIN_MODEL = `
[request_definition]
r = facts
[policy_definition]
p = rule, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = eval(p.rule)
`;

/** Rules as expressions in the policies (its attribute-based model). */
export async function casbinRival(
  rules: readonly Rule[],
  actions: readonly Action[],
): Promise<Rival> {
  const lines = rules.map((rule) => `p, "${casbinText(rule)}", ${allows(rule) ? 'allow' : 'deny'}`);
  const enforcer = await newEnforcer(
    newModelFromString(CASBIN_MODEL),
    new StringAdapter(lines.join('\n')),
  );
  await enforcer.addFunction('holds', (list: readonly string[], item: string) =>
    list.includes(item),
  );
  return {
    name: 'casbin',
    deciders: actions.map((action) => {
      const facts = flatten(action);
      return () => enforcer.enforceSync(facts);
    }),
  };
}

function casbinText(rule: Rule): string {
  switch (rule.family) {
    case 'group':
      return `holds(r.facts.groups, '${rule.group}') && (r.facts.verb == 'sql.select' || r.facts.verb == 'sql.insert' || r.facts.verb == 'sql.update') && holds(r.facts.ancestors, '${rule.schema}')`;
    case 'owner':
      return `r.facts.user == '${rule.user}' && r.facts.table == '${rule.table}'`;
    case 'unscoped':
      return `r.facts.verb == '${rule.verb}' && holds(r.facts.ancestors, '${rule.schema}') && (r.facts.scope == 'none' || r.facts.scope == 'always-true')`;
    case 'template':
      return `r.facts.template == '${rule.template}' && holds(r.facts.risks, '${rule.risk}')`;
    default:
      return `r.facts.share > ${rule.over / rule.times} && r.facts.hour < ${rule.hour} && !holds(r.facts.taints, '${rule.taint}') && !(r.facts.trust > ${rule.trust})`;
  }
}
