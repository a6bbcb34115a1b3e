/**
 * The world that random policies speak about: types, hierarchies, attributes and contexts that fit each
 * other often enough for conditions to hold, and names that are hostile often enough to be mistaken for
 * something else. A world is JSON, as both implementations take it.
 */
import type { Dice } from './dice.ts';
import { exactInteger, type Json } from './exact-json.ts';

export interface Uid {
  readonly type: string;
  readonly id: string;
}

export type JsonRecord = { readonly [name: string]: Json };

export interface JsonEntity {
  readonly uid: Uid;
  readonly attrs: JsonRecord;
  readonly parents: readonly Uid[];
  readonly tags?: JsonRecord;
}

export interface JsonRequest {
  readonly principal: Uid;
  readonly action: Uid;
  readonly resource: Uid;
  readonly context: JsonRecord;
}

/** Names that mean something to JavaScript, to JSON, to Cedar or to a terminal, and here mean nothing. */
export const HOSTILE_NAMES = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  'a\nb',
  'a\0b',
  '"',
  '\\',
  "'",
  'User::"ann"',
  '*',
  '\u{1F600}',
  'e\u0301',
  '__entity',
  '__extn',
  '0',
  '-1',
  'if',
] as const;

export const STRINGS = ['a', 'b', 'ab', 'prod', 'personal', 'x*y', '10.0.0.1', ...HOSTILE_NAMES];
export const LONGS = [
  0n,
  1n,
  2n,
  3n,
  -1n,
  5n,
  42n,
  100n,
  2n ** 31n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n),
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const IPS = ['10.0.0.1', '10.0.0.0/8', '127.0.0.1', '::1', '224.0.0.1', '1.2.3.4/32', 'fe80::/10'];
const DECIMALS = ['0.0', '1.5', '-1.5', '12.3456', '922337203685477.5807', '1.50'];
const DATETIMES = [
  '2024-10-15',
  '2024-10-15T11:35:00Z',
  '1970-01-01',
  '2024-10-15T11:35:00.000+0100',
];
const DURATIONS = ['1h', '-1h', '1d2h3m4s5ms', '0ms', '3600000ms', '24h'];
export const EXTENSION_TEXTS = {
  ip: IPS,
  decimal: DECIMALS,
  datetime: DATETIMES,
  duration: DURATIONS,
};
export type ExtensionFunction = keyof typeof EXTENSION_TEXTS;

/** Types from the leaf up, each with what it may be a child of. */
const PARENT_TYPES: Readonly<Record<string, readonly string[]>> = {
  User: ['Group', 'Role'],
  Agent: ['Group'],
  Group: ['Group', 'Org'],
  Role: ['Role'],
  Org: [],
  Table: ['Schema', 'Db'],
  'App::Doc': ['Db', 'Env'],
  Schema: ['Db'],
  Db: ['Env'],
  Env: [],
  Scope: [],
  Action: ['Action'],
  'App::Action': ['App::Action', 'Action'],
};
export const TYPES = Object.keys(PARENT_TYPES);
export const PRINCIPAL_TYPES = ['User', 'Agent', 'Group'];
export const RESOURCE_TYPES = ['Table', 'App::Doc', 'Schema', 'Db'];

const IDS: Readonly<Record<string, readonly string[]>> = {
  Action: ['any', 'read', 'write', 'select', 'delete'],
  'App::Action': ['view', 'edit'],
  Scope: ['none', 'range', 'key'],
};
const COMMON_IDS = ['ann', 'bob', 'eve', 'prod'];
/** Of every type there are a few entities; more would only make that conditions never meet. */
const idsOf = (type: string): readonly string[] => IDS[type] ?? COMMON_IDS;

/** Mostly one that exists, sometimes one with a hostile name, sometimes one that nothing knows. */
export function someUid(dice: Dice, types: readonly string[] = TYPES): Uid {
  const type = dice.pick(types);
  if (dice.chance(4)) return { type, id: dice.pick(HOSTILE_NAMES) };
  if (dice.chance(2)) return { type, id: 'unknown' };
  return { type, id: dice.pick(idsOf(type)) };
}

export type Kind =
  | 'Bool'
  | 'Long'
  | 'String'
  | 'Entity'
  | ExtensionFunction
  | 'Set<String>'
  | 'Set<Long>'
  | 'Set<Entity>'
  | 'Record';

export const KINDS: readonly Kind[] = [
  'Bool',
  'Long',
  'String',
  'Entity',
  'ip',
  'decimal',
  'datetime',
  'duration',
  'Set<String>',
  'Set<Long>',
  'Set<Entity>',
  'Record',
];

export type Shape = { readonly [name: string]: Kind | Shape };

/** A name that every JavaScript object has anyway, which a type checker cannot be told to forget. */
function inherited(name: string, kind: Kind): Shape {
  return Object.fromEntries([[name, kind]]);
}

export const CONTEXT_SHAPE: Shape = {
  flag: 'Bool',
  on: 'Bool',
  name: 'String',
  n: 'Long',
  big: 'Long',
  scope: 'Entity',
  owner: 'Entity',
  ip: 'ip',
  score: 'decimal',
  at: 'datetime',
  age: 'duration',
  words: 'Set<String>',
  ids: 'Set<Long>',
  who: 'Set<Entity>',
  sql: {
    scope: 'Entity',
    readOnly: 'Bool',
    limit: 'Long',
    template: 'String',
    risks: 'Set<String>',
    tables: 'Set<Entity>',
    deep: { deeper: { n: 'Long', words: 'Set<String>' } },
  },
  ...inherited('constructor', 'String'),
  'a b': 'Long',
  '': 'Bool',
};

/** One shape for entities of all types: what a type lacks is what a policy trips over. */
export const ENTITY_SHAPE: Shape = {
  name: 'String',
  level: 'Long',
  active: 'Bool',
  manager: 'Entity',
  home: 'ip',
  classes: 'Set<String>',
  groups: 'Set<Entity>',
  profile: { team: 'String', age: 'Long', boss: 'Entity' },
  ...inherited('toString', 'Long'),
};
export const TAG_NAMES = ['team', 'cost', '__proto__', 'constructor', 'none', ''];

/** Mostly small: Cedar's own implementation reads all of it anew for every request. */
export function someWorld(dice: Dice): JsonEntity[] {
  const share = dice.pick([3, 5, 5, 10, 10, 20, 50]);
  const uids = TYPES.flatMap((type) =>
    [...idsOf(type), ...(dice.chance(5) ? [dice.pick(HOSTILE_NAMES)] : [])]
      .filter(() => dice.chance(share))
      .map((id) => ({ type, id })),
  );
  return uids.map((uid, at) => someEntity(dice, uid, uids.slice(at + 1)));
}

/** Parents stand later in the list, so that nothing is its own ancestor, and some exist only by name. */
function someEntity(dice: Dice, uid: Uid, later: readonly Uid[]): JsonEntity {
  const types = PARENT_TYPES[uid.type] ?? [];
  const possible = later.filter(({ type }) => types.includes(type));
  const parents = dice.some(possible, 3);
  // Actions have neither attributes nor parents of other types, or Cedar refuses the entities.
  if (uid.type.endsWith('Action')) return { uid, attrs: {}, parents };
  if (dice.chance(3)) parents.push({ type: 'Missing', id: dice.pick(HOSTILE_NAMES) });
  return {
    uid,
    attrs: someRecord(dice, ENTITY_SHAPE, dice.pick([20, 70, 95])),
    parents,
    ...(dice.chance(40) ? { tags: someTags(dice) } : {}),
  };
}

const someTags = (dice: Dice): JsonRecord =>
  Object.fromEntries(
    dice
      .some(TAG_NAMES, 4)
      .map((name) => [name, someValue(dice, dice.chance(80) ? 'String' : 'Long')]),
  );

export function someRequest(dice: Dice): JsonRequest {
  const context = Object.entries(someRecord(dice, CONTEXT_SHAPE, dice.pick([3, 5, 40, 70])));
  if (dice.chance(10)) context.push(['__proto__', someValue(dice, dice.pick(KINDS))]);
  return {
    principal: someUid(dice, PRINCIPAL_TYPES),
    action: someUid(dice, dice.chance(80) ? ['Action'] : ['App::Action']),
    resource: someUid(dice, RESOURCE_TYPES),
    context: Object.fromEntries(context),
  };
}

/** `missing` per cent of the members are left out, and a few are of another kind than they should be. */
function someRecord(dice: Dice, shape: Shape, missing: number): JsonRecord {
  return Object.fromEntries(
    Object.entries(shape)
      .filter(() => !dice.chance(missing))
      .map(([name, kind]) => [
        name,
        dice.chance(3)
          ? someValue(dice, dice.pick(KINDS))
          : typeof kind === 'string'
            ? someValue(dice, kind)
            : someRecord(dice, kind, missing),
      ]),
  );
}

function someValue(dice: Dice, kind: Kind): Json {
  const set = (of: Kind): Json => dice.times(0, 4, () => someValue(dice, of));
  switch (kind) {
    case 'Bool':
      return dice.chance(50);
    case 'Long':
      return exactInteger(dice.chance(80) ? dice.pick(LONGS.slice(0, 8)) : dice.pick(LONGS));
    case 'String':
      return dice.chance(70) ? dice.pick(STRINGS.slice(0, 6)) : dice.pick(STRINGS);
    case 'Entity':
      return { __entity: { ...someUid(dice, dice.chance(50) ? ['Scope', 'User'] : TYPES) } };
    case 'Set<String>':
      return set('String');
    case 'Set<Long>':
      return set('Long');
    case 'Set<Entity>':
      return set('Entity');
    case 'Record':
      return { a: someValue(dice, 'Long'), b: someValue(dice, 'String') };
    default:
      return { __extn: { fn: kind, arg: dice.pick(EXTENSION_TEXTS[kind]) } };
  }
}
