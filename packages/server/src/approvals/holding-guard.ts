/**
 * The guard as surfaces see it: whatever it holds is asked for, and whoever is stopped is told which
 * requests those are and what to do. One for all surfaces, so that none can forget to ask.
 */
import type { Act, Action, Decided, Denial, Guard, PolicySet } from '@sealrail/sdk';
import type { ApprovalsStore, Held } from './approvals.ts';

export interface HoldingGuardOptions {
  readonly guard: Guard;
  readonly approvals: Pick<ApprovalsStore, 'hold'>;
  /** Where people answer: `http://127.0.0.1:7070/approvals`. */
  readonly answerAt: string;
}

export function holdingGuard(options: HoldingGuardOptions): Guard {
  return new HoldingGuard(options);
}

class HoldingGuard implements Guard {
  readonly #options: HoldingGuardOptions;

  constructor(options: HoldingGuardOptions) {
    this.#options = options;
  }

  get policySet(): string {
    return this.#options.guard.policySet;
  }

  decide(act: Act): Decided {
    const { guard, approvals, answerAt } = this.#options;
    const decided = guard.decide(act);
    const { decision, decisionId, denial } = decided;
    // Where nothing is enforced nothing waits, and nobody is asked.
    if (decision.verdict !== 'hold' || denial === undefined) return decided;
    try {
      const { held, durable } = approvals.hold(act, decision, decisionId);
      const both = Promise.all([decided.durable, durable]).then(([index]) => index);
      both.catch(() => undefined);
      return { ...decided, denial: { ...denial, ...told(held, denial, answerAt) }, durable: both };
    } catch (error) {
      // Not asked, and held all the same: whoever waits for the disk gets the error.
      const durable = Promise.reject(error);
      durable.catch(() => undefined);
      return { ...decided, durable };
    }
  }

  explain(action: Action): ReturnType<Guard['explain']> {
    return this.#options.guard.explain(action);
  }

  outcome(...args: Parameters<Guard['outcome']>): Promise<number> {
    return this.#options.guard.outcome(...args);
  }

  replace(next: PolicySet): void {
    this.#options.guard.replace(next);
  }
}

type Told = Pick<Denial, 'message' | 'hint' | 'retryable'> & Partial<Denial>;

function told(held: readonly Held[], denial: Denial, answerAt: string): Told {
  const full = held.find((one) => one.kind === 'full');
  if (full)
    return {
      message: `${denial.message}; and nobody can be asked to approve it: ${full.reason}`,
      hint: 'wait until some of them are decided, or withdraw them: sealrail approvals ls',
      retryable: true,
    };
  const requests = held.flatMap((one) => (one.kind === 'full' ? [] : [one.request.id]));
  const refused = held.find((one) => one.kind === 'denied')?.request;
  if (refused) {
    const { by = 'an approver', reason = '' } = refused.ended ?? {};
    const until = new Date(refused.untilMs).toISOString();
    return {
      message: `${denial.message}; ${by} said no: ${reason}`,
      hint: `it can be asked for again from ${until} on`,
      retryable: false,
      requests,
    };
  }
  const how = requests.map((id) => `sealrail approvals approve ${id}`).join('; ');
  return {
    message: denial.message,
    hint: `${denial.hint}: ${how}; then send exactly the same again`,
    retryable: true,
    requests,
    answerAt,
  };
}
