/**
 * A PostgreSQL client that sends exactly the messages that it is told to, well-formed or not. The point
 * of it is to be rude: a driver would refuse to send what an attacker sends.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { PgMessage } from './case.ts';

export interface BackendMessage {
  readonly type: string;
  readonly body: Buffer;
}

export interface Answer {
  readonly messages: readonly BackendMessage[];
  /** SQLSTATE of the first error, if there was one. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly closed: boolean;
}

const QUIET_MS = 400;
const ANSWER_MS_MAX = 20_000;

const cstring = (text: string): Buffer => Buffer.concat([Buffer.from(text, 'utf8'), Buffer.of(0)]);
const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
export const frame = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
};
const sized = (value: Buffer): Buffer => Buffer.concat([int32(value.length), value]);

/** The frames of a case's message; `Startup` and `Raw` are handled by the caller's connection. */
export function encode(message: PgMessage): Buffer {
  if ('Parse' in message) {
    const { name, sql, types } = message.Parse;
    return frame('P', cstring(name), cstring(sql), int16(types.length), ...types.map(int32));
  }
  if ('Bind' in message) {
    const { portal, name, params } = message.Bind;
    const values = params.map((value) =>
      value === null ? int32(-1) : sized(Buffer.from(value, 'utf8')),
    );
    return frame(
      'B',
      cstring(portal),
      cstring(name),
      int16(0),
      int16(params.length),
      ...values,
      int16(0),
    );
  }
  if ('Describe' in message)
    return frame('D', Buffer.from(message.Describe.kind), cstring(message.Describe.name));
  if ('Execute' in message)
    return frame('E', cstring(message.Execute.portal), int32(message.Execute.maxRows));
  if ('Close' in message)
    return frame('C', Buffer.from(message.Close.kind), cstring(message.Close.name));
  if ('Sync' in message) return frame('S');
  if ('Query' in message) return frame('Q', cstring(message.Query.sql));
  if ('CopyData' in message) return frame('d', Buffer.from(message.CopyData.text, 'utf8'));
  if ('CopyDone' in message) return frame('c');
  if ('FunctionCall' in message) {
    const { oid, args } = message.FunctionCall;
    const values = args.map((value) => sized(Buffer.from(value, 'utf8')));
    return frame('F', int32(oid), int16(0), int16(args.length), ...values, int16(0));
  }
  if ('Raw' in message) return Buffer.from(message.Raw.hex, 'hex');
  throw new Error(`a message of an unknown kind: ${Object.keys(message).join(', ')}`);
}

function errorOf(body: Buffer): { code: string; message: string } {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .filter((field) => field !== '')
      .map((field) => [field.charAt(0), field.slice(1)]),
  );
  return { code: fields.get('C') ?? '', message: fields.get('M') ?? '' };
}

export class WireClient {
  readonly #socket: Socket;
  readonly #messages: BackendMessage[] = [];
  #input: Buffer = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    // A reset is a close: what counts is what came before it.
    socket.on('error', () => undefined);
  }

  static async open(port: number, host = '127.0.0.1'): Promise<WireClient> {
    const socket = connect(port, host);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', reject);
    });
    return new WireClient(socket);
  }

  /** Connects and authenticates; the answer holds the refusal if there is one. */
  static async login(options: {
    port: number;
    user: string;
    password: string;
    database: string;
    options?: string;
  }): Promise<{ client: WireClient; answer: Answer }> {
    const client = await WireClient.open(options.port);
    const pairs = ['user', options.user, 'database', options.database];
    if (options.options !== undefined) pairs.push('options', options.options);
    const body = Buffer.concat([int32(196_608), ...pairs.map(cstring), Buffer.of(0)]);
    client.write(Buffer.concat([int32(body.length + 4), body]));
    await client.#authenticate(options.user, options.password);
    return { client, answer: await client.answer(1) };
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(bytes: Buffer): void {
    if (!this.#closed) this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.destroy();
  }

  /** What came back: until `ready` ReadyForQuery messages, the end of the connection, or silence. */
  async answer(ready: number, quietMs = ready > 0 ? ANSWER_MS_MAX : QUIET_MS): Promise<Answer> {
    const deadline = Date.now() + ANSWER_MS_MAX;
    let seen = 0;
    const messages: BackendMessage[] = [];
    for (;;) {
      for (let message = this.#messages.shift(); message; message = this.#messages.shift()) {
        messages.push(message);
        // Nobody feeds a COPY that a Query started: end it, as a client that has no data would.
        if (message.type === 'G' && ready > 0) this.write(frame('f', cstring('no data')));
        if (message.type === 'Z') seen++;
      }
      if (this.#closed || (ready > 0 && seen >= ready)) break;
      const left = Math.min(quietMs, deadline - Date.now());
      if (left <= 0 || !(await this.#more(left))) break;
    }
    const failed = messages.find((message) => message.type === 'E');
    return { messages, closed: this.#closed, ...(failed ? { error: errorOf(failed.body) } : {}) };
  }

  async #more(waitMs: number): Promise<boolean> {
    if (this.#messages.length > 0 || this.#closed) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #receive(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 5) {
      const length = this.#input.readInt32BE(1);
      if (this.#input.length < length + 1) break;
      this.#messages.push({
        type: String.fromCharCode(this.#input[0] ?? 0),
        body: Buffer.from(this.#input.subarray(5, length + 1)),
      });
      this.#input = this.#input.subarray(length + 1);
    }
    this.#wake();
  }

  async #next(): Promise<BackendMessage | undefined> {
    while (this.#messages.length === 0 && !this.#closed) {
      if (!(await this.#more(ANSWER_MS_MAX))) return undefined;
    }
    return this.#messages.shift();
  }

  /** RFC 5802 without channel binding; anything but SASL ends it and leaves the message for `answer`. */
  async #authenticate(user: string, password: string): Promise<void> {
    const nonce = randomBytes(18).toString('base64');
    const bare = `n=${user},r=${nonce}`;
    let proved = '';
    for (let message = await this.#next(); message; message = await this.#next()) {
      const kind = message.type === 'R' ? message.body.readInt32BE(0) : -1;
      if (kind === 10) {
        this.write(frame('p', cstring('SCRAM-SHA-256'), sized(Buffer.from(`n,,${bare}`))));
      } else if (kind === 11) {
        const first = message.body.subarray(4).toString('utf8');
        const [, salt = '', iterations = '0'] = /s=([^,]+),i=(\d+)/.exec(first) ?? [];
        const server = /r=([^,]+)/.exec(first)?.[1] ?? '';
        const salted = pbkdf2Sync(
          password,
          Buffer.from(salt, 'base64'),
          Number(iterations),
          32,
          'sha256',
        );
        const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
        const key = hmac(salted, 'Client Key');
        const stored = createHash('sha256').update(key).digest();
        const withoutProof = `c=biws,r=${server}`;
        const signature = hmac(stored, `${bare},${first},${withoutProof}`);
        const proof = Buffer.from(key.map((byte, at) => byte ^ (signature[at] ?? 0))).toString(
          'base64',
        );
        proved = `${withoutProof},p=${proof}`;
        this.write(frame('p', Buffer.from(proved)));
      } else if (kind !== 12) {
        this.#messages.unshift(message);
        return;
      }
    }
  }
}
