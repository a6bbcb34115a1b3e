/**
 * Made-up values of every kind that is detected, by a seed. Check digits are computed here by rules of their
 * own, so that a mistake of the detectors does not repeat itself. Prefixes of tokens are put together from
 * parts: no line of this file is one that a scanner of repositories would stop.
 */

export interface Random {
  /** 0 up to but not including n. */
  below(n: number): number;
  pick<T>(items: readonly T[]): T;
  chars(alphabet: string, length: number): string;
}

/** mulberry32 */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    pick: (items) => items[below(items.length)] ?? (items[0] as never),
    chars: (alphabet, length) =>
      Array.from({ length }, () => alphabet[below(alphabet.length)]).join(''),
  };
}

export const LOWER = 'abcdefghijklmnopqrstuvwxyz';
export const UPPER = LOWER.toUpperCase();
export const DIGITS = '0123456789';
export const ALNUM = LOWER + UPPER + DIGITS;
export const HEX = '0123456789abcdef';
export const BASE64 = `${ALNUM}+/`;
export const BASE64URL = `${ALNUM}-_`;

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
const base64url = (text: string): string => Buffer.from(text).toString('base64url');

// ---------------------------------------------------------------- cards and accounts

/** The digit that makes it pass Luhn's test. */
function luhnDigit(digits: string): number {
  const sum = [...digits].reverse().reduce((total, one, at) => {
    const value = Number(one) * (at % 2 === 0 ? 2 : 1);
    return total + Math.floor(value / 10) + (value % 10);
  }, 0);
  return (10 - (sum % 10)) % 10;
}

export function luhnNumber(random: Random, prefix: string, length: number): string {
  const body = prefix + random.chars(DIGITS, length - 1 - prefix.length);
  return body + luhnDigit(body);
}

/** Fails Luhn's test by one. */
export function badLuhnNumber(random: Random, prefix: string, length: number): string {
  const good = luhnNumber(random, prefix, length);
  return good.slice(0, -1) + ((Number(good.at(-1)) + 1 + random.below(9)) % 10);
}

const ISSUED: readonly (readonly [prefix: string, length: number])[] = [
  ['4', 16],
  ['4', 16],
  ['51', 16],
  ['55', 16],
  ['2223', 16],
  ['34', 15],
  ['37', 15],
  ['6011', 16],
  ['65', 16],
  ['36', 14],
  ['3530', 16],
  ['62', 16],
];

export function pan(random: Random): string {
  const [prefix, length] = random.pick(ISSUED);
  const digits = luhnNumber(random, prefix, length);
  const separator = random.pick(['', '', ' ', '-']);
  if (length === 15)
    return digits.replace(/^(.{4})(.{6})(.{5})$/, `$1${separator}$2${separator}$3`);
  if (length === 14)
    return digits.replace(/^(.{4})(.{6})(.{4})$/, `$1${separator}$2${separator}$3`);
  return digits.replace(/(.{4})(?=.)/g, `$1${separator}`);
}

const remainder97 = (digits: string): number => Number(BigInt(digits) % 97n);
const lettersAsDigits = (text: string): string =>
  text.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));

/** The form of a country's account part: n digits, a letters, c both (ISO 13616). */
const ACCOUNTS: readonly (readonly [country: string, form: string])[] = [
  ['DE', 'n18'],
  ['FR', 'n10c11n2'],
  ['GB', 'a4n14'],
  ['NL', 'a4n10'],
  ['ES', 'n20'],
  ['IT', 'a1n10c12'],
  ['BE', 'n12'],
  ['PL', 'n24'],
  ['SE', 'n20'],
  ['CH', 'n5c12'],
  ['AT', 'n16'],
];

export function iban(random: Random, grouped = random.below(2) === 0): string {
  const [country, form] = random.pick(ACCOUNTS);
  const account = form.replace(/([nac])(\d+)/g, (_, kind: string, length: string) =>
    random.chars(kind === 'n' ? DIGITS : kind === 'a' ? UPPER : DIGITS + UPPER, Number(length)),
  );
  const check = 98 - remainder97(lettersAsDigits(`${account}${country}00`));
  const plain = `${country}${String(check).padStart(2, '0')}${account}`;
  return grouped ? plain.replace(/(.{4})(?=.)/g, '$1 ') : plain;
}

/** Looks like one and is none: a wrong check digit. */
export function badIban(random: Random): string {
  const good = iban(random, false);
  const check = ((Number(good.slice(2, 4)) + 1 + random.below(90)) % 97) + 2;
  return good.slice(0, 2) + String(check).padStart(2, '0').slice(-2) + good.slice(4);
}

// ---------------------------------------------------------------- persons

const NAMES = [
  'ada',
  'grace',
  'linus',
  'margaret',
  'tim',
  'barbara',
  'ken',
  'radia',
  'john',
  'maria',
];
const FAMILIES = [
  'lovelace',
  'hopper',
  'hamilton',
  'liskov',
  'perlman',
  'schmidt',
  'rossi',
  'garcia',
  'dubois',
  'nowak',
];

export function email(random: Random): string {
  const name = random.pick(NAMES);
  const family = random.pick(FAMILIES);
  const local = random.pick([
    `${name}.${family}`,
    `${name}_${family}`,
    `${name}${random.below(100)}`,
    `${name[0]}${family}`,
    `${name}+news`,
  ]);
  return `${local}@${random.pick(['example.com', 'example.org', 'mail.example.net', 'firma.example.de', 'uni-bonn.de', 'acme.co.uk'])}`;
}

/** Numbers that authorities keep free for films and documents. */
export function internationalPhone(random: Random): string {
  const four = random.chars(DIGITS, 2);
  return random.pick([
    `+1 212 555 01${four}`,
    `+1-415-555-01${four}`,
    `+120255501${four}`,
    `+44 7700 9001${four}`,
    `+4420794601${four}`,
    `+49 30 230${random.chars(DIGITS, 5)}`,
    `+33 6 39 98 ${random.chars(DIGITS, 2)} ${four}`,
    `+34 600 ${random.chars(DIGITS, 3)} ${random.chars(DIGITS, 3)}`,
    `+61 4 9157 0${random.chars(DIGITS, 3)}`,
    `+46 8 5000${four}${four}`.slice(0, 15),
    `+39 312 ${random.chars(DIGITS, 7)}`,
    `+91 98${random.chars(DIGITS, 8)}`,
  ]);
}

export function nationalPhone(random: Random): string {
  return random.pick([
    `(212) 555-01${random.chars(DIGITS, 2)}`,
    `020 7946 0${random.chars(DIGITS, 3)}`,
    `0170 ${random.chars('123456789', 1)}${random.chars(DIGITS, 6)}`,
    `06 39 98 ${random.chars(DIGITS, 2)} ${random.chars(DIGITS, 2)}`,
    `415-555-01${random.chars(DIGITS, 2)}`,
    `030/230${random.chars(DIGITS, 5)}`,
  ]);
}

const birthday = (random: Random): readonly [year: number, month: number, day: number] => [
  1940 + random.below(65),
  1 + random.below(12),
  1 + random.below(28),
];
const two = (n: number): string => String(n).padStart(2, '0');

export function birthDate(random: Random): string {
  const [year, month, day] = birthday(random);
  return random.pick([
    `${year}-${two(month)}-${two(day)}`,
    `${two(day)}.${two(month)}.${year}`,
    `${two(month)}/${two(day)}/${year}`,
  ]);
}

const weigh = (digits: string, weights: readonly number[]): number =>
  weights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0);

export function ssn(random: Random): string {
  const area = 1 + random.below(665);
  return `${String(area).padStart(3, '0')}-${two(1 + random.below(99))}-${String(1 + random.below(9999)).padStart(4, '0')}`;
}

export function nino(random: Random): string {
  const prefix = random.pick(['AB', 'CE', 'JR', 'PX', 'SW', 'WM', 'YZ'].map((one) => one));
  const digits = random.chars(DIGITS, 6);
  return `${prefix} ${digits.slice(0, 2)} ${digits.slice(2, 4)} ${digits.slice(4)} ${random.pick(['A', 'B', 'C', 'D'])}`;
}

export function germanTaxId(random: Random): string {
  const shuffled = [...DIGITS].sort(() => random.below(2) - 0.5).filter((one) => one !== '0');
  const body = shuffled.slice(0, 9);
  body.splice(1 + random.below(8), 0, body[random.below(9)] ?? '1');
  const ten = body.join('').slice(0, 10);
  let product = 10;
  for (const one of ten) product = (((Number(one) + product) % 10 || 10) * 2) % 11;
  return ten + ((11 - product) % 10);
}

export function dni(random: Random): string {
  const number = 10_000_000 + random.below(89_999_999);
  return `${number}${'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}`;
}

export function nie(random: Random): string {
  const first = random.below(3);
  const seven = random.chars(DIGITS, 7);
  return `${'XYZ'[first]}${seven}${'TRWAGMYFPDXBNJZSQVHLCKE'[Number(`${first}${seven}`) % 23]}`;
}

export function nir(random: Random): string {
  const [year, month] = birthday(random);
  const body = `${1 + random.below(2)}${two(year % 100)}${two(month)}${two(1 + random.below(95))}${random.chars(DIGITS, 6)}`;
  const plain = `${body}${two(97 - remainder97(body))}`;
  return random.pick([
    plain,
    plain.replace(/^(.)(..)(..)(..)(...)(...)(..)$/, '$1 $2 $3 $4 $5 $6 $7'),
  ]);
}

export function bsn(random: Random): string {
  for (;;) {
    const digits = `${1 + random.below(9)}${random.chars(DIGITS, 8)}`;
    if (weigh(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0) return digits;
  }
}

export function cpf(random: Random): string {
  const nine = random.chars(DIGITS, 9);
  const check = (digits: string): number => {
    const rest =
      weigh(
        digits,
        Array.from(digits, (_, at) => digits.length + 1 - at),
      ) % 11;
    return rest < 2 ? 0 : 11 - rest;
  };
  const ten = nine + check(nine);
  return (ten + check(ten)).replace(/^(...)(...)(...)(..)$/, '$1.$2.$3-$4');
}

/** Verhoeff by its tables. */
const TIMES = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const TURNS = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

export function aadhaar(random: Random): string {
  const eleven = `${2 + random.below(8)}${random.chars(DIGITS, 10)}`;
  let check = 0;
  for (const [at, one] of [...eleven].reverse().entries()) {
    check = Number(TIMES[check]?.[Number(TURNS[(at + 1) % 8]?.[Number(one)])]);
  }
  const last = [...DIGITS].find((one) => TIMES[check]?.[Number(one)] === '0') ?? '0';
  return `${eleven}${last}`.replace(/(.{4})(?=.)/g, '$1 ');
}

export function codiceFiscale(random: Random): string {
  const consonants = 'BCDFGLMNPRSTVZ';
  const fifteen = `${random.chars(consonants, 6)}${two(random.below(100))}${random.chars('ABCDEHLMPRST', 1)}${two(1 + random.below(28))}${random.chars('ABCDEFGHIL', 1)}${random.chars(DIGITS, 3)}`;
  const odd: Readonly<Record<string, number>> = Object.fromEntries(
    [...DIGITS, ...UPPER].map((char) => [
      char,
      [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
      ][/\d/.test(char) ? Number(char) : char.charCodeAt(0) - 65] ?? 0,
    ]),
  );
  const even = (char: string): number => (/\d/.test(char) ? Number(char) : char.charCodeAt(0) - 65);
  const sum = [...fifteen].reduce(
    (total, char, at) => total + (at % 2 === 0 ? (odd[char] ?? 0) : even(char)),
    0,
  );
  return fifteen + UPPER[sum % 26];
}

export const nationalId = (random: Random): { readonly name: string; readonly value: string } =>
  random.pick<() => { name: string; value: string }>([
    () => ({ name: 'ssn', value: ssn(random) }),
    () => ({ name: 'ssn', value: ssn(random) }),
    () => ({ name: 'nino', value: nino(random) }),
    () => ({ name: 'steuer_id', value: germanTaxId(random) }),
    () => ({ name: 'dni', value: dni(random) }),
    () => ({ name: 'nie', value: nie(random) }),
    () => ({ name: 'nir', value: nir(random) }),
    () => ({ name: 'bsn', value: bsn(random) }),
    () => ({ name: 'cpf', value: cpf(random) }),
    () => ({ name: 'aadhaar', value: aadhaar(random) }),
    () => ({ name: 'codice_fiscale', value: codiceFiscale(random) }),
  ])();

/** Of networks that are kept free for documents, or of everybody's providers. */
export const publicIp = (random: Random): string =>
  random.pick([
    `203.0.113.${1 + random.below(254)}`,
    `198.51.100.${1 + random.below(254)}`,
    `192.0.2.${32 + random.below(200)}`,
    `2001:db8:${random.chars(HEX, 4)}::${random.chars(HEX, 3)}7`,
    `2001:db8:85a3:${random.chars(HEX, 4)}:1234:8a2e:370:7${random.chars(HEX, 3)}`,
  ]);

// ---------------------------------------------------------------- secrets

export function privateKey(random: Random): string {
  const type = random.pick(['RSA ', '', 'EC ', 'OPENSSH ', 'DSA ', 'ENCRYPTED ']);
  const lines = Array.from({ length: 4 + random.below(12) }, () => random.chars(BASE64, 64));
  const begin = ['-----BEGIN ', type, 'PRIVATE', ' KEY-----'].join('');
  const end = ['-----END ', type, 'PRIVATE', ' KEY-----'].join('');
  return random.pick([
    [begin, ...lines, end].join('\n'),
    [begin, ...lines, end].join('\\n'),
    // Cut off.
    [begin, ...lines].join('\n'),
  ]);
}

export const awsKeyId = (random: Random): string =>
  `${random.pick(['AK', 'AS'])}${'IA'}${random.chars(`${UPPER}234567`, 16)}`;
export const awsSecret = (random: Random): string => random.chars(BASE64, 40);

export const cloudKey = (random: Random): string =>
  random.pick([
    awsKeyId(random),
    awsKeyId(random),
    `AWS_SECRET_ACCESS_KEY=${awsSecret(random)}`,
    `"secretAccessKey": "${awsSecret(random)}"`,
    `${'AI'}za${random.chars(BASE64URL, 35)}`,
    `DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=${random.chars(BASE64, 86)}==`,
    `${random.chars(ALNUM, 3)}8Q~${random.chars(ALNUM, 34)}`,
    `${'GOC'}SPX-${random.chars(BASE64URL, 28)}`,
  ]);

export function jwt(random: Random): string {
  const header = base64url(
    JSON.stringify({ alg: random.pick(['HS256', 'RS256', 'ES256']), typ: 'JWT' }),
  );
  const payload = base64url(
    JSON.stringify({ sub: random.chars(DIGITS, 8), iat: 1_700_000_000 + random.below(99_999_999) }),
  );
  return `${header}.${payload}.${random.chars(BASE64URL, 43)}`;
}

export const token = (random: Random): string =>
  random.pick([
    `${'gh'}${random.pick(['p', 'o', 's'])}_${random.chars(ALNUM, 36)}`,
    `${'github'}_pat_${random.chars(ALNUM, 22)}_${random.chars(ALNUM, 59)}`,
    `${'glp'}at-${random.chars(BASE64URL, 20)}`,
    `${'xo'}xb-${random.chars(DIGITS, 12)}-${random.chars(DIGITS, 12)}-${random.chars(ALNUM, 24)}`,
    `${'sk_'}live_${random.chars(ALNUM, 24)}`,
    `${'rk_'}test_${random.chars(ALNUM, 24)}`,
    `${'np'}m_${random.chars(ALNUM, 36)}`,
    `${'py'}pi-AgEIcHlwaS5vcmc${random.chars(BASE64URL, 80)}`,
    `${'sk'}-proj-${random.chars(ALNUM, 48)}`,
    `${'sk'}-ant-api03-${random.chars(BASE64URL, 93)}AA`,
    `${'SG'}.${random.chars(BASE64URL, 22)}.${random.chars(BASE64URL, 43)}`,
    jwt(random),
    jwt(random),
  ]);

/** As generators make them. */
export const strongPassword = (random: Random): string =>
  random.pick([
    `${random.chars(ALNUM, 10)}${random.pick(['!', '#', '%', '+'])}${random.chars(DIGITS, 2)}`,
    `${random.pick(['Winter', 'Summer', 'Dragon', 'Falcon'])}${1990 + random.below(40)}!`,
    random.chars(`${ALNUM}!#%*+`, 16).replace(/^./, 'k') + random.below(10),
    `${random.pick(['tr0ub4dor', 'hunter2x', 's3cr3tpw', 'p4ssw0rd'])}${random.chars(DIGITS, 2)}`,
  ]);

// ---------------------------------------------------------------- what is none of it

export const uuid = (random: Random): string =>
  [8, 4, 4, 4, 12].map((length) => random.chars(HEX, length)).join('-');
export const sha1 = (random: Random): string => random.chars(HEX, 40);
export const sha256 = (random: Random): string => random.chars(HEX, 64);
export const version = (random: Random): string =>
  `${random.below(20)}.${random.below(30)}.${random.below(30)}.${random.below(30)}`;
