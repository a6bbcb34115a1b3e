/** Frames of the PostgreSQL protocol, version 3: type, length, body. Lengths are hostile until bounded here. */

/** A message of a client is held in memory whole before it is judged; a longer one ends the session. */
export const FRAME_BYTES_MAX = 16 << 20;
/** Messages that carry nothing but a name; the server has the same bound. */
export const SMALL_FRAME_BYTES_MAX = 10_000;
/** The server's own bound for a startup packet. */
export const STARTUP_BYTES_MAX = 10_000;
/** Type and length. */
export const HEADER_BYTES = 5;

export interface Frame {
  /** One ASCII letter. */
  readonly type: string;
  readonly body: Buffer;
  /** Type, length and body: exactly what came. */
  readonly bytes: Buffer;
}

/** Malformed or oversized: nothing after it can be trusted, so the session ends. */
export class ProtocolError extends Error {}

/** Largest length field of a message of this type; undefined for a type that must not come at all. */
export type FrameLimit = (type: string) => number | undefined;

const EMPTY = Buffer.alloc(0);

/**
 * Cuts whole frames off the front of what has arrived. A frame that came in many chunks is joined once,
 * when it is there: a client that sends a large one byte by byte costs no more than its length.
 */
export class FrameReader {
  #head: Buffer = EMPTY;
  #rest: Buffer[] = [];
  #pending = 0;

  push(chunk: Buffer): void {
    if (this.#head.length === 0) this.#head = chunk;
    else this.#rest.push(chunk);
    this.#pending += chunk.length;
  }

  /** Bytes that have arrived and were not taken yet. */
  get pending(): number {
    return this.#pending;
  }

  get firstByte(): number | undefined {
    return this.#head[0];
  }

  /** The next whole frame; undefined until it has arrived. Throws ProtocolError. */
  next(limit: FrameLimit): Frame | undefined {
    const header = this.#peek(HEADER_BYTES);
    if (!header) return undefined;
    const type = String.fromCharCode(header[0] ?? 0);
    const lengthMax = limit(type);
    // Before the body is waited for: nobody fills our memory with a message that is refused anyway.
    if (lengthMax === undefined) {
      throw new ProtocolError(`invalid frontend message type ${header[0]}`);
    }
    const length = header.readUInt32BE(1);
    if (length < 4) throw new ProtocolError(`invalid message length ${length}`);
    if (length > lengthMax) {
      throw new ProtocolError(`a message of ${length} bytes where at most ${lengthMax} are taken`);
    }
    const bytes = this.#take(length + 1);
    return bytes && { type, body: bytes.subarray(HEADER_BYTES), bytes };
  }

  /** A startup packet has no type byte; without its length. */
  nextStartup(): Buffer | undefined {
    const header = this.#peek(4);
    if (!header) return undefined;
    const length = header.readUInt32BE(0);
    if (length < 8 || length > STARTUP_BYTES_MAX) {
      throw new ProtocolError(`invalid length of startup packet ${length}`);
    }
    return this.#take(length)?.subarray(4);
  }

  /** Everything that is left, unread. */
  takeAll(): Buffer {
    return this.#take(this.#pending) ?? EMPTY;
  }

  /** The front of what has arrived, at least this many bytes of it. */
  #peek(bytes: number): Buffer | undefined {
    if (this.#pending < bytes) return undefined;
    if (this.#head.length < bytes) {
      this.#head = Buffer.concat([this.#head, ...this.#rest]);
      this.#rest = [];
    }
    return this.#head;
  }

  #take(bytes: number): Buffer | undefined {
    const head = this.#peek(bytes);
    if (!head) return undefined;
    this.#head = head.length > bytes ? head.subarray(bytes) : (this.#rest.shift() ?? EMPTY);
    this.#pending -= bytes;
    return head.subarray(0, bytes);
  }
}

export const cstring = (text: string): Buffer => Buffer.from(`${text}\0`, 'utf8');

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function frame(type: string, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(
    parts.reduce((sum, { length }) => sum + length, 4),
    1,
  );
  return Buffer.concat([head, ...parts]);
}

/** Exactly what was sent, or undefined where the bytes are no UTF-8. */
export function decodeUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  // Only where a replacement stands can something have been replaced.
  if (!text.includes('\uFFFD')) return text;
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

/** Reads the body of a message front to back; what is missing or left over is malformed. */
export class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  byte(): number {
    return this.bytes(1).readUInt8();
  }

  int16(): number {
    return this.bytes(2).readUInt16BE();
  }

  int32(): number {
    return this.bytes(4).readInt32BE();
  }

  bytes(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#body.length) {
      throw new ProtocolError('insufficient data left in message');
    }
    this.#at += length;
    return this.#body.subarray(this.#at - length, this.#at);
  }

  /** Bytes up to a zero byte. */
  cstring(): Buffer {
    const end = this.#body.indexOf(0, this.#at);
    if (end < 0) throw new ProtocolError('invalid string in message');
    const part = this.bytes(end - this.#at);
    this.#at++;
    return part;
  }

  /** Text or a name: bytes that are no UTF-8 would be read differently by whoever else reads them. */
  string(): string {
    const text = decodeUtf8(this.cstring());
    if (text === undefined) {
      throw new ProtocolError('invalid byte sequence for encoding "UTF8"');
    }
    return text;
  }

  /** Bytes behind the end are how a second statement hides from whoever stops reading at the first. */
  end(): void {
    if (this.#at !== this.#body.length) throw new ProtocolError('invalid message format');
  }
}

export interface ErrorFields {
  readonly severity?: 'ERROR' | 'FATAL' | 'WARNING' | 'NOTICE';
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** 1-based, in characters of the client's own text. */
  readonly position?: number;
  /** Other fields by their letter. */
  readonly more?: readonly (readonly [letter: string, value: string])[];
}

export const errorResponse = (fields: ErrorFields): Buffer => responseOf('E', fields);
export const noticeResponse = (fields: ErrorFields): Buffer => responseOf('N', fields);

/** Every field ends in a zero byte, and one more ends the message. */
function responseOf(type: 'E' | 'N', fields: ErrorFields): Buffer {
  const { severity = 'ERROR', code, message, detail, hint, position, more = [] } = fields;
  const all: readonly (readonly [string, string | undefined])[] = [
    ['S', severity],
    ['V', severity],
    ['C', code],
    ['M', message],
    ['D', detail],
    ['H', hint],
    ['P', position === undefined ? undefined : String(position)],
    ...more,
  ];
  const present = all.flatMap(([letter, value = '']) =>
    value === '' ? [] : [cstring(letter + value.replaceAll('\0', ''))],
  );
  return frame(type, ...present, Buffer.of(0));
}

/** Fields of an ErrorResponse or NoticeResponse by their letter. */
export function readErrorFields(body: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of body.toString('utf8').split('\0')) {
    if (field !== '') fields.set(field.charAt(0), field.slice(1));
  }
  return fields;
}
