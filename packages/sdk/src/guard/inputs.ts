/**
 * What a decision is made from besides policies and action: clock, counters, grants. As asked for while
 * deciding, as written into the entry, and as read back from it to decide the same again. Pure.
 */
import type { Counted, Inputs } from './decide.ts';
import type { Mode } from './decision.ts';
import type { ApprovalInputs, Grant } from './grant.ts';

export interface JudgeInputs extends Pick<Inputs, 'rate'> {
  readonly mode: Mode;
  readonly approval: ApprovalInputs;
  /** True where nobody can say what this principal did before: then what depends on it is not understood. */
  readonly untracked: boolean;
}

/** As it stands in `decision.inputs` of an entry: only what was asked for. The clock is the entry's time. */
export interface LoggedInputs {
  readonly rates?: readonly LoggedRate[];
  readonly actionDigest?: string;
  readonly people?: readonly string[];
  readonly grants?: readonly Grant[];
  readonly untracked?: boolean;
}

export interface LoggedRate {
  readonly policy: string;
  readonly key: string;
  readonly used: number;
  /** Absent where the cost never fits. */
  readonly waitMs?: number;
}

/** Passes every question on and keeps what was answered, for the entry. */
export class InputsTaken implements JudgeInputs {
  readonly mode: Mode;
  readonly untracked: boolean;
  readonly approval: ApprovalInputs;
  readonly #from: JudgeInputs;
  readonly #rates: LoggedRate[] = [];
  readonly #grants = new Map<string, Grant>();
  #actionDigest: string | undefined;

  constructor(from: JudgeInputs) {
    const { approval } = from;
    this.#from = from;
    this.mode = from.mode;
    this.untracked = from.untracked;
    this.approval = {
      nowMs: approval.nowMs,
      people: approval.people,
      actionDigest: () => {
        this.#actionDigest ??= approval.actionDigest();
        return this.#actionDigest;
      },
      grants: (policy) => {
        const grants = approval.grants(policy);
        for (const grant of grants) this.#grants.set(grant.id, grant);
        return grants;
      },
    };
  }

  readonly rate: Inputs['rate'] = (policy, limit, windowMs, cost) => {
    const counted = this.#from.rate(policy, limit, windowMs, cost);
    const { key, used, waitMs } = counted;
    this.#rates.push({ policy: policy.id, key, used, ...(waitMs === undefined ? {} : { waitMs }) });
    return counted;
  };

  /** Undefined where nothing was asked for. */
  logged(): LoggedInputs | undefined {
    const { people } = this.approval;
    const grants = [...this.#grants.values()];
    const logged: LoggedInputs = {
      ...(this.#rates.length > 0 ? { rates: this.#rates } : {}),
      ...(grants.length > 0 ? { grants, people } : {}),
      ...(this.#actionDigest === undefined ? {} : { actionDigest: this.#actionDigest }),
      ...(this.untracked ? { untracked: true } : {}),
    };
    return Object.keys(logged).length === 0 ? undefined : logged;
  }
}

interface RecordedInputs {
  readonly mode: Mode;
  readonly inputs?: LoggedInputs;
}

/**
 * The same answers again. What was not asked then has the answer of an empty past: under another policy
 * set that is what can be known.
 */
export function inputsFrom({ mode, inputs = {} }: RecordedInputs, time: string): JudgeInputs {
  const { rates = [], people = [], grants = [], actionDigest = '' } = inputs;
  const none: Counted = { key: '', used: 0, waitMs: 0 };
  return {
    mode,
    untracked: inputs.untracked === true,
    rate: ({ id }) => {
      const found = rates.find(({ policy }) => policy === id);
      return found ? { key: found.key, used: found.used, waitMs: found.waitMs } : none;
    },
    approval: {
      nowMs: Date.parse(time),
      people,
      actionDigest: () => actionDigest,
      grants: ({ id }) => grants.filter(({ policy }) => policy === id),
    },
  };
}

/** Of somebody who did nothing yet and has no grants. */
export const NO_INPUTS: JudgeInputs = inputsFrom(
  { mode: 'enforce' },
  '1970-01-01T00:00:00.000000Z',
);
