/**
 * What the history keeps of an entry. The guard feeds it the fields that it records and a start feeds it
 * the entries of the log, through this one function: so both come to equal values. Pure.
 */
import type { Common, DecisionFields, Delegation, Entry, OutcomeFields } from '../entry/entry.ts';
import type { Decision, EntityUid, Obligation, Reservation } from './decision.ts';

/** On whose account something is counted. Never a session: whoever reconnects would be somebody new. */
export interface Account {
  /** The proved principal: `agent:bot-7`. */
  readonly principal: string;
  /** The human at the root of a chain that is proved in every hop; absent where that is the principal. */
  readonly root?: string;
}

export type HistoryEvent = { readonly account: Account; readonly atMs: number } & (
  | {
      readonly kind: 'decision';
      readonly id: string;
      /** False of a denial that only rates or readers of the history made: no lockout feeds itself. */
      readonly counts: boolean;
      readonly denied: boolean;
      readonly hosts: readonly string[];
      readonly reserve: readonly Reservation[];
      /** Grants used, and until when they would have been good. */
      readonly uses: readonly UsedGrant[];
      readonly taints: readonly Taint[];
    }
  | {
      readonly kind: 'outcome';
      readonly decisionId: string;
      readonly failed: boolean;
      readonly rows: number;
      readonly bytes: number;
      /** True where it is proved that nothing reached the target. */
      readonly nothingDone: boolean;
    }
);

export interface UsedGrant {
  readonly id: string;
  readonly untilMs: number;
}

export interface Taint {
  readonly label: string;
  readonly ttlMs: number;
}

type Recorded = Pick<Common, 'id' | 'principal' | 'onBehalfOf'> & (DecisionFields | OutcomeFields);

/** The event of an entry; undefined where the history keeps nothing of it. `atMs` is the entry's time. */
export function historyEvent(entry: Recorded, atMs: number): HistoryEvent | undefined {
  const account = accountOf(entry);
  if (account === undefined) return undefined;
  if (entry.kind === 'decision') return decisionEvent(entry, account, atMs);
  const { decisionId, outcome, rows = 0, bytes = 0 } = entry;
  return {
    kind: 'outcome',
    account,
    atMs,
    decisionId,
    failed: outcome.status === 'failed',
    rows,
    bytes,
    nothingDone: outcome.status === 'skipped' && outcome.dispatched === false,
  };
}

/** Of an entry as it stands in a log. */
export function eventOfEntry(entry: Entry): HistoryEvent | undefined {
  if (entry.kind !== 'decision' && entry.kind !== 'outcome') return undefined;
  return historyEvent(entry, Date.parse(entry.time));
}

function decisionEvent(
  entry: Recorded & DecisionFields,
  account: Account,
  atMs: number,
): HistoryEvent {
  const { decision, resources } = entry;
  const { inputs, reserve = [], uses = [], verdict, enforced } = decision;
  const isCarriedOut = verdict === 'allow' || !enforced;
  const grants = inputs?.grants ?? [];
  return {
    kind: 'decision',
    account,
    atMs,
    id: entry.id,
    counts: decision.uncounted !== true,
    denied: verdict === 'deny',
    hosts: isCarriedOut ? resources.filter(({ type }) => type === 'Host').map(({ id }) => id) : [],
    reserve,
    uses: uses.map((id) => ({
      id,
      untilMs: grants.find((grant) => grant.id === id)?.untilMs ?? Number.MAX_SAFE_INTEGER,
    })),
    taints: taintsOf((decision.obligations ?? []) as unknown as readonly Obligation[]),
  };
}

function taintsOf(obligations: readonly Obligation[]): Taint[] {
  return obligations.flatMap((one) =>
    one.kind === 'taint' ? one.labels.map((label) => ({ label, ttlMs: one.ttlMs })) : [],
  );
}

/** A name that is only asserted is no root: anybody could fill somebody else's account. */
export function accountOf({
  principal,
  onBehalfOf = [],
}: Pick<Common, 'principal' | 'onBehalfOf'>): Account | undefined {
  if (principal === undefined) return undefined;
  const own = `${principal.type}:${principal.id}`;
  const root = rootOf(onBehalfOf);
  return root === undefined || root === own ? { principal: own } : { principal: own, root };
}

function rootOf(chain: readonly Delegation[]): string | undefined {
  const last = chain.at(-1);
  if (last?.type !== 'human' || !chain.every(({ proved }) => proved)) return undefined;
  return `human:${last.id}`;
}

const TYPES: Readonly<Record<string, string>> = {
  Human: 'human',
  Service: 'service',
  Agent: 'agent',
};

/** Of a principal as policies name it. */
export function accountOfUid({ type, id }: EntityUid): Account {
  return { principal: `${TYPES[type] ?? type}:${id}` };
}

/**
 * True of a denial that must not count: every policy that made it so reads the history or is a rate. A
 * denial that no policy made counts.
 */
export function isUncounted(
  { verdict, determining }: Pick<Decision, 'verdict' | 'determining'>,
  readsPast: (policy: string) => boolean,
): boolean {
  return verdict === 'deny' && determining.length > 0 && determining.every(readsPast);
}
