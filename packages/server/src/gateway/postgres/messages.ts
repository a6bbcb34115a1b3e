/** Messages of a client, parsed whole: what is left over or missing ends the session. */
import { BodyReader, type Frame, ProtocolError } from './frame.ts';

export type ClientMessage =
  | { readonly kind: 'query'; readonly text: string }
  | {
      readonly kind: 'parse';
      readonly name: string;
      readonly text: string;
      readonly types: readonly number[];
    }
  | {
      readonly kind: 'bind';
      readonly portal: string;
      readonly statement: string;
      readonly values: readonly (string | null)[];
    }
  | { readonly kind: 'describe' | 'close'; readonly what: 'S' | 'P'; readonly name: string }
  | { readonly kind: 'execute'; readonly portal: string }
  | {
      readonly kind:
        | 'sync'
        | 'flush'
        | 'terminate'
        | 'copy-data'
        | 'copy-done'
        | 'copy-fail'
        | 'function-call';
    };

const PARAMETERS_MAX = 65_535;

function parse(body: BodyReader): ClientMessage {
  const name = body.string();
  const text = body.string();
  const types = Array.from({ length: body.int16() }, () => body.int32());
  return { kind: 'parse', name, text, types };
}

/** Bind values as text where they are text, as base64 of the bytes where they came in binary. */
function bind(body: BodyReader): ClientMessage {
  const portal = body.string();
  const statement = body.string();
  const formats = Array.from({ length: body.int16() }, () => body.int16());
  const count = body.int16();
  if (count > PARAMETERS_MAX || (formats.length > 1 && formats.length !== count)) {
    throw new ProtocolError(
      `bind message has ${formats.length} parameter formats but ${count} parameters`,
    );
  }
  const values = Array.from({ length: count }, (_, at) => {
    const length = body.int32();
    if (length === -1) return null;
    const bytes = body.bytes(length);
    const binary = (formats.length === 1 ? formats[0] : formats[at]) === 1;
    return binary ? `base64:${bytes.toString('base64')}` : bytes.toString('utf8');
  });
  for (let left = body.int16(); left > 0; left--) body.int16();
  return { kind: 'bind', portal, statement, values };
}

function describe(kind: 'describe' | 'close', body: BodyReader): ClientMessage {
  const what = String.fromCharCode(body.byte());
  if (what !== 'S' && what !== 'P')
    throw new ProtocolError(`invalid ${kind} message subtype "${what}"`);
  return { kind, what, name: body.string() };
}

const EMPTY: Readonly<Record<string, 'sync' | 'flush' | 'terminate' | 'copy-done'>> = {
  S: 'sync',
  H: 'flush',
  X: 'terminate',
  c: 'copy-done',
};

/** Throws ProtocolError for an unknown type and for any malformed body. */
export function parseMessage({ type, body: bytes }: Frame): ClientMessage {
  const body = new BodyReader(bytes);
  const whole = (message: ClientMessage): ClientMessage => {
    body.end();
    return message;
  };
  const empty = EMPTY[type];
  if (empty) return whole({ kind: empty });
  switch (type) {
    case 'Q':
      return whole({ kind: 'query', text: body.string() });
    case 'P':
      return whole(parse(body));
    case 'B':
      return whole(bind(body));
    case 'D':
      return whole(describe('describe', body));
    case 'C':
      return whole(describe('close', body));
    case 'E': {
      const portal = body.string();
      body.int32();
      return whole({ kind: 'execute', portal });
    }
    case 'd':
      return { kind: 'copy-data' };
    case 'f':
      body.string();
      return whole({ kind: 'copy-fail' });
    case 'F':
      return { kind: 'function-call' };
    default:
      throw new ProtocolError(`invalid frontend message type ${type.charCodeAt(0)}`);
  }
}
