/**
 * Certificates made at test time: an authority, and what it signs. Node signs but writes no certificates,
 * and not every machine has openssl, so the few DER structures of RFC 5280 are written here.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Issued {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface CertificateOptions {
  readonly name: string;
  /** DNS names and IPv4 addresses. */
  readonly hosts?: readonly string[];
  /** Days from now; a negative `to` has expired. */
  readonly from?: number;
  readonly to?: number;
}

export interface Authority extends Issued {
  issue(options: CertificateOptions): Issued;
}

/** ECDSA P-256 unless told otherwise: Ed25519 has no hash that a channel could be bound by. */
export function makeAuthority(name = 'test authority', type: 'ec' | 'ed25519' = 'ec'): Authority {
  const own = keys(type);
  const signer = { name, key: own.privateKey, type };
  const issue = (options: CertificateOptions): Issued => {
    const { publicKey, privateKey } = keys('ec');
    return issued(certificate(options, publicKey, signer), privateKey);
  };
  return { ...issued(certificate({ name }, own.publicKey, signer), own.privateKey), issue };
}

function keys(type: 'ec' | 'ed25519'): { publicKey: KeyObject; privateKey: KeyObject } {
  return type === 'ec'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('ed25519');
}

function issued(der: Buffer, key: KeyObject): Issued {
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: key.export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}

interface Signer {
  readonly name: string;
  readonly key: KeyObject;
  readonly type: 'ec' | 'ed25519';
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), body]);
}
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const identifier = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const TRUE = der(0x01, Buffer.of(0xff));

/** Issued by itself where the names are equal. */
function certificate(options: CertificateOptions, key: KeyObject, signer: Signer): Buffer {
  const { name, hosts = [], from = -30, to = 30 } = options;
  const ecdsaWithSha256 = '2a8648ce3d040302';
  const algorithm = sequence(identifier(signer.type === 'ec' ? ecdsaWithSha256 : '2b6570'));
  const self = name === signer.name;
  const extensions = [
    ...(self ? [extension('551d13', sequence(TRUE), true)] : []),
    ...(hosts.length > 0 ? [extension('551d11', sequence(...hosts.map(altName)))] : []),
  ];
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    commonName(signer.name),
    sequence(day(from), day(to)),
    commonName(name),
    key.export({ format: 'der', type: 'spki' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = sign(signer.type === 'ec' ? 'sha256' : null, body, signer.key);
  return sequence(body, algorithm, der(0x03, Buffer.of(0), signature));
}

const commonName = (name: string): Buffer =>
  sequence(der(0x31, sequence(identifier('550403'), der(0x0c, Buffer.from(name)))));

function day(days: number): Buffer {
  const text = new Date(Date.now() + days * 86_400_000).toISOString().replaceAll(/[-:T]|\..*/g, '');
  return der(0x17, Buffer.from(`${text.slice(2)}Z`));
}

const extension = (hex: string, value: Buffer, critical = false): Buffer =>
  sequence(identifier(hex), ...(critical ? [TRUE] : []), der(0x04, value));

function altName(host: string): Buffer {
  const address = /^[0-9.]+$/.test(host);
  return address
    ? der(0x87, Buffer.from(host.split('.').map(Number)))
    : der(0x82, Buffer.from(host));
}
