/** Who a client is: SCRAM against the verifiers of `users.yaml`, a certificate, or both. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { User } from '../../config/config.ts';
import type { Secured } from './client-tls.ts';
import { BodyReader, cstring, type FrameLimit, frame, int32, ProtocolError } from './frame.ts';
import type { Incoming } from './incoming.ts';
import {
  MECHANISM,
  MECHANISM_PLUS,
  mockVerifier,
  parseVerifier,
  ScramError,
  ScramServer,
} from './scram.ts';
import { Refusal } from './startup.ts';

/** From the first byte to the session, the upstream's connection included. */
export const AUTHENTICATION_MS_MAX = 30_000;
/** SCRAM messages are a few hundred bytes; whoever sends more is not trying to log in. */
export const AUTHENTICATION_FRAME_BYTES_MAX = 4_096;
const NONCE_BYTES = 18;

const authenticationLimit: FrameLimit = (type) =>
  type === 'p' ? AUTHENTICATION_FRAME_BYTES_MAX : undefined;

/** AuthenticationOk stays out: it is said when the upstream is ready. */
export const AUTHENTICATION_OK = frame('R', int32(0));

export interface Authenticated {
  readonly user: User;
  /** What proved it; `mtls` where a certificate did, a password beside it or not. */
  readonly proof: 'scram' | 'mtls';
}

interface Claim {
  readonly name: string;
  readonly users: readonly User[];
  readonly secret: Uint8Array;
  /** Undefined without TLS. */
  readonly secured: Secured | undefined;
}

/** Throws Refusal (28000, 28P01) or ProtocolError. */
export async function authenticate(
  socket: Socket,
  incoming: Incoming,
  claim: Claim,
): Promise<Authenticated> {
  const { name, users, secured } = claim;
  if (secured) needCertificate(name, secured);
  switch (secured?.config.clientCert) {
    case 'cert': {
      const user = users.find((one) => one.name === name);
      if (!user) throw notCertified(name);
      return { user, proof: 'mtls' };
    }
    case 'verify-full':
      return { user: await askPassword(socket, incoming, claim), proof: 'mtls' };
    default:
      return { user: await askPassword(socket, incoming, claim), proof: 'scram' };
  }
}

const notCertified = (name: string): Refusal =>
  new Refusal('28000', `certificate authentication failed for user "${name}"`);

function needCertificate(name: string, { config, certificate }: Secured): void {
  const { clientCert } = config;
  if (clientCert === undefined) return;
  if (!certificate) {
    const hint = 'sslcert and sslkey in the connection string name it';
    throw new Refusal('28000', 'connection requires a valid client certificate', hint);
  }
  if (clientCert !== 'verify-ca' && certificate.name !== name) throw notCertified(name);
}

/**
 * An unknown name and a verifier that cannot be read cost the same work as a wrong password, and get the
 * same answer.
 */
async function askPassword(socket: Socket, incoming: Incoming, claim: Claim): Promise<User> {
  const { name, users, secret, secured } = claim;
  const user = users.find((one) => one.name === name);
  const iterations = users[0] && parseVerifier(users[0].scram)?.iterations;
  const mock = mockVerifier(name, secret, iterations);
  const verifier = (user && parseVerifier(user.scram)) ?? mock;
  const endpoint = secured?.endpoint;
  const scram = new ScramServer(verifier, randomBytes(NONCE_BYTES).toString('base64'), endpoint);
  const offered = endpoint ? [MECHANISM_PLUS, MECHANISM] : [MECHANISM];
  try {
    socket.write(frame('R', int32(10), ...offered.map(cstring), Buffer.of(0)));
    const { mechanism, message } = readInitial(
      (await incoming.frame(authenticationLimit)).body,
      offered,
    );
    socket.write(frame('R', int32(11), Buffer.from(scram.first(message, mechanism))));
    const response = await incoming.frame(authenticationLimit);
    const serverFinal = scram.final(response.body.toString('utf8'));
    if (!user || serverFinal === undefined) {
      throw new Refusal('28P01', `password authentication failed for user "${name}"`);
    }
    socket.write(frame('R', int32(12), Buffer.from(serverFinal)));
    return user;
  } catch (error) {
    if (error instanceof ScramError) throw new ProtocolError(error.message);
    throw error;
  }
}

/** SASLInitialResponse: the mechanism that was chosen, and the client-first-message. */
function readInitial(
  bytes: Buffer,
  offered: readonly string[],
): { readonly mechanism: string; readonly message: string } {
  const body = new BodyReader(bytes);
  const mechanism = body.string();
  if (!offered.includes(mechanism)) {
    throw new ProtocolError('the client chose a mechanism that was not offered');
  }
  const message = body.bytes(body.int32()).toString('utf8');
  body.end();
  return { mechanism, message };
}
