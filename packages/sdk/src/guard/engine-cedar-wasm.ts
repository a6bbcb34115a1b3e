/**
 * Cedar's own engine, compiled to WebAssembly, behind the Engine port. Synchronous and exact, at some
 * hundred microseconds a request.
 */
import {
  getCedarVersion,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { Engine, Entity, Evaluation, Request } from './decision.ts';
import { asPermit, type PolicyText } from './policy-text.ts';

export interface EnginePolicy {
  readonly id: string;
  readonly text: string;
  readonly at: PolicyText;
}

export interface CedarWasmEngine extends Engine {
  /** Gives the slot back; afterwards every request is answered with `invalid`. */
  close(): void;
}

export const ENGINE_NAME = `cedar-wasm/${getCedarVersion()}`;
/** What an engine says about a request is logged: a bound keeps the entry small. */
const MESSAGE_CHARACTERS_MAX = 500;

// The module keeps what it preparsed under a name for ever. A name is used again once its engine is
// closed, so that swapping sets for years holds two of them and not all.
const freeSlots: string[] = [];
let slots = 0;
const schemas = new Map<string, string>();

/** Policies and schema must have parsed before; throws where they do not. */
export function openCedarWasmEngine(
  policies: readonly EnginePolicy[],
  schemaText: string,
): CedarWasmEngine {
  const schema = schemaName(schemaText);
  const slot = freeSlots.pop() ?? `sealrail-${++slots}`;
  // Cedar stops reporting permits once a forbid is satisfied. All of them under `permit` come back all
  // together, with every error, in one call; the caller knows from the id which effect it really has.
  const texts = policies.map(({ id, text, at }) => [id, asPermit(text, at)] as const);
  const parsed = preparsePolicySet(slot, { staticPolicies: Object.fromEntries(texts) });
  if (parsed.type === 'failure') {
    throw new Error(`couldn't load the policies: ${parsed.errors[0]?.message ?? 'unknown'}`);
  }
  const forbids = new Set(policies.filter(({ at }) => at.effect === 'forbid').map(({ id }) => id));
  let open = true;
  return {
    name: ENGINE_NAME,
    evaluate: (request, entities) => {
      if (!open) return invalid('this policy set was replaced');
      try {
        return evaluate({ slot, schema, forbids }, request, entities);
      } catch (error) {
        // RangeError on deep nesting, a fault in its memory: never a verdict about the request.
        return invalid(`the engine failed: ${String(error)}`);
      }
    },
    close: () => {
      if (open) freeSlots.push(slot);
      open = false;
    },
  };
}

function schemaName(schemaText: string): string {
  const known = schemas.get(schemaText);
  if (known !== undefined) return known;
  const name = `sealrail-schema-${schemas.size + 1}`;
  const parsed = preparseSchema(name, schemaText);
  if (parsed.type === 'failure') {
    throw new Error(`the policy schema does not parse: ${parsed.errors[0]?.message ?? 'unknown'}`);
  }
  schemas.set(schemaText, name);
  return name;
}

interface Loaded {
  readonly slot: string;
  readonly schema: string;
  readonly forbids: ReadonlySet<string>;
}

function evaluate(loaded: Loaded, request: Request, entities: readonly Entity[]): Evaluation {
  const answer = statefulIsAuthorized({
    principal: request.principal,
    action: { type: 'Action', id: request.action },
    resource: request.resource,
    context: request.context as Record<string, never>,
    // Entities are checked against the schema as well as the request: a missing or ill-typed attribute
    // would otherwise make a forbid err, or silently not match.
    preparsedSchemaName: loaded.schema,
    validateRequest: true,
    preparsedPolicySetId: loaded.slot,
    entities: entities as never,
  });
  if (answer.type === 'failure') return invalid(answer.errors[0]?.message ?? 'unknown');
  const { reason, errors } = answer.response.diagnostics;
  return {
    permits: reason.filter((id) => !loaded.forbids.has(id)).sort(),
    forbids: reason.filter((id) => loaded.forbids.has(id)).sort(),
    errors: errors
      .map(({ policyId, error }) => ({ policy: policyId, message: cut(error.message) }))
      .sort((a, b) => (a.policy < b.policy ? -1 : 1)),
  };
}

function invalid(message: string): Evaluation {
  return { permits: [], forbids: [], errors: [], invalid: cut(message) };
}

const cut = (message: string): string => message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed();
