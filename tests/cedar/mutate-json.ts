/** Damage to a JSON value that leaves it JSON: what a reader of a format has to notice by itself. */
import type { Dice } from './dice.ts';
import { exactInteger, type Json } from './exact-json.ts';
import { HOSTILE_NAMES } from './world.ts';

const isObject = (json: Json): json is { readonly [name: string]: Json } =>
  typeof json === 'object' && json !== null && !Array.isArray(json) && !isRaw(json);
/** An exact integer is an object to JavaScript and a scalar to us. */
const isRaw = (json: object): boolean => Object.getPrototypeOf(json) === null;

export function mutateJson(dice: Dice, json: Json, words: readonly string[]): Json {
  let mutated = json;
  for (let left = dice.pick([1, 1, 2, 3]); left > 0; left--)
    mutated = mutateNode(dice, mutated, dice.below(countNodes(mutated)), words, mutated);
  return mutated;
}

const childrenOf = (json: Json): readonly Json[] =>
  Array.isArray(json) ? json : isObject(json) ? Object.values(json) : [];

const countNodes = (json: Json): number =>
  childrenOf(json).reduce<number>((sum, child) => sum + countNodes(child), 1);

/** Walks to the node of that number, counted from the root down. */
function mutateNode(
  dice: Dice,
  json: Json,
  at: number,
  words: readonly string[],
  root: Json,
): Json {
  if (at === 0) return damage(dice, json, words, root);
  let left = at - 1;
  const visit = (child: Json): Json => {
    const size = countNodes(child);
    const isHere = left >= 0 && left < size;
    const visited = isHere ? mutateNode(dice, child, left, words, root) : child;
    left -= size;
    return visited;
  };
  if (Array.isArray(json)) return json.map(visit);
  if (!isObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([name, child]) => [name, visit(child)]));
}

function damage(dice: Dice, json: Json, words: readonly string[], root: Json): Json {
  if (Array.isArray(json) && dice.chance(60)) return damageArray(dice, json, words);
  if (isObject(json) && dice.chance(70)) return damageObject(dice, json, words);
  switch (dice.below(6)) {
    case 0:
      return [json];
    case 1:
      return { [dice.pick(words)]: json };
    case 2:
      return nodeOf(root, dice.below(countNodes(root)));
    default:
      return scalar(dice, words);
  }
}

function damageArray(dice: Dice, items: readonly Json[], words: readonly string[]): Json {
  const at = dice.below(items.length + 1);
  const item = items[at] ?? scalar(dice, words);
  return dice.chance(50) ? items.toSpliced(at, 1) : items.toSpliced(at, 0, item);
}

function damageObject(
  dice: Dice,
  object: { readonly [name: string]: Json },
  words: readonly string[],
): Json {
  const members = Object.entries(object);
  const at = dice.below(members.length + 1);
  const [name, value] = members[at] ?? [dice.pick(words), scalar(dice, words)];
  switch (dice.below(3)) {
    case 0:
      return Object.fromEntries(members.toSpliced(at, 1));
    case 1:
      return Object.fromEntries(members.toSpliced(at, 1, [dice.pick(words), value]));
    default:
      return Object.fromEntries([
        ...members,
        [dice.chance(50) ? name : dice.pick(words), scalar(dice, words)],
      ]);
  }
}

function nodeOf(json: Json, at: number): Json {
  if (at === 0) return json;
  let left = at - 1;
  for (const child of childrenOf(json)) {
    const size = countNodes(child);
    if (left < size) return nodeOf(child, left);
    left -= size;
  }
  return json;
}

function scalar(dice: Dice, words: readonly string[]): Json {
  switch (dice.below(8)) {
    case 0:
      return dice.chance(50);
    case 1:
      return dice.pick([0, -1, 1, 1.5, -0, 1e21]);
    case 2:
      return exactInteger(
        dice.pick([2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 53n + 1n]),
      );
    case 3:
      return dice.pick<Json>([{}, [], null]);
    case 4:
      return dice.pick(HOSTILE_NAMES);
    default:
      return dice.pick(words);
  }
}
