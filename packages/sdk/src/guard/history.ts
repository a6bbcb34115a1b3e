/**
 * What each principal did in the time just past: counters, rates, taints, used grants. Derived from entries
 * and from nothing else, so that a start rebuilds it from the log to equal values. Everything in it is
 * bounded; whoever does not fit is not tracked, and what depends on a history is denied to them. Pure: the
 * clock comes with each event and each question, and a question changes nothing.
 */
import type { Counted } from './decide.ts';
import type { Reservation } from './decision.ts';
import type { Account, HistoryEvent, UsedGrant } from './history-event.ts';
import { Tracked } from './history-tracked.ts';

/**
 * Principals with something in their windows. An attacker who can have principals made without end could
 * fill this and stop newcomers, so one human counts for few of them, and whoever is idle is forgotten.
 */
export const PRINCIPALS_MAX = 10_000;
/** Principals that act for one human. */
export const PRINCIPALS_PER_HUMAN_MAX = 256;
/** Allowed actions without an outcome, whose reservation may be given back; the oldest keeps its own for good. */
export const IN_FLIGHT_MAX = 100_000;
/** How often the idle are forgotten; looking at everybody at each action would be slow. */
const SWEEP_MS = 60_000;
/** And where somebody found no room. */
const SWEEP_FULL_MS = 1_000;

/** `context.meta.history` of the schema. */
export interface HistorySnapshot {
  readonly denied1m: number;
  readonly calls1m: number;
  readonly calls1h: number;
  readonly rows1h: number;
  readonly bytesOut1h: number;
  readonly failed5m: number;
  readonly taints: readonly string[];
  readonly hosts1h: number;
}

interface InFlight {
  readonly atMs: number;
  readonly reserve: readonly Reservation[];
  readonly uses: readonly UsedGrant[];
}

export class History {
  readonly #tracked = new Map<string, Tracked>();
  /** Number of tracked principals by their root human. */
  readonly #agents = new Map<string, number>();
  readonly #inFlight = new Map<string, InFlight>();
  /** Used grants → until when they would have been good. People give them: there are never many. */
  readonly #used = new Map<string, number>();
  #sweptMs = 0;
  #isFull = false;

  /** Undefined where this account is not tracked and cannot be: nobody knows what it did. */
  snapshot(account: Account, nowMs: number): HistorySnapshot | undefined {
    if (!this.#hasRoomFor(account)) return undefined;
    const own = this.#tracked.get(account.principal)?.snapshot(nowMs) ?? NO_HISTORY;
    const root = account.root === undefined ? undefined : this.#tracked.get(account.root);
    return root === undefined ? own : worseOf(own, root.snapshot(nowMs));
  }

  /** What a rate's counter holds for this account, actions in flight included. */
  counted(account: Account, policy: string, rate: Rate, nowMs: number): Counted {
    const { limit, windowMs, cost } = rate;
    const key = account.principal;
    const window = this.#tracked.get(key)?.rate(policy, windowMs);
    const used = window?.total(nowMs) ?? 0;
    const waitMs = cost > limit ? undefined : (window?.waitMs(nowMs, limit - cost) ?? 0);
    return { key, used, waitMs };
  }

  isUsed(grant: string): boolean {
    return this.#used.has(grant);
  }

  /** In the order of the entries. */
  apply(event: HistoryEvent): void {
    const { account, atMs } = event;
    this.#trackAll(account);
    for (const key of keysOf(account)) this.#tracked.get(key)?.apply(event);
    if (event.kind === 'decision') {
      for (const one of event.reserve) this.#tracked.get(one.key)?.reserve(one, atMs);
      // One that has expired is refused as that; until then it must be known to be used.
      for (const { id, untilMs } of event.uses) this.#used.set(id, untilMs);
      this.#remember(event.id, event);
    } else this.#settle(event.decisionId, event.nothingDone);
    this.#sweep(atMs);
  }

  #remember(id: string, { atMs, reserve, uses }: InFlight): void {
    if (reserve.length + uses.length === 0) return;
    if (this.#inFlight.size >= IN_FLIGHT_MAX) {
      const [oldest] = this.#inFlight.keys();
      if (oldest !== undefined) this.#inFlight.delete(oldest);
    }
    this.#inFlight.set(id, { atMs, reserve, uses });
  }

  /** The first outcome decides: what was once begun is not taken back by a later one. */
  #settle(decisionId: string, nothingDone: boolean): void {
    const taken = this.#inFlight.get(decisionId);
    if (taken === undefined) return;
    this.#inFlight.delete(decisionId);
    if (!nothingDone) return;
    for (const one of taken.reserve) this.#tracked.get(one.key)?.giveBack(one, taken.atMs);
    for (const { id } of taken.uses) this.#used.delete(id);
  }

  #hasRoomFor({ principal, root }: Account): boolean {
    const isNew = !this.#tracked.has(principal);
    const needed = Number(isNew) + Number(root !== undefined && !this.#tracked.has(root));
    if (this.#tracked.size + needed > PRINCIPALS_MAX) return false;
    if (!isNew || root === undefined) return true;
    return (this.#agents.get(root) ?? 0) < PRINCIPALS_PER_HUMAN_MAX;
  }

  #trackAll(account: Account): void {
    const { principal, root } = account;
    if (this.#tracked.has(principal) && (root === undefined || this.#tracked.has(root))) return;
    if (!this.#hasRoomFor(account)) {
      this.#isFull = true;
      return;
    }
    if (!this.#tracked.has(principal)) {
      this.#tracked.set(principal, new Tracked(root));
      if (root !== undefined) this.#agents.set(root, (this.#agents.get(root) ?? 0) + 1);
    }
    if (root !== undefined && !this.#tracked.has(root))
      this.#tracked.set(root, new Tracked(undefined));
  }

  /** Whoever has nothing left in any window is as if they had never been here. */
  #sweep(nowMs: number): void {
    const everyMs = this.#isFull ? SWEEP_FULL_MS : SWEEP_MS;
    if (Math.abs(nowMs - this.#sweptMs) < everyMs) return;
    this.#sweptMs = nowMs;
    this.#isFull = false;
    for (const [key, tracked] of this.#tracked) {
      if (!tracked.isIdle(nowMs)) continue;
      this.#tracked.delete(key);
      const { root } = tracked;
      if (root === undefined) continue;
      const left = (this.#agents.get(root) ?? 1) - 1;
      if (left > 0) this.#agents.set(root, left);
      else this.#agents.delete(root);
    }
    for (const [id, untilMs] of this.#used) if (untilMs <= nowMs) this.#used.delete(id);
  }
}

export interface Rate {
  readonly limit: number;
  readonly windowMs: number;
  readonly cost: number;
}

/** Of somebody who did nothing. */
export const NO_HISTORY: HistorySnapshot = {
  denied1m: 0,
  calls1m: 0,
  calls1h: 0,
  rows1h: 0,
  bytesOut1h: 0,
  failed5m: 0,
  taints: [],
  hosts1h: 0,
};

const keysOf = ({ principal, root }: Account): string[] =>
  root === undefined ? [principal] : [principal, root];

/** An agent cannot leave behind what its human did through another one, nor a human what an agent did. */
function worseOf(a: HistorySnapshot, b: HistorySnapshot): HistorySnapshot {
  return {
    denied1m: Math.max(a.denied1m, b.denied1m),
    calls1m: Math.max(a.calls1m, b.calls1m),
    calls1h: Math.max(a.calls1h, b.calls1h),
    rows1h: Math.max(a.rows1h, b.rows1h),
    bytesOut1h: Math.max(a.bytesOut1h, b.bytesOut1h),
    failed5m: Math.max(a.failed5m, b.failed5m),
    taints: [...new Set([...a.taints, ...b.taints])].sort(),
    hosts1h: Math.max(a.hosts1h, b.hosts1h),
  };
}
