/**
 * Shadow policies: what would have been decided with them as well. Computed behind the ack, in bounded
 * portions, and written only where the verdict would have been another one: nothing else ever changes by them.
 */
import type { LoggedDecision } from '../entry/entry.ts';
import type { About, Recorder } from '../entry/recorder.ts';
import type { Action, Decision, Shadow } from './decision.ts';
import { inputsFrom } from './inputs.ts';
import { judge } from './judge.ts';
import type { PolicySet } from './policy-set.ts';

/** Decisions that wait to be looked at; more than these are counted and not looked at. */
export const SHADOW_QUEUE_MAX = 1_000;
/** What is looked at before anybody else gets a turn. */
const TURN_MS_MAX = 2;

export interface ShadowTask {
  /** The enforced policies and the shadow ones. */
  readonly set: PolicySet;
  readonly action: Action;
  readonly logged: LoggedDecision;
  readonly decisionId: string;
  readonly time: string;
  readonly about: About;
}

/** The set with what its shadow policies add; closed together with it. */
export function withShadow(set: PolicySet, joint: PolicySet): PolicySet {
  const close = (): void => {
    set.close();
    joint.close();
  };
  return { ...set, shadow: joint, close };
}

/** Decides with the shadow policies as well, from what the decision itself was made from. Pure. */
export function judgeShadow({ set, action, logged, time }: Omit<ShadowTask, 'about'>): Shadow {
  try {
    return shadowOf(judge(set, action, inputsFrom(logged, time)).decision);
  } catch {
    return { verdict: 'deny', code: 'policy-error', determining: [] };
  }
}

const shadowOf = ({ verdict, code, determining }: Decision): Shadow => ({
  verdict,
  code,
  determining,
});

export class ShadowJudge {
  readonly #recorder: Recorder;
  readonly #queue: ShadowTask[] = [];
  #isRunning = false;
  /** Decisions that were not looked at since the last finding. */
  #passedOver = 0;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** Looked at once the decision is on disk; one that is not there was none. */
  watch(task: ShadowTask, durable: Promise<unknown>): void {
    durable.then(
      () => this.#add(task),
      () => undefined,
    );
  }

  #add(task: ShadowTask): void {
    if (this.#queue.length >= SHADOW_QUEUE_MAX) this.#passedOver++;
    else this.#queue.push(task);
    if (this.#isRunning) return;
    this.#isRunning = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    const endMs = performance.now() + TURN_MS_MAX;
    for (let task = this.#queue.shift(); task !== undefined; task = this.#queue.shift()) {
      this.#compare(task);
      if (performance.now() < endMs) continue;
      setImmediate(() => this.#run());
      return;
    }
    this.#isRunning = false;
  }

  #compare(task: ShadowTask): void {
    const shadow = judgeShadow(task);
    const { verdict } = task.logged;
    if (shadow.verdict === verdict) return;
    const by = shadow.determining.length === 0 ? '' : ` by ${shadow.determining.join(', ')}`;
    const passedOver = this.#passedOver;
    this.#passedOver = 0;
    const fields = {
      kind: 'finding',
      rule: 'shadow',
      severity: 'info',
      message: `${verdict}, and with the shadow policies ${shadow.verdict} (${shadow.code})${by}`,
      about: [task.decisionId],
      shadow: {
        ...shadow,
        policySet: task.set.digest,
        ...(passedOver > 0 ? { passedOver } : {}),
      },
    } as const;
    // A log that takes nothing fails for those who wait for it; nobody waits for this.
    this.#recorder.record(fields, task.about).durable.catch(() => undefined);
  }
}
