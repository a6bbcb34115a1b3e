/** TLS before clients: the certificate that they are shown, and the one that they may have to show. */
import { constants, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { ClientTlsConfig } from '../../config/config.ts';
import { endpointOf } from './channel-binding.ts';
import { ProtocolError } from './frame.ts';

export const ALPN = 'postgresql';
export const TLS_VERSION_MIN = 'TLSv1.2';
/** A handshake that is not over by then is none. */
export const HANDSHAKE_MS_MAX = 10_000;

export interface ClientCertificate {
  /** Its only common name; undefined where it has none, or several. */
  readonly name: string | undefined;
  /** SHA-256 of its DER, lowercase hex. */
  readonly fingerprint: string;
}

/** A connection after its handshake. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly config: ClientTlsConfig;
  /** What SCRAM binds a login to; undefined where our certificate allows no binding. */
  readonly endpoint: Buffer | undefined;
  /** Undefined where the client showed none that `clientCa` vouches for. */
  readonly certificate: ClientCertificate | undefined;
}

interface Waiting {
  readonly done: (socket: TLSSocket) => void;
}

/**
 * Of one configuration; a new one gets another instance, and connections of the old one live on. A TLS
 * server that listens nowhere: it is handed connections that have asked for TLS.
 */
export class ClientTls {
  readonly config: ClientTlsConfig;
  readonly #endpoint: Buffer | undefined;
  readonly #server: Server;
  readonly #waiting = new Map<string, Waiting>();

  constructor(config: ClientTlsConfig) {
    const { cert, key, clientCa } = config;
    this.config = config;
    this.#endpoint = endpointOf(new X509Certificate(cert).raw);
    this.#server = createServer({
      cert,
      key,
      minVersion: TLS_VERSION_MIN,
      ALPNProtocols: [ALPN],
      handshakeTimeout: HANDSHAKE_MS_MAX,
      // A resumed session would bring back a certificate that was checked some time ago; and what nobody
      // renegotiates cannot change its mind about who it is.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      // Not `rejectUnauthorized`: who shows no good certificate is told so in the protocol's own terms.
      ...(clientCa === undefined
        ? {}
        : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
    });
    this.#server.on('secureConnection', (socket) => {
      const waiting = this.#waiting.get(otherEnd(socket));
      if (waiting) waiting.done(socket);
      else socket.destroy();
    });
    // The connection closes; who waits for it notices that.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Takes the connection over, paused or unread as it is; rejects with ProtocolError. */
  secure(socket: Socket): Promise<Secured> {
    const name = otherEnd(socket);
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        socket.off('close', onClose);
        this.#waiting.delete(name);
        end();
      };
      const onClose = (): void =>
        settle(() => reject(new ProtocolError('the TLS handshake failed')));
      socket.once('close', onClose);
      this.#waiting.set(name, {
        done: (tls) =>
          settle(() => {
            tls.on('error', () => undefined);
            const certificate = certificateOf(tls);
            resolve({ socket: tls, config: this.config, endpoint: this.#endpoint, certificate });
          }),
      });
      if (socket.destroyed) onClose();
      else this.#server.emit('connection', socket);
    });
  }
}

/** A connection of TCP is told from all others of a listener by its other end. */
const otherEnd = ({ remoteAddress, remotePort }: Socket): string =>
  `${remoteAddress} ${remotePort}`;

function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  if (!socket.authorized) return undefined;
  const { subject, raw } = socket.getPeerCertificate();
  if (!raw) return undefined;
  // Typed as one text, and a list where there are several: which of them would be meant?
  const name: unknown = subject.CN;
  const fingerprint = new X509Certificate(raw).fingerprint256.replaceAll(':', '').toLowerCase();
  return { name: typeof name === 'string' ? name : undefined, fingerprint };
}
