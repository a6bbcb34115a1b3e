import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BodyReader,
  cstring,
  decodeUtf8,
  errorResponse,
  FrameReader,
  frame,
  ProtocolError,
  readErrorFields,
  STARTUP_BYTES_MAX,
} from './frame.ts';

const any = () => 1_000_000;

function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)].filter(({ length }) => length > 0);
}

describe('FrameReader', () => {
  test('gives the same frames however their bytes were cut into chunks', () => {
    const message = fc.tuple(fc.constantFrom('Q', 'P', 'S'), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 17 }), { maxLength: 40 }),
        (messages, sizes) => {
          const sent = messages.map(([type, body]) => frame(type, Buffer.from(body)));
          const reader = new FrameReader();
          const seen: Buffer[] = [];
          for (const chunk of split(Buffer.concat(sent), sizes)) {
            reader.push(chunk);
            for (let next = reader.next(any); next; next = reader.next(any)) seen.push(next.bytes);
          }
          expect(seen.map(String)).toEqual(sent.map(String));
          expect(reader.pending).toBe(0);
        },
      ),
    );
  });

  const header = (type: string, length: number) => {
    const bytes = Buffer.alloc(5);
    bytes.write(type, 'latin1');
    bytes.writeUInt32BE(length, 1);
    return bytes;
  };

  test('a length at the bound is waited for, one past it is refused before its body comes', () => {
    const reader = new FrameReader();
    reader.push(header('Q', 100));
    expect(reader.next(() => 100)).toBeUndefined();
    const over = new FrameReader();
    over.push(header('Q', 101));
    expect(() => over.next(() => 100)).toThrow(ProtocolError);
  });

  test('a length below four cannot hold itself and is refused', () => {
    const reader = new FrameReader();
    reader.push(header('Q', 3));
    expect(() => reader.next(any)).toThrow('invalid message length 3');
    const least = new FrameReader();
    least.push(header('S', 4));
    expect(least.next(any)?.body.length).toBe(0);
  });

  test('a type that must not come is refused by its first header, whatever length it claims', () => {
    const reader = new FrameReader();
    reader.push(header('p', 4));
    expect(() => reader.next(() => undefined)).toThrow('invalid frontend message type 112');
  });

  test('a startup packet of the largest size is taken, a larger or an empty one refused', () => {
    const packet = (length: number) => {
      const bytes = Buffer.alloc(length);
      bytes.writeUInt32BE(length, 0);
      return bytes;
    };
    const reader = new FrameReader();
    reader.push(packet(STARTUP_BYTES_MAX));
    expect(reader.nextStartup()?.length).toBe(STARTUP_BYTES_MAX - 4);
    for (const length of [STARTUP_BYTES_MAX + 1, 7]) {
      const refused = new FrameReader();
      refused.push(packet(length));
      expect(() => refused.nextStartup()).toThrow(ProtocolError);
    }
  });

  test('takeAll gives what nobody has read, whole', () => {
    const reader = new FrameReader();
    for (const part of ['abc', 'def', 'g']) reader.push(Buffer.from(part));
    expect(reader.takeAll().toString()).toBe('abcdefg');
    expect(reader.takeAll().length).toBe(0);
  });
});

describe('BodyReader', () => {
  test('a string without an end, a length past the end and a negative one are malformed', () => {
    expect(() => new BodyReader(Buffer.from('abc')).string()).toThrow(ProtocolError);
    expect(() => new BodyReader(Buffer.alloc(3)).bytes(4)).toThrow(ProtocolError);
    expect(() => new BodyReader(Buffer.alloc(3)).bytes(-2)).toThrow(ProtocolError);
  });

  test('one byte behind the last field is malformed: a second statement could stand there', () => {
    const body = new BodyReader(Buffer.concat([cstring('SELECT 1'), Buffer.from('x')]));
    body.string();
    expect(() => body.end()).toThrow('invalid message format');
  });

  test('bytes are text only where they are exactly what that text is encoded as', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const text = decodeUtf8(Buffer.from(bytes));
        if (text !== undefined) expect(Buffer.from(text)).toEqual(Buffer.from(bytes));
      }),
    );
    expect(decodeUtf8(Buffer.from([0xc0, 0x80]))).toBeUndefined();
    expect(decodeUtf8(Buffer.from('\uFFFD'))).toBe('\uFFFD');
  });
});

test('an ErrorResponse is read as it was written, and no field can end another one early', () => {
  const written = errorResponse({
    code: '42501',
    message: 'denied\0CXX000',
    hint: 'né',
    position: 7,
  });
  expect(Object.fromEntries(readErrorFields(written.subarray(5)))).toEqual({
    S: 'ERROR',
    V: 'ERROR',
    C: '42501',
    M: 'deniedCXX000',
    H: 'né',
    P: '7',
  });
});
