/** How the commands of this machine reach a gateway that has TLS: by the certificate that the configuration names. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { Address, PostgresTarget } from '../config/config.ts';
import { usage } from './io.ts';

/** Files of a certificate of one's own, for gateways that ask for one. */
export interface OwnCertificate {
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** An address to listen on may mean every address of this machine; one to connect to is one of them. */
export function reachable({ host, port }: Address): Address {
  const every: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { host: every[host] ?? host, port };
}

/**
 * Stricter than a name and an authority: only the gateway's own certificate is believed. `false` where the
 * target has no TLS. Throws a usage error for files that cannot be read.
 */
export function tlsOf({ tls }: PostgresTarget, own: OwnCertificate): false | ConnectionOptions {
  if (!tls) return false;
  const expected = new X509Certificate(tls.cert).fingerprint256;
  return {
    ca: tls.cert,
    allowPartialTrustChain: true,
    checkServerIdentity: (_host, { fingerprint256 }) =>
      fingerprint256 === expected ? undefined : new Error('another certificate'),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(own.cert === undefined ? {} : { cert: read('--cert', own.cert) }),
    ...(own.key === undefined ? {} : { key: read('--key', own.key) }),
  };
}

/** What is wrong with the certificate that was shown; undefined where the error is about something else. */
export function certificateProblem(error: unknown): string | undefined {
  const { code = '', message = '' } = error as Error & { code?: string };
  if (code === 'CERT_HAS_EXPIRED') return 'shows a certificate that has expired';
  if (message === 'another certificate' || /SELF_SIGNED|UNABLE_TO_|CERT_SIGNATURE/.test(code))
    return 'shows another certificate than the configuration names';
  return message === 'The server does not support SSL connections' ? 'has no TLS' : undefined;
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usage(`${option} ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
