/** Cedar's own engine, compiled to WebAssembly, behind the Engine port. */

import type {
  EntityUid as CedarUid,
  CedarValueJson,
  Entities,
} from '@cedar-policy/cedar-wasm/nodejs';
import {
  getCedarSDKVersion,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { Engine, Entity, Evaluation, PolicyError, PolicyInfo, Request } from './decision.ts';

const PERMIT_ALL = 'sealrail permit-all';

/** Sets cannot be removed from cedar-wasm, only overwritten: these few names are used in turn. */
const SLOTS = 4;
let nextSlot = 0;

const uid = ({ type, id }: { type: string; id: string }): CedarUid => ({ type, id });

function entitiesJson(entities: readonly Entity[]): Entities {
  return entities.map(({ uid: own, attrs, parents, tags }) => ({
    uid: uid(own),
    attrs: attrs as Record<string, CedarValueJson>,
    parents: parents.map(uid),
    ...(tags ? { tags: tags as Record<string, CedarValueJson> } : {}),
  }));
}

/**
 * Permits and forbids are asked apart: when a forbid is satisfied, Cedar does not say which permits were,
 * and the rules need both. The forbids are joined by a permit of everything, so that only they decide.
 */
export function cedarWasmEngine(policies: readonly PolicyInfo[], schema: string): Engine {
  const slot = nextSlot++ % SLOTS;
  const names = {
    schema: `sealrail schema ${slot}`,
    permit: `sealrail permits ${slot}`,
    forbid: `sealrail forbids ${slot}`,
  };
  const texts = (effect: 'permit' | 'forbid') =>
    Object.fromEntries(
      policies.filter((policy) => policy.effect === effect).map(({ id, text }) => [id, text]),
    );
  const prepared = [
    preparseSchema(names.schema, schema),
    preparsePolicySet(names.permit, { staticPolicies: texts('permit') }),
    preparsePolicySet(names.forbid, {
      staticPolicies: { ...texts('forbid'), [PERMIT_ALL]: 'permit (principal, action, resource);' },
    }),
  ];
  const failed = prepared.find((answer) => answer.type === 'failure');
  const broken =
    failed?.type === 'failure' ? (failed.errors[0]?.message ?? 'the set does not load') : undefined;

  const ask = (
    request: Request,
    entities: Entities,
    set: string,
    check: boolean,
  ): { reason: string[]; errors: PolicyError[] } | string => {
    const answer = statefulIsAuthorized({
      principal: uid(request.principal),
      action: { type: 'Action', id: request.action },
      resource: uid(request.resource),
      context: request.context as Record<string, CedarValueJson>,
      preparsedPolicySetId: set,
      entities,
      ...(check ? { preparsedSchemaName: names.schema, validateRequest: true } : {}),
    });
    if (answer.type === 'failure') return answer.errors.map(({ message }) => message).join('; ');
    const { reason, errors } = answer.response.diagnostics;
    return {
      reason,
      errors: errors.map(({ policyId, error }) => ({ policy: policyId, message: error.message })),
    };
  };

  return {
    name: `cedar-wasm/${getCedarSDKVersion()}`,
    evaluate(request, entities): Evaluation {
      const nothing = { permits: [], forbids: [], errors: [] };
      if (broken !== undefined) return { ...nothing, invalid: broken };
      try {
        const json = entitiesJson(entities);
        const permits = ask(request, json, names.permit, true);
        if (typeof permits === 'string') return { ...nothing, invalid: permits };
        const forbids = ask(request, json, names.forbid, false);
        if (typeof forbids === 'string') return { ...nothing, invalid: forbids };
        return {
          permits: permits.reason.sort(),
          forbids: forbids.reason.filter((id) => id !== PERMIT_ALL).sort(),
          errors: [...permits.errors, ...forbids.errors],
        };
      } catch (error) {
        // A fault inside the WebAssembly module must deny this action and harm nobody else.
        return {
          ...nothing,
          invalid: `the policy engine failed: ${error instanceof Error ? error.message : String(error)}`,
        };
      }
    },
  };
}
