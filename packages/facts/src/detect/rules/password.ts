/** Passwords, by where they stand: an address, a connection string, an assignment, a SQL clause. */
import { decodeBase64 } from '../base64.ts';
import { isNameChain, isPlaceholder } from '../entropy.ts';
import type { Candidate, Rule } from '../rule.ts';

const NAME = '(?:passw(?:or)?d|passwd|passphrase|passcode|passwort|pwd)';
/** Up to the value: the rest of the name, its quote, and `=`, `:`, `=>` or `:=`. */
const ASSIGN = `${NAME}[A-Za-z0-9_-]{0,16}["'\`\\\\)\\]]{0,3}[ \\t]{0,4}(?::=|=>|={1,3}|:)[ \\t]{0,4}`;

/** What is about a password and not one: `password_url`, `passwordLength`, `pwd_hash_rounds`. */
const ABOUT_IT =
  /(?:url|uri|path|file|length|min|max|name|_id|type|count|field|column|label|hint|policy|reset|expir\w*|ttl|rounds|regex|pattern|changed|updated|created|_at|help|error|message|title|text|placeholder|strength|required|enabled|visible|confirm\w*|store|manager|input|selector|less)["'`\\\])]{0,3}[ \t]*(?::=|=>|=+|:)[ \t]*\\?["'`]?$/i;
/** What forms, translations and documents say at that place. */
const PROSE =
  /^(?:password|passwort|passphrase|contraseña|string|function|object|number|boolean|undefined|text|varchar|char|bytea|secret|required|optional|invalid|incorrect|wrong|forgot|enter|type|confirm|new|old|current|repeat|show|hide|reset|update|create|please|must|should|is|at least|too|\*)\b/i;

function isQuotedPassword({ lead, value }: Candidate): boolean {
  if (ABOUT_IT.test(lead) || isPlaceholder(value)) return false;
  const spaces = value.split(' ').length - 1;
  if (spaces > 0 && !/passphrase/i.test(lead)) {
    // A sentence: words, and nothing that a password would be asked to have.
    if (spaces > 4 || PROSE.test(value) || !/[0-9]/.test(value)) return false;
  }
  if (PROSE.test(value) && !/[0-9!@#%^&*]/.test(value)) return false;
  return !/^[./~]\S*\/\S*$|^https?:/.test(value);
}

function isBarePassword(found: Candidate): boolean {
  const { lead, value, text, end } = found;
  if (ABOUT_IT.test(lead) || isPlaceholder(value) || isNameChain(value)) return false;
  if (PROSE.test(value) && !/[0-9]/.test(value)) return false;
  if (/[(]/.test(text[end] ?? '') || /^[./~]|:\/\//.test(value)) return false;
  return /[0-9]/.test(value) ? /[A-Za-z]/.test(value) : /[!@#%^&*+]/.test(value);
}

function isUrlPassword({ value, text, start, lead }: Candidate): boolean {
  if (isPlaceholder(value) || /^(?:pass|password|pwd|secret|port|\d{1,5})$/i.test(value))
    return false;
  // Which scheme it is stands before `://`; without one it is no address.
  return /[a-z0-9+.-]$/i.test(text[start - lead.length - 1] ?? '');
}

export const PASSWORD_RULES: readonly Rule[] = [
  {
    id: 'url-password',
    kind: 'password',
    about: 'Passwords in addresses: `scheme://user:password@host`',
    gate: '://',
    pattern: '(://[^\\s:@/"\'`<>]{0,64}:)([^\\s@/"\'`<>]{3,128})@',
    valid: isUrlPassword,
  },
  {
    id: 'assigned-password-quoted',
    kind: 'password',
    about:
      'Quoted values that are assigned to a password by name; not labels, messages, placeholders or references to another place',
    gate: '(?i:passw|passphrase|passcode|pwd)',
    ignoreCase: true,
    pattern: `(${ASSIGN}(?:["'\`]|\\\\"))([^"'\`\\n\\\\]{4,128})(?:["'\`\\\\]|$)`,
    valid: isQuotedPassword,
  },
  {
    id: 'assigned-password-bare',
    kind: 'password',
    about:
      'The same without quotes, as in connection strings, environment files and URLs: at least six characters, with a digit and a letter or a special character',
    gate: '(?i:passw|passphrase|passcode|pwd)',
    ignoreCase: true,
    pattern: `(${ASSIGN})([^\\s"'\`,;&<>(){}\\[\\]|]{6,128})`,
    valid: isBarePassword,
  },
  {
    id: 'sql-password',
    kind: 'password',
    about: "SQL's PASSWORD '…' and IDENTIFIED BY '…'",
    gate: '(?i:password[ \\n\\t]|identified)',
    ignoreCase: true,
    pattern:
      "((?:password|identified[ \\n]{1,4}(?:with[ \\n]{1,4}[a-z0-9_']{1,40}[ \\n]{1,4})?by)[ \\n\\t]{1,4}')([^'\\n]{3,256})'",
    valid: ({ value }) => !isPlaceholder(value),
  },
  {
    id: 'command-password',
    kind: 'password',
    about: 'Passwords given to commands: `--password …`, `-u user:…`',
    gate: '(?i:--pass| -u |--user)',
    ignoreCase: true,
    pattern:
      '((?:^|[\\s"\'])(?:--pass(?:word|wd|phrase)?[ \\t]{1,4}|(?:-u|--user)[ \\t]{1,4}["\']?[A-Za-z0-9._@-]{1,64}:)["\']?)([^\\s"\'`<>|]{5,128})',
    valid: (found) => isBarePassword({ ...found, lead: '' }),
  },
  {
    id: 'basic-credentials',
    kind: 'password',
    about: 'HTTP basic credentials: base64 of a user, a colon and a password',
    gate: '(?i:basic )',
    ignoreCase: true,
    pattern: '(basic[ \\t]{1,4}["\'`]?)([A-Za-z0-9+/]{8,300}={0,2})(?:[^A-Za-z0-9+/=]|$)',
    valid: ({ value }) => /^[\x20-\x7e]{0,80}:[\x20-\x7e]{2,200}$/.test(decodeBase64(value) ?? ''),
  },
  {
    id: 'password-hash',
    kind: 'password',
    about:
      'Stored password hashes: bcrypt, argon2, scrypt, crypt(3), PBKDF2, and SCRAM verifiers of PostgreSQL',
    gate: '\\$2[abxy]\\$|\\$argon2|\\$[156y]\\$|\\$scrypt\\$|pbkdf2_sha|SCRAM-SHA-256\\$',
    pattern:
      '(^|[^A-Za-z0-9$])(\\$2[abxy]\\$[0-9]{2}\\$[./A-Za-z0-9]{53}|\\$argon2i?d?\\$v=[0-9]{1,3}\\$[A-Za-z0-9=,]{8,60}\\$[A-Za-z0-9+/.]{8,100}\\$[A-Za-z0-9+/.]{20,200}|\\$[156y]\\$(?:rounds=[0-9]{1,9}\\$)?[./A-Za-z0-9$]{2,40}\\$[./A-Za-z0-9]{22,90}|\\$scrypt\\$[A-Za-z0-9=,]{5,40}\\$[A-Za-z0-9+/.]{8,100}\\$[A-Za-z0-9+/.]{20,200}|pbkdf2_sha(?:1|256|512)\\$[0-9]{1,9}\\$[A-Za-z0-9]{4,60}\\$[A-Za-z0-9+/]{20,100}={0,2}|SCRAM-SHA-256\\$[0-9]{1,9}:[A-Za-z0-9+/]{8,60}={0,2}\\$[A-Za-z0-9+/]{20,60}={0,2}:[A-Za-z0-9+/]{20,60}={0,2})',
  },
  {
    id: 'netrc-password',
    kind: 'password',
    about: 'Passwords of .netrc lines',
    gate: 'login ',
    pattern: '(login[ \\t]{1,4}[^\\s]{1,64}[\\s]{1,6}password[ \\t]{1,4})([^\\s]{4,128})',
    valid: ({ value }) => !isPlaceholder(value),
  },
];
