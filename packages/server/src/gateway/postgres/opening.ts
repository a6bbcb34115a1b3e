/** The first packets of a connection, encryption among them: hostile until it has said what it wants. */
import type { Socket } from 'node:net';
import { ALPN, type ClientTls, type Secured } from './client-tls.ts';
import { ProtocolError } from './frame.ts';
import { Incoming } from './incoming.ts';
import {
  type CancelOpening,
  GSS_REQUEST,
  parseStartup,
  type SessionOpening,
  SSL_REQUEST,
} from './startup.ts';

/** What a TLS record of a handshake begins with; a startup packet begins with a zero byte. */
const TLS_HANDSHAKE = 0x16;

/** How a client is talked to: replaced as a whole when TLS begins. */
export interface Connection {
  socket: Socket;
  incoming: Incoming;
  secured: Secured | undefined;
}

/** Reads up to the startup packet, beginning TLS where it is asked for and there. Throws ProtocolError or Refusal. */
export async function readOpening(
  connection: Connection,
  tls: ClientTls | undefined,
): Promise<CancelOpening | SessionOpening> {
  const asked = new Set<number>();
  if (tls && (await connection.incoming.firstByte()) === TLS_HANDSHAKE) {
    await beginDirectTls(connection, tls);
  }
  for (;;) {
    const packet = await connection.incoming.startup();
    const code = packet.readInt32BE(0);
    if (code !== SSL_REQUEST && code !== GSS_REQUEST) return parseStartup(packet);
    if (connection.secured) throw new ProtocolError('encryption was asked for inside of TLS');
    // Each once: whoever goes on asking holds a connection without ever saying who it is.
    if (asked.has(code)) throw new ProtocolError('encryption was asked for twice');
    if (packet.length !== 4) throw new ProtocolError('invalid encryption request');
    // What a man in the middle put behind the request would pass for the client's own (CVE-2021-23214).
    if (connection.incoming.pending > 0) {
      throw new ProtocolError('unencrypted data behind the request');
    }
    asked.add(code);
    if (code === SSL_REQUEST && tls) await beginTls(connection, tls);
    else connection.socket.write('N');
  }
}

async function beginTls(connection: Connection, tls: ClientTls): Promise<void> {
  const { socket, incoming } = connection;
  incoming.release();
  if (socket.readableLength > 0) throw new ProtocolError('unencrypted data behind the request');
  socket.write('S');
  await upgrade(connection, tls);
}

/** `sslnegotiation=direct`: the protocol's name in the handshake says that nobody else's TLS was led here. */
async function beginDirectTls(connection: Connection, tls: ClientTls): Promise<void> {
  const { socket, incoming } = connection;
  socket.unshift(incoming.release().takeAll());
  const { socket: upgraded } = await upgrade(connection, tls);
  if (upgraded.alpnProtocol !== ALPN) {
    throw new ProtocolError(`direct TLS without the protocol ${ALPN} (ALPN)`);
  }
}

async function upgrade(connection: Connection, tls: ClientTls): Promise<Secured> {
  const secured = await tls.secure(connection.socket);
  connection.socket = secured.socket;
  connection.incoming = new Incoming(secured.socket);
  connection.secured = secured;
  return secured;
}
