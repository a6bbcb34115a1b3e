/**
 * What changed from one set of policies to another, and whether any of it loosens (decision.md, LOOSENING):
 * removing or softening a forbid, lowering a quorum, raising a limit, adding or widening a permit. By
 * inspection, so it errs on one side: what cannot be told for certain counts as loosening. Pure.
 */
import { type Policy, parsePolicies } from '@sealrail/cedar';
import { type ActionReaches, type PolicyInfo, policyKey } from '@sealrail/sdk';
import { compareConditions, type Findings } from './conditions.ts';
import { compareCoverage, type Relation } from './relation.ts';

export interface PolicyChange extends Findings {
  readonly id: string;
  readonly effect: PolicyInfo['effect'];
  readonly change: 'added' | 'removed' | 'changed';
}

export interface SetChanges {
  /** By id. Policies whose layout or comments alone differ are no change. */
  readonly changes: readonly PolicyChange[];
  readonly loosens: boolean;
  readonly unchanged: number;
}

type Policies = readonly PolicyInfo[];

/** Both sets have loaded: their ids are unique and their texts parse. */
export function compareSets(before: Policies, after: Policies, actions: ActionReaches): SetChanges {
  const [from, to] = [byId(before), byId(after)];
  const ids = [...new Set([...from.keys(), ...to.keys()])].sort();
  const changes = ids.flatMap((id) => {
    const change = changeOf(from.get(id), to.get(id), actions);
    return change === undefined ? [] : [change];
  });
  return {
    changes,
    loosens: changes.some(({ loosens }) => loosens.length > 0),
    unchanged: ids.length - changes.length,
  };
}

const byId = (policies: Policies): ReadonlyMap<string, PolicyInfo> =>
  new Map(policies.map((policy) => [policy.id, policy]));

function changeOf(
  before: PolicyInfo | undefined,
  after: PolicyInfo | undefined,
  actions: ActionReaches,
): PolicyChange | undefined {
  if (before === undefined && after === undefined) return undefined;
  if (before === undefined && after !== undefined) {
    const { id, effect } = after;
    return { id, effect, change: 'added', ...appears(effect) };
  }
  if (before !== undefined && after === undefined) {
    const { id, effect } = before;
    return { id, effect, change: 'removed', ...disappears(effect) };
  }
  return before && after && changedBoth(before, after, actions);
}

const appears = (effect: PolicyInfo['effect']): Findings =>
  effect === 'permit'
    ? { loosens: ['adds a permit'], tightens: [] }
    : { loosens: [], tightens: ['adds a forbid'] };

const disappears = (effect: PolicyInfo['effect']): Findings =>
  effect === 'forbid'
    ? { loosens: ['removes a forbid'], tightens: [] }
    : { loosens: [], tightens: ['removes a permit'] };

function changedBoth(
  before: PolicyInfo,
  after: PolicyInfo,
  actions: ActionReaches,
): PolicyChange | undefined {
  const [from, to] = [treeOf(before), treeOf(after)];
  if (treeShape(from) === treeShape(to)) return undefined;
  const { id, effect } = after;
  const found =
    before.effect === effect
      ? joined([
          compareConditions(before.annotations, after.annotations),
          byCoverage(effect, compareCoverage(from, to, actions)),
        ])
      : joined([disappears(before.effect), appears(effect)]);
  return { id, effect, change: 'changed', ...found };
}

function byCoverage(effect: PolicyInfo['effect'], relation: Relation): Findings {
  const none = { loosens: [], tightens: [] };
  switch (relation) {
    case 'same':
      return none;
    case 'other':
      return { ...none, loosens: [`covers something else than before`] };
    case 'wider':
      return effect === 'permit'
        ? { ...none, loosens: ['permits more'] }
        : { ...none, tightens: ['forbids more'] };
    case 'narrower':
      return effect === 'permit'
        ? { ...none, tightens: ['permits less'] }
        : { ...none, loosens: ['forbids less'] };
  }
}

const joined = (findings: readonly Findings[]): Findings => ({
  loosens: findings.flatMap(({ loosens }) => loosens),
  tightens: findings.flatMap(({ tightens }) => tightens),
});

export function treeOf({ id, text }: PolicyInfo): Policy {
  const parsed = parsePolicies(text);
  const [policy] = parsed.ok ? parsed.policies : [];
  if (policy === undefined) throw new Error(`the policy ${id} has loaded and does not parse`);
  return policy;
}

/** Of everything but the place: annotations by name. */
function treeShape(policy: Policy): string {
  const named = [...policy.annotations].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(named) + policyKey(policy);
}
