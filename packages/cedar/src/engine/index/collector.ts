import type { Evaluation } from '../evaluation.ts';
import type { Candidate, CompiledPolicy } from '../policy.ts';

/** Evaluates the policies of one request that the index leads to, each once. */
export class Collector {
  readonly evaluation: Evaluation;
  readonly permits: CompiledPolicy[] = [];
  readonly forbids: CompiledPolicy[] = [];
  readonly errors: Erring[] = [];
  readonly #seen: Uint32Array;
  readonly #stamp: number;

  constructor(evaluation: Evaluation, seen: Seen) {
    this.evaluation = evaluation;
    this.#seen = seen.stamps;
    this.#stamp = seen.next();
  }

  evaluate({ policy, holds: test }: Candidate): void {
    if (this.#seen[policy.index] === this.#stamp) return;
    this.#seen[policy.index] = this.#stamp;
    const { evaluation } = this;
    evaluation.refill();
    const holds = test(evaluation);
    if (holds === true) {
      (policy.forbids ? this.forbids : this.permits).push(policy);
    } else if (holds === undefined) {
      this.errors.push({ id: policy.id, index: policy.index, message: evaluation.failure });
    }
  }
}

interface Erring {
  readonly id: string;
  readonly index: number;
  readonly message: string;
}

/** What can be gone through for the policies in it. */
export interface Visit {
  readonly visit: (collector: Collector) => void;
}

/** Which policies the present request has met: stamps, so that nothing is cleared between requests. */
export class Seen {
  readonly stamps: Uint32Array;
  #last = 0;

  constructor(policies: number) {
    this.stamps = new Uint32Array(policies);
  }

  next(): number {
    if (this.#last === 0xffff_ffff) {
      this.stamps.fill(0);
      this.#last = 0;
    }
    return ++this.#last;
  }
}
