/** Random sets of policies: every form of scope, templates with their links, and conditions. */
import type { Dice } from './dice.ts';
import { someCondition, uidText } from './expressions.ts';
import {
  HOSTILE_NAMES,
  PRINCIPAL_TYPES,
  RESOURCE_TYPES,
  someUid,
  TYPES,
  type Uid,
} from './world.ts';

export interface NamedText {
  readonly id: string;
  readonly text: string;
}

export interface Link {
  readonly templateId: string;
  readonly newId: string;
  readonly values: { readonly [slot: string]: Uid };
}

export interface PolicySet {
  readonly policies: readonly NamedText[];
  readonly templates: readonly NamedText[];
  readonly links: readonly Link[];
}

const POLICIES_MAX = 60;

export function somePolicySet(dice: Dice): PolicySet {
  // Small sets meet more requests in their time; large ones are where buckets share policies.
  const most = dice.chance(70) ? 15 : POLICIES_MAX;
  const policies = dice.times(1, most, (at) => ({ id: someId(dice, at), text: somePolicy(dice) }));
  const templates = dice.chance(40)
    ? dice.times(1, 3, (at) => ({ id: `template${at}`, ...someTemplate(dice) }))
    : [];
  const links = templates.flatMap(({ id, slots }, at) =>
    dice.times(0, 3, (link) => ({
      templateId: id,
      newId: `link${at}.${link}`,
      values: Object.fromEntries(slots.map((slot) => [slot, someSlotValue(dice, slot)])),
    })),
  );
  return { policies, templates: templates.map(({ id, text }) => ({ id, text })), links };
}

const someSlotValue = (dice: Dice, slot: Slot): Uid =>
  someUid(
    dice,
    slot === '?principal' ? [...PRINCIPAL_TYPES, 'Role', 'Org'] : [...RESOURCE_TYPES, 'Env'],
  );

/** Ids are of the caller's choosing, so some are hostile; the number keeps them apart. */
const someId = (dice: Dice, at: number): string =>
  dice.chance(10) ? `${dice.pick(HOSTILE_NAMES)}${at === 0 ? '' : at}` : `policy${at}`;

type Slot = '?principal' | '?resource';

const somePolicy = (dice: Dice): string =>
  policyText(dice, scope(dice, 'principal', 0).text, scope(dice, 'resource', 0).text);

function someTemplate(dice: Dice): { readonly text: string; readonly slots: readonly Slot[] } {
  const both = dice.chance(40);
  const principal = scope(dice, 'principal', both || dice.chance(50) ? 100 : 0);
  const resource = scope(dice, 'resource', both || !principal.slot ? 100 : 0);
  return {
    text: policyText(dice, principal.text, resource.text),
    slots: [
      ...(principal.slot ? (['?principal'] as const) : []),
      ...(resource.slot ? (['?resource'] as const) : []),
    ],
  };
}

function policyText(dice: Dice, principal: string, resource: string): string {
  const effect = dice.chance(60) ? 'permit' : 'forbid';
  const clauses = dice.times(
    0,
    2,
    () => `\n${dice.pick(['when', 'when', 'unless'])} { ${someCondition(dice)} }`,
  );
  return `${effect} (${principal}, ${actionScope(dice)}, ${resource})${clauses.join('')};`;
}

function scope(
  dice: Dice,
  name: 'principal' | 'resource',
  slotPercent: number,
): { readonly text: string; readonly slot: boolean } {
  const slot = dice.chance(slotPercent);
  const types =
    name === 'principal' ? [...PRINCIPAL_TYPES, 'Role', 'Org'] : [...RESOURCE_TYPES, 'Env'];
  const entity = slot ? `?${name}` : uidText(someUid(dice, dice.chance(95) ? types : TYPES));
  const type = dice.pick(types);
  // A scope with a slot is never the free one or the bare type: those have no place for it.
  switch (slot ? dice.pick([2, 3, 5]) : dice.below(10)) {
    case 2:
      return { text: `${name} == ${entity}`, slot };
    case 3:
    case 4:
      return { text: `${name} in ${entity}`, slot };
    case 5:
      return { text: `${name} is ${type} in ${entity}`, slot };
    case 6:
      return { text: `${name} is ${type}`, slot: false };
    default:
      return { text: name, slot: false };
  }
}

function actionScope(dice: Dice): string {
  const action = (): string =>
    uidText(someUid(dice, dice.chance(85) ? ['Action'] : ['App::Action']));
  switch (dice.below(8)) {
    case 2:
      return `action == ${action()}`;
    case 3:
    case 4:
      return `action in ${action()}`;
    case 5:
      return `action in [${dice.times(0, 4, action).join(', ')}]`;
    default:
      return 'action';
  }
}
