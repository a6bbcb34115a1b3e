/** A startup packet, and what it asks for: hostile until proved. */
import { BodyReader, cstring, frame, int32 } from './frame.ts';

export const SSL_REQUEST = 80_877_103;
export const GSS_REQUEST = 80_877_104;
export const CANCEL_REQUEST = 80_877_102;
const MAJOR = 3;
/** The one thing that 3.2 adds is a longer key for cancel requests. */
export const NEWEST_MINOR = 2;

/** Settings that a client may send at startup: none of them changes what a name or a text means. */
const STARTUP_SETTINGS = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'default_transaction_isolation',
  'extra_float_digits',
  'geqo',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'statement_timeout',
  'tcp_keepalives_idle',
  'timezone',
  'transaction_timeout',
]);
/** Not settings: they say who connects where, and are read one by one. */
const CONNECTION_PARAMETERS = new Set(['user', 'database', 'options', 'replication']);

export interface CancelOpening {
  readonly kind: 'cancel';
  readonly pid: number;
  readonly key: Buffer;
}

export interface SessionOpening {
  readonly kind: 'session';
  readonly user: string;
  readonly database: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Minor version of the protocol that the session speaks: 0 or 2. */
  readonly minor: number;
  /** What the client is told before authentication, where it asked for more than there is. */
  readonly negotiation: Buffer | undefined;
}

/** Refuses a connection in the client's own terms: SQLSTATE, message, hint. */
export class Refusal extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** A startup packet without its length. */
export function parseStartup(packet: Buffer): CancelOpening | SessionOpening {
  const body = new BodyReader(packet);
  const code = body.int32();
  if (code === CANCEL_REQUEST) {
    return { kind: 'cancel', pid: body.int32(), key: Buffer.from(packet.subarray(8)) };
  }
  const [major, asked] = [code >>> 16, code & 0xffff];
  if (major !== MAJOR) {
    const versions = `server supports ${MAJOR}.0 to ${MAJOR}.${NEWEST_MINOR}`;
    throw new Refusal('0A000', `unsupported frontend protocol ${major}.${asked}: ${versions}`);
  }
  const given = new Map<string, string>();
  for (let key = body.string(); key !== ''; key = body.string()) given.set(key, body.string());
  body.end();
  const user = given.get('user') ?? '';
  if (user === '') {
    throw new Refusal('28000', 'no PostgreSQL user name specified in startup packet');
  }
  // COPY BOTH is opaque: nothing in it could be judged.
  if (!/^(|0|off|false|no)$/i.test(given.get('replication') ?? '')) {
    throw new Refusal('42501', 'replication connections are not let through');
  }
  const unknown = [...given.keys()].filter((name) => name.startsWith('_pq_.'));
  const minor = asked >= NEWEST_MINOR ? NEWEST_MINOR : 0;
  return {
    kind: 'session',
    user,
    database: given.get('database') || user,
    settings: readSettings(given),
    minor,
    negotiation: negotiate(minor, asked, unknown),
  };
}

function readSettings(given: ReadonlyMap<string, string>): Map<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of [...parseOptions(given.get('options') ?? ''), ...given]) {
    const folded = name.toLowerCase();
    if (CONNECTION_PARAMETERS.has(name) || name.startsWith('_pq_.')) continue;
    if (!STARTUP_SETTINGS.has(folded)) {
      const hint = `leave it out of the connection string; allowed are ${[...STARTUP_SETTINGS].join(', ')}`;
      throw new Refusal('42501', `the setting ${name} cannot be chosen at startup`, hint);
    }
    settings.set(folded, value);
  }
  return settings;
}

/** `-c name=value` and `--name=value`, the only forms that are understood; no escapes. */
function parseOptions(options: string): [string, string][] {
  const words = options.split(/\s+/).filter((word) => word !== '');
  const found: [string, string][] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] === '-c' ? words[++at] : words[at]?.replace(/^(-c|--)/, '');
    const [, name = '', value = ''] = /^([A-Za-z_.-]+)=([^\\]*)$/.exec(word ?? '') ?? [];
    if (name === '' || name.startsWith('-')) {
      throw new Refusal('42501', 'the startup options are not understood', 'use -c name=value');
    }
    // The server reads a dash in a setting's name as an underscore.
    found.push([name.replaceAll('-', '_'), value]);
  }
  return found;
}

/** NegotiateProtocolVersion: what is newer is declined by name, and the session goes on. */
function negotiate(minor: number, asked: number, unknown: readonly string[]): Buffer | undefined {
  if (asked === minor && unknown.length === 0) return undefined;
  const version = int32((MAJOR << 16) | minor);
  return frame('v', version, int32(unknown.length), ...unknown.map(cstring));
}
