import type {
  ActionScope,
  Condition,
  Effect,
  Policy,
  PrincipalScope,
  ResourceScope,
  Slot,
} from '../ast.ts';
import { formatParseError } from '../syntax/error.ts';
import { TREE_DEPTH_MAX } from '../syntax/limits.ts';
import { isAnnotationName } from '../syntax/names.ts';
import { parsePolicies } from '../syntax/policy.ts';
import { printPolicy } from '../syntax/print.ts';
import { depthOf } from '../syntax/spine.ts';
import type { EntityUid } from '../value.ts';
import { ExpressionReader } from './expression-from-json.ts';
import {
  checkMembers,
  describe,
  type Members,
  memberOf,
  takeList,
  takeObject,
  takeString,
} from './members.ts';
import { type JsonError, JsonFailure, Place, toJsonErrors } from './place.ts';
import { readTypeName, readUid } from './uid.ts';

export type PolicyFromJson =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly errors: readonly JsonError[] };

/**
 * A policy or a template from Cedar's JSON form. Numbers must be exact, so read text with `parseJson` and
 * not with `JSON.parse`. Throws nothing.
 */
export function policyFromJson(json: unknown): PolicyFromJson {
  try {
    return { ok: true, policy: readPolicy(json, new Place('policy')) };
  } catch (failure) {
    return { ok: false, errors: toJsonErrors(failure) };
  }
}

/** Throws a JsonFailure. */
export function readPolicy(json: unknown, place: Place): Policy {
  const object = takeObject(json, place);
  checkMembers(
    object,
    ['effect', 'principal', 'action', 'resource', 'conditions', 'annotations'],
    place,
  );
  const member = (name: string): [unknown, Place] => [memberOf(object, name), place.at(name)];
  const policy: Policy = {
    effect: readEffect(...member('effect')),
    annotations: readAnnotations(...member('annotations')),
    principal: readEntityScope(...member('principal'), '?principal') as PrincipalScope,
    action: readActionScope(...member('action')),
    resource: readEntityScope(...member('resource'), '?resource') as ResourceScope,
    conditions: readConditions(...member('conditions')),
    start: 0,
    end: 0,
  };
  // Whatever is accepted here has a text, and that text is within the parser's limits.
  const parsed = parsePolicies(printPolicy(policy));
  if (!parsed.ok) throw new JsonFailure(formatParseError(parsed.errors[0]!), place);
  return policy;
}

function readEffect(value: unknown, place: Place): Effect {
  if (value === 'permit' || value === 'forbid') return value;
  throw new JsonFailure('expected "permit" or "forbid"', place);
}

function readAnnotations(value: unknown, place: Place): ReadonlyMap<string, string | null> {
  const annotations = new Map<string, string | null>();
  if (value === undefined) return annotations;
  for (const [name, text] of Object.entries(takeObject(value, place))) {
    if (!isAnnotationName(name)) {
      throw new JsonFailure(`\`${name}\` is no name of an annotation`, place);
    }
    annotations.set(name, text === null ? null : takeString(text, place.at(name)));
  }
  return annotations;
}

function readEntityScope(value: unknown, place: Place, slot: Slot): PrincipalScope | ResourceScope {
  const scope = takeObject(value, place);
  switch (memberOf(scope, 'op')) {
    case 'All':
    case 'all':
      return { kind: 'any' };
    case '==':
      return { kind: 'eq', entity: readEntityOrSlot(scope, place, slot) } as PrincipalScope;
    case 'in':
      return { kind: 'in', entity: readEntityOrSlot(scope, place, slot) } as PrincipalScope;
    case 'is': {
      checkMembers(scope, ['op', 'entity_type', 'in'], place);
      const type = readTypeName(memberOf(scope, 'entity_type'), place.at('entity_type'));
      const container = memberOf(scope, 'in');
      if (container === undefined || container === null) return { kind: 'is', type };
      const inside = place.at('in');
      const entity = readEntityOrSlot(takeObject(container, inside), inside, slot);
      return { kind: 'is-in', type, entity } as PrincipalScope;
    }
    default:
      throw new JsonFailure('expected "All", "==", "in" or "is"', place.at('op'));
  }
}

/** With both, Cedar takes the entity. */
function readEntityOrSlot(scope: Members, place: Place, slot: Slot): EntityUid | Slot {
  const entity = memberOf(scope, 'entity');
  if (entity !== undefined) return readUid(entity, place.at('entity'));
  const written = memberOf(scope, 'slot');
  if (written === undefined) throw new JsonFailure('expected `entity` or `slot`', place);
  if (written !== slot) throw new JsonFailure(`expected the slot "${slot}"`, place.at('slot'));
  return slot;
}

function readActionScope(value: unknown, place: Place): ActionScope {
  const scope = takeObject(value, place);
  switch (memberOf(scope, 'op')) {
    case 'All':
    case 'all':
      return { kind: 'any' };
    case '==':
      return { kind: 'eq', entity: readAction(memberOf(scope, 'entity'), place.at('entity')) };
    case 'in': {
      const entity = memberOf(scope, 'entity');
      if (entity !== undefined) {
        return { kind: 'in', entities: [readAction(entity, place.at('entity'))] };
      }
      const inside = place.at('entities');
      const entities = takeList(memberOf(scope, 'entities'), inside).map((item, index) =>
        readAction(item, inside.at(index)),
      );
      return { kind: 'in', entities };
    }
    default:
      throw new JsonFailure('expected "All", "==" or "in"', place.at('op'));
  }
}

function readAction(value: unknown, place: Place): EntityUid {
  const uid = readUid(value, place);
  if (uid.type !== 'Action' && !uid.type.endsWith('::Action')) {
    throw new JsonFailure(
      `expected an entity of type \`Action\`, found one of \`${uid.type}\``,
      place,
    );
  }
  return uid;
}

function readConditions(value: unknown, place: Place): readonly Condition[] {
  const reader = new ExpressionReader();
  return takeList(value, place).map((item, index) => {
    const inside = place.at(index);
    const condition = takeObject(item, inside);
    checkMembers(condition, ['kind', 'body'], inside);
    const kind = memberOf(condition, 'kind');
    if (kind !== 'when' && kind !== 'unless') {
      throw new JsonFailure(
        `expected "when" or "unless", found ${describe(kind)}`,
        inside.at('kind'),
      );
    }
    const body = reader.read(memberOf(condition, 'body'), inside.at('body'));
    if (depthOf(body) > TREE_DEPTH_MAX) {
      throw new JsonFailure(`more than ${TREE_DEPTH_MAX} operators deep`, inside.at('body'));
    }
    return { kind, body };
  });
}
