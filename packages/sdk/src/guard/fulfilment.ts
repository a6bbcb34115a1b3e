/** Which conditions the surfaces carry out: a forbid whose condition nobody keeps must not be loaded. Pure. */
import type { ConditionKind } from './decision.ts';

/** By the beginning of an action's name (`sql.`): what the surface of these actions carries out. */
export type Fulfilment = Readonly<Record<string, readonly ConditionKind[]>>;

/** For whoever decides again what a surface once decided. */
export const EVERYTHING: Fulfilment = {
  '': ['approved', 'within-rate', 'masked', 'limited', 'tainted'],
};

/** An action of no known surface is carried out by nobody, and no condition of it either. */
export function fulfils(fulfilment: Fulfilment, kind: ConditionKind, action: string): boolean {
  return surfaceOf(fulfilment, action)?.includes(kind) === true;
}

function surfaceOf(fulfilment: Fulfilment, action: string): readonly ConditionKind[] | undefined {
  const prefixes = Object.keys(fulfilment).filter((prefix) => action.startsWith(prefix));
  const longest = prefixes.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : fulfilment[longest];
}

/**
 * Why a policy with this condition must not be loaded; undefined where it may. `scope` are the actions and
 * groups that it names, `actions` those of the schema with their groups. Actions of surfaces that do not
 * exist here cannot be asked for, and count neither way.
 */
export function unfulfilled(
  kind: ConditionKind,
  scope: readonly string[] | undefined,
  actions: ReadonlyMap<string, ReadonlySet<string>>,
  fulfilment: Fulfilment,
): string | undefined {
  for (const [action, groups] of actions) {
    const isCovered = scope === undefined || scope.some((name) => groups.has(name));
    if (isCovered && surfaceOf(fulfilment, action)?.includes(kind) === false) {
      return `@unless("${kind}") cannot be carried out for ${action}; a forbid without it is the safe choice`;
    }
  }
  return undefined;
}
