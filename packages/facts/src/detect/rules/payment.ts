/** Payment cards and bank accounts. */
import { luhn, mod97 } from '../checksum.ts';
import {
  APART,
  type Candidate,
  digitsOf,
  ENDED,
  follows,
  isDigit,
  type Rule,
  standsAlone,
} from '../rule.ts';

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
  [300000, 305999, [14]],
  [309500, 309599, [14]],
  [360000, 369999, [14]],
  [380000, 399999, [14]],
  [300000, 305999, [16], true],
  [360000, 369999, [16], true],
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

const issuersOf = (digits: string): readonly Issuer[] => {
  const likely = ISSUERS_BY_PREFIX[Number(digits.slice(0, 4))] ?? [];
  if (likely.length === 0) return likely;
  const prefix = Number(digits.slice(0, 6));
  return likely.filter(([from, to]) => prefix >= from && prefix <= to);
};

/** As people and forms group them: not at all, evenly, or as American Express and Diners do. */
function isGrouped(value: string): boolean {
  const groups = value.split(/[ ._-]+/).map(({ length }) => length);
  if (groups.length === 1) return true;
  if (new Set(value.match(/[ ._-]+/g)).size > 1) return false;
  const shape = groups.join('-');
  if (/^4-6-[45]$/.test(shape) || shape === '6-13' || shape === '6-10') return true;
  const [first = 0] = groups;
  const last = groups.at(-1) ?? 0;
  return groups.slice(0, -1).every((length) => length === first) && last <= first + 1;
}

/** Behind the card number, where an expiry or a code follows in the same form; the longest first. */
function panEnd(text: string, start: number, end: number): number {
  // Most numbers are no card's by their first digit already.
  const first = text.charCodeAt(start);
  if (first === 0x30 || first === 0x31 || first === 0x37 || isInRow(text, start)) return start;
  const digits = digitsOf(text.slice(start, end));
  const lengths = issuersOf(digits).flatMap(([, , known]) => known);
  if (lengths.length === 0) return start;
  let count = digits.length;
  for (let at = end; count >= 13; at--) {
    const ends = at === end || !isDigit(text.charCodeAt(at));
    if (ends && isDigit(text.charCodeAt(at - 1)) && lengths.includes(count)) {
      if (luhn(digits.slice(0, count)) && isGrouped(text.slice(start, at))) return at;
    }
    if (isDigit(text.charCodeAt(at - 1))) count--;
  }
  return start;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x5f;

/** True behind a number of as many digits as the first group has: a list of numbers, not a card. */
function isInRow(text: string, start: number): boolean {
  if (!isSpace(text.charCodeAt(start - 1)) || !isDigit(text.charCodeAt(start - 2))) return false;
  let before = 0;
  while (before < 20 && isDigit(text.charCodeAt(start - 2 - before))) before++;
  let first = 0;
  while (first < 20 && isDigit(text.charCodeAt(start + first))) first++;
  return before === first && first < 8;
}

function isPan(found: Candidate): boolean {
  const digits = digitsOf(found.value);
  if (digits === '' || /^([0-9])\1+$/.test(digits) || !standsAlone(found)) return false;
  // Single digits in a row that goes on are a list.
  if (
    /^[0-9][ _]/.test(found.value) &&
    /^[ _][0-9]/.test(found.text.slice(found.end, found.end + 2))
  ) {
    return false;
  }
  const issuer = issuersOf(digits).find(([, , lengths]) => lengths.includes(digits.length));
  return issuer !== undefined && (issuer[3] !== true || follows(found, CARD, 96));
}

/** Lengths by country, of the IBAN registry (ISO 13616, SWIFT). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 ' +
    'FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 ' +
    'LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 ' +
    'RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** As far as the country's length goes, single separators skipped; where it does not get there, no further. */
function ibanEnd(text: string, start: number, end: number): number {
  const length = IBAN_LENGTHS.get(text.slice(start, start + 2).toUpperCase()) ?? 0;
  let units = 0;
  for (let at = start; at < text.length && at < start + 2 * length; at++) {
    const code = text.charCodeAt(at);
    if (isAlphanumeric(code)) units++;
    else if (!isGap(code) || isGap(text.charCodeAt(at + 1))) return end;
    if (units === length) return at + 1;
  }
  return end;
}

const isGap = (code: number): boolean => code === 0x20 || code === 0x2d;
const isAlphanumeric = (code: number): boolean =>
  isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

function isIban({ text, end, value }: Candidate): boolean {
  // Shorter than the shortest there is: the country's length was not reached.
  if (value.length < 15) return false;
  const plain = value.replace(/[ -]/g, '').toUpperCase();
  if (IBAN_LENGTHS.get(plain.slice(0, 2)) !== plain.length) return false;
  if (/[A-Za-z0-9]/.test(text[end] ?? '') || plain.slice(2, 4) < '02') return false;
  return mod97(plain.slice(4) + plain.slice(0, 4)) === 1;
}

export const PAYMENT_RULES: readonly Rule[] = [
  {
    id: 'payment-card',
    kind: 'pan',
    about:
      "Card numbers: an issuer's first digits and lengths, Luhn's check digit, grouped evenly or not at all; of lengths that are hardly issued only near a word such as `card`",
    shape: 'row',
    pattern: `${APART}([0-9](?:[ ._-]{0,2}[0-9]){12,18})${ENDED}`,
    extend: panEnd,
    valid: isPan,
  },
  {
    id: 'iban',
    kind: 'iban',
    about:
      'International bank account numbers: length of the country and remainder by 97, in groups or not, in either case',
    shape: 'country',
    ignoreCase: true,
    pattern: `${APART}([A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4})`,
    extend: ibanEnd,
    valid: isIban,
  },
];
