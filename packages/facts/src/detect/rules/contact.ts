/** What reaches or describes a person: addresses, numbers, birth. */
import { type Candidate, digitsOf, follows, isDotOrDash, type Rule, standsAlone } from '../rule.ts';

/** What stands behind a dot as often as a domain does: names of files, and members in code. */
const NO_DOMAIN =
  /\.(?:png|jpe?g|gif|svg|webp|ico|css|s[ac]ss|m?js|cjs|jsx|tsx?|json|ya?ml|html?|md|txt|map|woff2?|ttf|py|rb|go|rs|java|cs|cpp|php|sh|so|dll|exe|lock|local|internal|service|socket|target|timer|scope|slice|mount)$/i;

function isEmail({ value, text, start, end, lead }: Candidate): boolean {
  const [local = '', domain = ''] = value.split('@');
  if (NO_DOMAIN.test(domain) || /^\.|\.\.|\.$/.test(local)) return false;
  // git@host:path, and what stands before @ in an address of something else.
  if (/^(?:git|ssh|svn|hg|postgres|root|admin)$/.test(local) && /[:/]/.test(text[end] ?? ''))
    return false;
  const before = text.slice(Math.max(0, start - 80), start);
  return !(/[:/]$/.test(lead) && /:\/\/[^\s/]*$/.test(before));
}

/** Country calling codes (ITU E.164), with how many digits follow them at least and at most where that is known. */
const CODES: ReadonlyMap<string, readonly [number, number]> = new Map(
  (
    '1:10-10 7:10-10 20:8-10 27:9-9 30:10-10 31:9-9 32:8-9 33:9-9 34:9-9 36:8-9 39:8-11 40:9-9 41:9-9 43:7-13 44:9-10 45:8-8 ' +
    '46:7-10 47:8-8 48:9-9 49:7-12 51:8-9 52:10-10 53:8-8 54:10-11 55:10-11 56:9-9 57:10-10 58:10-10 60:8-10 61:9-9 62:8-12 ' +
    '63:9-10 64:8-10 65:8-8 66:8-9 81:9-10 82:8-10 84:8-10 86:10-11 90:10-10 91:10-10 92:9-10 93:9-9 94:9-9 95:7-10 98:10-10'
  )
    .split(' ')
    .map((entry) => {
      const [code = '', least = 0, most = 0] = entry.split(/[:-]/);
      return [code, [Number(least), Number(most)] as const];
    }),
);
/** Beginnings of the codes of three digits. */
const LONG_CODE =
  /^(?:21[1-368]|2[2-6]\d|29[0178]|3[578]\d|42[013]|50\d|59\d|67\d|68\d|69[0-2]|8[58][0-8]|96\d|97[0-79]|99[2-68])/;

function isInternational({ value, text, start, end }: Candidate): boolean {
  const digits = digitsOf(value.replace(/\(0\)/, ''));
  // A term of a calculation, a part of something longer, the whole part of a number.
  if (/[-*/^]/.test(text[start - 1] ?? '') || /[0-9A-Za-z]/.test(text[end] ?? '')) return false;
  if (/^[.][0-9]/.test(text.slice(end, end + 2))) return false;
  for (const length of [1, 2]) {
    const range = CODES.get(digits.slice(0, length));
    if (range === undefined) continue;
    const rest = digits.length - length;
    if (length === 1 && digits[0] === '1' && !/^1[2-9]\d\d[2-9]/.test(digits)) return false;
    return rest >= range[0] && rest <= range[1];
  }
  return LONG_CODE.test(digits) && digits.length >= 10 && digits.length <= 13;
}

const PHONE =
  /(?:phone|mobile?\b|mobil(?:e|nummer|_no)|\bcell(?:ular|_?phone|_?no|_?number)?\b|telef|\btel\b|\btel[.:_]|\bfax|handy|whatsapp|\bsms\b|msisdn|rufnummer|t[ée]l[ée]phone|m[óo]vil)[^0-9\n#]{0,40}$/i;

function isNational(found: Candidate): boolean {
  const digits = digitsOf(found.value);
  if (digits.length < 7 || digits.length > 12 || /^([0-9])\1+$/.test(digits)) return false;
  return standsAlone(found) && follows(found, PHONE);
}

function isNorthAmerican(found: Candidate): boolean {
  return /^[2-9][0-9]{2}[2-9]/.test(digitsOf(found.value)) && standsAlone(found);
}

/** Numbers of networks that lead to nobody: private, of the machine itself, of a link, of everybody. */
function isPublicV4(octets: readonly number[]): boolean {
  const [a = 0, b = 0] = octets;
  if (a === 0 || a === 10 || a === 127 || a >= 224) return false;
  if ((a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254))
    return false;
  return !(a === 100 && b >= 64 && b < 128);
}

const ADDRESS =
  /\b(?:ip|ipv4|addr|address|host|client|remote|peer|from|src|source|x-forwarded-for|x-real-ip|visitor|login)\b[^0-9A-Za-z]{0,6}(?:is|was|at)?[^0-9A-Za-z]{0,4}$|_(?:ip|addr)[^0-9A-Za-z]{0,6}$/i;
const VERSION =
  /(?:\bv|version|release|build|firmware|driver|chrome|firefox|safari|edge|edg|opr|section|§|@|\^|~|>=|<=|==)[^0-9A-Za-z]{0,3}$|\/$/i;

function isIpv4(found: Candidate): boolean {
  const { text, start, end } = found;
  if (isDotOrDash(text.charCodeAt(start - 1))) return false;
  // A longer chain, or a whole network.
  if (/^[.\-/][0-9A-Za-z]/.test(text.slice(end, end + 2))) return false;
  const octets = found.value.split('.').map(Number);
  if (octets.some((octet) => octet > 255) || /\b0[0-9]/.test(found.value)) return false;
  if (!isPublicV4(octets)) return false;
  // Four small numbers are a version more often than somebody's address.
  if (octets.every((octet) => octet <= 31)) return follows(found, ADDRESS, 32);
  return !follows(found, VERSION, 16) || follows(found, ADDRESS, 32);
}

function isIpv6({ value, text, end }: Candidate): boolean {
  if (/[0-9A-Za-z:]/.test(text[end] ?? '')) return false;
  const halves = value.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => half.split(':').filter((group) => group !== ''));
  if (groups.some((group) => group.length > 4)) return false;
  if (halves.length === 1 ? groups.length !== 8 : groups.length < 3 || groups.length > 7)
    return false;
  // Global unicast, documentation included; everything else leads to nobody.
  return /^[23][0-9a-f]{3}$/i.test(groups[0] ?? '') && groups.some((group) => /[0-9]/.test(group));
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export function isDate(year: number, month: number, day: number): boolean {
  return year >= 1880 && year <= 2100 && day >= 1 && day <= (DAYS[month - 1] ?? 0);
}

const BIRTH =
  /(?:birth|\bdob\b|_dob\b|born|geboren|geburt|naissance|naci(?:do|miento)|nascita|b-?day)[^0-9]{0,40}$/i;

function isBirthDate(found: Candidate): boolean {
  const [a = 0, b = 0, c = 0] = found.value.split(/[^0-9]+/).map(Number);
  const valid = a > 31 ? isDate(a, b, c) : isDate(c, b, a) || isDate(c, a, b);
  return valid && !/[0-9]/.test(found.text[found.end] ?? '') && follows(found, BIRTH);
}

export const CONTACT_RULES: readonly Rule[] = [
  {
    id: 'email-address',
    kind: 'email',
    about:
      'Email addresses; not names of files, members in code, or what stands before @ in other addresses',
    gate: '[A-Za-z0-9_+%.-]@[A-Za-z0-9]',
    pattern:
      '(^|[^A-Za-z0-9._%+-])([A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,6}[A-Za-z]{2,24})(?:[^A-Za-z0-9_@-]|$)',
    valid: isEmail,
  },
  {
    id: 'phone-international',
    kind: 'phone',
    about: 'Telephone numbers with + and a country code, as long as that country has them',
    gate: '\\+[1-9]',
    pattern: '(^|[^0-9A-Za-z+])(\\+[1-9][0-9]{0,2}(?:[ .-]?\\(?[0-9]{1,5}\\)?){2,7})',
    valid: isInternational,
  },
  {
    id: 'phone-national',
    kind: 'phone',
    about:
      'Telephone numbers without a country code, where a word such as `phone`, `mobile`, `tel` stands before them',
    gate: '(?i:phone|mobil|cell|telef|tel[ .:_=]|fax|handy|whatsapp|sms|msisdn|rufnummer|t[ée]l[ée]phone|m[óo]vil)',
    pattern: '(^|[^0-9A-Za-z+])(\\(?[0-9]{2,6}\\)?(?:[ ./-]{0,3}[0-9]{2,8}){1,5})',
    valid: isNational,
  },
  {
    id: 'phone-north-american',
    kind: 'phone',
    about: 'Telephone numbers in the form (555) 555-0100',
    gate: '\\([0-9]{3}\\)',
    pattern: '(^|[^0-9A-Za-z)])(\\([2-9][0-9]{2}\\) ?[2-9][0-9]{2}-[0-9]{4})(?:[^0-9A-Za-z-]|$)',
    valid: isNorthAmerican,
  },
  {
    id: 'ipv4-address',
    kind: 'ip',
    about:
      'Public IPv4 addresses; not private ones, and not versions: four numbers up to 31 only behind a word such as `ip`',
    shape: 'quad',
    pattern:
      '(^|[^0-9A-Za-z._-])([0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3})(?:[^0-9A-Za-z_]|$)',
    valid: isIpv4,
  },
  {
    id: 'ipv6-address',
    kind: 'ip',
    about: 'Global IPv6 addresses',
    gate: '[0-9A-Fa-f]{4}:[0-9A-Fa-f:]',
    pattern: '(^|[^0-9A-Za-z:])([23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,7}[0-9A-Fa-f]{0,4})',
    valid: isIpv6,
  },
  {
    id: 'birth-date',
    kind: 'birth-date',
    about: 'Dates behind a word such as `birth`, `dob`, `geboren`, `naissance`',
    gate: '(?i:birth|dob|born|gebo|gebu|naiss|naci|nascita|b-?day)',
    pattern:
      '(^|[^0-9])([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})',
    valid: isBirthDate,
  },
];
