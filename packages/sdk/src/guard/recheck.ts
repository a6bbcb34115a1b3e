/** A logged decision beside what comes out when it is made again. Pure. */
import { encodeCanonical } from '../entry/canonical.ts';
import type { Json } from '../entry/entry.ts';
import { decide, type Finding, type Ruling } from './decide.ts';
import type { Action, Decision, PreparedEntities, Request } from './decision.ts';
import { inputsFrom } from './inputs.ts';
import { judge } from './judge.ts';
import type { DecisionEntry } from './logged-action.ts';
import type { PolicySet } from './policy-set.ts';

/** One member of the decision that comes out otherwise. */
export interface Difference {
  readonly member: string;
  readonly logged: Json | undefined;
  readonly recomputed: Json | undefined;
}

/**
 * Decides the action of an entry again, under the set that it names; nothing where that gives what was
 * logged. `entry` has its payloads in place.
 */
export function recheckDecision(
  set: PolicySet,
  entry: DecisionEntry,
  action: Action,
): readonly Difference[] {
  return differences(entry, judgeAgain(set, entry.decision, entry.time, action), action);
}

/** What a set says to an action of the log, with clock, counters and grants as they were recorded. */
export function judgeAgain(
  set: PolicySet,
  logged: DecisionEntry['decision'],
  time: string,
  action: Action,
): Decision {
  return judge(set, action, inputsFrom(logged, time)).decision;
}

/**
 * The same, for an action of an entry that was decided by policies: what rule 0 found then is not looked for
 * again. `prepared` is of this set's engine, from the entities that the entry names.
 */
export function ruleAgain(
  set: PolicySet,
  { decision, time }: Pick<DecisionEntry, 'decision' | 'time'>,
  requests: readonly Request[],
  prepared: PreparedEntities,
): Ruling {
  const { rate, approval } = inputsFrom(decision, time);
  const findings = requests.map((request): Finding => {
    const evaluation = set.engine.evaluate(request, prepared);
    if (evaluation.invalid === undefined) return { kind: 'evaluated', evaluation };
    return { kind: 'misunderstood', why: { doubts: [], problem: evaluation.invalid } };
  });
  const { byId: policies, fulfils } = set;
  return decide({ rejected: false, requests, findings, policies, fulfils, rate, approval });
}

function differences(
  { action: name, decision: logged }: DecisionEntry,
  made: Decision,
  { requests }: Action,
): Difference[] {
  const worst = made.parts.find(({ code }) => code === made.code)?.request ?? 0;
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['verdict', logged.verdict, made.verdict],
    ['code', logged.code, made.code],
    ['action', name, requests[worst]?.action ?? ''],
    ['determining', logged.determining, made.determining],
    ['parts', logged.parts, made.parts],
    ['obligations', logged.obligations ?? [], made.obligations],
    ['holds', logged.holds ?? [], made.holds],
    ['reserve', logged.reserve ?? [], made.reserve],
    ['uses', logged.uses ?? [], made.uses],
    ['retryAfterMs', logged.retryAfterMs, made.retryAfterMs],
    ['policySet', logged.policySet, made.policySet],
    ['entities', logged.entities, made.entities],
  ];
  return pairs.flatMap(([member, before, after]) =>
    same(before, after)
      ? []
      : [{ member, logged: before as Json | undefined, recomputed: after as Json | undefined }],
  );
}

const same = (a: unknown, b: unknown): boolean => a === b || text(a) === text(b);
const text = (value: unknown): string =>
  value === undefined ? '' : encodeCanonical(value as Json);
