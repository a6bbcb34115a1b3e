/**
 * Random Cedar expressions over the world of world.ts: mostly of the type that is asked for, with the atoms
 * that an index is built on in front, and with errors on purpose (absent attributes, wrong types, overflow,
 * malformed extension values), since an engine that skips a policy must not skip its error.
 */
import type { Dice } from './dice.ts';
import {
  CONTEXT_SHAPE,
  ENTITY_SHAPE,
  EXTENSION_TEXTS,
  type ExtensionFunction,
  HOSTILE_NAMES,
  KINDS,
  type Kind,
  LONGS,
  type Shape,
  STRINGS,
  someUid,
  TAG_NAMES,
  TYPES,
  type Uid,
} from './world.ts';

/** One `when` or `unless` body: a few conjuncts, of which the first ones are what an index looks at. */
export function someCondition(dice: Dice): string {
  const conjuncts = dice.times(1, 4, () =>
    dice.chance(65) ? atom(dice) : boolean(dice, dice.between(1, 3)),
  );
  return conjuncts.join(dice.chance(85) ? ' && ' : ' || ');
}

export const quote = (text: string): string =>
  `"${text.replace(/["\\\u0000-\u001f\u007f]/g, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\u{${character.charCodeAt(0).toString(16)}}`,
  )}"`;

export const uidText = ({ type, id }: Uid): string => `${type}::${quote(id)}`;

const isName = (text: string): boolean =>
  /^[A-Za-z_]\w*$/.test(text) &&
  !['if', 'in', 'has', 'like', 'is', 'true', 'false', 'then', 'else', '__cedar'].includes(text);
const member = (object: string, name: string): string =>
  isName(name) ? `${object}.${name}` : `${object}[${quote(name)}]`;

const PATHS: ReadonlyMap<Kind, readonly string[]> = collectPaths();

function collectPaths(): Map<Kind, string[]> {
  const paths = new Map<Kind, string[]>(KINDS.map((kind) => [kind, []]));
  const walk = (object: string, shape: Shape): void => {
    for (const [name, kind] of Object.entries(shape)) {
      const path = member(object, name);
      if (typeof kind === 'string') paths.get(kind)?.push(path);
      else {
        paths.get('Record')?.push(path);
        walk(path, kind);
      }
    }
  };
  walk('context', CONTEXT_SHAPE);
  walk('principal', ENTITY_SHAPE);
  walk('resource', ENTITY_SHAPE);
  walk('principal.manager', ENTITY_SHAPE);
  return paths;
}

/** Three in four paths start at the context, where facts stand. */
function path(dice: Dice, kind: Kind): string {
  const all = PATHS.get(kind) ?? [];
  const inContext = all.filter((text) => text.startsWith('context'));
  if (dice.chance(2)) return 'context.ghost';
  return dice.pick(inContext.length > 0 && dice.chance(75) ? inContext : all);
}

/** What an index may be built on, as it is or negated, and choices of several about one path. */
function atom(dice: Dice): string {
  if (dice.chance(8)) return `!(${atom(dice)})`;
  if (dice.chance(8)) return choice(dice);
  if (dice.chance(8)) return factsCompared(dice);
  return comparison(dice);
}

/** Two facts with constants between them: what is alike in several policies may be found by, and overflows. */
function factsCompared(dice: Dice): string {
  const side = (): string => {
    // Of few facts, or no two policies of a set would compare the same.
    const at = dice.chance(70) ? dice.pick(['context.n', 'context.big']) : path(dice, 'Long');
    const constant = (): string => literal(dice, 'Long');
    const scaled = dice.chance(40) ? `${at} * ${constant()}` : at;
    return dice.chance(60) ? `${scaled} ${dice.pick(['+', '-'])} ${constant()}` : scaled;
  };
  return `${side()} ${dice.pick(['<', '<=', '>', '>=', '==', '!='])} ${side()}`;
}

/** Mostly of one form and about one path, so that it is found like a single comparison. */
function choice(dice: Dice): string {
  const kind = dice.pick(['String', 'Entity', 'Long'] as const);
  const set = dice.pick(['Set<String>', 'Set<Entity>', 'Set<Long>'] as const);
  const at = path(dice, kind);
  const inSet = path(dice, set);
  const entity = path(dice, 'Entity');
  const element = (): string => literal(dice, elementOf(set));
  const forms = [
    () => `${at} == ${literal(dice, kind)}`,
    () => `${inSet}.contains(${element()})`,
    () => `${inSet}.containsAll([${dice.times(1, 3, element).join(', ')}])`,
    () => `${entity} in ${uid(dice)}`,
    () => `${at} < ${literal(dice, 'Long')}`,
  ];
  const form = dice.pick(forms);
  const parts = dice.times(2, 4, () => (dice.chance(90) ? form : dice.pick(forms))());
  return `(${parts.join(' || ')})`;
}

/** A path against constants, and the other forms that people write for that. */
function comparison(dice: Dice): string {
  const kind = dice.pick(['String', 'String', 'Entity', 'Entity', 'Long', 'Bool'] as const);
  const at = path(dice, kind);
  const constant = (): string => literal(dice, kind);
  const set = dice.pick(['Set<String>', 'Set<Entity>', 'Set<Long>'] as const);
  const element = (): string => literal(dice, elementOf(set));
  const elements = (): string => `[${dice.times(0, 3, element).join(', ')}]`;
  switch (dice.below(24)) {
    case 0:
    case 1:
    case 2:
      return `${at} == ${constant()}`;
    case 3:
      return `${constant()} == ${at}`;
    case 4:
      return `${at} != ${constant()}`;
    case 5:
      return `[${dice.times(0, 4, constant).join(', ')}].contains(${at})`;
    case 6:
    case 7:
      return `${path(dice, set)}.contains(${element()})`;
    case 8:
      return `${path(dice, set)}.containsAny(${elements()})`;
    case 9:
      return `${path(dice, set)}.containsAll(${elements()})`;
    case 10:
      return `${elements()}.containsAll(${path(dice, set)})`;
    case 11:
      return `${path(dice, set)}.isEmpty()`;
    case 12:
      return path(dice, 'Bool');
    case 13:
      return `!${path(dice, 'Bool')}`;
    case 14:
      return `(${at} == ${constant()} || ${at} == ${constant()})`;
    case 15:
      return `(${at} == ${constant()} || ${path(dice, set)}.contains(${element()}))`;
    case 16:
      return `${variable(dice)} == ${uid(dice)}`;
    case 17:
      return `${variable(dice)} in ${dice.chance(50) ? uid(dice) : `[${dice.times(0, 3, () => uid(dice)).join(', ')}]`}`;
    case 18:
      return `${variable(dice)} is ${dice.pick(TYPES)}${dice.chance(40) ? ` in ${uid(dice)}` : ''}`;
    case 19:
      return has(dice);
    case 20:
      return guarded(dice);
    case 21:
      return dice.chance(75)
        ? `${path(dice, 'Long')} ${dice.pick(['<', '<=', '>', '>='])} ${literal(dice, 'Long')}`
        : `${literal(dice, 'Long')} ${dice.pick(['<', '<=', '>', '>='])} ${path(dice, 'Long')}`;
    case 22:
      return `${path(dice, 'Entity')} in ${dice.chance(60) ? uid(dice) : path(dice, 'Set<Entity>')}`;
    default:
      return like(dice);
  }
}

const elementOf = (set: 'Set<String>' | 'Set<Entity>' | 'Set<Long>'): Kind =>
  set === 'Set<String>' ? 'String' : set === 'Set<Long>' ? 'Long' : 'Entity';
const variable = (dice: Dice): string => dice.pick(['principal', 'action', 'resource']);
const uid = (dice: Dice): string => uidText(someUid(dice));

/** `has` in all its forms: of names, of quoted names and of paths, present, absent and misspelt. */
function has(dice: Dice): string {
  const object = dice.pick(['context', 'context', 'principal', 'resource', 'context.sql']);
  if (dice.chance(25)) {
    const paths = [
      'sql.readOnly',
      'sql.deep.deeper.n',
      'sql.deep.nothing.n',
      'profile.team',
      'owner.name',
    ];
    return `${object} has ${dice.pick(paths)}`;
  }
  const shape = object.startsWith('context') ? CONTEXT_SHAPE : ENTITY_SHAPE;
  const name = dice.chance(85) ? dice.pick(Object.keys(shape)) : dice.pick(HOSTILE_NAMES);
  return `${object} has ${isName(name) && dice.chance(80) ? name : quote(name)}`;
}

/** The idiom for optional attributes, and now and then for the wrong attribute. */
function guarded(dice: Dice): string {
  const kind = dice.pick(['String', 'Long', 'Entity', 'Bool'] as const);
  const names = Object.entries(CONTEXT_SHAPE).filter(([, of]) => of === kind);
  const [name] = dice.pick(names);
  const other = dice.chance(90) ? name : dice.pick(Object.keys(CONTEXT_SHAPE));
  return `(context has ${quote(other)} && ${member('context', name)} == ${literal(dice, kind)})`;
}

function like(dice: Dice): string {
  const pieces = dice.times(1, 3, () => dice.pick(['', 'a', 'b', 'pro', 'x', '10.']));
  const pattern = pieces
    .map((text) => quote(text).slice(1, -1))
    .join(dice.chance(90) ? '*' : '\\*');
  return `${path(dice, 'String')} like "${pattern}"`;
}

function literal(dice: Dice, kind: Kind): string {
  switch (kind) {
    case 'Bool':
      return dice.pick(['true', 'false']);
    case 'Long': {
      const value = dice.chance(75) ? dice.pick(LONGS.slice(0, 8)) : dice.pick(LONGS);
      // A sign binds looser than a method, and not every operator may stand before one.
      return value < 0n ? `(${value})` : `${value}`;
    }
    case 'String':
      return quote(dice.chance(70) ? dice.pick(STRINGS.slice(0, 6)) : dice.pick(STRINGS));
    case 'Entity':
      return uidText(someUid(dice, dice.chance(60) ? ['Scope', 'User'] : TYPES));
    case 'Set<String>':
    case 'Set<Long>':
    case 'Set<Entity>':
      return `[${dice.times(0, 3, () => literal(dice, elementOf(kind))).join(', ')}]`;
    case 'Record':
      return `{a: ${literal(dice, 'Long')}, "b": ${literal(dice, 'String')}}`;
    default:
      return extension(dice, kind);
  }
}

const extension = (dice: Dice, name: ExtensionFunction): string =>
  `${name}(${quote(dice.chance(95) ? dice.pick(EXTENSION_TEXTS[name]) : dice.pick(HOSTILE_NAMES))})`;

/** Of the kind, or, three times in a hundred, of any. */
function expression(dice: Dice, kind: Kind, depth: number): string {
  const of = dice.chance(3) ? dice.pick(KINDS) : kind;
  if (depth <= 0) return dice.chance(65) ? path(dice, of) : literal(dice, of);
  if (dice.chance(8)) return conditional(dice, of, depth);
  if (dice.chance(4)) return `{"x": ${expression(dice, of, depth - 1)}, y: 1}.x`;
  switch (of) {
    case 'Bool':
      return `(${boolean(dice, depth)})`;
    case 'Long':
      return `(${long(dice, depth)})`;
    case 'String':
      return dice.chance(25)
        ? `${variable(dice)}.getTag(${quote(dice.pick(TAG_NAMES))})`
        : expression(dice, of, 0);
    case 'Entity':
      return dice.chance(40) ? variable(dice) : expression(dice, of, 0);
    case 'Set<String>':
    case 'Set<Long>':
    case 'Set<Entity>':
      return dice.chance(50)
        ? `[${dice.times(0, 3, () => expression(dice, elementOf(of), depth - 1)).join(', ')}]`
        : expression(dice, of, 0);
    case 'datetime':
      return dice.chance(50)
        ? `${expression(dice, 'datetime', depth - 1)}.${dice.chance(50) ? `offset(${expression(dice, 'duration', depth - 1)})` : 'toDate()'}`
        : expression(dice, of, 0);
    case 'duration':
      return dice.chance(50)
        ? `${expression(dice, 'datetime', depth - 1)}.${dice.chance(50) ? `durationSince(${expression(dice, 'datetime', depth - 1)})` : 'toTime()'}`
        : expression(dice, of, 0);
    default:
      return expression(dice, of, 0);
  }
}

const conditional = (dice: Dice, kind: Kind, depth: number): string =>
  `(if ${expression(dice, 'Bool', depth - 1)} then ${expression(dice, kind, depth - 1)} else ${expression(dice, kind, depth - 1)})`;

function long(dice: Dice, depth: number): string {
  if (dice.chance(20))
    return `${expression(dice, 'duration', depth - 1)}.${dice.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])}()`;
  if (dice.chance(15)) return `-${expression(dice, 'Long', 0)}`;
  const operator = dice.pick(['+', '-', '*']);
  return `${expression(dice, 'Long', depth - 1)} ${operator} ${expression(dice, 'Long', depth - 1)}`;
}

function boolean(dice: Dice, depth: number): string {
  const next = (kind: Kind): string => expression(dice, kind, depth - 1);
  switch (dice.below(18)) {
    case 0:
    case 1: {
      const kind = dice.pick(KINDS);
      return `${next(kind)} ${dice.pick(['==', '!='])} ${next(kind)}`;
    }
    case 2:
    case 3: {
      const kind = dice.pick(['Long', 'Long', 'datetime', 'duration'] as const);
      return `${next(kind)} ${dice.pick(['<', '<=', '>', '>='])} ${next(kind)}`;
    }
    case 4:
      return `${next('Bool')} && ${next('Bool')}`;
    case 5:
      return `${next('Bool')} || ${next('Bool')}`;
    case 6:
      return `!${next('Bool')}`;
    case 7:
      return `${next('Entity')} in ${dice.chance(60) ? next('Entity') : next('Set<Entity>')}`;
    case 8: {
      const set = dice.pick(['Set<String>', 'Set<Long>', 'Set<Entity>'] as const);
      return `${next(set)}.contains(${next(elementOf(set))})`;
    }
    case 9: {
      const set = dice.pick(['Set<String>', 'Set<Long>', 'Set<Entity>'] as const);
      return `${next(set)}.${dice.pick(['containsAll', 'containsAny'])}(${next(set)})`;
    }
    case 10:
      return `${next('ip')}.${dice.pick(['isIpv4()', 'isIpv6()', 'isLoopback()', 'isMulticast()', `isInRange(${next('ip')})`])}`;
    case 11:
      return `${next('decimal')}.${dice.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}(${next('decimal')})`;
    case 12: {
      const tag = dice.chance(70) ? quote(dice.pick(TAG_NAMES)) : next('String');
      const entity = next('Entity');
      return dice.chance(50)
        ? `${entity}.hasTag(${tag})`
        : `(${entity}.hasTag(${tag}) && ${entity}.getTag(${tag}) == ${next('String')})`;
    }
    case 13:
      return `${next('Entity')} is ${dice.pick(TYPES)}`;
    case 14:
      return `(if ${next('Bool')} then ${next('Bool')} else ${next('Bool')})`;
    case 15:
      return `${next('Record')} has ${quote(dice.pick(['a', 'b', 'readOnly', ...HOSTILE_NAMES]))}`;
    default:
      return atom(dice);
  }
}
