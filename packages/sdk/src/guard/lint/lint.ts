/**
 * What is odd about policies and can be seen by looking at them: what never decides anything, what is
 * written twice, what is always true. A finding is no error: the set means exactly what it says. Nothing is
 * claimed of what only a solver could tell. Pure.
 */
import { findUnknownNames, type Policy, type ResolvedSchema } from '@sealrail/cedar';
import type { PolicyProblem } from '../policy-set.ts';
import { positionAt } from '../policy-text.ts';
import { findConstants } from './constant.ts';
import { type ActionReaches, actionReaches, isInside, type Reach, reachOf } from './reach.ts';
import { conjuncts, isSubset, policyKey } from './tree.ts';

export { type ActionReach, type ActionReaches, actionReaches, reachOf } from './reach.ts';

export const LINT_RULES = [
  'constant-condition',
  'duplicate',
  'never-fires',
  'no-severity',
  'permit-everything',
  'shadowed',
  'unknown-name',
  'unreachable',
] as const;
export type LintRule = (typeof LINT_RULES)[number];

export interface LintFinding {
  readonly rule: LintRule;
  readonly policy: string;
  readonly file: string;
  /** Both 1-based, the column in characters. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint: string;
  /** The policy that makes this one superfluous. */
  readonly other?: { readonly policy: string; readonly file: string; readonly line: number };
}

export interface LintedPolicy {
  readonly id: string;
  readonly policy: Policy;
  readonly file: string;
  /** Of the file, whole: offsets of the tree are into it. */
  readonly text: string;
}

/** In the order of the policies. */
export function lintPolicies(
  policies: readonly LintedPolicy[],
  schema: ResolvedSchema,
): readonly LintFinding[] {
  const actions = actionReaches(schema);
  const looked = policies.map((one) => look(one, actions));
  return looked.flatMap((one, at) => [
    ...lintAlone(one, actions),
    ...lintNames(one, schema),
    ...lintAmong(one, at, looked),
  ]);
}

interface Looked extends LintedPolicy {
  readonly reach: Reach;
  readonly key: string;
  readonly parts: ReadonlySet<string>;
  /** A forbid that nothing lifts. */
  readonly isFlat: boolean;
}

function look(one: LintedPolicy, actions: ActionReaches): Looked {
  const { policy } = one;
  return {
    ...one,
    reach: reachOf(policy, actions),
    key: policyKey(policy),
    parts: conjuncts(policy.conditions),
    isFlat: policy.effect === 'forbid' && !policy.annotations.has('unless'),
  };
}

type Words = Pick<LintFinding, 'rule' | 'message' | 'hint' | 'other'>;

function findingAt({ id, file, text }: LintedPolicy, at: number, words: Words): LintFinding {
  const { rule, ...said } = words;
  return { rule, policy: id, file, ...positionAt(text, at), ...said };
}

function lintAlone(one: Looked, actions: ActionReaches): LintFinding[] {
  const { policy, reach } = one;
  const { principal, action, resource, conditions, annotations, start, effect } = policy;
  const found: LintFinding[] = [];
  if (!annotations.has('severity'))
    found.push(
      findingAt(one, start, {
        rule: 'no-severity',
        message: 'it has no @severity and counts as medium',
        hint: 'of several policies that stop an action, the gravest one is named',
      }),
    );
  const isOpen = [principal, action, resource].every(({ kind }) => kind === 'any');
  if (effect === 'permit' && isOpen && conditions.length === 0)
    found.push(
      findingAt(one, start, {
        rule: 'permit-everything',
        message: 'it permits everything to everybody',
        hint: 'name who may do what',
      }),
    );
  if (reach.actions.size === 0)
    return [
      ...found,
      findingAt(one, start, {
        rule: 'unreachable',
        message: 'no action of the schema has such a principal and such a resource',
        hint: 'look at the types of principal and resource in the schema',
      }),
    ];
  const constants = findConstants(policy, { reach, actions });
  return [...found, ...constants.map(({ at, value }) => findingAt(one, at, constantWords(value)))];
}

const constantWords = (value: boolean): Words => ({
  rule: 'constant-condition',
  message: `this is always ${value} here`,
  hint: 'leave it out, or say what was meant',
});

/** What is asked for with `has` and never there is valid, and never true. */
function lintNames(one: Looked, schema: ResolvedSchema): LintFinding[] {
  const tested = findUnknownNames(one.policy, schema).filter(({ isTested }) => isTested);
  const hint = 'a condition that is never true is a forbid that never forbids';
  return tested.map(({ at, message }) =>
    findingAt(one, at, { rule: 'unknown-name', message, hint }),
  );
}

/** Names that the schema does not have, with what was meant: no such policy can be loaded. */
export function unknownNames(
  policies: readonly LintedPolicy[],
  schema: ResolvedSchema,
): readonly PolicyProblem[] {
  return policies.flatMap(({ id, policy, file, text }) =>
    findUnknownNames(policy, schema)
      .filter(({ isTested }) => !isTested)
      .map(({ at, message }) => ({
        file,
        ...positionAt(text, at),
        message: `policy ${id}: ${message}`,
      })),
  );
}

/** Against the others: the first one that makes this one superfluous. */
function lintAmong(one: Looked, at: number, all: readonly Looked[]): LintFinding[] {
  if (one.reach.actions.size === 0) return [];
  for (const [other, outer] of all.entries()) {
    if (other === at) continue;
    const words = relation(one, outer, other < at);
    if (words === undefined) continue;
    const { line } = positionAt(outer.text, outer.policy.start);
    const made = { ...words, other: { policy: outer.id, file: outer.file, line } };
    return [findingAt(one, one.policy.start, made)];
  }
  return [];
}

function relation(one: Looked, outer: Looked, isLater: boolean): Words | undefined {
  if (one.key === outer.key && hasSameCondition(one, outer))
    return isLater
      ? {
          rule: 'duplicate',
          message: `it says the same as ${outer.id}`,
          hint: 'keep one of them',
        }
      : undefined;
  if (!covers(outer, one) || (covers(one, outer) && !isLater)) return undefined;
  if (one.policy.effect === 'permit' && outer.policy.effect === 'permit')
    return {
      rule: 'shadowed',
      message: `everything that it permits is permitted by ${outer.id} already`,
      hint: 'leave it out, or narrow the other one',
    };
  if (!outer.isFlat) return undefined;
  return one.policy.effect === 'permit'
    ? {
        rule: 'never-fires',
        message: `everything that it permits is forbidden by ${outer.id}`,
        hint: 'leave it out, or narrow the other one',
      }
    : {
        rule: 'never-fires',
        message: `everything that it forbids is forbidden by ${outer.id} already`,
        hint: one.policy.annotations.has('unless')
          ? 'nothing lifts the other one, so this condition is never asked for'
          : 'leave it out, or narrow the other one',
      };
}

/** Two forbids of one tree are two when they ask for different things. */
const hasSameCondition = (one: Looked, other: Looked): boolean =>
  conditionOf(one.policy) === conditionOf(other.policy);

const DESCRIBING: readonly string[] = ['id', 'severity', 'message', 'hint'];

const conditionOf = ({ annotations }: Policy): string =>
  JSON.stringify([...annotations].filter(([name]) => !DESCRIBING.includes(name)).sort());

/** Whatever satisfies `inner` satisfies `outer`. */
const covers = (outer: Looked, inner: Looked): boolean =>
  isSubset(outer.parts, inner.parts) && isInside(inner, outer);
