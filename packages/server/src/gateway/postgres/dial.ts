/** A connection to the server before anything is said on it: TCP, and verified TLS where it is asked for. */
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { endpointOf } from './channel-binding.ts';
import { ALPN, TLS_VERSION_MIN } from './client-tls.ts';
import { int32 } from './frame.ts';
import { SSL_REQUEST } from './startup.ts';

export const CONNECT_MS_MAX = 10_000;
const KEEP_ALIVE_MS = 60_000;

/** How to reach the server, and with what. */
export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string;
  /** Chain and name of its certificate are verified; `ca` in PEM, else what Node trusts. Absent: no TLS. */
  readonly tls?: { readonly ca?: string };
}

export interface Dialled {
  readonly socket: Socket;
  readonly encrypted: boolean;
  /** What SCRAM binds a login to; undefined without TLS, or where the certificate allows no binding. */
  readonly endpoint: Buffer | undefined;
}

export class UpstreamError extends Error {
  /** SQLSTATE that the server gave; 57P03 where it could not be reached. */
  readonly code: string;

  constructor(message: string, code = '57P03') {
    super(message);
    this.code = code;
  }
}

/** Rejects with UpstreamError. The socket is the caller's from then on, its errors included. */
export async function dialUpstream(address: UpstreamAddress): Promise<Dialled> {
  const { host, port, tls } = address;
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  socket.on('error', () => undefined);
  const late = new UpstreamError('the upstream does not answer');
  const timer = setTimeout(() => socket.destroy(late), CONNECT_MS_MAX);
  try {
    await event(socket, 'connect');
    if (!tls) return { socket, encrypted: false, endpoint: undefined };
    await askForTls(socket);
    return await secure(socket, address);
  } catch (error) {
    socket.destroy();
    throw asUpstreamError(error, address);
  } finally {
    clearTimeout(timer);
  }
}

/** For every connection to the server, the catalog's by its driver included. */
export function tlsOptions({ host, tls }: UpstreamAddress): ConnectionOptions {
  return {
    host,
    // An address is no server name (RFC 6066 §3), but stands in certificates all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    minVersion: TLS_VERSION_MIN,
    ALPNProtocols: [ALPN],
    // Whatever the environment says.
    rejectUnauthorized: true,
  };
}

const UNTRUSTED = 'name the authority that signed it under upstream.ca';
const TRUST_PROBLEMS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is self-signed and not trusted here; ${UNTRUSTED}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate was signed by an authority that is not trusted here; ${UNTRUSTED}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate was signed by an authority that is not trusted here; ${UNTRUSTED}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate was signed by an authority that is not trusted here; ${UNTRUSTED}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate was signed by an authority that is not trusted here; ${UNTRUSTED}`,
  CERT_SIGNATURE_FAILURE: `its certificate is not signed by the authority that it names; ${UNTRUSTED}`,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: compare the clocks of both machines',
};
const NO_TLS =
  'it does not offer TLS; turn it on there (ssl = on), or say tls: disable if the network is private';

/** Why the server's TLS must not be relied on; undefined where the error is about something else. */
export function trustProblem(error: unknown, { host }: UpstreamAddress): string | undefined {
  const { code = '', message = '', reason } = error as Error & { code?: string; reason?: string };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is not for ${host}: ${reason ?? message}`;
  }
  // The catalog's driver says so in words only.
  if (message === NO_TLS || message === 'The server does not support SSL connections') {
    return NO_TLS;
  }
  return TRUST_PROBLEMS[code];
}

function asUpstreamError(error: unknown, address: UpstreamAddress): UpstreamError {
  const problem = trustProblem(error, address);
  if (problem !== undefined) return new UpstreamError(problem);
  if (error instanceof UpstreamError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new UpstreamError(`the upstream cannot be reached: ${message}`);
}

async function askForTls(socket: Socket): Promise<void> {
  socket.write(Buffer.concat([int32(8), int32(SSL_REQUEST)]));
  const answer = (await event(socket, 'data')) as Buffer;
  socket.pause();
  const [letter] = answer.toString('latin1');
  if (letter === 'N' && answer.length === 1) throw new UpstreamError(NO_TLS);
  // More than the letter would be believed as if it had come through TLS (CVE-2021-23222).
  if (letter !== 'S' || answer.length !== 1 || socket.readableLength > 0) {
    throw new UpstreamError('the upstream answered the request for TLS with something else');
  }
}

async function secure(socket: Socket, address: UpstreamAddress): Promise<Dialled> {
  const tls = connectTls({ socket, ...tlsOptions(address) });
  tls.on('error', () => undefined);
  await event(tls, 'secureConnect');
  const { raw } = tls.getPeerCertificate();
  return { socket: tls, encrypted: true, endpoint: endpointOf(raw) };
}

/** The next of these events; rejects where an error or the end comes first. */
function event(socket: Socket, name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      socket.off(name, onEvent).off('error', onError).off('close', onClose);
      end();
    };
    const onEvent = (value: unknown): void => settle(() => resolve(value));
    const onError = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => onError(new UpstreamError('the upstream closed the connection'));
    socket.on(name, onEvent).on('error', onError).on('close', onClose);
  });
}
