/** Which plan a statement's result is shown by: its own, or that of the cursor that it fetches from. Pure. */
import type { SqlReading } from '@sealrail/facts';
import { effectsOf } from './judge.ts';
import type { ResultPlan } from './result-plan.ts';

/** One per statement of a message. */
export type Plans = readonly (ResultPlan | undefined)[];

/** Undefined where nothing of the message is bound to anything. */
export function statementPlans(
  plans: Plans | undefined,
  reading: SqlReading,
  planOf: (cursor: string) => ResultPlan | undefined,
): Plans | undefined {
  const fetched = effectsOf(reading).filter(({ kind }) => kind === 'fetch');
  if (fetched.length === 0) return plans;
  const { kinds, statements } = reading.facts;
  const made = kinds.slice(0, statements).map((kind, at) => {
    if (kind !== 'FetchStmt') return plans?.[at];
    const effect = fetched.shift();
    const known =
      effect?.kind === 'fetch' && effect.name !== undefined ? planOf(effect.name) : undefined;
    return known ?? declaredHere(plans, reading);
  });
  return made.some((plan) => plan !== undefined) ? made : undefined;
}

/** In the order in which the text declares them. */
export function cursorPlans(plans: Plans | undefined, { facts }: SqlReading): Plans[number][] {
  const kinds = facts.kinds.slice(0, facts.statements);
  return kinds.flatMap((kind, at) => (kind === 'DeclareCursorStmt' ? [plans?.[at]] : []));
}

/** Which of several cursors of the same text it is, is not followed. */
function declaredHere(plans: Plans | undefined, reading: SqlReading): ResultPlan | undefined {
  const [first, ...others] = cursorPlans(plans, reading);
  if (!first || others.length === 0) return first;
  const shown = new Set([first, ...others].flatMap((plan) => [...(plan?.shown ?? [])]));
  return { ...first, shown, exact: false };
}
