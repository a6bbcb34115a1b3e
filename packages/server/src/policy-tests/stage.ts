/**
 * A guard for one case: the real one, over a clock that stands where the case says and a log that keeps
 * nothing. What earlier steps did is what later ones are decided on, as it would be in a gateway.
 */
import {
  type Decided,
  type Grant,
  type Guard,
  History,
  type HistorySnapshot,
  openGuard,
  type PolicyInfo,
  type PolicySet,
  type ResourceUse,
} from '@sealrail/sdk';
import type { TestCase, TestStep } from './test-file.ts';

export class Stage {
  readonly #guard: Guard;
  readonly #target: string;
  readonly #history = new GivenHistory();
  #nowMs = 0;
  #step: TestStep | undefined;
  #entries = 0;

  constructor(policySet: PolicySet, { target }: TestCase) {
    this.#target = target;
    this.#guard = openGuard({
      policySet,
      recorder: {
        clock: () => BigInt(this.#nowMs) * 1000n,
        record: () => ({
          id: `entry-${++this.#entries}`,
          atMs: this.#nowMs,
          durable: Promise.resolve(this.#entries),
        }),
      },
      history: this.#history,
      approvals: {
        grants: (_act, policy, digest) => this.#grants(policy, digest),
        used: () => undefined,
      },
    });
  }

  /** One action of the case, and what became of it. */
  play(step: TestStep): Decided {
    const { doing, atMs, outcome } = step;
    this.#nowMs = atMs;
    this.#step = step;
    const { action, ...about } = doing;
    this.#history.given = givenHistory(action.requests[0]?.context.meta);
    const resources: ResourceUse[] = action.requests.map(({ action: name, resource }) => ({
      action: name,
      type: resource.type,
      id: resource.id,
    }));
    const target = this.#target;
    const rest = { mode: 'enforce', values: [], facts: {}, meta: {} } as const;
    const decided = this.#guard.decide({ action, target, resources, ...about, ...rest });
    if (!decided.blocked) {
      const { rows, bytes, outcome: status } = outcome;
      const dispatched = status === 'skipped' ? { dispatched: false } : {};
      const fields = { outcome: { status, ...dispatched }, rows, bytes, durationUs: 0 };
      void this.#guard.outcome({ decisionId: decided.decisionId, ...fields }, about);
    }
    return decided;
  }

  /** From everybody whom the step names; the guard says which of them count. */
  #grants(policy: PolicyInfo, digest: () => string): readonly Grant[] {
    return (this.#step?.approved ?? []).map(({ name, groups }) => ({
      id: `${name}-${this.#entries}`,
      actionDigest: digest(),
      policy: policy.id,
      policyText: policy.textDigest,
      by: name,
      groups,
      requestedBy: [],
      untilMs: Number.MAX_SAFE_INTEGER,
      used: false,
    }));
  }
}

/** What a case says of the past, instead of playing it through. */
class GivenHistory extends History {
  given: Partial<HistorySnapshot> = {};

  override snapshot(...asked: Parameters<History['snapshot']>): HistorySnapshot | undefined {
    const played = super.snapshot(...asked);
    return played && { ...played, ...this.given };
  }
}

/** Every member that a case has set: all others are 0 or empty. */
function givenHistory(meta: unknown): Partial<HistorySnapshot> {
  const { history = {} } = (meta ?? {}) as { readonly history?: Partial<HistorySnapshot> };
  const set = Object.entries(history).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== 0,
  );
  return Object.fromEntries(set);
}
