/** SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, without channel binding: TLS comes with it. */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export interface Verifier {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

const hmac = (key: Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

/** `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`, as PostgreSQL stores it; undefined for anything else. */
export function parseVerifier(text: string): Verifier | undefined {
  const match =
    /^SCRAM-SHA-256\$([0-9]{4,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/.exec(
      text,
    );
  if (!match) return undefined;
  const [salt, storedKey, serverKey] = match.slice(2).map((part) => Buffer.from(part, 'base64'));
  if (!salt || salt.length === 0 || storedKey?.length !== 32 || serverKey?.length !== 32)
    return undefined;
  return { iterations: Number(match[1]), salt, storedKey, serverKey };
}

/**
 * A verifier for a name that does not exist: the same salt every time it is asked for, so that nobody can
 * tell by the answer, or by its time, which names exist.
 */
export function mockVerifier(name: string, secret: Uint8Array): Verifier {
  return {
    iterations: 4096,
    salt: hmac(secret, `salt ${name}`).subarray(0, 16),
    storedKey: hmac(secret, `stored ${name}`),
    serverKey: hmac(secret, `server ${name}`),
  };
}

export class ScramError extends Error {}

/** The server's side of one exchange; throws ScramError for what is malformed. */
export class ScramServer {
  readonly #verifier: Verifier;
  readonly #serverNonce: string;
  #clientFirstBare = '';
  #header = '';
  #serverFirst = '';
  #nonce = '';

  constructor(verifier: Verifier, serverNonce: string) {
    this.#verifier = verifier;
    this.#serverNonce = serverNonce;
  }

  first(message: string): string {
    // `p=` asks for a binding that was not offered; `a=` asks to act as somebody else than who proves it.
    const match = /^([ny]),(a=[^,]*)?,(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{8,256})(?:,.*)?)$/.exec(
      message,
    );
    if (!match) throw new ScramError('malformed SCRAM message');
    if (match[2] !== undefined) throw new ScramError('an authorization identity is not supported');
    this.#header = `${match[1]},,`;
    this.#clientFirstBare = match[3] ?? '';
    this.#nonce = `${match[4]}${this.#serverNonce}`;
    this.#serverFirst = `r=${this.#nonce},s=${this.#verifier.salt.toString('base64')},i=${this.#verifier.iterations}`;
    return this.#serverFirst;
  }

  /** The server's proof where the client's holds; undefined where it does not. */
  final(message: string): string | undefined {
    const match = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)),p=([A-Za-z0-9+/=]+)$/.exec(message);
    if (!match) throw new ScramError('malformed SCRAM message');
    const [, withoutProof = '', binding = '', nonce = '', base64 = ''] = match;
    const proof = Buffer.from(base64, 'base64');
    if (
      nonce !== this.#nonce ||
      Buffer.from(binding, 'base64').toString() !== this.#header ||
      proof.length !== 32
    ) {
      throw new ScramError('malformed SCRAM message');
    }
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const signature = hmac(this.#verifier.storedKey, authMessage);
    const clientKey = proof.map((byte, at) => byte ^ (signature[at] ?? 0));
    if (!timingSafeEqual(sha256(clientKey), this.#verifier.storedKey)) return undefined;
    return `v=${hmac(this.#verifier.serverKey, authMessage).toString('base64')}`;
  }
}

/** An iteration count beyond this would be an attack on whoever computes it. */
const ITERATIONS_MAX = 1_000_000;

/** The client's side, for the upstream. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  #expected = '';

  constructor(password: string, nonce: string) {
    this.#password = password;
    this.#nonce = nonce;
  }

  first(): string {
    return `n,,n=,r=${this.#nonce}`;
  }

  async final(serverFirst: string): Promise<string> {
    const match = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=([0-9]+)$/.exec(serverFirst);
    const [, nonce = '', salt = '', iterations = ''] = match ?? [];
    if (
      !nonce.startsWith(this.#nonce) ||
      nonce === this.#nonce ||
      Number(iterations) > ITERATIONS_MAX
    ) {
      throw new ScramError('malformed SCRAM message from the server');
    }
    const salted = await promisify(pbkdf2)(
      this.#password,
      Buffer.from(salt, 'base64'),
      Number(iterations),
      32,
      'sha256',
    );
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=biws,r=${nonce}`;
    const authMessage = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const signature = hmac(sha256(clientKey), authMessage);
    this.#expected = `v=${hmac(hmac(salted, 'Server Key'), authMessage).toString('base64')}`;
    const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** A server that cannot prove that it knows the password is not the one that was meant. */
  verify(serverFinal: string): boolean {
    return serverFinal === this.#expected;
  }
}
