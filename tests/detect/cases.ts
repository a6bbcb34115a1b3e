/**
 * Texts with the kinds that are in them. Two halves, from templates of their own and seeds of their own: the
 * rules were made while looking at the first, and only figures were ever looked at of the second.
 */
import type { DetectedKind } from '../../packages/facts/src/detect/finding.ts';
import * as v from './values.ts';

export interface Case {
  readonly name: string;
  readonly text: string;
  readonly kinds: readonly DetectedKind[];
}

type Template = (random: v.Random) => Omit<Case, 'name'>;

const none = (text: string): Omit<Case, 'name'> => ({ text, kinds: [] });
const some = (text: string, ...kinds: DetectedKind[]): Omit<Case, 'name'> => ({ text, kinds });

/** Texts around one value, as they come in: statements, logs, files, messages. */
type Carrier = (value: string, random: v.Random) => string;

const TUNED_CARRIERS: readonly Carrier[] = [
  (value) => `INSERT INTO notes (id, body) VALUES (17, '${value.replaceAll("'", "''")}')`,
  (value) => `UPDATE customers SET note = '${value.replaceAll("'", "''")}' WHERE id = 4`,
  (value) => JSON.stringify({ level: 'info', message: 'done', extra: value }),
  (value) => `please have a look at ${value}, it came in this morning`,
  (value) => `17;open;${value};2026-11-25`,
  (value) => `-- seen: ${value}\nSELECT 1`,
  (value) => `<td>${value}</td>`,
];
const HELD_OUT_CARRIERS: readonly Carrier[] = [
  (value) =>
    `MERGE INTO t USING (VALUES (1, '${value.replaceAll("'", "''")}')) s(id, x) ON t.id = s.id WHEN MATCHED THEN UPDATE SET x = s.x`,
  (value) => `2026-11-25T14:03:11.221Z WARN worker-3 payload="${value}" retry=2`,
  (value) => `Hi team,\n\nthe customer sent this: ${value}\n\nCheers`,
  (value) => `items:\n  - id: 3\n    value: ${value}\n`,
  (value) => `[${JSON.stringify(value)}, null, 3]`,
  (value) => `${value}\t42\tnew`,
  (value) => `/* ${value} */ call_me();`,
];

/** Values that say by themselves what they are. */
const plainValues = (carriers: readonly Carrier[]): readonly (readonly [string, Template])[] => {
  const within =
    (kind: DetectedKind, value: (random: v.Random) => string): Template =>
    (random) =>
      some(random.pick(carriers)(value(random), random), kind);
  return [
    ['card', within('pan', v.pan)],
    ['card', within('pan', v.pan)],
    ['iban', within('iban', (random) => v.iban(random))],
    ['email', within('email', v.email)],
    ['international phone', within('phone', v.internationalPhone)],
    [
      'national id',
      (random) => {
        const { name, value } = v.nationalId(random);
        return some(random.pick(carriers)(`${name} ${value}`, random), 'national-id');
      },
    ],
    ['address', within('ip', v.publicIp)],
    ['private key', within('private-key', v.privateKey)],
    ['cloud key', within('cloud-key', v.cloudKey)],
    ['token', within('token', v.token)],
    ['token', within('token', v.token)],
  ];
};

// ---------------------------------------------------------------- the half that was looked at

const TUNED: readonly (readonly [string, Template])[] = [
  ...plainValues(TUNED_CARRIERS),
  ['phone behind its name', (r) => some(`phone: ${v.nationalPhone(r)}, room 12`, 'phone')],
  ['birth date', (r) => some(`{"name":"x","date_of_birth":"${v.birthDate(r)}"}`, 'birth-date')],
  [
    'password in an address',
    (r) =>
      some(`DATABASE_URL=postgres://app:${r.chars(v.ALNUM, 14)}@db.internal:5432/shop`, 'password'),
  ],
  [
    'password in a file of settings',
    (r) => some(`host = localhost\npassword = "${v.strongPassword(r)}"\nport = 5432`, 'password'),
  ],
  [
    'password of a role',
    (r) => some(`CREATE ROLE app LOGIN PASSWORD '${v.strongPassword(r)}'`, 'password'),
  ],
  [
    'password in the environment',
    (r) => some(`export DB_PASSWORD=${v.strongPassword(r)}`, 'password'),
  ],
  [
    'connection string',
    (r) =>
      some(
        `Server=db;User Id=sa;Password=${v.strongPassword(r).replace(/[;,]/g, 'x')};Encrypt=true`,
        'password',
      ),
  ],
  [
    'json password',
    (r) => some(JSON.stringify({ user: 'app', password: v.strongPassword(r) }), 'password'),
  ],
  ['assigned key', (r) => some(`const apiKey = "${r.chars(v.ALNUM, 32)}";`, 'token')],
  [
    'assigned secret',
    (r) => some(`client_secret: ${r.chars(v.BASE64URL, 40).replace(/^-/, 'a')}`, 'token'),
  ],
  ['bearer', (r) => some(`Authorization: Bearer ${r.chars(v.ALNUM, 40)}`, 'token')],
  [
    'card in base64',
    (r) => some(`data=${v.base64(`card ${v.luhnNumber(r, '4', 16)} exp 12/29`)}`, 'pan'),
  ],
  [
    'card with invisible characters',
    (r) => some(v.luhnNumber(r, '4', 16).replace(/(.{4})(?=.)/g, '$1\u200b'), 'pan'),
  ],
  [
    'card in escapes of URLs',
    (r) => some(`q=${v.luhnNumber(r, '55', 16).replace(/(.{4})(?=.)/g, '$1%20')}`, 'pan'),
  ],
  ['uuid', (r) => none(`SELECT * FROM orders WHERE id = '${v.uuid(r)}'`)],
  ['commit', (r) => none(`commit ${v.sha1(r)}\nAuthor: the build\n\n    Fix the build`)],
  ['digest', (r) => none(`image: registry.local/app@sha256:${v.sha256(r)}`)],
  ['etag', (r) => none(`ETag: "${v.sha1(r)}"\nContent-Length: ${r.below(99_999)}`)],
  [
    'order number that fails',
    (r) =>
      none(
        `INSERT INTO orders (number) VALUES (${v.badLuhnNumber(r, r.pick(['4', '51', '37']), 16)})`,
      ),
  ],
  [
    'order number that passes, of no issuer',
    (r) => none(`order ${v.luhnNumber(r, r.pick(['1', '7', '90', '0']), 16)} shipped`),
  ],
  ['long order number', (r) => none(`order_no=${v.luhnNumber(r, '4', 20)}`)],
  [
    'milliseconds',
    (r) => none(`{"at":${1_700_000_000_000 + r.below(99_999_999)},"took":${r.below(900)}}`),
  ],
  ['nanoseconds', (r) => none(`ts=17${r.chars(v.DIGITS, 17)} level=info`)],
  [
    'version',
    (r) =>
      none(
        `Mozilla/5.0 (X11; Linux x86_64) Chrome/${100 + r.below(40)}.0.${r.below(9_999)}.${r.below(200)} Safari/537.36`,
      ),
  ],
  ['small version', (r) => none(`version ${v.version(r)} of the driver`)],
  [
    'private address',
    (r) =>
      none(
        `upstream 10.${r.below(255)}.${r.below(255)}.${r.below(255)}:8080 and 192.168.1.${r.below(255)}`,
      ),
  ],
  [
    'statement',
    (r) =>
      none(
        `SELECT id, name, created_at FROM customers WHERE created_at > '2026-${10 + r.below(3)}-${10 + r.below(18)} ${10 + r.below(13)}:22:33.123456' LIMIT ${r.below(900)}`,
      ),
  ],
  [
    'minified code',
    (r) =>
      none(
        `!function(e,t){"use strict";var n=t.map(function(e){return e.id^${r.below(99_999)}}),r=n.reduce((a,b)=>a+b,0);e.exports=r}(module,[{id:1},{id:${r.below(99)}}]);`,
      ),
  ],
  [
    'image',
    (r) =>
      none(`<img src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA${r.chars(v.BASE64, 600)}==">`),
  ],
  ['account like id', (r) => none(`ref ${v.badIban(r)} is a shipment`)],
  [
    'label of a password',
    (r) =>
      none(
        r.pick([
          '{"password":"Password","forgot":"Forgot your password?"}',
          'password: string;',
          '<input type="password" name="password" placeholder="Your password">',
          'const password = getPassword();',
          'password = req.body.password',
          'if (password === confirmPassword) return;',
          'ALTER TABLE users ADD COLUMN password_hash text NOT NULL',
          '"passwordMinLength": 12',
          'WHERE password_reset_at IS NULL',
        ]),
      ),
  ],
  [
    'reference to a secret',
    (r) =>
      none(
        r.pick([
          'password: env:SHOP_PASSWORD',
          'token = os.environ["API_TOKEN"]',
          'apiKey: process.env.API_KEY',
          'secret: <your-secret-here>',
          'password=********',
          'client_secret: {{ .Values.clientSecret }}',
          'token: xxxxxxxxxxxxxxxxxxxxxxxx',
          'secretName: my-app-credentials-2',
          'aws_secret_access_key = YOUR_SECRET_KEY',
        ]),
      ),
  ],
  [
    'tokens of a model',
    (r) =>
      none(
        `{"max_tokens": ${r.below(9_999)}, "token_type": "bearer", "tokenizer": "cl100k_base", "prompt_tokens": 1234567890}`,
      ),
  ],
  [
    'file names',
    (r) =>
      none(
        `icon@2x.png logo@3x.webp main.${r.chars(v.HEX, 8)}.js pkg@${r.below(9)}.${r.below(9)}.1 git@github.com:acme/shop.git`,
      ),
  ],
  [
    'public key',
    (r) => none(`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${r.chars(v.BASE64, 43)} build`),
  ],
  [
    'certificate',
    (r) =>
      none(
        `-----BEGIN CERTIFICATE-----\n${Array.from({ length: 8 }, () => r.chars(v.BASE64, 64)).join('\n')}\n-----END CERTIFICATE-----`,
      ),
  ],
  [
    'lock file',
    (r) =>
      none(`"integrity": "sha512-${r.chars(v.BASE64, 86)}==", "version": "4.${r.below(20)}.1"`),
  ],
  [
    'numbers',
    (r) =>
      none(
        Array.from({ length: 24 }, () => 1_000 + r.below(8_999)).join(r.pick([' ', ', ', '\t'])),
      ),
  ],
  [
    'coordinates',
    (r) =>
      none(
        `POINT(${r.below(90)}.${r.chars(v.DIGITS, 14)} ${r.below(90)}.${r.chars(v.DIGITS, 15)})`,
      ),
  ],
  ['hexadecimal', (r) => none(`'\\x${r.chars(v.HEX, 200)}'`)],
  [
    'MAC address',
    (r) => none(`eth0 ${Array.from({ length: 6 }, () => r.chars(v.HEX, 2)).join(':')} up`),
  ],
  [
    'stack',
    (r) =>
      none(
        `Error: boom\n    at run (/srv/app/node_modules/pg-pool/index.js:${r.below(999)}:11)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
      ),
  ],
  [
    'ISBN',
    (r) =>
      none(
        `ISBN 978-3-${r.chars(v.DIGITS, 2)}-${r.chars(v.DIGITS, 6)}-${r.below(10)}, page ${r.below(400)}`,
      ),
  ],
  [
    'date',
    (r) => none(`due 2026-0${1 + r.below(9)}-1${r.below(10)}, billed ${10 + r.below(18)}.11.2026`),
  ],
];

// ---------------------------------------------------------------- the half that was not

const HELD_OUT: readonly (readonly [string, Template])[] = [
  ...plainValues(HELD_OUT_CARRIERS),
  [
    'phone behind its name',
    (r) =>
      some(
        `INSERT INTO people (name, mobile) VALUES ('x', '${v.nationalPhone(r)}') -- mobile '${v.nationalPhone(r)}'`,
        'phone',
      ),
  ],
  ['phone in a signature', (r) => some(`Kind regards\nTel. ${v.nationalPhone(r)}`, 'phone')],
  [
    'birth date',
    (r) =>
      some(
        r.pick([
          `born on ${v.birthDate(r)} in Rome`,
          `geburtsdatum=${v.birthDate(r)}`,
          `DOB: ${v.birthDate(r)}`,
        ]),
        'birth-date',
      ),
  ],
  [
    'password in an address',
    (r) => some(`redis://default:${r.chars(v.ALNUM, 20)}@cache:6379/0`, 'password'),
  ],
  [
    'password in YAML',
    (r) =>
      some(
        `database:\n  user: app\n  password: ${v.strongPassword(r).replaceAll('#', 'x').replaceAll('%', 'y')}\n`,
        'password',
      ),
  ],
  [
    'password of a user',
    (r) =>
      some(
        `ALTER USER reports WITH PASSWORD '${v.strongPassword(r)}' VALID UNTIL 'infinity'`,
        'password',
      ),
  ],
  [
    'command',
    (r) => some(`mysqldump --user=root --password ${v.strongPassword(r)} shop`, 'password'),
  ],
  [
    'password in code',
    (r) => some(`db.connect({ host: "x", userPassword: '${v.strongPassword(r)}' })`, 'password'),
  ],
  [
    'hash of a password',
    (r) =>
      some(
        `UPDATE users SET hash = '$2b$12$${r.chars(`${v.ALNUM}./`, 53)}' WHERE id = 1`,
        'password',
      ),
  ],
  ['assigned token', (r) => some(`X-Auth-Token: ${r.chars(v.HEX, 40)}`, 'token')],
  ['assigned key', (r) => some(`{"access_key":"${r.chars(v.ALNUM, 24)}","region":"eu"}`, 'token')],
  [
    'header in code',
    (r) =>
      some(
        `headers: { authorization: 'Bearer ${r.chars(v.BASE64URL, 48).replace(/^-/, 'a')}' }`,
        'token',
      ),
  ],
  [
    'key in base64',
    (r) => some(`SELECT decode('${v.base64(v.privateKey(r))}', 'base64')`, 'private-key'),
  ],
  [
    'card with dots',
    (r) => some(`${v.luhnNumber(r, '51', 16).replace(/(.{4})(?=.)/g, '$1.')} was declined`, 'pan'),
  ],
  [
    'card in JSON escapes',
    (r) => some(`{"n":"\\u0034${v.luhnNumber(r, '4', 16).slice(1)}"}`, 'pan'),
  ],
  [
    'correlation id',
    (r) =>
      none(
        `request ${v.uuid(r)} took ${r.below(999)} ms (trace ${r.chars(v.HEX, 32)}, span ${r.chars(v.HEX, 16)})`,
      ),
  ],
  [
    'tree of a repository',
    (r) => none(`100644 blob ${v.sha1(r)}\tsrc/index.ts\n100644 blob ${v.sha1(r)}\tREADME.md`),
  ],
  ['layers', (r) => none(`sha256:${v.sha256(r)}: Pulling fs layer\nDigest: sha256:${v.sha256(r)}`)],
  [
    'invoice number',
    (r) =>
      none(
        `{"invoice":"${v.badLuhnNumber(r, r.pick(['4', '55', '6011']), 16)}","total":${r.below(9_999)}.${10 + r.below(89)}}`,
      ),
  ],
  [
    'parcel',
    (r) => none(`tracking 1Z${r.chars(v.UPPER + v.DIGITS, 16)} or 00${v.luhnNumber(r, '3', 18)}`),
  ],
  [
    'snowflake id',
    (r) =>
      none(
        `channel ${r.pick(['10', '11', '12', '13'])}${r.chars(v.DIGITS, 16)} message ${r.pick(['10', '11', '12'])}${r.chars(v.DIGITS, 17)}`,
      ),
  ],
  [
    'epoch in log',
    (r) =>
      none(
        `[17${r.chars(v.DIGITS, 8)}.${r.chars(v.DIGITS, 6)}] audit(17${r.chars(v.DIGITS, 8)}.${r.chars(v.DIGITS, 3)}:${r.below(99_999)})`,
      ),
  ],
  [
    'package versions',
    (r) =>
      none(
        `libssl3 3.0.${r.below(20)}-1~deb12u${r.below(5)}, kernel 6.${r.below(20)}.${r.below(200)}-${r.below(30)}-amd64, firmware ${v.version(r)}`,
      ),
  ],
  [
    'loopback',
    (r) =>
      none(
        `listening on 127.0.0.1:${1_024 + r.below(60_000)}, peers 172.16.${r.below(255)}.${r.below(255)} and fe80::1`,
      ),
  ],
  [
    'definition',
    (r) =>
      none(
        `CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE, phone varchar(${r.below(40)}), password_digest bytea, api_token_id uuid, iban char(34))`,
      ),
  ],
  [
    'code',
    (r) =>
      none(
        `export const total = rows.reduce((sum, { price, count }) => sum + price * count, ${r.below(99)}); // see RFC 4648 and ISO 8601`,
      ),
  ],
  [
    'archive',
    (r) =>
      none(
        `Content-Transfer-Encoding: base64\n\nUEsDBBQAAAAIA${Array.from({ length: 10 }, () => r.chars(v.BASE64, 76)).join('\n')}`,
      ),
  ],
  [
    'messages',
    (r) =>
      none(
        r.pick([
          'error.password.short = Password must have 8 characters at least',
          '<label for="pwd">Password:</label>',
          'def check_password(password: str) -> bool:',
          'password=None',
          'validatePassword(password, { min: 8 })',
          'UPDATE users SET password = $1 WHERE id = $2',
          'Reset password: https://example.com/reset',
          'passwordField.setText("")',
          'SELECT usename, passwd FROM pg_shadow',
        ]),
      ),
  ],
  [
    'templates',
    (r) =>
      none(
        r.pick([
          'DB_PASSWORD=changeme',
          'API_KEY=<insert key>',
          'secretKeyRef: { name: db, key: password }',
          'password = "%s"',
          'Authorization: Bearer <token>',
          'Authorization: Bearer $TOKEN',
          'api_key: "..."',
          'SECRET_FILE=/run/secrets/db_password',
          'token_url: https://auth.example.com/oauth/token',
        ]),
      ),
  ],
  [
    'pages of tokens',
    (r) =>
      none(`next_page_token=${r.below(999)}&csrf_token_name=_csrf&token_count=${r.below(99_999)}`),
  ],
  [
    'decorators',
    (r) =>
      none(
        `@Injectable() class A { @Input() b = ${r.below(9)}; } // user@host and root@localhost, a @ b`,
      ),
  ],
  ['fingerprint', (r) => none(`256 SHA256:${r.chars(v.BASE64, 43)} build (ED25519)`)],
  [
    'public key',
    (r) =>
      none(
        `-----BEGIN PUBLIC KEY-----\n${r.chars(v.BASE64, 64)}\n${r.chars(v.BASE64, 60)}\n-----END PUBLIC KEY-----`,
      ),
  ],
  [
    'matrix',
    (r) =>
      none(
        Array.from({ length: 6 }, () =>
          Array.from({ length: 6 }, () => r.below(100)).join(' '),
        ).join('\n'),
      ),
  ],
  [
    'amounts',
    (r) =>
      none(
        `total 4${r.chars(v.DIGITS, 3)}.${r.chars(v.DIGITS, 12)} EUR, ${r.below(999)} 4${r.chars(v.DIGITS, 2)} 000,00`,
      ),
  ],
  [
    'binary',
    (r) =>
      none(
        Array.from(
          { length: 8 },
          (_, at) =>
            `000000${at}0  ${Array.from({ length: 16 }, () => r.chars(v.HEX, 2)).join(' ')}`,
        ).join('\n'),
      ),
  ],
  [
    'times',
    (r) =>
      none(
        `${10 + r.below(13)}:${10 + r.below(49)}:${10 + r.below(49)} up 3 days, load average: 0.${r.below(99)}, 0.${r.below(99)}, 0.${r.below(99)}`,
      ),
  ],
  [
    'plan',
    (r) =>
      none(
        `Index Scan using orders_pkey on orders  (cost=0.42..8.44 rows=${r.below(999)} width=${r.below(300)}) (actual time=0.0${r.below(99)}..0.0${r.below(99)} rows=1 loops=1)`,
      ),
  ],
  [
    'part number',
    (r) =>
      none(
        `part ${r.chars(v.UPPER, 2)}-${r.chars(v.DIGITS, 3)}-${r.chars(v.DIGITS, 2)}${r.chars(v.UPPER, 1)} rev ${r.below(9)}, batch ${r.chars(v.DIGITS, 4)}-${r.chars(v.DIGITS, 4)}`,
      ),
  ],
];

const generate = (
  templates: readonly (readonly [string, Template])[],
  { seed, rounds }: { readonly seed: number; readonly rounds: number },
): Case[] => {
  const random = v.seeded(seed);
  return Array.from({ length: rounds }, () => templates)
    .flat()
    .map(([name, template]) => ({ name, ...template(random) }));
};

export const tunedCases = (): Case[] => generate(TUNED, { seed: 1, rounds: 20 });
export const heldOutCases = (): Case[] => generate(HELD_OUT, { seed: 20_261, rounds: 20 });
