/** Who a client is: SCRAM-SHA-256 against the verifiers of `users.yaml`. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { User } from '../../config/config.ts';
import { BodyReader, cstring, type FrameLimit, frame, int32, ProtocolError } from './frame.ts';
import type { Incoming } from './incoming.ts';
import { MECHANISM, mockVerifier, parseVerifier, ScramError, ScramServer } from './scram.ts';
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

/**
 * An unknown name and a verifier that cannot be read cost the same work as a wrong password, and get the
 * same answer. Throws Refusal (28P01) or ProtocolError.
 */
export async function authenticate(
  socket: Socket,
  incoming: Incoming,
  { name, users, secret }: { name: string; users: readonly User[]; secret: Uint8Array },
): Promise<User> {
  const user = users.find((one) => one.name === name);
  const iterations = users[0] && parseVerifier(users[0].scram)?.iterations;
  const mock = mockVerifier(name, secret, iterations);
  const verifier = (user && parseVerifier(user.scram)) ?? mock;
  const scram = new ScramServer(verifier, randomBytes(NONCE_BYTES).toString('base64'));
  try {
    socket.write(frame('R', int32(10), cstring(MECHANISM), Buffer.of(0)));
    const initial = await incoming.frame(authenticationLimit);
    socket.write(frame('R', int32(11), Buffer.from(scram.first(readInitial(initial.body)))));
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

/** SASLInitialResponse → client-first-message. */
function readInitial(bytes: Buffer): string {
  const body = new BodyReader(bytes);
  if (body.string() !== MECHANISM) {
    throw new ProtocolError('the client chose a mechanism that was not offered');
  }
  const message = body.bytes(body.int32()).toString('utf8');
  body.end();
  return message;
}
