/** Cedar's own implementation, as what ours is compared with. */
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicySet } from './policy-sets.ts';
import type { JsonEntity, JsonRequest } from './world.ts';

/** Ids sorted, since Cedar's answer has them in no order. */
export interface Verdict {
  readonly decision: 'allow' | 'deny';
  readonly reason: readonly string[];
  readonly errors: readonly string[];
}

export type Ask = (request: JsonRequest) => Verdict;

/** cedar-wasm forgets no set that it has parsed but the one that is overwritten, so there is only this one. */
const SET = 'set';

export function openOracle(set: PolicySet, entities: readonly JsonEntity[]): Ask {
  const textById = (texts: PolicySet['policies']): Record<string, string> =>
    Object.fromEntries(texts.map(({ id, text }) => [id, text]));
  const parsed = wasm.preparsePolicySet(SET, {
    staticPolicies: textById(set.policies),
    templates: textById(set.templates),
    templateLinks: set.links.map((link) => ({ ...link, values: { ...link.values } })),
  });
  if (parsed.type === 'failure') throw new Error(describe(parsed.errors));
  return (request) => {
    const answer = wasm.statefulIsAuthorized({
      ...request,
      context: request.context as wasm.Context,
      entities: entities as unknown as wasm.Entities,
      preparsedPolicySetId: SET,
    });
    if (answer.type === 'failure') throw new Error(describe(answer.errors));
    const { decision, diagnostics } = answer.response;
    return {
      decision,
      reason: diagnostics.reason.toSorted(),
      errors: diagnostics.errors.map(({ policyId }) => policyId).toSorted(),
    };
  };
}

const describe = (errors: readonly wasm.DetailedError[]): string =>
  errors.map(({ message, help }) => (help === null ? message : `${message} (${help})`)).join('; ');
