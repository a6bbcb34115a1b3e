/** Templates: policies whose scope has slots. They say nothing until entities stand in all of them. */
import type { Policy, PrincipalScope, ResourceScope, Slot } from '../ast.ts';
import { EntityUid } from '../value.ts';

export type SlotValues = { readonly [slot in Slot]?: EntityUid };

/** The slots of a template; none for a policy that is one already. */
export function slotsOf(policy: Policy): readonly Slot[] {
  return [policy.principal, policy.resource].flatMap((scope) =>
    'entity' in scope && typeof scope.entity === 'string' ? [scope.entity] : [],
  );
}

export type LinkedPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly message: string };

/** The policy that a template is with these entities. Every slot needs its own, and there may be no other. */
export function linkTemplate(template: Policy, values: SlotValues): LinkedPolicy {
  const slots = slotsOf(template);
  if (slots.length === 0) {
    return { ok: false, message: 'this is a policy and no template: it has no slots' };
  }
  const given = Object.keys(values).filter((name) => values[name as Slot] !== undefined);
  const missing = slots.filter((slot) => !given.includes(slot));
  if (missing.length > 0) return { ok: false, message: `no entity for ${missing.join(', ')}` };
  const superfluous = given.filter((name) => !slots.some((slot) => slot === name));
  if (superfluous.length > 0) {
    return { ok: false, message: `the template has no ${superfluous.join(', ')}` };
  }
  const policy: Policy = {
    ...template,
    principal: fillSlot(template.principal, values) as PrincipalScope,
    resource: fillSlot(template.resource, values) as ResourceScope,
  };
  return { ok: true, policy };
}

function fillSlot(
  scope: PrincipalScope | ResourceScope,
  values: SlotValues,
): PrincipalScope | ResourceScope {
  if (!('entity' in scope) || scope.entity instanceof EntityUid) return scope;
  return { ...scope, entity: values[scope.entity]! } as PrincipalScope;
}
