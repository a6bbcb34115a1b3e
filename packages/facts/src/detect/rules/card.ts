/**
 * Payment cards. By hand: a card number may be cut into groups anywhere, and a pattern would begin anew at
 * every digit of a list of numbers.
 */
import { luhn } from '../checksum.ts';
import { digitsOf, follows, isDigit, type Rule, type Span, standsAlone } from '../rule.ts';

/** Lengths that an issuer's cards have today, by the range of their first digits (ISO/IEC 7812). */
const ISSUERS: readonly (readonly [
  from: number,
  to: number,
  lengths: readonly number[],
  rare?: boolean,
])[] = [
  [400000, 499999, [16]],
  // Lengths that hardly anybody issues: numbers of another kind have them more often.
  [400000, 499999, [13, 19], true],
  [510000, 559999, [16]],
  [222100, 272099, [16]],
  [340000, 349999, [15]],
  [370000, 379999, [15]],
  [601100, 601199, [16]],
  [601100, 601199, [17, 18, 19], true],
  [644000, 659999, [16]],
  [644000, 659999, [17, 18, 19], true],
  [300000, 305999, [14, 16]],
  [309500, 309599, [14]],
  [360000, 369999, [14, 16]],
  [380000, 399999, [14]],
  [352800, 358999, [16]],
  [352800, 358999, [17, 18, 19], true],
  [620000, 629999, [16]],
  [620000, 629999, [17, 18, 19], true],
  [810000, 817199, [16]],
  [220000, 220499, [16]],
  [979200, 979299, [16]],
  [506000, 506999, [16], true],
  [508500, 508999, [16]],
  [606985, 608499, [16]],
  [500000, 509999, [13, 14, 15, 16, 17, 18, 19], true],
  [560000, 589999, [13, 14, 15, 16, 17, 18, 19], true],
  [630000, 639999, [13, 14, 15, 16, 17, 18, 19], true],
  [670000, 679999, [13, 14, 15, 16, 17, 18, 19], true],
];
const CARD =
  /card|\bpan\b|\bcc\b|cc_?n|visa|master|amex|maestro|debit|credit|karte|carte|tarjeta|cart[ãa]o/i;

type Issuer = (typeof ISSUERS)[number];

/** By the first four digits, which is all that most ranges look at. */
const ISSUERS_BY_PREFIX: readonly (readonly Issuer[])[] = Array.from(
  { length: 10_000 },
  (_, prefix) =>
    ISSUERS.filter(
      ([from, to]) => Math.floor(from / 100) <= prefix && prefix <= Math.floor(to / 100),
    ),
);

const DIGITS_MIN = 13;
const DIGITS_MAX = 19;

function issuerOf(digits: string): Issuer | undefined {
  const prefix = Number(digits.slice(0, 6));
  return ISSUERS_BY_PREFIX[Number(digits.slice(0, 4))]?.find(
    ([from, to, lengths]) => prefix >= from && prefix <= to && lengths.includes(digits.length),
  );
}

const isLetter = (code: number): boolean =>
  (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
const isSpace = (code: number): boolean => code === 0x20 || code === 0x5f;
const isSeparator = (code: number): boolean => isSpace(code) || code === 0x2d || code === 0x2e;

/** Groups of digits with one or two separators between them. */
class Row {
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  digits = 0;

  add(start: number, end: number): void {
    this.starts.push(start);
    this.ends.push(end);
    this.digits += end - start;
  }

  clear(): void {
    this.starts.length = 0;
    this.ends.length = 0;
    this.digits = 0;
  }

  length(group: number): number {
    return (this.ends[group] ?? 0) - (this.starts[group] ?? 0);
  }
}

function findCards(text: string): Span[] {
  const found: Span[] = [];
  const row = new Row();
  let last = -9;
  for (let at = 0; at < text.length; at++) {
    if (!isDigit(text.charCodeAt(at))) continue;
    const start = at;
    do at++;
    while (isDigit(text.charCodeAt(at)));
    const gap = start - last;
    const joined =
      gap <= 2 &&
      isSeparator(text.charCodeAt(last)) &&
      (gap < 2 || isSeparator(text.charCodeAt(last + 1)));
    if (!joined) {
      if (row.digits >= DIGITS_MIN) findInRow(text, row, found);
      row.clear();
    }
    row.add(start, at);
    last = at;
  }
  if (row.digits >= DIGITS_MIN) findInRow(text, row, found);
  return found;
}

function findInRow(text: string, row: Row, found: Span[]): void {
  /** The group behind a card: what begins there may be another one. */
  let behindCard = 0;
  for (let group = 0; group < row.starts.length; group++) {
    const last = lastGroup(text, row, group, group === behindCard);
    if (last < 0) continue;
    found.push({ start: row.starts[group] ?? 0, end: row.ends[last] ?? 0 });
    group = last;
    behindCard = last + 1;
  }
}

/** The last group of the longest card number that begins with this one; −1 where none does. */
function lastGroup(text: string, row: Row, first: number, fresh: boolean): number {
  const start = row.starts[first] ?? 0;
  const before = text.charCodeAt(start - 1);
  // Most numbers are no card's by their first digit already.
  const digit = text.charCodeAt(start);
  if (digit === 0x30 || digit === 0x31 || digit === 0x37 || isLetter(before)) return -1;
  // Behind a dot or dash it is a part of something longer; behind a number of as many digits, of a list.
  const size = row.length(first);
  if (first > 0 && !isSpace(before)) return -1;
  if (!fresh && size < 8 && size === row.length(first - 1)) return -1;
  let end = first;
  for (let digits = size; digits < DIGITS_MAX && end + 1 < row.starts.length; ) {
    digits += row.length(++end);
    if (digits > DIGITS_MAX) end--;
  }
  for (; end >= first; end--) {
    if (isCard(text, row, first, end) && !isList(text, row, first, end)) return end;
  }
  return -1;
}

/** Numbers of one size that go on; an expiry, a code or another card may follow. */
function isList(text: string, row: Row, first: number, last: number): boolean {
  const size = row.length(first);
  const next = last + 1;
  if (first === last || row.length(next) !== size) return false;
  if (size > 1 && row.length(next + 1) !== size) return false;
  return !isCard(text, row, next, next + last - first);
}

function isCard(text: string, row: Row, first: number, last: number): boolean {
  const span = { start: row.starts[first] ?? 0, end: row.ends[last] ?? 0 };
  if (span.end - span.start < DIGITS_MIN || isLetter(text.charCodeAt(span.end))) return false;
  // Numbers of a database may come with a fraction of zeros.
  const behind = /^\.0{1,8}(?:[^0-9]|$)/.exec(text.slice(span.end, span.end + 10))?.[0].length ?? 0;
  if (!isGrouped(text, row, first, last)) return false;
  if (behind === 0 && !standsAlone({ text, ...span })) return false;
  const digits = digitsOf(text.slice(span.start, span.end));
  const issuer = issuerOf(digits);
  if (issuer === undefined || !luhn(digits) || /^([0-9])\1+$/.test(digits)) return false;
  return issuer[3] !== true || follows({ text, ...span }, CARD, 96);
}

/** As people and forms group them: not at all, evenly, or as American Express and Diners do. */
function isGrouped(text: string, row: Row, first: number, last: number): boolean {
  if (first === last) return true;
  const size = row.length(first);
  const separator = text.slice(row.ends[first], row.starts[first + 1]);
  for (let group = first + 1; group < last; group++) {
    if (text.slice(row.ends[group], row.starts[group + 1]) !== separator) return false;
  }
  if (last === first + 2 && size === 4 && row.length(first + 1) === 6) return row.length(last) <= 5;
  if (last === first + 1 && size === 6) return true;
  for (let group = first + 1; group < last; group++) if (row.length(group) !== size) return false;
  return row.length(last) <= size + 1;
}

export const CARD_RULE: Rule = {
  id: 'payment-card',
  kind: 'pan',
  about:
    "Card numbers: an issuer's first digits and lengths, Luhn's check digit, grouped evenly or not at all; of lengths that are hardly issued only near a word such as `card`",
  shape: 'row',
  find: findCards,
};
