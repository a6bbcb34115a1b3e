/**
 * The Cedar engine as the guard uses it: a policy set compiled once, entities prepared once for as long as
 * the same list of them is handed in. Pure: the same request and entities give the same answer.
 */
import {
  actionEntities,
  authorize,
  type Request as CedarRequest,
  type CompiledPolicies,
  compileExpr,
  compilePolicies,
  compileSchema,
  type Entities,
  EntityUid,
  type Expr,
  type Policy,
  prepareEntities,
  type RequestValidator,
  type ResolvedSchema,
} from '@sealrail/cedar';
import type { Engine, Entity, Evaluation, PreparedEntities, Request } from './decision.ts';

/** Changes with what a request may be answered: an entry names it. */
export const ENGINE_NAME = 'sealrail-cedar/0.1.0';
/** What an engine says about a request is logged: a bound keeps the entry small. */
const MESSAGE_CHARACTERS_MAX = 500;

export interface EnginePolicy {
  readonly id: string;
  readonly policy: Policy;
  /** Of a rate: what one request costs. */
  readonly cost?: Expr;
}

/** Throws where an id is used twice or a policy is a template; loading has refused both. */
export function openEngine(policies: readonly EnginePolicy[], schema: ResolvedSchema): Engine {
  return new CedarEngine(policies, schema);
}

type Cost = ReturnType<typeof compileExpr>;

class CedarEngine implements Engine {
  readonly name = ENGINE_NAME;
  readonly #validator: RequestValidator;
  readonly #actions = new Map<string, EntityUid>();
  readonly #base: Entities;
  readonly #costs = new Map<string, Cost>();
  #compiled: CompiledPolicies | undefined;

  constructor(policies: readonly EnginePolicy[], schema: ResolvedSchema) {
    const actions = actionEntities(schema);
    this.#validator = compileSchema(schema);
    this.#base = prepareEntities(actions);
    for (const { uid } of actions) this.#actions.set(uid.id, uid);
    this.#compiled = compilePolicies(policies);
    for (const { id, cost } of policies) if (cost) this.#costs.set(id, compileExpr(cost));
  }

  prepare(entities: readonly Entity[]): PreparedEntities {
    try {
      // Against the schema as the requests are: a missing or ill-typed attribute would make a forbid err, or
      // silently not match.
      const invalid = this.#validator.validateEntities(entities);
      if (invalid !== undefined) return { invalid: cut(invalid) };
      return { entities: prepareEntities(entities, this.#base) };
    } catch (error) {
      return { invalid: cut(`the entities do not fit together: ${messageOf(error)}`) };
    }
  }

  evaluate(request: Request, { entities, invalid }: PreparedEntities): Evaluation {
    if (entities === undefined) return unanswered(invalid ?? 'no entities');
    if (this.#compiled === undefined) return unanswered('this policy set was replaced');
    const { principal, action, resource, context } = request;
    const asked: CedarRequest = {
      principal,
      action: this.#actions.get(action) ?? new EntityUid('Action', action),
      resource,
      context,
    };
    try {
      const mismatch = this.#validator.validateRequest(asked);
      if (mismatch !== undefined) return unanswered(cut(mismatch));
      const { permits, forbids, errors } = authorize(this.#compiled, asked, entities);
      const costs = this.#costsOf(forbids, asked, entities);
      return { permits, forbids, errors: errors.map(cutError), ...(costs ? { costs } : {}) };
    } catch (error) {
      // A bug of ours or a stack that ran out: never a verdict about the request.
      return unanswered(cut(`the engine failed: ${messageOf(error)}`));
    }
  }

  /** Lets go of the policies, whoever still holds the engine. */
  close(): void {
    this.#compiled = undefined;
  }

  #costsOf(
    forbids: readonly string[],
    request: CedarRequest,
    entities: Entities,
  ): Evaluation['costs'] {
    if (this.#costs.size === 0) return undefined;
    const costs = new Map<string, number | bigint | string>();
    for (const id of forbids) {
      const result = this.#costs.get(id)?.(request, entities);
      if (result === undefined) continue;
      if ('error' in result) costs.set(id, cut(`its cost failed: ${result.error}`));
      else if (typeof result.value === 'number' || typeof result.value === 'bigint')
        costs.set(id, result.value);
      else costs.set(id, 'its cost is no number');
    }
    return costs;
  }
}

const NOTHING = { permits: [], forbids: [], errors: [] };
const unanswered = (invalid: string): Evaluation => ({ ...NOTHING, invalid });

const cut = (message: string): string =>
  message.length > MESSAGE_CHARACTERS_MAX
    ? message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed()
    : message;
const cutError = ({ policy, message }: Evaluation['errors'][number]) => ({
  policy,
  message: cut(message),
});
const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
