/**
 * The guard: reads the history, decides, hands the entry over, and takes what the action takes, in one
 * synchronous step: two actions never see the same last place in a rate.
 */
import { formatTime } from '../entry/clock.ts';
import type { DecisionFields, Json, LoggedDecision } from '../entry/entry.ts';
import type { About, Recorded, Recorder } from '../entry/recorder.ts';
import { digestAction } from './action-digest.ts';
import type { Action, Decision, Denial, PolicyInfo } from './decision.ts';
import { describeDenial } from './denial.ts';
import type { Grant } from './grant.ts';
import type { Act, Decided, Guard } from './guard.ts';
import { History, type HistorySnapshot, NO_HISTORY } from './history.ts';
import { type Account, accountOf, historyEvent, isUncounted } from './history-event.ts';
import { accountOfAction, withHistory } from './history-fact.ts';
import { InputsTaken, type JudgeInputs, type LoggedInputs } from './inputs.ts';
import { type Judgement, judge } from './judge.ts';
import type { PolicySet } from './policy-set.ts';
import { ShadowJudge } from './shadow.ts';
import { jsonOf } from './value-json.ts';

/** Who has said yes to what. Asked in the middle of a decision, and so answers at once. */
export interface Approvals {
  /** What there is for this act under this policy; the guard checks each of them. */
  grants(act: Act, policy: PolicyInfo, actionDigest: () => string): readonly Grant[];
  /** These are used up by a decision that is being recorded. */
  used(grants: readonly string[], decisionId: string): void;
}

export interface GuardOptions {
  readonly recorder: Recorder;
  readonly policySet: PolicySet;
  /** As a start rebuilt it from the log; without it nobody has done anything yet. */
  readonly history?: History;
  /** Without it every hold stays a hold. */
  readonly approvals?: Approvals;
  /** What actions are named by in approvals; the same over restarts, or no grant outlives one. */
  readonly digestKey?: Uint8Array;
  /** Leads to the page of an entry; a decision's id is added: `http://127.0.0.1:7070/entries/`. */
  readonly docs?: string;
}

/** Id of a decision that could not be recorded: there is no entry to look at. */
export const NO_DECISION_ID = '00000000-0000-0000-0000-000000000000';
/** Blobs that entries named already; past it one is handed over again, which costs a look at the disk. */
export const ATTACHED_MAX = 1_024;
const NO_PART = { request: 0, code: 'policy-error', permits: [], forbids: [] } as const;
const NO_APPROVALS: Approvals = { grants: () => [], used: () => undefined };

export function openGuard(options: GuardOptions): Guard {
  return new RecordingGuard(options);
}

class RecordingGuard implements Guard {
  readonly #options: GuardOptions;
  readonly #history: History;
  readonly #approvals: Approvals;
  readonly #shadows: ShadowJudge;
  #set: PolicySet;
  readonly #attached = new Set<string>();

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#history = options.history ?? new History();
    this.#approvals = options.approvals ?? NO_APPROVALS;
    this.#shadows = new ShadowJudge(options.recorder);
    this.#set = options.policySet;
  }

  get policySet(): string {
    return this.#set.digest;
  }

  replace(policySet: PolicySet): void {
    const old = this.#set;
    this.#set = policySet;
    if (old !== policySet) old.close();
  }

  decide(act: Act): Decided {
    const past = this.#pastOf(accountOf(act));
    const seen: Act = {
      ...act,
      action: withHistory(act.action, past.snapshot),
      meta: { ...act.meta, history: { ...past.snapshot } },
    };
    const inputs = new InputsTaken(this.#inputs(seen, past));
    const { decision, entities } = this.#judge(seen.action, inputs);
    const stopped = decision.verdict !== 'allow';
    // Malformed bytes have no reading that could be let through, not even to watch.
    const blocked = stopped && (act.mode === 'enforce' || decision.code === 'rejected');
    // Whoever asks for the approval names the action by it.
    if (decision.verdict === 'hold') inputs.approval.actionDigest();
    const fields = decisionFields(seen, {
      decision,
      enforced: blocked || !stopped,
      inputs: inputs.logged(),
      uncounted: isUncounted(decision, (id) => this.#readsPast(id)),
    });
    const attached = this.#attachments(decision, entities);
    const { id, durable } = this.#record(seen, fields, attached, past.nowUs);
    if (decision.uses.length > 0 && id !== NO_DECISION_ID) this.#approvals.used(decision.uses, id);
    this.#watch(seen, fields, { id, durable, nowUs: past.nowUs });
    const outcome = { decision, decisionId: id, blocked, durable };
    return blocked ? { ...outcome, denial: this.#denial(act.action, decision, id) } : outcome;
  }

  #watch(act: Act, { decision: logged }: DecisionFields, made: Watched): void {
    const set = this.#set.shadow;
    if (set === undefined || act.action.rejected !== undefined) return;
    const { id: decisionId, nowUs, durable } = made;
    const time = formatTime(nowUs);
    const about = aboutOf(act);
    this.#shadows.watch({ set, action: act.action, logged, decisionId, time, about }, durable);
  }

  explain(action: Action): ReturnType<Guard['explain']> {
    const past = this.#pastOf(accountOfAction(action));
    const { decision } = this.#judge(withHistory(action, past.snapshot), {
      ...this.#inputs({ action, mode: 'enforce' }, past),
      approval: { nowMs: past.nowMs, people: [], actionDigest: () => '', grants: () => [] },
    });
    if (decision.verdict === 'allow') return { decision };
    return { decision, denial: this.#denial(action, decision, '') };
  }

  outcome(fields: Parameters<Guard['outcome']>[0], about: About): Promise<number> {
    const outcome = { kind: 'outcome', ...fields } as const;
    const { id, atMs, durable } = this.#options.recorder.record(outcome, about);
    const event = historyEvent({ ...about, ...outcome, id }, atMs);
    if (event) this.#history.apply(event);
    return durable;
  }

  #pastOf(account: Account | undefined): Past {
    const nowUs = this.#options.recorder.clock();
    const nowMs = Number(nowUs / 1000n);
    const snapshot = account && this.#history.snapshot(account, nowMs);
    const untracked = snapshot === undefined;
    return { nowUs, nowMs, account, snapshot: snapshot ?? NO_HISTORY, untracked };
  }

  #inputs(act: Pick<Act, 'mode'> & Partial<Act>, past: Past): JudgeInputs {
    const { nowMs, account, untracked } = past;
    const digest = (): string => digestAction(act as Act, this.#options.digestKey ?? NO_KEY);
    return {
      mode: act.mode,
      untracked,
      rate: ({ id }, limit, windowMs, cost) =>
        account === undefined
          ? { key: '', used: Number.MAX_SAFE_INTEGER, waitMs: undefined }
          : this.#history.counted(account, id, { limit, windowMs, cost }, nowMs),
      approval: {
        nowMs,
        people: peopleOf(act),
        actionDigest: digest,
        grants: (policy) =>
          this.#approvals
            .grants(act as Act, policy, digest)
            .map((grant) => ({ ...grant, used: grant.used || this.#history.isUsed(grant.id) })),
      },
    };
  }

  /** No lockout feeds itself. */
  #readsPast(id: string): boolean {
    const policy = this.#set.byId.get(id);
    return policy?.readsHistory === true || policy?.condition?.kind === 'within-rate';
  }

  #denial(action: Action, decision: Decision, decisionId: string): Denial {
    const { docs } = this.#options;
    const policies = this.#set.byId;
    return describeDenial({ decision, action, policies, decisionId, ...(docs ? { docs } : {}) });
  }

  /** Whatever fails in here denies: an exception must not become a way past the policies. */
  #judge(action: Action, inputs: JudgeInputs): Judgement {
    try {
      return judge(this.#set, action, inputs);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const decision: Decision = {
        verdict: 'deny',
        code: 'policy-error',
        parts: [{ ...NO_PART, errors: [{ policy: '', message }] }],
        determining: [],
        obligations: [],
        holds: [],
        reserve: [],
        uses: [],
        policySet: this.#set.digest,
        entities: '',
        engine: this.#set.engine.name,
        mode: inputs.mode,
      };
      return { decision, entities: new Uint8Array(0) };
    }
  }

  #record(
    act: Act,
    fields: DecisionFields,
    attachments: readonly Uint8Array[],
    nowUs: bigint,
  ): Recorded {
    const { recorder } = this.#options;
    try {
      const recorded = recorder.record(fields, act, act.values, attachments, nowUs);
      const atMs = Number(nowUs / 1000n);
      const event = historyEvent({ ...aboutOf(act), ...fields, id: recorded.id }, atMs);
      if (event) this.#history.apply(event);
      return recorded;
    } catch (error) {
      // Not recorded, so nothing may follow from it: whoever waits for the disk gets the error.
      const durable = Promise.reject(error);
      durable.catch(() => undefined);
      return { id: NO_DECISION_ID, atMs: 0, durable };
    }
  }

  /**
   * The set and the entities, on disk before the first entry that names them, so that the decision can be
   * recomputed. Where no policy was asked there is nothing to recompute, and names of a client's own
   * invention must not fill the disk.
   */
  #attachments({ code, policySet, entities }: Decision, entityBytes: Uint8Array): Uint8Array[] {
    if (code === 'rejected' || code === 'not-understood' || entities === '') return [];
    const found: Uint8Array[] = [];
    if (!this.#attached.has(policySet)) found.push(Buffer.from(this.#set.canonical));
    if (!this.#attached.has(entities)) found.push(entityBytes);
    if (this.#attached.size + found.length > ATTACHED_MAX) this.#attached.clear();
    this.#attached.add(policySet).add(entities);
    return found;
  }
}

/** Only for actions that no grant can be bound to: a guard without approvals asks for no digest. */
const NO_KEY = new Uint8Array(32);

/** What is known of a principal's past as a decision begins. */
interface Past {
  readonly nowUs: bigint;
  readonly nowMs: number;
  readonly account: Account | undefined;
  readonly snapshot: HistorySnapshot;
  readonly untracked: boolean;
}

const aboutOf = ({ principal, onBehalfOf }: About): Pick<About, 'principal' | 'onBehalfOf'> => ({
  ...(principal ? { principal } : {}),
  ...(onBehalfOf ? { onBehalfOf } : {}),
});

function peopleOf({ principal, onBehalfOf = [] }: About): string[] {
  const all = principal ? [principal, ...onBehalfOf] : onBehalfOf;
  return all.map(({ type, id }) => `${type}:${id}`);
}

interface Watched extends Pick<Recorded, 'id' | 'durable'> {
  readonly nowUs: bigint;
}

interface Made {
  readonly decision: Decision;
  readonly enforced: boolean;
  readonly inputs: LoggedInputs | undefined;
  readonly uncounted: boolean;
}

function decisionFields(act: Act, { decision, enforced, inputs, uncounted }: Made): DecisionFields {
  const { rejected } = act.action;
  const { verdict, code, parts, determining, obligations, holds, retryAfterMs } = decision;
  const { reserve, uses } = decision;
  const worst = parts.find((part) => part.code === code)?.request ?? 0;
  const logged: LoggedDecision = {
    verdict,
    code,
    determining,
    policySet: decision.policySet,
    entities: decision.entities,
    engine: decision.engine,
    mode: act.mode,
    enforced,
    parts: parts as unknown as Json,
    ...(inputs === undefined ? {} : { inputs }),
    ...(obligations.length > 0 ? { obligations: obligations as unknown as Json } : {}),
    ...(holds.length > 0 ? { holds } : {}),
    ...(reserve.length > 0 ? { reserve } : {}),
    ...(uses.length > 0 ? { uses } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(uncounted ? { uncounted } : {}),
    ...(rejected === undefined ? {} : { rejected }),
  };
  return {
    kind: 'decision',
    target: act.target,
    action: act.action.requests[worst]?.action ?? '',
    resources: act.resources,
    ...(act.statement === undefined ? {} : { statement: act.statement }),
    values: [],
    facts: act.facts,
    meta: jsonOf(act.meta),
    decision: logged,
  };
}
