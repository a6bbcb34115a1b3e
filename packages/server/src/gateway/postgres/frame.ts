/** Frames of the PostgreSQL protocol, version 3: type, length, body. Lengths are hostile until bounded here. */

/** A message of a client is held in memory whole before it is judged; a longer one ends the session. */
export const FRAME_BYTES_MAX = 16 << 20;
/** The server's own bound for a startup packet. */
export const STARTUP_BYTES_MAX = 10_000;

export interface Frame {
  /** One ASCII letter. */
  readonly type: string;
  readonly body: Buffer;
  /** Type, length and body: exactly what came. */
  readonly bytes: Buffer;
}

/** Malformed or oversized: nothing after it can be trusted, so the session ends. */
export class ProtocolError extends Error {}

/** Cuts whole frames off the front of what has arrived. */
export class FrameReader {
  #chunks: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#chunks = this.#chunks.length === 0 ? chunk : Buffer.concat([this.#chunks, chunk]);
  }

  get pending(): number {
    return this.#chunks.length;
  }

  /** The next whole frame; undefined until it has arrived. Throws ProtocolError. */
  next(): Frame | undefined {
    if (this.#chunks.length < 5) return undefined;
    const length = this.#chunks.readUInt32BE(1);
    if (length < 4) throw new ProtocolError(`invalid message length ${length}`);
    if (length > FRAME_BYTES_MAX)
      throw new ProtocolError(`a message of ${length} bytes; at most ${FRAME_BYTES_MAX} are taken`);
    if (this.#chunks.length < length + 1) return undefined;
    const bytes = this.#chunks.subarray(0, length + 1);
    this.#chunks = this.#chunks.subarray(length + 1);
    return { type: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5), bytes };
  }

  /** A startup packet has no type byte. */
  nextStartup(): Buffer | undefined {
    if (this.#chunks.length < 4) return undefined;
    const length = this.#chunks.readUInt32BE(0);
    if (length < 8 || length > STARTUP_BYTES_MAX)
      throw new ProtocolError(`invalid length of startup packet ${length}`);
    if (this.#chunks.length < length) return undefined;
    const body = this.#chunks.subarray(4, length);
    this.#chunks = this.#chunks.subarray(length);
    return body;
  }
}

export const cstring = (text: string): Buffer =>
  Buffer.concat([Buffer.from(text, 'utf8'), Buffer.of(0)]);

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function frame(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** Reads the body of a message front to back; what is missing or left over is malformed. */
export class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  #take(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#body.length)
      throw new ProtocolError('insufficient data left in message');
    const part = this.#body.subarray(this.#at, this.#at + length);
    this.#at += length;
    return part;
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }
  int16(): number {
    return this.#take(2).readUInt16BE();
  }
  int32(): number {
    return this.#take(4).readInt32BE();
  }
  bytes(length: number): Buffer {
    return this.#take(length);
  }

  /** Text up to a zero byte; bytes that are no UTF-8 would be read differently by whoever else reads them. */
  string(): string {
    const end = this.#body.indexOf(0, this.#at);
    if (end < 0) throw new ProtocolError('invalid string in message');
    const part = this.#take(end - this.#at);
    this.#at++;
    const text = part.toString('utf8');
    if (Buffer.byteLength(text) !== part.length || !Buffer.from(text, 'utf8').equals(part))
      throw new ProtocolError('invalid byte sequence for encoding "UTF8"');
    return text;
  }

  /** Bytes behind the end are how a second statement hides from whoever stops reading at the first. */
  end(): void {
    if (this.#at !== this.#body.length) throw new ProtocolError('invalid message format');
  }
}

export interface ErrorFields {
  readonly severity?: 'ERROR' | 'FATAL';
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: number;
}

/** ErrorResponse; every field ends in a zero byte, and one more ends the message. */
export function errorResponse({
  severity = 'ERROR',
  code,
  message,
  detail,
  hint,
  position,
}: ErrorFields): Buffer {
  const fields: [string, string | undefined][] = [
    ['S', severity],
    ['V', severity],
    ['C', code],
    ['M', message],
    ['D', detail],
    ['H', hint],
    ['P', position === undefined ? undefined : String(position)],
  ];
  const present = fields.filter(([, value]) => value !== undefined && value !== '');
  return frame(
    'E',
    ...present.map(([key, value = '']) => cstring(key + value.replaceAll('\0', ''))),
    Buffer.of(0),
  );
}

/** Fields of an ErrorResponse or NoticeResponse by their letter. */
export function errorFields(body: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  for (const field of body.toString('utf8').split('\0'))
    if (field !== '') fields.set(field.charAt(0), field.slice(1));
  return fields;
}
