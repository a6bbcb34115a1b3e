/** Our implementation, fed with the same JSON as Cedar's, and asked the same questions. */
import {
  type Answer,
  authorize,
  compilePolicies,
  EntityUid,
  entitiesFromJson,
  type Json,
  linkTemplate,
  type Policy,
  type PolicyEntry,
  parseJson,
  parsePolicies,
  prepareEntities,
  type Request,
  recordFromJson,
} from '../../packages/cedar/src/index.ts';
import type { Ask, Verdict } from './oracle.ts';
import type { PolicySet } from './policy-sets.ts';
import type { JsonEntity, JsonRequest, Uid } from './world.ts';

export interface OurAsk {
  /** As Cedar would say it. */
  readonly verdict: Ask;
  /** All that ours says: permits beside forbids, messages, and the order of the set. */
  readonly answer: (request: JsonRequest) => Answer;
}

export function openOurs(
  set: PolicySet,
  entities: readonly JsonEntity[],
  options: { readonly index: boolean },
): OurAsk {
  const policies = compilePolicies(entriesOf(set), options);
  const prepared = prepareEntities(entitiesFromJson(lossless(entities)));
  const answer = (request: JsonRequest): Answer =>
    authorize(policies, requestOf(request), prepared);
  return { answer, verdict: (request) => verdictOf(answer(request)) };
}

const verdictOf = ({ decision, permits, forbids, errors }: Answer): Verdict => ({
  decision,
  reason: (forbids.length > 0 ? forbids : permits).toSorted(),
  errors: errors.map(({ policy }) => policy).toSorted(),
});

export const requestOf = ({ principal, action, resource, context }: JsonRequest): Request => ({
  principal: uidOf(principal),
  action: uidOf(action),
  resource: uidOf(resource),
  context: recordFromJson(lossless(context)),
});

export function entriesOf({ policies, templates, links }: PolicySet): PolicyEntry[] {
  const templateById = new Map(templates.map(({ id, text }) => [id, parseOne(text)]));
  return [
    ...policies.map(({ id, text }) => ({ id, policy: parseOne(text) })),
    ...links.map(({ templateId, newId, values }) => {
      const slots = Object.entries(values).map(([slot, uid]) => [slot, uidOf(uid)] as const);
      const template = templateById.get(templateId);
      if (template === undefined) throw new Error(`there is no template ${templateId}`);
      const linked = linkTemplate(template, Object.fromEntries(slots));
      if (!linked.ok) throw new Error(linked.message);
      return { id: newId, policy: linked.policy };
    }),
  ];
}

const uidOf = ({ type, id }: Uid): EntityUid => new EntityUid(type, id);

function parseOne(text: string): Policy {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  const [policy] = parsed.policies;
  if (policy === undefined) throw new Error('no policy');
  return policy;
}

export function lossless(value: unknown): Json {
  const parsed = parseJson(JSON.stringify(value));
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return parsed.value;
}
