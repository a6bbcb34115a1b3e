/** Small damage to a text: what separates a parser that checks from one that assumes. */
import type { Dice } from './dice.ts';

/** Characters on which lexers of JSON, of Cedar and of its extension types part. */
const CHARACTERS = [
  ...'"\\\'`{}[]()<>=!&|+-*/.,:;?@#_ \t\n\r0123456789eETZtzaAuUxX%',
  '\0',
  '\u007f',
  '\u0085',
  '\u00a0',
  '\u00e9',
  '\u0301',
  '\u2028',
  '\u3000',
  '\ufeff',
  '\uffff',
  '\u{1F600}',
  '\ud800',
  '\udc00',
  '\u0660',
];

export interface Damage {
  /** Words of the language; one of them in a wrong place is worth a thousand random bytes. */
  readonly words: readonly string[];
  /** Other texts of the language, to splice from. */
  readonly others: readonly string[];
}

export function mutate(dice: Dice, text: string, { words, others }: Damage): string {
  let mutated = text;
  for (let left = dice.pick([1, 1, 1, 2, 3, 6]); left > 0; left--)
    mutated = mutateOnce(dice, mutated, words, others);
  return mutated;
}

function mutateOnce(
  dice: Dice,
  text: string,
  words: readonly string[],
  others: readonly string[],
): string {
  const at = dice.below(text.length + 1);
  const span = dice.below(dice.pick([2, 8, 40]));
  const insert = (what: string): string => text.slice(0, at) + what + text.slice(at);
  const replace = (what: string): string => text.slice(0, at) + what + text.slice(at + span);
  switch (dice.below(10)) {
    case 0:
      return replace('');
    case 1:
      return insert(text.slice(at, at + span));
    case 2:
      return insert(dice.pick(CHARACTERS));
    case 3:
      return text.slice(0, at) + dice.pick(CHARACTERS) + text.slice(at + 1);
    case 4:
      return insert(dice.pick(words));
    case 5:
      return replaceToken(dice, text, dice.pick(words));
    case 6:
      return swapTokens(dice, text);
    case 7: {
      const other = dice.pick(others);
      const from = dice.below(other.length + 1);
      return replace(other.slice(from, from + dice.below(60)));
    }
    case 8:
      return dice.chance(30) ? text.slice(0, at) : replaceToken(dice, text, '');
    default:
      return replaceToken(dice, text, dice.pick(NUMBERS));
  }
}

const NUMBERS = [
  ...['0', '-0', '00', '1.5', '1e3', '9007199254740993', '9223372036854775807'],
  ...['9223372036854775808', '-9223372036854775808', '-9223372036854775809', '1'.repeat(40)],
];

const TOKEN = /[\p{L}\p{N}_]+|"(?:[^"\\]|\\.)*"|::|&&|\|\||[=!<>]=|\s+|./gsu;

function tokensAround(
  dice: Dice,
  text: string,
): { tokens: string[]; before: string; after: string } {
  // Of a window, since some texts are long and most damage is local.
  const start = dice.below(Math.max(1, text.length - 200));
  const window = text.slice(start, start + 400);
  return {
    tokens: window.match(TOKEN) ?? [''],
    before: text.slice(0, start),
    after: text.slice(start + window.length),
  };
}

function replaceToken(dice: Dice, text: string, word: string): string {
  const { tokens, before, after } = tokensAround(dice, text);
  tokens[dice.below(tokens.length)] = word;
  return before + tokens.join('') + after;
}

function swapTokens(dice: Dice, text: string): string {
  const { tokens, before, after } = tokensAround(dice, text);
  const one = dice.below(tokens.length);
  const other = dice.below(tokens.length);
  [tokens[one], tokens[other]] = [tokens[other] ?? '', tokens[one] ?? ''];
  return before + tokens.join('') + after;
}
