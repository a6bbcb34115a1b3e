/** The state of one evaluation, and the shape of what policies are compiled to. */
import type { Entities } from '../entities/entities.ts';
import type { EntityNode } from '../entities/entity-node.ts';
import type { CedarRecord, EntityUid, Request, Value } from '../value.ts';
import { POLICY_STEPS_MAX, REQUEST_STEPS_MAX } from './limits.ts';

/**
 * A compiled expression. `undefined` is an error, and the evaluation then knows why. Errors are values
 * here since throwing would make a request that meets many of them a hundred times slower than others.
 */
export type Run = (evaluation: Evaluation) => Value | undefined;
/** A compiled expression that is known to give a bool or an error. */
export type Test = (evaluation: Evaluation) => boolean | undefined;

/** Lives for one request. */
export class Evaluation {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
  readonly entities: Entities;
  readonly principalNode: EntityNode | undefined;
  readonly actionNode: EntityNode | undefined;
  readonly resourceNode: EntityNode | undefined;
  /** Of the expression that gave `undefined` last. */
  failure = '';
  /** An error was met that no `has` before it rules out: a limit, or a number that is no Long. */
  unforeseen = false;
  /** Below zero once exhausted; what works on structures counts it down. */
  steps = POLICY_STEPS_MAX;
  #requestSteps = REQUEST_STEPS_MAX;

  constructor(request: Request, entities: Entities) {
    this.principal = request.principal;
    this.action = request.action;
    this.resource = request.resource;
    this.context = request.context;
    this.entities = entities;
    this.principalNode = entities.find(request.principal);
    this.actionNode = entities.find(request.action);
    this.resourceNode = entities.find(request.resource);
  }

  /** Before the next policy: each has steps of its own, as long as the request has any. */
  refill(): void {
    if (this.steps === POLICY_STEPS_MAX) return;
    this.#requestSteps -= POLICY_STEPS_MAX - this.steps;
    this.steps = Math.min(POLICY_STEPS_MAX, this.#requestSteps);
  }

  fail(message: string): undefined {
    this.failure = message;
    return undefined;
  }

  failUnforeseen(message: string): undefined {
    this.unforeseen = true;
    return this.fail(message);
  }

  failSteps(): undefined {
    return this.failUnforeseen('the evaluation takes more steps than one policy may');
  }
}
