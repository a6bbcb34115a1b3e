/** From the first byte of a connection to an authenticated name: hostile until proved. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { User } from '../../config/config.ts';
import {
  BodyReader,
  cstring,
  errorResponse,
  FrameReader,
  frame,
  int32,
  ProtocolError,
} from './frame.ts';
import { mockVerifier, parseVerifier, ScramError, ScramServer } from './scram.ts';

export const AUTHENTICATION_MS_MAX = 30_000;
const PROTOCOL_3_0 = 196_608;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;

/** Settings that a client may send at startup; anything else could change what a text means. */
const STARTUP_SETTINGS = new Set([
  'application_name',
  'client_encoding',
  'datestyle',
  'timezone',
  'intervalstyle',
  'extra_float_digits',
  'bytea_output',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'client_min_messages',
  'geqo',
  'jit',
  'search_path',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'tcp_keepalives_idle',
  'lc_messages',
]);
/** Of these none may come from a client: names would mean something else than what was resolved. */
const REFUSED_SETTINGS = new Set(['search_path']);

export type Opening =
  | { readonly kind: 'cancel'; readonly pid: number; readonly key: Buffer }
  | {
      readonly kind: 'session';
      readonly user: string;
      readonly database: string;
      readonly settings: ReadonlyMap<string, string>;
      readonly minor: number;
      readonly unknown: readonly string[];
    };

/** Refuses a connection in the client's own terms. */
export class Refusal extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  constructor(code: string, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** Waits for bytes on a paused-by-nobody socket, one consumer at a time. */
export class Incoming {
  readonly frames = new FrameReader();
  readonly #socket: Socket;
  #closed = false;
  #wake: () => void = () => undefined;
  readonly #onData: (chunk: Buffer) => void;
  readonly #onClose: () => void;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#onData = (chunk) => {
      this.frames.push(chunk);
      this.#wake();
    };
    this.#onClose = () => {
      this.#closed = true;
      this.#wake();
    };
    socket.on('data', this.#onData).on('close', this.#onClose);
  }

  async until<T>(take: () => T | undefined): Promise<T> {
    for (;;) {
      const found = take();
      if (found !== undefined) return found;
      if (this.#closed) throw new ProtocolError('the client closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Hands the socket over, paused, with whatever has arrived. */
  release(): FrameReader {
    this.#socket.off('data', this.#onData).off('close', this.#onClose).pause();
    return this.frames;
  }
}

/** `-c name=value` and `--name=value`, the only forms that are understood. */
function parseOptions(options: string): [string, string][] {
  const words = options.split(/\s+/).filter((word) => word !== '');
  const found: [string, string][] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] === '-c' ? words[++at] : words[at]?.replace(/^(-c|--)/, '');
    const match = /^([A-Za-z_.]+)=(.*)$/.exec(word ?? '');
    if (!match)
      throw new Refusal(
        '42501',
        `startup options ${JSON.stringify(options)} are not understood`,
        'use -c name=value',
      );
    found.push([match[1] ?? '', match[2] ?? '']);
  }
  return found;
}

function parseStartup(packet: Buffer): Opening {
  const body = new BodyReader(packet);
  const code = body.int32();
  if (code === CANCEL_REQUEST)
    return { kind: 'cancel', pid: body.int32(), key: Buffer.from(packet.subarray(8)) };
  if (code >>> 16 !== 3)
    throw new Refusal(
      '0A000',
      `unsupported frontend protocol ${code >>> 16}.${code & 0xffff}: only 3.x is spoken`,
    );
  const given = new Map<string, string>();
  for (let key = body.string(); key !== ''; key = body.string()) given.set(key, body.string());
  body.end();
  const user = given.get('user') ?? '';
  if (user === '')
    throw new Refusal('28000', 'no PostgreSQL user name specified in startup packet');
  const replication = given.get('replication');
  if (replication !== undefined && !/^(0|off|false|no)$/i.test(replication)) {
    throw new Refusal('42501', 'replication connections are not let through');
  }
  const settings = new Map<string, string>();
  const unknown: string[] = [];
  const all = [...given, ...parseOptions(given.get('options') ?? '')];
  for (const [name, value] of all) {
    const folded = name.toLowerCase();
    if (['user', 'database', 'options', 'replication'].includes(folded)) continue;
    if (folded.startsWith('_pq_.')) unknown.push(name);
    else if (!STARTUP_SETTINGS.has(folded) || REFUSED_SETTINGS.has(folded)) {
      throw new Refusal(
        '42501',
        `the setting ${name} cannot be chosen at startup`,
        'leave it out of the connection string',
      );
    } else settings.set(folded, value);
  }
  return {
    kind: 'session',
    user,
    database: given.get('database') ?? user,
    settings,
    minor: code & 0xffff,
    unknown,
  };
}

/** Reads the startup packet, saying no to encryption that is not there. */
export async function readOpening(socket: Socket, incoming: Incoming): Promise<Opening> {
  for (;;) {
    const packet = await incoming.until(() => incoming.frames.nextStartup());
    const code = packet.readInt32BE(0);
    if (code !== SSL_REQUEST && code !== GSS_REQUEST) return parseStartup(packet);
    // What a man in the middle put behind the request would be taken for the client's own (CVE-2021-23214).
    if (incoming.frames.pending > 0) throw new ProtocolError('data behind an encryption request');
    socket.write('N');
  }
}

/** Newer minor versions and protocol extensions are declined by name, and the session goes on. */
export function negotiation(opening: Extract<Opening, { kind: 'session' }>): Buffer | undefined {
  if (opening.minor === 0 && opening.unknown.length === 0) return undefined;
  return frame(
    'v',
    int32(PROTOCOL_3_0),
    int32(opening.unknown.length),
    ...opening.unknown.map(cstring),
  );
}

/** SCRAM-SHA-256 against the users' verifiers; an unknown name costs the same work and gets the same answer. */
export async function authenticate(
  socket: Socket,
  incoming: Incoming,
  name: string,
  users: readonly User[],
  mockSecret: Uint8Array,
): Promise<User> {
  const user = users.find((one) => one.name === name);
  const scram = new ScramServer(
    (user && parseVerifier(user.scram)) ?? mockVerifier(name, mockSecret),
    randomBytes(18).toString('base64'),
  );
  const message = async (): Promise<Buffer> => {
    const next = await incoming.until(() => incoming.frames.next());
    if (next.type !== 'p')
      throw new ProtocolError(`expected SASL response, got message type ${next.type}`);
    return next.body;
  };
  socket.write(frame('R', int32(10), cstring('SCRAM-SHA-256'), Buffer.of(0)));
  try {
    const first = new BodyReader(await message());
    if (first.string() !== 'SCRAM-SHA-256')
      throw new ScramError('the client chose a mechanism that was not offered');
    const length = first.int32();
    const clientFirst = first.bytes(length).toString('utf8');
    first.end();
    socket.write(frame('R', int32(11), Buffer.from(scram.first(clientFirst))));
    const serverFinal = scram.final((await message()).toString('utf8'));
    if (!user || serverFinal === undefined)
      throw new Refusal('28P01', `password authentication failed for user "${name}"`);
    socket.write(frame('R', int32(12), Buffer.from(serverFinal)));
    return user;
  } catch (error) {
    if (error instanceof ScramError) throw new ProtocolError(error.message);
    throw error;
  }
}

export function refuse(socket: Socket, error: unknown): { code: string; message: string } {
  const code =
    error instanceof Refusal ? error.code : error instanceof ProtocolError ? '08P01' : '57P03';
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof Refusal ? error.hint : undefined;
  socket.end(
    errorResponse({ severity: 'FATAL', code, message, ...(hint === undefined ? {} : { hint }) }),
  );
  return { code, message };
}
