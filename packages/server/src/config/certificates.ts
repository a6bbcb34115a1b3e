/** Certificates and keys of the configuration: read, and found to belong together, before anybody relies on them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { ClientTlsConfig } from './config.ts';
import type { RawClientTls, RawUpstream } from './shape.ts';
import type { YamlSource } from './source.ts';

type Path = readonly PropertyKey[];

/** Resolves a reference; what is wrong with it becomes a problem at its place, and the text is empty. */
export interface References {
  readonly secret: (path: Path, reference: string) => Promise<string>;
  readonly certificates: (path: Path, reference: string) => Promise<string>;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Throws for what is no certificate. */
export const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(PEM_CERTIFICATE) ?? []).map((one) => new X509Certificate(one));

/** TLS of a gateway's clients; undefined where something of it is wrong, which has been said. */
export async function clientTlsOf(
  source: YamlSource,
  path: Path,
  raw: RawClientTls,
  references: References,
): Promise<ClientTlsConfig | undefined> {
  const cert = await authority(source, [...path, 'cert'], raw.cert, references);
  const key = await references.secret([...path, 'key'], raw.key);
  const client = await clientCertificates(source, path, raw, references);
  if (cert === undefined || key === '' || client === undefined) return undefined;
  return fit(source, path, { cert, key })
    ? { cert, key, require: raw.require, ...client }
    : undefined;
}

/** What the server's certificate is verified against. */
export async function upstreamTlsOf(
  source: YamlSource,
  path: Path,
  raw: RawUpstream,
  references: References,
): Promise<{ readonly ca?: string }> {
  if (raw.ca === undefined) return {};
  const ca = await authority(source, [...path, 'ca'], raw.ca, references);
  return ca === undefined ? {} : { ca };
}

/** At least one certificate in PEM. */
async function authority(
  source: YamlSource,
  path: Path,
  reference: string,
  references: References,
): Promise<string | undefined> {
  const pem = await references.certificates(path, reference);
  // Then the reference itself is the problem, and was said.
  if (pem === '') return undefined;
  try {
    if (certificatesIn(pem).length > 0) return pem;
  } catch {
    // Said below: what OpenSSL has to say of it helps nobody.
  }
  const what = path.map(String).join('.');
  source.add(path, `${what} holds no certificate`, 'PEM, -----BEGIN CERTIFICATE-----');
  return undefined;
}

async function clientCertificates(
  source: YamlSource,
  path: Path,
  raw: RawClientTls,
  references: References,
): Promise<Pick<ClientTlsConfig, 'clientCa' | 'clientCert'> | undefined> {
  if (raw.clientCa === undefined) {
    if (raw.clientCert === undefined) return {};
    source.add(
      [...path, 'clientCert'],
      'tls.clientCert asks for certificates that nothing is there to verify against',
      'clientCa: file:PATH names the authority that signs them',
    );
    return undefined;
  }
  if (!raw.require)
    source.add(
      [...path, 'require'],
      'tls.require: false lets clients in that show no certificate',
      'leave it out, or leave clientCa out',
    );
  const clientCa = await authority(source, [...path, 'clientCa'], raw.clientCa, references);
  // The strictest, unless something else is asked for.
  return clientCa === undefined
    ? undefined
    : { clientCa, clientCert: raw.clientCert ?? 'verify-full' };
}

/** True where this key is that certificate's and TLS takes both. */
function fit(
  source: YamlSource,
  path: Path,
  { cert, key }: { readonly cert: string; readonly key: string },
): boolean {
  const problem = (name: string, text: string, hint: string): boolean => {
    source.add([...path, name], `tls.${name} ${text}`, hint);
    return false;
  };
  let secret: KeyObject;
  try {
    secret = createPrivateKey(key);
  } catch {
    const hint = 'PEM, -----BEGIN PRIVATE KEY-----, without a passphrase';
    return problem('key', 'is no private key', hint);
  }
  if (!certificatesIn(cert)[0]?.checkPrivateKey(secret))
    return problem(
      'key',
      'is not the key of the first certificate in tls.cert',
      "the gateway's own certificate comes first, then those that signed it",
    );
  try {
    createSecureContext({ cert, key });
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return problem('cert', `cannot be used: ${reason}`, 'RSA of 2048 bits or more, or ECDSA P-256');
  }
}
