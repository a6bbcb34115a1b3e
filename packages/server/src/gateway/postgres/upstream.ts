/** The upstream leg: our own startup, our own credential, our own settings. */
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { UpstreamAddress } from './catalog.ts';
import { cstring, errorFields, type Frame, FrameReader, frame, int32 } from './frame.ts';
import { ScramClient } from './scram.ts';

export const CONNECT_MS_MAX = 10_000;

/** What the server said between its startup and its first ReadyForQuery. */
export interface Upstream {
  readonly socket: Socket;
  /** ParameterStatus and NoticeResponse frames, to be relayed. */
  readonly greeting: readonly Buffer[];
  readonly pid: number;
  readonly key: Buffer;
  /** What had already arrived behind ReadyForQuery. */
  readonly rest: Buffer;
}

export class UpstreamError extends Error {
  /** SQLSTATE that the server gave; 57P03 where it could not be reached. */
  readonly code: string;
  constructor(message: string, code = '57P03') {
    super(message);
    this.code = code;
  }
}

/** Settings that a client may not choose: they decide how bytes are read, and were judged accordingly. */
const PINNED: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
};

function startupPacket(address: UpstreamAddress, parameters: ReadonlyMap<string, string>): Buffer {
  const pairs = new Map([
    ...parameters,
    ...Object.entries(PINNED),
    ['user', address.user],
    ['database', address.database],
  ]);
  const body = Buffer.concat([int32(196_608), ...[...pairs].flat().map(cstring), Buffer.of(0)]);
  return Buffer.concat([int32(body.length + 4), body]);
}

async function answerAuthentication(
  body: Buffer,
  address: UpstreamAddress,
  scram: { client?: ScramClient },
): Promise<Buffer | undefined> {
  const { password } = address;
  const need = (): string => {
    if (password === undefined)
      throw new UpstreamError('the upstream asks for a password and none is configured', '28000');
    return password;
  };
  const kind = body.readInt32BE(0);
  switch (kind) {
    case 0:
      return undefined;
    case 5: {
      const md5 = (data: string | Buffer) => createHash('md5').update(data).digest('hex');
      const inner = md5(need() + address.user);
      return frame(
        'p',
        cstring(`md5${md5(Buffer.concat([Buffer.from(inner), body.subarray(4, 8)]))}`),
      );
    }
    case 10: {
      if (!body.subarray(4).toString('latin1').split('\0').includes('SCRAM-SHA-256')) {
        throw new UpstreamError('the upstream offers no SCRAM-SHA-256', '28000');
      }
      scram.client = new ScramClient(need(), randomBytes(18).toString('base64'));
      const first = Buffer.from(scram.client.first());
      return frame('p', cstring('SCRAM-SHA-256'), int32(first.length), first);
    }
    case 11:
      return frame(
        'p',
        Buffer.from((await scram.client?.final(body.subarray(4).toString('utf8'))) ?? ''),
      );
    case 12:
      if (!scram.client?.verify(body.subarray(4).toString('utf8')))
        throw new UpstreamError('the upstream could not prove itself', '28000');
      return undefined;
    default:
      // A password in clear over a wire in clear is not sent, whoever asks.
      throw new UpstreamError(
        `the upstream asks for authentication method ${kind}, which is not supported`,
        '28000',
      );
  }
}

/** Connects and authenticates; rejects with UpstreamError. */
export async function connectUpstream(
  address: UpstreamAddress,
  parameters: ReadonlyMap<string, string>,
): Promise<Upstream> {
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  const frames = new FrameReader();
  const scram: { client?: ScramClient } = {};
  const greeting: Buffer[] = [];
  let pid = 0;
  let key: Buffer = Buffer.alloc(4);

  /** True once the server is ready. */
  const handle = async ({ type, body, bytes }: Frame): Promise<boolean> => {
    if (type === 'R') {
      const answer = await answerAuthentication(body, address, scram);
      if (answer) socket.write(answer);
    } else if (type === 'E') {
      const fields = errorFields(body);
      throw new UpstreamError(
        fields.get('M') ?? 'the upstream refused the connection',
        fields.get('C'),
      );
    } else if (type === 'K') {
      pid = body.readInt32BE(0);
      key = Buffer.from(body.subarray(4));
    } else if (type === 'S' || type === 'N') {
      greeting.push(Buffer.from(bytes));
    }
    return type === 'Z';
  };

  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy();
      reject(
        error instanceof UpstreamError
          ? error
          : new UpstreamError(`the upstream cannot be reached: ${error.message}`),
      );
    };
    const timer = setTimeout(
      () => fail(new UpstreamError('the upstream does not answer')),
      CONNECT_MS_MAX,
    );
    let work = Promise.resolve();
    const onData = (chunk: Buffer) => {
      frames.push(chunk);
      work = work.then(drain).catch(fail);
    };
    const drain = async () => {
      for (let next = frames.next(); next; next = frames.next()) {
        if (!(await handle(next))) continue;
        clearTimeout(timer);
        socket.off('data', onData).off('error', fail).off('close', onClose).pause();
        resolve({ socket, greeting, pid, key, rest: Buffer.alloc(0) });
        return;
      }
    };
    const onClose = () => fail(new UpstreamError('the upstream closed the connection'));
    socket.once('connect', () => socket.write(startupPacket(address, parameters)));
    socket.on('data', onData).once('error', fail).once('close', onClose);
  });
}

/** Asks the server to cancel what a session is doing; it never answers. */
export function cancelUpstream(address: UpstreamAddress, pid: number, key: Buffer): void {
  const socket = connect({ host: address.host, port: address.port });
  socket.once('connect', () =>
    socket.end(Buffer.concat([int32(12 + key.length), int32(80_877_102), int32(pid), key])),
  );
  socket.on('error', () => undefined);
}
