/** Private keys, in the forms that files and variables hold them in. */
import { type Rule, TOKEN_APART } from '../rule.ts';

/** The header, and what may stand between it and the key's own characters: line ends, `Proc-Type` lines. */
const HEADERS_LENGTH_MAX = 300;
const isBody = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x61 && code <= 0x7a) ||
  // + / = \ , : . space and line ends; a single dash, as in DEK-Info.
  '+/=\\,:. \t\r\n'.includes(String.fromCharCode(code));

/** To the end line, or as far as the key's characters go where the end is cut off. */
function pemEnd(text: string, _start: number, end: number, limit: number): number {
  let at = end;
  while (at < limit) {
    if (text.startsWith('-----END', at)) {
      const close = text.indexOf('-----', at + 8);
      return close < 0 || close - at > 80 ? at + 8 : close + 5;
    }
    const code = text.charCodeAt(at);
    if (!isBody(code) && !(code === 0x2d && text.charCodeAt(at + 1) !== 0x2d)) return at;
    at++;
  }
  return at;
}

function runEnd(text: string, _start: number, end: number, limit: number): number {
  let at = end;
  while (at < limit && isBody(text.charCodeAt(at))) at++;
  return at;
}

export const PRIVATE_KEY_RULES: readonly Rule[] = [
  {
    id: 'pem-private-key',
    kind: 'private-key',
    about:
      'PEM and OpenSSH and PGP private keys, encrypted ones too, also with `\\n` written out and with their end cut off; a header without a key behind it is none',
    gate: 'PRIVATE KEY',
    pattern: '(^|[^-])(-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)',
    extend: pemEnd,
    // What ends the line of the header is the first that may follow it: in code a quote does.
    valid: ({ value }) =>
      /[A-Za-z0-9+/]{16}/.test(value.slice(0, HEADERS_LENGTH_MAX).replace(/^-----[^-]*-----/, '')),
  },
  {
    id: 'pem-private-key-tail',
    kind: 'private-key',
    about: 'The last line of a PEM private key whose beginning is cut off',
    gate: 'PRIVATE KEY',
    pattern:
      '((?:^|[\\r\\n ]|\\\\[nr]))(-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----)',
    valid: ({ text, start }) =>
      /[A-Za-z0-9+/]{16}={0,2}(?:[\r\n ]|\\[nr]){1,4}$/.test(
        text.slice(Math.max(0, start - 30), start),
      ),
  },
  {
    id: 'der-private-key',
    kind: 'private-key',
    about: 'The base64 body of an RSA, PKCS#8 or OpenSSH private key without its header',
    gate: 'IBAD?A|MC4CAQ|MIGHAg|b3BlbnNz',
    pattern: `${TOKEN_APART}((?:MII[CEJ][A-Za-z0-9+/]{2}IBAD?A[A-Za-z0-9+/]{50}|MC4CAQAwBQYDK2Vw[A-Za-z0-9+/]{40}|MIGHAgEAMBMGByqGSM49[A-Za-z0-9+/]{60}|b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/]{40}))`,
    extend: runEnd,
  },
  {
    id: 'putty-private-key',
    kind: 'private-key',
    about: 'PuTTY key files',
    gate: 'PuTTY-User-Key-File-',
    pattern: '(^|[^A-Za-z])(PuTTY-User-Key-File-[23]: [a-z0-9@.-]{3,40})',
    extend: (text, _start, end, limit) => {
      const mac = text.slice(end, limit).search(/Private-(?:MAC|Hash): [0-9a-f]{40}/);
      return mac < 0 ? end : end + mac + 53;
    },
  },
  {
    id: 'age-secret-key',
    kind: 'private-key',
    about: 'Secret keys of age',
    gate: 'AGE-SECRET-KEY-1',
    pattern: `${TOKEN_APART}(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})`,
  },
  {
    id: 'jwk-private-key',
    kind: 'private-key',
    about: 'JSON Web Keys with their private member `d`',
    gate: '"d"',
    pattern: '("d"[ \\t]{0,2}:[ \\t]{0,2}")([A-Za-z0-9_-]{42,700})',
    valid: ({ text, start, end }) =>
      /"kty"\s{0,2}:/.test(text.slice(Math.max(0, start - 1_000), start)) ||
      /"kty"\s{0,2}:/.test(text.slice(end, end + 1_000)),
  },
];
