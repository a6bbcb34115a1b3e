/** SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides; -PLUS binds to the TLS channel (RFC 5929). */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export const MECHANISM = 'SCRAM-SHA-256';
export const MECHANISM_PLUS = 'SCRAM-SHA-256-PLUS';
const BOUND = 'p=tls-server-end-point';

export interface Verifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const KEY_BYTES = 32;
const MOCK_SALT_BYTES = 16;
/** PostgreSQL's own default; what a name that does not exist is answered with where there are no users. */
const ITERATIONS_DEFAULT = 4096;
/** An iteration count beyond this would be an attack on whoever computes it. */
export const ITERATIONS_MAX = 1_000_000;

const hmac = (key: Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
const xor = (a: Uint8Array, b: Uint8Array): Buffer =>
  Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));

/** RFC 5803 as PostgreSQL stores it, `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`; else undefined. */
export function parseVerifier(text: string): Verifier | undefined {
  const match =
    /^SCRAM-SHA-256\$([0-9]{4,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(
      text,
    );
  if (!match) return undefined;
  const iterations = Number(match[1]);
  const [salt, storedKey, serverKey] = match.slice(2).map((part) => Buffer.from(part, 'base64'));
  if (iterations < 1 || iterations > ITERATIONS_MAX || !salt || salt.length === 0) return undefined;
  if (storedKey?.length !== KEY_BYTES || serverKey?.length !== KEY_BYTES) return undefined;
  return { iterations, salt, storedKey, serverKey };
}

/**
 * A verifier for a name that does not exist: the same salt every time it is asked for, so that nobody can
 * tell by the answer which names exist. The work that follows is that of a real one, with no password
 * that would fit.
 */
export function mockVerifier(
  name: string,
  secret: Uint8Array,
  iterations = ITERATIONS_DEFAULT,
): Verifier {
  return {
    iterations,
    salt: hmac(secret, `salt ${name}`).subarray(0, MOCK_SALT_BYTES),
    storedKey: hmac(secret, `stored ${name}`),
    serverKey: hmac(secret, `server ${name}`),
  };
}

/** True where this is the password that the verifier was made of. Costs what a login costs. */
export async function isPassword(
  password: string,
  { salt, iterations, storedKey }: Verifier,
): Promise<boolean> {
  const salted = await promisify(pbkdf2)(password, salt, iterations, KEY_BYTES, 'sha256');
  return timingSafeEqual(sha256(hmac(salted, 'Client Key')), storedKey);
}

/** The other side does not keep to the protocol. */
export class ScramError extends Error {}

/** The server's side of one exchange; throws ScramError for what is malformed. */
export class ScramServer {
  readonly #verifier: Verifier;
  readonly #serverNonce: string;
  readonly #endpoint: Buffer | undefined;
  #clientFirstBare = '';
  #binding: Buffer = Buffer.alloc(0);
  #serverFirst = '';
  #nonce = '';

  /** With an `endpoint` the -PLUS variant was offered too. */
  constructor(verifier: Verifier, serverNonce: string, endpoint?: Buffer) {
    this.#verifier = verifier;
    this.#serverNonce = serverNonce;
    this.#endpoint = endpoint;
  }

  /** server-first-message for a client-first-message (RFC 5802 §5, §7). */
  first(message: string, mechanism = MECHANISM): string {
    // `a=` asks to act as somebody else than who proves it.
    const match =
      /^([ny]|p=[A-Za-z0-9.-]+),(a=[^,]*)?,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{8,256})(?:,[^\0]*)?)$/.exec(
        message,
      );
    if (!match) throw new ScramError('malformed SCRAM message');
    if (match[2] !== undefined) {
      throw new ScramError('an authorization identity is not supported');
    }
    this.#binding = this.#bind(match[1] ?? '', mechanism);
    this.#clientFirstBare = match[3] ?? '';
    this.#nonce = `${match[4]}${this.#serverNonce}`;
    const { salt, iterations } = this.#verifier;
    this.#serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
    return this.#serverFirst;
  }

  /** server-final-message where the client's proof holds; undefined where it does not. */
  final(message: string): string | undefined {
    const match = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)),p=([A-Za-z0-9+/=]+)$/.exec(message);
    if (!match) throw new ScramError('malformed SCRAM message');
    const [, withoutProof = '', binding = '', nonce = '', base64 = ''] = match;
    const proof = Buffer.from(base64, 'base64');
    if (nonce !== this.#nonce || proof.length !== KEY_BYTES) {
      throw new ScramError('malformed SCRAM message');
    }
    // The header again, and what the client saw of the channel: through a man in the middle, another one.
    if (!Buffer.from(binding, 'base64').equals(this.#binding)) {
      throw new ScramError('SCRAM channel binding check failed');
    }
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(this.#verifier.storedKey, authMessage));
    const signature = hmac(this.#verifier.serverKey, authMessage).toString('base64');
    const holds = timingSafeEqual(sha256(clientKey), this.#verifier.storedKey);
    return holds ? `v=${signature}` : undefined;
  }

  /** What the last message has to bind to, by what the first one says (RFC 5802 §6). */
  #bind(flag: string, mechanism: string): Buffer {
    const header = Buffer.from(`${flag},,`);
    if (flag === BOUND && mechanism === MECHANISM_PLUS && this.#endpoint) {
      return Buffer.concat([header, this.#endpoint]);
    }
    if (flag.startsWith('p=') || mechanism === MECHANISM_PLUS) {
      throw new ScramError('the client asks for a channel binding that was not offered');
    }
    // `y`: the client could bind and believes that we cannot. Where we offered it, somebody in between
    // took the offer out.
    if (flag === 'y' && this.#endpoint) {
      throw new ScramError('the client did not see that channel binding was offered');
    }
    return header;
  }
}

/** The client's side, for the upstream. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #header: string;
  readonly #endpoint: Buffer;
  #expected: string | undefined;

  /**
   * `channel` is the endpoint to bind to, for -PLUS; `y` where there is one and the server did not offer
   * to, so that a server that did offer sees that its offer was lost; `n` where there is none.
   */
  constructor(password: string, nonce: string, channel: Buffer | 'y' | 'n' = 'n') {
    this.#password = password;
    this.#nonce = nonce;
    this.#header = `${typeof channel === 'string' ? channel : BOUND},,`;
    this.#endpoint = typeof channel === 'string' ? Buffer.alloc(0) : channel;
  }

  first(): string {
    return `${this.#header}n=,r=${this.#nonce}`;
  }

  /** client-final-message; throws ScramError for a server that does not keep to the protocol. */
  async final(serverFirst: string): Promise<string> {
    const match = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=([0-9]{1,7})$/.exec(serverFirst);
    const [, nonce = '', salt = '', count = ''] = match ?? [];
    const iterations = Number(count);
    const ours = nonce.startsWith(this.#nonce) && nonce !== this.#nonce;
    if (!ours || iterations < 1 || iterations > ITERATIONS_MAX) {
      throw new ScramError('malformed SCRAM message from the server');
    }
    // RFC 5802 §5.1 prepares it (SASLprep); what differs between that and NFKC is no password we accept.
    const password = this.#password.normalize('NFKC');
    const saltBytes = Buffer.from(salt, 'base64');
    const salted = await promisify(pbkdf2)(password, saltBytes, iterations, KEY_BYTES, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const bound = Buffer.concat([Buffer.from(this.#header), this.#endpoint]);
    const withoutProof = `c=${bound.toString('base64')},r=${nonce}`;
    const authMessage = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));
    this.#expected = `v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`;
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** A server that cannot prove that it knows the password is not the one that was meant. */
  verify(serverFinal: string): boolean {
    return this.#expected !== undefined && serverFinal === this.#expected;
  }
}
