/** The guard: decides, hands the entry over, and says what to do, in one synchronous step. */
import type { DecisionFields, Json } from '../entry/entry.ts';
import type { About, Recorded, Recorder } from '../entry/recorder.ts';
import type { Action, Decision, Denial, PolicyInfo } from './decision.ts';
import { describeDenial } from './denial.ts';
import type { Act, Decided, Guard } from './guard.ts';
import { type Judgement, judge } from './judge.ts';
import type { PolicySet } from './policy-set.ts';

/** Who has said yes to what. The guard asks once for each policy that holds an act. */
export interface Approvals {
  /** True where this very act has all the grants that this very policy text asks for, none of them used. */
  granted(act: Act, policy: PolicyInfo): boolean;
}

export interface GuardOptions {
  readonly recorder: Recorder;
  readonly policySet: PolicySet;
  /** Without it every hold stays a hold. */
  readonly approvals?: Approvals;
  /** Leads to the page of an entry; a decision's id is added: `http://127.0.0.1:7070/entries/`. */
  readonly docs?: string;
}

/** Id of a decision that could not be recorded: there is no entry to look at. */
export const NO_DECISION_ID = '00000000-0000-0000-0000-000000000000';
/** Blobs that entries named already; past it one is handed over again, which costs a look at the disk. */
export const ATTACHED_MAX = 1_024;
const NO_PART = { request: 0, code: 'policy-error', permits: [], forbids: [] } as const;
const NO_APPROVALS: Approvals = { granted: () => false };

export function openGuard(options: GuardOptions): Guard {
  return new RecordingGuard(options);
}

class RecordingGuard implements Guard {
  readonly #options: GuardOptions;
  #set: PolicySet;
  readonly #attached = new Set<string>();

  constructor(options: GuardOptions) {
    this.#options = options;
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
    const { approvals = NO_APPROVALS } = this.#options;
    const granted = (policy: PolicyInfo) => approvals.granted(act, policy);
    const { decision, entities } = this.#judge(act.action, granted);
    const stopped = decision.verdict !== 'allow';
    // Malformed bytes have no reading that could be let through, not even to watch.
    const blocked = stopped && (act.mode === 'enforce' || decision.code === 'rejected');
    const { id, durable } = this.#record(
      act,
      { decision, enforced: blocked || !stopped },
      entities,
    );
    const outcome = { decision, decisionId: id, blocked, durable };
    return blocked ? { ...outcome, denial: this.#denial(act.action, decision, id) } : outcome;
  }

  explain(action: Action): ReturnType<Guard['explain']> {
    const { decision } = this.#judge(action, () => false);
    if (decision.verdict === 'allow') return { decision };
    return { decision, denial: this.#denial(action, decision, '') };
  }

  outcome(fields: Parameters<Guard['outcome']>[0], about: About): Promise<number> {
    return this.#options.recorder.record({ kind: 'outcome', ...fields }, about).durable;
  }

  #denial(action: Action, decision: Decision, decisionId: string): Denial {
    const { docs } = this.#options;
    const policies = this.#set.byId;
    return describeDenial({ decision, action, policies, decisionId, ...(docs ? { docs } : {}) });
  }

  /** Whatever fails in here denies: an exception must not become a way past the policies. */
  #judge(action: Action, granted: (policy: PolicyInfo) => boolean): Judgement {
    try {
      return judge(this.#set, action, granted);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const decision: Decision = {
        verdict: 'deny',
        code: 'policy-error',
        parts: [{ ...NO_PART, errors: [{ policy: '', message }] }],
        determining: [],
        obligations: [],
        holds: [],
        policySet: this.#set.digest,
        entities: '',
        engine: this.#set.engine.name,
      };
      return { decision, entities: new Uint8Array(0) };
    }
  }

  #record(act: Act, made: Made, entities: Uint8Array): Recorded {
    const attachments = this.#attachments(made.decision, entities);
    try {
      const recorded = this.#options.recorder.record(
        decisionFields(act, made),
        act,
        act.values,
        attachments,
      );
      return recorded;
    } catch (error) {
      // Not recorded, so nothing may follow from it: whoever waits for the disk gets the error.
      const durable = Promise.reject(error);
      durable.catch(() => undefined);
      return { id: NO_DECISION_ID, durable };
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

interface Made {
  readonly decision: Decision;
  readonly enforced: boolean;
}

function decisionFields(act: Act, { decision, enforced }: Made): DecisionFields {
  const { rejected } = act.action;
  const { verdict, code, parts, determining, obligations, holds, retryAfterMs } = decision;
  const worst = parts.find((part) => part.code === code)?.request ?? 0;
  return {
    kind: 'decision',
    target: act.target,
    action: act.action.requests[worst]?.action ?? '',
    resources: act.resources,
    ...(act.statement === undefined ? {} : { statement: act.statement }),
    values: [],
    facts: act.facts,
    meta: act.meta,
    decision: {
      verdict,
      code,
      determining,
      policySet: decision.policySet,
      entities: decision.entities,
      engine: decision.engine,
      mode: act.mode,
      enforced,
      parts: parts as unknown as Json,
      ...(obligations.length > 0 ? { obligations: obligations as unknown as Json } : {}),
      ...(holds.length > 0 ? { holds } : {}),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(rejected === undefined ? {} : { rejected }),
    },
  };
}
