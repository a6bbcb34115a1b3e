import { createHash } from 'node:crypto';
import { encodeCanonical } from '../entry/canonical.ts';
import type { DecisionFields, Json, OutcomeFields, ResourceUse } from '../entry/entry.ts';
import type { About, ClearValue, Recorder } from '../entry/recorder.ts';
import { decide } from './decide.ts';
import type { Action, Decision, Denial, Entity, Evaluation, Mode, Request } from './decision.ts';
import { denialOf } from './denial.ts';
import type { PolicySet } from './policies.ts';

/** An action with everything that its entry says about it. */
export interface Act extends About {
  readonly action: Action;
  readonly target: string;
  readonly mode: Mode;
  readonly resources: readonly ResourceUse[];
  /** Template without literals; absent where the text does not parse. */
  readonly statement?: string;
  /** Literals, bind values, and the exact bytes at `/bytes`. */
  readonly values: readonly ClearValue[];
  readonly facts: Json;
  readonly meta: Json;
}

export interface Decided {
  readonly decision: Decision;
  readonly decisionId: string;
  /** True where the action must not happen: not allowed, and the mode is `enforce`; or malformed in any mode. */
  readonly blocked: boolean;
  /** Set whenever `blocked` is. */
  readonly denial?: Denial;
  /** See Recorded: no effect, and no answer, before this has resolved. */
  readonly durable: Promise<number>;
}

/** The one place where policy and log meet. */
export interface Guard {
  /** Decides and hands the entry over in one synchronous step. Never throws; what fails is a deny. */
  decide(act: Act): Decided;
  /** Records what became of an allowed action; resolves when durable. */
  outcome(fields: Omit<OutcomeFields, 'kind'>, about: About): Promise<number>;
  /** Digest of the policy set in force; changes when a new one is swapped in. */
  readonly policySet: string;
  /** What would be decided, recording nothing: for explaining. */
  explain(action: Action): { readonly decision: Decision; readonly denial?: Denial };
  /** Swaps the set at once: a decision is made by one set or the other, never by both. */
  replace(next: PolicySet): void;
}

export interface GuardOptions {
  readonly recorder: Recorder;
  readonly policySet: PolicySet;
  /** Leads to the page of an entry; a decision's id is added. */
  readonly docs?: string;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export function openGuard(options: GuardOptions): Guard {
  let set = options.policySet;
  /** Digests of entities that are kept already: a decision must be recomputable from what it names. */
  const kept = new Set<string>();

  const decideOn = (action: Action): Decision => {
    const answers = new Map<string, Evaluation>();
    return decide({
      action,
      policies: set.byId,
      policySet: set.digest,
      entities: entitiesDigest(action.entities),
      engine: set.engine.name,
      evaluate: (request) => {
        // Two tables of one statement often ask the very same question.
        const key = `${request.action}\0${request.resource.type}\0${request.resource.id}\0${contextKey(request)}`;
        const found = answers.get(key) ?? set.engine.evaluate(request, action.entities);
        answers.set(key, found);
        return found;
      },
    });
  };
  const denial = (action: Action, decision: Decision, decisionId: string): Denial =>
    denialOf({
      action,
      decision,
      decisionId,
      policies: set.byId,
      ...(options.docs === undefined ? {} : { docs: `${options.docs}${decisionId}` }),
    });

  return {
    get policySet() {
      return set.digest;
    },
    replace(next) {
      set = next;
    },
    explain(action) {
      const decision = decideOn(action);
      return decision.verdict === 'allow'
        ? { decision }
        : { decision, denial: denial(action, decision, '') };
    },
    decide(act) {
      const decision = safely(() => decideOn(act.action), set);
      const blocked =
        decision.verdict !== 'allow' && (act.mode === 'enforce' || decision.code === 'rejected');
      const { id, durable } = options.recorder.record(
        decisionFields(act, decision, blocked),
        about(act),
        act.values,
        newPayloads(act.action.entities, decision.entities, kept),
      );
      return {
        decision,
        decisionId: id,
        blocked,
        durable,
        ...(blocked ? { denial: denial(act.action, decision, id) } : {}),
      };
    },
    outcome(fields, concerning) {
      return options.recorder.record({ kind: 'outcome', ...fields }, concerning).durable;
    },
  };
}

/** A fault in deciding denies: an error must never be what lets an action through. */
function safely(decideNow: () => Decision, set: PolicySet): Decision {
  try {
    return decideNow();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      verdict: 'deny',
      code: 'policy-error',
      parts: [
        {
          request: 0,
          code: 'policy-error',
          permits: [],
          forbids: [],
          errors: [{ policy: '', message }],
        },
      ],
      determining: [],
      obligations: [],
      holds: [],
      policySet: set.digest,
      entities: '',
      engine: set.engine.name,
    };
  }
}

function contextKey(request: Request): string {
  const { access } = request.context;
  return access === undefined ? '' : encodeCanonical(access as Json);
}

/** Past it the oldest digest is forgotten, and its entities would be stored once more. */
const KEPT_MAX = 10_000;

function newPayloads(entities: readonly Entity[], digest: string, kept: Set<string>): Uint8Array[] {
  if (digest === '' || kept.has(digest)) return [];
  if (kept.size >= KEPT_MAX) kept.delete(kept.values().next().value ?? '');
  kept.add(digest);
  return [Buffer.from(encodeCanonical(entities as unknown as Json))];
}

function entitiesDigest(entities: readonly Entity[]): string {
  return digestOf(encodeCanonical(entities as unknown as Json));
}

const about = (act: Act): About => ({
  ...(act.session === undefined ? {} : { session: act.session }),
  ...(act.principal === undefined ? {} : { principal: act.principal }),
  ...(act.onBehalfOf === undefined ? {} : { onBehalfOf: act.onBehalfOf }),
  ...(act.trace === undefined ? {} : { trace: act.trace }),
});

function decisionFields(act: Act, decision: Decision, blocked: boolean): DecisionFields {
  const worst = decision.parts.find((part) => part.code === decision.code)?.request ?? 0;
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
      verdict: decision.verdict,
      code: decision.code,
      determining: decision.determining,
      policySet: decision.policySet,
      entities: decision.entities,
      engine: decision.engine,
      mode: act.mode,
      enforced: act.mode === 'enforce' || blocked,
      parts: decision.parts as unknown as Json,
      ...(decision.holds.length > 0 ? { holds: decision.holds } : {}),
      ...(act.action.rejected === undefined ? {} : { rejected: act.action.rejected }),
    },
  };
}
