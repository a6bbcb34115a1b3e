/** Numbers that states give to persons, with the check digits and rules of each. */
import { luhn, mod11and10, mod97, verhoeff, weighted } from '../checksum.ts';
import type { Shape } from '../numbers.ts';
import {
  APART,
  type Candidate,
  digitsOf,
  ENDED,
  follows,
  type Rule,
  standsAlone,
} from '../rule.ts';
import { isDate } from './contact.ts';

const digit = (digits: string, at: number): number => digits.charCodeAt(at) - 48;
const allSame = (digits: string): boolean => /^(.)\1+$/.test(digits);

interface IdRule {
  readonly id: string;
  readonly about: string;
  readonly shape?: Shape;
  /** RE2 of the names that have to stand before it, or may; see `words`. */
  readonly gate?: string;
  readonly value: string;
  readonly ignoreCase?: boolean;
  readonly valid: (digits: string, found: Candidate) => boolean;
  /** A word that has to stand before it, since the form alone says too little; some forms may do without. */
  readonly words?: RegExp;
  readonly wordless?: (value: string) => boolean;
}

const rule = ({
  id,
  about,
  gate,
  shape,
  value,
  ignoreCase,
  valid,
  words,
  wordless,
}: IdRule): Rule => ({
  id,
  kind: 'national-id',
  about,
  ...(gate === undefined ? {} : { gate }),
  ...(shape === undefined ? {} : { shape }),
  pattern: `${APART}(${value})${ENDED}`,
  ...(ignoreCase ? { ignoreCase } : {}),
  valid: (found) =>
    (words === undefined || wordless?.(found.value) === true || follows(found, words, 96)) &&
    standsAlone(found) &&
    valid(digitsOf(found.value), found),
});

/** 42 U.S.C. §405(c)(2); area numbers that are never given, and numbers that advertisements made useless. */
function isSsn(digits: string): boolean {
  const area = digits.slice(0, 3);
  if (area === '000' || area === '666' || area >= '900') return false;
  if (digits.slice(3, 5) === '00' || digits.slice(5) === '0000') return false;
  return (
    digits !== '078051120' && digits !== '219099999' && digits !== '123456789' && !allSame(digits)
  );
}

function isGermanTaxId(digits: string): boolean {
  if (digits[0] === '0' || !mod11and10(digits)) return false;
  // Of the first ten digits one or two stand more than once, and none more than three times.
  const counts = new Map<string, number>();
  for (const one of digits.slice(0, 10)) counts.set(one, (counts.get(one) ?? 0) + 1);
  const repeated = [...counts.values()].filter((count) => count > 1);
  return repeated.length === 1 && Math.max(...repeated) <= 3;
}

const DNI_LETTERS = 'TRWAGMYFPDXBNJZSQVHLCKE';

function isSpanishId(_digits: string, { value }: Candidate): boolean {
  const plain = value.replace(/[ -]/g, '').toUpperCase();
  const number = plain.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return DNI_LETTERS[Number(number) % 23] === plain.at(-1) && !/^0+$/.test(number);
}

function isNir(_digits: string, { value }: Candidate): boolean {
  const plain = value.replace(/[ .]/g, '').toUpperCase();
  const month = Number(plain.slice(3, 5));
  if (!((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50)) return false;
  // Corsica's departments count as 19 and 18.
  const number = plain.slice(0, 13).replace('2A', '19').replace('2B', '18');
  return /^[0-9]{13}$/.test(number) && 97 - mod97(number) === Number(plain.slice(13));
}

function isCpf(digits: string): boolean {
  if (allSame(digits)) return false;
  const check = (length: number): number => {
    const weights = Array.from({ length }, (_, at) => length + 1 - at);
    return ((weighted(digits, weights) * 10) % 11) % 10;
  };
  return check(9) === digit(digits, 9) && check(10) === digit(digits, 10);
}

const ODD = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

function isCodiceFiscale(_digits: string, { value }: Candidate): boolean {
  const plain = value.toUpperCase();
  let sum = 0;
  for (let at = 0; at < 15; at++) {
    const code = plain.charCodeAt(at);
    const place = code < 58 ? code - 48 : code - 65;
    sum += at % 2 === 0 ? (ODD[place] ?? 0) : place;
  }
  return plain.charCodeAt(15) - 65 === sum % 26;
}

const isBornAs = (yymmdd: string): boolean =>
  isDate(2000, Number(yymmdd.slice(2, 4)), Number(yymmdd.slice(4, 6)));

function isPesel(digits: string): boolean {
  const month = Number(digits.slice(2, 4)) % 20;
  const born = isDate(2000, month, Number(digits.slice(4, 6)));
  return born && weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0;
}

function isChineseId(_digits: string, { value }: Candidate): boolean {
  const sum = weighted(value, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
  const born = isDate(+value.slice(6, 10), +value.slice(10, 12), +value.slice(12, 14));
  return born && '10X98765432'[sum % 11] === value.at(-1)?.toUpperCase();
}

const HETU = '0123456789ABCDEFHJKLMNPRSTUVWXY';

function isHetu(_digits: string, { value }: Candidate): boolean {
  const born = isDate(2000, +value.slice(2, 4), +value.slice(0, 2));
  const number = Number(value.slice(0, 6) + value.slice(7, 10));
  return born && HETU[number % 31] === value[10]?.toUpperCase();
}

function isBelgian(digits: string): boolean {
  const check = Number(digits.slice(9));
  const born = Number(digits.slice(2, 4)) <= 12 && Number(digits.slice(4, 6)) <= 31;
  const number = digits.slice(0, 9);
  return born && (97 - mod97(number) === check || 97 - mod97(`2${number}`) === check);
}

export const NATIONAL_ID_RULES: readonly Rule[] = [
  rule({
    id: 'us-ssn',
    about:
      'United States: social security numbers 3-2-4 with a valid area, group and serial; without dashes only behind their name',
    shape: 'ssn',
    gate: '(?i:ssn|social.?security|\\bi?tin\\b|tax.?id)',
    value: '[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{9}',
    valid: isSsn,
    words: /ssn|social.?security|\btin\b|\bitin\b|tax.?id/i,
    wordless: (value) => value.includes('-'),
  }),
  rule({
    id: 'uk-nino',
    about:
      'United Kingdom: national insurance numbers with a given prefix; without spaces only behind their name',
    shape: 'nino',
    gate: '(?i:nino|national.?ins|\\bni\\b)',
    value: '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]',
    valid: (_digits, { value }) =>
      !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/.test(value) && !allSame(digitsOf(value)),
    words: /nino|national.?ins|\bni\b|\bni.?(?:no|num)/i,
    wordless: (value) => /^[A-Z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [A-D]$/.test(value),
  }),
  rule({
    id: 'de-tax-id',
    about:
      'Germany: tax identification numbers, behind their name (ISO 7064 MOD 11,10 and the rule of repeated digits)',
    gate: '(?i:steuer|tax.?id|idnr|identifikationsnummer|\\btin\\b)',
    value: '[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}',
    valid: isGermanTaxId,
    words: /steuer|tax.?id|idnr|identifikationsnummer|\btin\b/i,
  }),
  rule({
    id: 'es-dni-nie',
    about: 'Spain: DNI and NIE with their letter',
    shape: 'lettered',
    value: '[XYZ]-?[0-9]{7}-?[A-Z]|[0-9]{8}-?[A-HJ-NP-TV-Z]',
    valid: isSpanishId,
  }),
  rule({
    id: 'fr-nir',
    about: 'France: social security numbers with their key',
    shape: 'row',
    value: '[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}',
    valid: isNir,
  }),
  rule({
    id: 'nl-bsn',
    about: 'Netherlands: citizen service numbers, behind their name (the eleven test)',
    gate: '(?i:bsn|burgerservice|sofi)',
    value: '[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}',
    valid: (digits) =>
      !allSame(digits) && weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0,
    words: /bsn|burgerservice|sofi.?num/i,
  }),
  rule({
    id: 'br-cpf',
    about: 'Brazil: CPF in its written form, or as digits behind its name',
    shape: 'dotted',
    gate: '(?i:cpf|contribuinte)',
    value: '[0-9]{3}\\.[0-9]{3}\\.[0-9]{3}-[0-9]{2}|[0-9]{11}',
    valid: isCpf,
    words: /cpf|contribuinte/i,
    wordless: (value) => value.includes('-'),
  }),
  rule({
    id: 'in-aadhaar',
    about:
      "India: Aadhaar numbers in groups of four, or as digits behind their name (Verhoeff's check digit)",
    shape: 'fours',
    gate: '(?i:aadhaa?r|uidai|\\buid\\b)',
    value: '[2-9][0-9]{3} [0-9]{4} [0-9]{4}|[2-9][0-9]{3}-[0-9]{4}-[0-9]{4}|[2-9][0-9]{11}',
    valid: (digits, { text, start, end }) =>
      verhoeff(digits) &&
      !/[0-9][ -]$/.test(text.slice(Math.max(0, start - 2), start)) &&
      !/^[ -][0-9]/.test(text.slice(end, end + 2)),
    words: /aadhaar|aadhar|uidai|\buid\b/i,
    wordless: (value) => /[ -]/.test(value),
  }),
  rule({
    id: 'it-codice-fiscale',
    about: 'Italy: tax codes with their check letter',
    shape: 'fiscal',
    value: '[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]',
    ignoreCase: true,
    valid: isCodiceFiscale,
  }),
  rule({
    id: 'pl-pesel',
    about: 'Poland: PESEL numbers, behind their name',
    gate: '(?i:pesel)',
    value: '[0-9]{11}',
    valid: isPesel,
    words: /pesel/i,
  }),
  rule({
    id: 'cn-resident-id',
    about: 'China: resident identity numbers with a date and their check digit',
    shape: 'long',
    value:
      '[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]',
    valid: isChineseId,
  }),
  rule({
    id: 'ch-ahv',
    about: 'Switzerland: AHV numbers in their written form',
    shape: 'dotted',
    value: '756\\.[0-9]{4}\\.[0-9]{4}\\.[0-9]{2}',
    valid: (digits) => weighted(digits, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 === 0,
  }),
  rule({
    id: 'se-personnummer',
    about: 'Sweden: personal numbers in their written form',
    shape: 'dated',
    value: '(?:19|20)?[0-9]{6}[-+][0-9]{4}',
    valid: (digits) => luhn(digits.slice(-10)) && isBornAs(digits.slice(-10)),
  }),
  rule({
    id: 'fi-hetu',
    about: 'Finland: personal identity codes',
    shape: 'century',
    value: '[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]',
    valid: isHetu,
  }),
  rule({
    id: 'be-national-number',
    about: 'Belgium: national register numbers in their written form',
    shape: 'dotted',
    value: '[0-9]{2}\\.[0-9]{2}\\.[0-9]{2}-[0-9]{3}\\.[0-9]{2}',
    valid: isBelgian,
  }),
  rule({
    id: 'ca-sin',
    about: 'Canada: social insurance numbers, behind their name',
    gate: '(?i:\\bsin\\b|social.?insurance)',
    value: '[0-79][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{3}',
    valid: (digits) => luhn(digits) && !allSame(digits),
    words: /\bsin\b|social.?insurance/i,
  }),
];
