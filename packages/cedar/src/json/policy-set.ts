/**
 * Policy sets: policies, templates and what was linked from them, each by its id, and Cedar's JSON form of
 * all that.
 */
import type { Policy } from '../ast.ts';
import { formatParseError } from '../syntax/error.ts';
import { POLICIES_MAX } from '../syntax/limits.ts';
import { linkTemplate, type SlotValues, slotsOf } from '../syntax/link.ts';
import { parsePolicies } from '../syntax/policy.ts';
import { readPolicy } from './from-json.ts';
import { checkMembers, memberOf, takeList, takeObject, takeString } from './members.ts';
import { type JsonError, JsonFailure, Place, toJsonErrors } from './place.ts';
import type { JsonPolicySet } from './policy-json.ts';
import { policyToJson } from './to-json.ts';
import { readUid } from './uid.ts';

export interface PolicySet {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly templates: ReadonlyMap<string, Policy>;
  readonly links: readonly TemplateLink[];
}

/** `policy` is what the template is with these entities. */
export interface TemplateLink {
  readonly id: string;
  readonly template: string;
  readonly values: SlotValues;
  readonly policy: Policy;
}

export type PolicySetFromJson =
  | { readonly ok: true; readonly set: PolicySet }
  | { readonly ok: false; readonly errors: readonly JsonError[] };

/** What decides: policies and linked templates, in that order. Ids differ from each other. */
export function policiesOf(
  set: PolicySet,
): readonly { readonly id: string; readonly policy: Policy }[] {
  const policies = [...set.policies].map(([id, policy]) => ({ id, policy }));
  return [...policies, ...set.links.map(({ id, policy }) => ({ id, policy }))];
}

export function policySetToJson(set: PolicySet): JsonPolicySet {
  const toJson = (policies: ReadonlyMap<string, Policy>) =>
    Object.fromEntries([...policies].map(([id, policy]) => [id, policyToJson(policy)]));
  return {
    staticPolicies: toJson(set.policies),
    templates: toJson(set.templates),
    templateLinks: set.links.map(({ id, template, values }) => ({
      templateId: template,
      newId: id,
      values: Object.fromEntries(
        Object.entries(values).map(([slot, { type, id }]) => [slot, { type, id }]),
      ),
    })),
  };
}

/** Each policy and template in the JSON form or as Cedar text. Throws nothing. */
export function policySetFromJson(json: unknown): PolicySetFromJson {
  try {
    return { ok: true, set: readPolicySet(json, new Place('set')) };
  } catch (failure) {
    return { ok: false, errors: toJsonErrors(failure) };
  }
}

function readPolicySet(json: unknown, place: Place): PolicySet {
  const object = takeObject(json, place);
  checkMembers(object, ['staticPolicies', 'templates', 'templateLinks'], place);
  const ids = new Set<string>();
  const policies = readPolicies(
    memberOf(object, 'staticPolicies'),
    place.at('staticPolicies'),
    ids,
  );
  const templates = readPolicies(memberOf(object, 'templates'), place.at('templates'), ids);
  for (const [id, policy] of policies) {
    if (slotsOf(policy).length > 0) {
      throw new JsonFailure('this is a template: it has slots', place.at('staticPolicies').at(id));
    }
  }
  for (const [id, template] of templates) {
    if (slotsOf(template).length === 0) {
      throw new JsonFailure('this is no template: it has no slots', place.at('templates').at(id));
    }
  }
  const inside = place.at('templateLinks');
  const links = takeList(memberOf(object, 'templateLinks') ?? [], inside).map((link, index) =>
    readLink(link, templates, ids, inside.at(index)),
  );
  return { policies, templates, links };
}

function readPolicies(json: unknown, place: Place, ids: Set<string>): Map<string, Policy> {
  const policies = new Map<string, Policy>();
  if (json === undefined) return policies;
  for (const [id, policy] of Object.entries(takeObject(json, place))) {
    const inside = place.at(id);
    claimId(id, ids, inside);
    policies.set(
      id,
      typeof policy === 'string' ? parseOne(policy, inside) : readPolicy(policy, inside),
    );
  }
  return policies;
}

function claimId(id: string, ids: Set<string>, place: Place): void {
  takeString(id, place);
  if (ids.has(id)) throw new JsonFailure(`the id \`${id}\` is taken`, place);
  if (ids.size >= POLICIES_MAX) throw new JsonFailure(`more than ${POLICIES_MAX} policies`, place);
  ids.add(id);
}

function parseOne(text: string, place: Place): Policy {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new JsonFailure(formatParseError(parsed.errors[0]!), place);
  const [policy] = parsed.policies;
  if (policy === undefined || parsed.policies.length > 1) {
    throw new JsonFailure(`expected one policy, found ${parsed.policies.length}`, place);
  }
  return policy;
}

function readLink(
  json: unknown,
  templates: ReadonlyMap<string, Policy>,
  ids: Set<string>,
  place: Place,
): TemplateLink {
  const link = takeObject(json, place);
  checkMembers(link, ['templateId', 'newId', 'values'], place);
  const template = takeString(memberOf(link, 'templateId'), place.at('templateId'));
  const found = templates.get(template);
  if (found === undefined) {
    throw new JsonFailure(`there is no template \`${template}\``, place.at('templateId'));
  }
  const id = takeString(memberOf(link, 'newId'), place.at('newId'));
  claimId(id, ids, place.at('newId'));
  const inside = place.at('values');
  const values = Object.fromEntries(
    Object.entries(takeObject(memberOf(link, 'values'), inside)).map(([slot, uid]) => [
      slot,
      readUid(uid, inside.at(slot)),
    ]),
  ) as SlotValues;
  const linked = linkTemplate(found, values);
  if (!linked.ok) throw new JsonFailure(linked.message, inside);
  return { id, template, values, policy: linked.policy };
}
