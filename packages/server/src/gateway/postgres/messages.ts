/** Messages of a client, parsed whole: what is left over or missing ends the session. */
import {
  BodyReader,
  decodeUtf8,
  FRAME_BYTES_MAX,
  type Frame,
  type FrameLimit,
  ProtocolError,
  SMALL_FRAME_BYTES_MAX,
} from './frame.ts';

export type ClientMessage =
  | { readonly kind: 'query'; readonly text: string }
  | { readonly kind: 'parse'; readonly name: string; readonly text: string }
  | Bind
  | { readonly kind: 'describe' }
  | { readonly kind: 'close'; readonly what: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'execute'; readonly portal: string; readonly rowsMax: number }
  | { readonly kind: 'copy-data' | 'copy-done' | 'copy-fail' }
  | { readonly kind: 'sync' | 'flush' | 'terminate' | 'function-call' };

export interface Bind {
  readonly kind: 'bind';
  readonly portal: string;
  readonly statement: string;
  /** As text, or BINARY and the bytes, in base64, of what came in binary or is no UTF-8; null for NULL. */
  readonly values: readonly (string | null)[];
}

/** Before a value that is no text. */
export const BINARY = 'base64:';

const LARGE = new Set(['Q', 'P', 'B', 'F', 'd']);
const SMALL = new Set(['D', 'C', 'E', 'S', 'H', 'X', 'c', 'f']);

/** What may come from a client that is authenticated. */
export const clientFrameLimit: FrameLimit = (type) => {
  if (LARGE.has(type)) return FRAME_BYTES_MAX;
  return SMALL.has(type) ? SMALL_FRAME_BYTES_MAX : undefined;
};

/** Throws ProtocolError for an unknown type and for any malformed body. */
export function parseMessage({ type, body: bytes }: Frame): ClientMessage {
  // Data of a COPY has no form of its own, and a call by number is not looked into: it is denied.
  if (type === 'd') return { kind: 'copy-data' };
  if (type === 'F') return { kind: 'function-call' };
  const body = new BodyReader(bytes);
  const message = parseBody(type, body);
  body.end();
  return message;
}

function parseBody(type: string, body: BodyReader): ClientMessage {
  switch (type) {
    case 'Q':
      return { kind: 'query', text: body.string() };
    case 'P':
      return parse(body);
    case 'B':
      return bind(body);
    case 'E': {
      const portal = body.string();
      // Zero or less is all of them.
      const rowsMax = Math.max(0, body.int32());
      return { kind: 'execute', portal, rowsMax };
    }
    case 'D':
      named('Describe', body);
      return { kind: 'describe' };
    case 'C':
      return { kind: 'close', ...named('Close', body) };
    case 'f':
      body.cstring();
      return { kind: 'copy-fail' };
    case 'c':
      return { kind: 'copy-done' };
    case 'S':
      return { kind: 'sync' };
    case 'H':
      return { kind: 'flush' };
    case 'X':
      return { kind: 'terminate' };
    default:
      throw new ProtocolError(`invalid frontend message type ${type.charCodeAt(0)}`);
  }
}

function parse(body: BodyReader): ClientMessage {
  const name = body.string();
  const text = body.string();
  for (let left = body.int16(); left > 0; left--) body.int32();
  return { kind: 'parse', name, text };
}

function bind(body: BodyReader): Bind {
  const portal = body.string();
  const statement = body.string();
  const formats = Array.from({ length: body.int16() }, () => body.int16());
  const count = body.int16();
  if (formats.length > 1 && formats.length !== count) {
    throw new ProtocolError(
      `bind message has ${formats.length} parameter formats but ${count} parameters`,
    );
  }
  const values = Array.from({ length: count }, (_, at) => {
    const length = body.int32();
    if (length === -1) return null;
    const bytes = body.bytes(length);
    const binary = (formats.length === 1 ? formats[0] : formats[at]) === 1;
    const text = binary ? undefined : decodeUtf8(bytes);
    // A text that begins as the mark does would be read as what it is not.
    return text?.startsWith(BINARY) === false ? text : `${BINARY}${bytes.toString('base64')}`;
  });
  for (let left = body.int16(); left > 0; left--) body.int16();
  return { kind: 'bind', portal, statement, values };
}

function named(of: string, body: BodyReader): { what: 'statement' | 'portal'; name: string } {
  const letter = String.fromCharCode(body.byte());
  if (letter !== 'S' && letter !== 'P') throw new ProtocolError(`invalid ${of} message subtype`);
  return { what: letter === 'S' ? 'statement' : 'portal', name: body.string() };
}
