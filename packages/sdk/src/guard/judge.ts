/** From an action to a decision, with nothing logged: what the guard does first, and `explain` does only. */
import { hash } from 'node:crypto';
import { encodeCanonical } from '../entry/canonical.ts';
import { decide, type Finding } from './decide.ts';
import type { Action, Decision, Entity, EntityUid } from './decision.ts';
import type { JudgeInputs } from './inputs.ts';
import type { PolicySet } from './policy-set.ts';
import { misunderstood, misunderstoodAction } from './understood.ts';
import { jsonOf } from './value-json.ts';

export interface Judgement {
  readonly decision: Decision;
  /** Canonical bytes of the entities; the decision names them by SHA-256. */
  readonly entities: Uint8Array;
}

/** Deterministic: the same set, action and inputs give the same decision. */
export function judge(set: PolicySet, action: Action, inputs: JudgeInputs): Judgement {
  const entities = canonicalFormOf(action.entities);
  const ruling = decide({
    rejected: action.rejected !== undefined,
    requests: action.requests,
    findings: action.rejected === undefined ? findAll(set, action, inputs) : [],
    policies: set.byId,
    fulfils: set.fulfils,
    rate: inputs.rate,
    approval: inputs.approval,
  });
  const decision: Decision = {
    ...ruling,
    policySet: set.digest,
    entities: entities.digest,
    engine: set.engine.name,
    mode: inputs.mode,
  };
  return { decision, entities: entities.bytes };
}

function findAll(set: PolicySet, action: Action, { untracked }: JudgeInputs): Finding[] {
  const problem =
    untracked && set.remembers
      ? 'its history cannot be kept: too many principals are active'
      : misunderstoodAction(action);
  if (problem !== undefined) return [{ kind: 'misunderstood', why: { doubts: [], problem } }];
  const { index, prepared } = set.prepare(action.entities);
  return action.requests.map((request) => {
    const why = misunderstood(request, index);
    if (why) return { kind: 'misunderstood', why };
    const evaluation = set.engine.evaluate(request, prepared);
    if (evaluation.invalid === undefined) return { kind: 'evaluated', evaluation };
    return { kind: 'misunderstood', why: { doubts: [], problem: evaluation.invalid } };
  });
}

interface CanonicalForm {
  readonly bytes: Uint8Array;
  /** SHA-256, lowercase hex. */
  readonly digest: string;
}

/** A list that is handed in again is the same list: sorting, writing and hashing it costs more than deciding. */
const canonicalForms = new WeakMap<readonly Entity[], CanonicalForm>();

function canonicalFormOf(entities: readonly Entity[]): CanonicalForm {
  const known = canonicalForms.get(entities);
  if (known !== undefined) return known;
  const bytes = canonicalEntities(entities);
  const made = { bytes, digest: hash('sha256', bytes) };
  canonicalForms.set(entities, made);
  return made;
}

/** Sorted, so that the order in which a surface happens to collect them changes no digest. */
export function canonicalEntities(entities: readonly Entity[]): Buffer {
  const sorted = entities.toSorted((a, b) => order(a.uid, b.uid));
  const plain = sorted.map(({ uid, parents, attrs, tags }) => ({
    uid: { type: uid.type, id: uid.id },
    parents: parents.toSorted(order).map(({ type, id }) => ({ type, id })),
    attrs: jsonOf(attrs),
    ...(tags === undefined ? {} : { tags: jsonOf(tags) }),
  }));
  return Buffer.from(encodeCanonical(plain));
}

function order(a: EntityUid, b: EntityUid): number {
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
