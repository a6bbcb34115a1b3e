/** The upstream leg: our own startup, our own credential, our own settings. */
import { createHash, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  CONNECT_MS_MAX,
  type Dialled,
  dialUpstream,
  type UpstreamAddress,
  UpstreamError,
} from './dial.ts';
import {
  cstring,
  FRAME_BYTES_MAX,
  type Frame,
  FrameReader,
  frame,
  int32,
  readErrorFields,
} from './frame.ts';
import { MECHANISM, MECHANISM_PLUS, ScramClient, ScramError } from './scram.ts';

const PROTOCOL_3_0 = 196_608;

/** A connection that the server has said to be ready for queries. */
export interface Upstream {
  /** Paused. */
  readonly socket: Socket;
  /** ParameterStatus and NoticeResponse frames, to be relayed. */
  readonly greeting: readonly Buffer[];
  readonly pid: number;
  readonly key: Buffer;
  /** What had already arrived behind ReadyForQuery. */
  readonly rest: Buffer;
}

/**
 * Settings that a client may not choose: they decide how bytes are read, and a text was judged accordingly.
 * Sent at startup they are reset values too, so that no RESET and no DISCARD undoes them.
 */
export const PINNED_SETTINGS: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['standard_conforming_strings', 'on'],
]);

/** Connects and authenticates; rejects with UpstreamError. */
export async function connectUpstream(
  address: UpstreamAddress,
  settings: ReadonlyMap<string, string>,
): Promise<Upstream> {
  const dialled = await dialUpstream(address);
  const { socket } = dialled;
  const handshake = new Handshake(address, dialled);
  return new Promise((resolve, reject) => {
    let work = Promise.resolve();
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('error', fail).off('close', onClose);
      end();
    };
    const fail = (error: Error): void =>
      settle(() => {
        socket.on('error', () => undefined).destroy();
        reject(asUpstreamError(error));
      });
    const onClose = (): void => fail(new UpstreamError('the upstream closed the connection'));
    const timer = setTimeout(() => {
      fail(new UpstreamError('the upstream does not answer'));
    }, CONNECT_MS_MAX);
    // In order, one chunk at a time: the answer to a challenge takes a while to compute.
    const onData = (chunk: Buffer): void => {
      work = work.then(async () => {
        const ready = await handshake.receive(chunk);
        if (ready) settle(() => resolve(ready));
      }, fail);
      work.catch(fail);
    };
    socket.on('data', onData).on('error', fail).on('close', onClose);
    socket.write(startupPacket(address, settings));
    socket.resume();
  });
}

function asUpstreamError(error: Error): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (error instanceof ScramError) return new UpstreamError(error.message, '28000');
  return new UpstreamError(`the upstream cannot be reached: ${error.message}`);
}

function startupPacket(address: UpstreamAddress, settings: ReadonlyMap<string, string>): Buffer {
  const { user, database } = address;
  const pairs = new Map([...settings, ...PINNED_SETTINGS]).set('user', user);
  pairs.set('database', database);
  const strings = [...pairs].flat().map(cstring);
  const body = Buffer.concat([int32(PROTOCOL_3_0), ...strings, Buffer.of(0)]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** A pooler in between may not pass settings on: then texts would be read in another way than judged. */
function needPinned(parameterStatus: Buffer): void {
  const [name = '', value = ''] = parameterStatus.toString('utf8').split('\0');
  const pinned = PINNED_SETTINGS.get(name);
  if (pinned === undefined || value === pinned) return;
  throw new UpstreamError(
    `the upstream keeps ${name} at ${value} although ${pinned} was asked for`,
  );
}

/** From the startup packet to the first ReadyForQuery. */
class Handshake {
  readonly #address: UpstreamAddress;
  readonly #socket: Socket;
  readonly #dialled: Dialled;
  readonly #frames = new FrameReader();
  readonly #greeting: Buffer[] = [];
  #scram: ScramClient | undefined;
  #proved = true;
  #pid = 0;
  #key: Buffer = Buffer.alloc(4);

  constructor(address: UpstreamAddress, dialled: Dialled) {
    this.#address = address;
    this.#dialled = dialled;
    this.#socket = dialled.socket;
  }

  async receive(chunk: Buffer): Promise<Upstream | undefined> {
    this.#frames.push(chunk);
    for (;;) {
      const next = this.#frames.next(() => FRAME_BYTES_MAX);
      if (!next) return undefined;
      await this.#handle(next);
      if (next.type !== 'Z') continue;
      this.#socket.pause();
      return {
        socket: this.#socket,
        greeting: this.#greeting,
        pid: this.#pid,
        key: this.#key,
        rest: this.#frames.takeAll(),
      };
    }
  }

  async #handle({ type, body, bytes }: Frame): Promise<void> {
    switch (type) {
      case 'R': {
        const answer = await this.#authenticate(body);
        if (answer) this.#socket.write(answer);
        return;
      }
      case 'E': {
        const fields = readErrorFields(body);
        throw new UpstreamError(
          fields.get('M') ?? 'the upstream refused the connection',
          fields.get('C'),
        );
      }
      case 'K':
        this.#pid = body.readInt32BE(0);
        this.#key = Buffer.from(body.subarray(4));
        return;
      case 'S':
        needPinned(body);
        this.#greeting.push(Buffer.from(bytes));
        return;
      case 'N':
        this.#greeting.push(Buffer.from(bytes));
    }
  }

  get #password(): string {
    const { password } = this.#address;
    if (password !== undefined) return password;
    throw new UpstreamError('the upstream asks for a password and none is configured', '28000');
  }

  async #authenticate(body: Buffer): Promise<Buffer | undefined> {
    const method = body.readInt32BE(0);
    const data = body.subarray(4);
    switch (method) {
      case 0:
        if (this.#proved) return undefined;
        throw new UpstreamError('the upstream did not prove that it knows the password', '28000');
      case 5:
        return frame('p', cstring(`md5${this.#md5(data.subarray(0, 4))}`));
      case 10:
        return this.#beginScram(data.toString('latin1').split('\0'));
      case 11: {
        if (!this.#scram) throw new ScramError('a challenge that nothing asked for');
        return frame('p', Buffer.from(await this.#scram.final(data.toString('utf8'))));
      }
      case 12:
        this.#proved = this.#scram?.verify(data.toString('utf8')) ?? false;
        return undefined;
      default:
        // A password in clear is not sent, whoever asks: inside TLS too the server would learn it.
        throw new UpstreamError(
          `the upstream asks for authentication method ${method}, which is not supported`,
          '28000',
        );
    }
  }

  #beginScram(mechanisms: readonly string[]): Buffer {
    const { endpoint } = this.#dialled;
    const plus = endpoint !== undefined && mechanisms.includes(MECHANISM_PLUS);
    const mechanism = plus ? MECHANISM_PLUS : MECHANISM;
    if (!mechanisms.includes(mechanism)) {
      throw new UpstreamError(`the upstream offers no ${MECHANISM}`, '28000');
    }
    const unbound = endpoint === undefined ? 'n' : 'y';
    const nonce = randomBytes(18).toString('base64');
    this.#scram = new ScramClient(this.#password, nonce, plus ? endpoint : unbound);
    // From here on its word is not enough: whoever does not know the password could say Ok as well.
    this.#proved = false;
    const first = Buffer.from(this.#scram.first());
    return frame('p', cstring(mechanism), int32(first.length), first);
  }

  #md5(salt: Buffer): string {
    const md5 = (data: string | Buffer) => createHash('md5').update(data).digest('hex');
    return md5(Buffer.concat([Buffer.from(md5(this.#password + this.#address.user)), salt]));
  }
}
