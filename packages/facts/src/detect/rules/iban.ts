/** Bank accounts. */
import { APART, type Candidate, isDigit, type Rule } from '../rule.ts';

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

const lengthOf = (first: number, second: number): number =>
  IBAN_LENGTHS.get(String.fromCharCode(first & 0x5f, second & 0x5f)) ?? 0;

/** As far as the country's length goes, single separators skipped; where it does not get there, no further. */
function ibanEnd(text: string, start: number, end: number): number {
  const length = lengthOf(text.charCodeAt(start), text.charCodeAt(start + 1));
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

function isIban({ text, start, end }: Candidate): boolean {
  if (isAlphanumeric(text.charCodeAt(end))) return false;
  const length = lengthOf(text.charCodeAt(start), text.charCodeAt(start + 1));
  const plain: number[] = [];
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (isAlphanumeric(code)) plain.push(isDigit(code) ? code - 0x30 : (code & 0x5f) - 0x37);
  }
  // Check digits are 02 to 98.
  if (plain.length !== length || (plain[2] === 0 && (plain[3] ?? 0) < 2)) return false;
  let remainder = 0;
  for (let at = 4; at < length + 4; at++) {
    const value = plain[at % length] ?? 0;
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

export const IBAN_RULE: Rule = {
  id: 'iban',
  kind: 'iban',
  about:
    'International bank account numbers: length of the country and remainder by 97, in groups or not, in either case',
  shape: 'country',
  ignoreCase: true,
  pattern: `${APART}([A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{4})`,
  extend: ibanEnd,
  valid: isIban,
};
