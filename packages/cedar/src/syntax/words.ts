/** What words, strings and digits mean where the grammar has them. */
import { longFromBigint } from '../extension/i64.ts';
import { EntityUid, type Long } from '../value.ts';
import { unescapeString } from './escape.ts';
import { isForbiddenName } from './names.ts';
import type { TokenStream } from './stream.ts';

/** A word where reserved ones are refused. */
export function takeAttributeName(tokens: TokenStream, wanted: string): string {
  if (!tokens.is('identifier')) throw tokens.unexpected(wanted);
  const name = tokens.written;
  if (isForbiddenName(name)) {
    tokens.report(
      `\`${name}\` is reserved`,
      tokens.start,
      tokens.end,
      `an attribute of that name is written \`["${name}"]\`, and \`has "${name}"\``,
    );
  }
  tokens.advance();
  return name;
}

export function takeString(tokens: TokenStream): string {
  let value = '';
  try {
    value = unescapeString(tokens.text, tokens.start + 1, tokens.end - 1);
  } catch (failure) {
    tokens.reportFailure(failure);
  }
  tokens.advance();
  return value;
}

/** The words of `A::B::C`; stops before a `::` that no word follows. */
export function takeName(tokens: TokenStream): string[] {
  const first = tokens.written;
  tokens.advance();
  return [first, ...takePath(tokens)];
}

export function takePath(tokens: TokenStream): string[] {
  const path: string[] = [];
  while (tokens.is('::') && tokens.isWordNext()) {
    tokens.advance();
    path.push(tokens.written);
    tokens.advance();
  }
  return path;
}

/** `::"id"` behind the name of a type. */
export function takeEntity(tokens: TokenStream, name: readonly string[], start: number): EntityUid {
  checkName(tokens, name, start);
  tokens.advance();
  if (!tokens.is('string')) {
    throw tokens.unexpected('an id in quotes', `an entity is \`${name.join('::')}::"id"\``);
  }
  return new EntityUid(name.join('::'), takeString(tokens));
}

function checkName(tokens: TokenStream, name: readonly string[], start: number): void {
  const forbidden = name.find(isForbiddenName);
  if (forbidden !== undefined) {
    tokens.report(`\`${forbidden}\` is reserved`, start, tokens.behind);
  }
}

/** The right side of `is`: a name without quotes. */
export function takeTypeName(tokens: TokenStream): string {
  if (tokens.is('string')) {
    throw tokens.unexpected('an entity type', 'a type is written without quotes');
  }
  if (!tokens.is('identifier')) throw tokens.unexpected('an entity type');
  const start = tokens.start;
  const name = takeName(tokens);
  if (tokens.is('::')) throw tokens.unexpected('an entity type', 'an entity was given');
  checkName(tokens, name, start);
  return name.join('::');
}

/** Of 2^63, without leading zeros; longer ones are not worth a bigint. */
const I64_DIGITS_MAX = 19;

/** Digits as a Long: a number where that is exact, else a bigint. Too large is reported. */
export function toLong(
  tokens: TokenStream,
  digits: string,
  isNegative: boolean,
  start: number,
  end: number,
): Long {
  if (digits.length <= 15) {
    const value = Number(digits);
    return isNegative && value !== 0 ? -value : value;
  }
  const significant = digits.replace(/^0+(?=.)/, '');
  if (significant.length <= I64_DIGITS_MAX) {
    const value = longFromBigint(BigInt(isNegative ? `-${significant}` : significant));
    if (value !== undefined) return value;
  }
  tokens.report(
    `the integer is ${isNegative ? 'below -9223372036854775808' : 'above 9223372036854775807'}`,
    start,
    end,
  );
  return 0;
}
