/**
 * tls-server-end-point (RFC 5929 §4.1): the hash of a server's certificate, by which SCRAM ties a login to
 * the TLS connection that it runs in. A man in the middle has another certificate, and so another hash.
 */
import { createHash } from 'node:crypto';

/** The binding of a certificate in DER; undefined where its signature has no hash of its own (Ed25519). */
export function endpointOf(certificate: Buffer): Buffer | undefined {
  const hash = signatureHash(certificate);
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest();
}

/** Object identifiers as they stand in DER. MD5 and SHA-1 are replaced by SHA-256, as the RFC says. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d010104', 'sha256'],
  ['2a864886f70d010105', 'sha256'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a864886f70d01010e', 'sha224'],
  ['2a8648ce3d0401', 'sha256'],
  ['2a8648ce3d040301', 'sha224'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
]);
/** RSASSA-PSS names its hash in its parameters. */
const RSASSA_PSS = '2a864886f70d01010a';
const PSS_HASHES: ReadonlyMap<string, string> = new Map([
  ['2b0e03021a', 'sha256'],
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
  ['608648016503040204', 'sha224'],
]);
const CONTEXT_0 = 0xa0;

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } (RFC 5280 §4.1). */
function signatureHash(certificate: Buffer): string | undefined {
  const [whole] = elements(certificate);
  const [, algorithm] = whole ? elements(whole.content) : [];
  const [identifier, parameters] = algorithm ? elements(algorithm.content) : [];
  const name = identifier?.content.toString('hex') ?? '';
  if (name !== RSASSA_PSS) return HASHES.get(name);
  const [first] = parameters ? elements(parameters.content) : [];
  // Left out it is SHA-1 (RFC 4055 §3.1).
  if (first?.tag !== CONTEXT_0) return 'sha256';
  const [hash] = elements(first.content);
  const [hashName] = hash ? elements(hash.content) : [];
  return PSS_HASHES.get(hashName?.content.toString('hex') ?? '');
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** DER elements one after the other; what is cut off ends the list. */
function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  let at = 0;
  while (at + 2 <= bytes.length) {
    const tag = bytes.readUInt8(at);
    const first = bytes.readUInt8(at + 1);
    const more = first < 0x80 ? 0 : first & 0x7f;
    const from = at + 2 + more;
    if (more > 4 || from > bytes.length) break;
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
    if (from + length > bytes.length) break;
    found.push({ tag, content: bytes.subarray(from, from + length) });
    at = from + length;
  }
  return found;
}
