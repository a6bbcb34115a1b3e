import { describe, expect, test } from 'vitest';
import {
  cstring,
  FRAME_BYTES_MAX,
  FrameReader,
  frame,
  int32,
  ProtocolError,
  SMALL_FRAME_BYTES_MAX,
} from './frame.ts';
import { type ClientMessage, clientFrameLimit, parseMessage } from './messages.ts';

const int16 = (value: number) => int32(value).subarray(2);

function parsed(bytes: Buffer): ClientMessage {
  const reader = new FrameReader();
  reader.push(bytes);
  const next = reader.next(clientFrameLimit);
  if (!next) throw new Error('not a whole frame');
  return parseMessage(next);
}

const value = (bytes: Buffer) => Buffer.concat([int32(bytes.length), bytes]);

describe('a Bind', () => {
  const bind = (formats: readonly number[], ...values: readonly Buffer[]) =>
    frame(
      'B',
      cstring('p'),
      cstring('s'),
      int16(formats.length),
      ...formats.map(int16),
      int16(values.length),
      ...values,
      int16(1),
      int16(1),
    );

  test('gives text as it is, binary as base64, and NULL as null', () => {
    const bytes = bind([0, 1, 0], value(Buffer.from('é')), value(Buffer.of(0, 1)), int32(-1));
    expect(parsed(bytes)).toMatchObject({
      portal: 'p',
      statement: 's',
      values: ['é', 'base64:AAE=', null],
    });
  });

  test('one format goes for all values', () => {
    const bytes = bind([1], value(Buffer.of(1)), value(Buffer.of(2)));
    expect(parsed(bytes)).toMatchObject({ values: ['base64:AQ==', 'base64:Ag=='] });
  });

  test('a value that claims to be text and is no UTF-8 is committed to by its bytes', () => {
    expect(parsed(bind([], value(Buffer.of(0xff))))).toMatchObject({ values: ['base64:/w=='] });
  });

  test('a text that begins like the mark of bytes is marked itself, so that nothing hides behind it', () => {
    const mark = Buffer.from('base64:4242');
    expect(parsed(bind([0], value(mark)))).toMatchObject({
      values: [`base64:${mark.toString('base64')}`],
    });
  });

  test('as many formats as values, one, or none: anything else is malformed', () => {
    expect(() => parsed(bind([0, 0], value(Buffer.from('x'))))).toThrow(ProtocolError);
  });

  test('a value longer than what is left of the message is malformed', () => {
    expect(() => parsed(bind([], int32(50)))).toThrow('insufficient data left in message');
  });
});

test.each([
  ['Query', frame('Q', cstring('SELECT 1'), cstring('DROP TABLE t'))],
  ['Parse', frame('P', cstring(''), cstring('SELECT 1'), int16(0), Buffer.from('x'))],
  ['Sync', frame('S', Buffer.from('x'))],
  ['Execute', frame('E', cstring(''), int32(0), int32(0))],
  ['Close', frame('C', Buffer.from('S'), cstring('a'), cstring('b'))],
])('bytes behind the end of a %s are malformed', (_kind, bytes) => {
  expect(() => parsed(bytes)).toThrow('invalid message format');
});

test.each([
  ['a Query that is no UTF-8', frame('Q', Buffer.of(0x53, 0xff, 0))],
  ['a Close of nothing known', frame('C', Buffer.from('X'), cstring('a'))],
  ['a Parse whose types are missing', frame('P', cstring(''), cstring('SELECT 1'), int16(2))],
])('%s is malformed', (_kind, bytes) => {
  expect(() => parsed(bytes)).toThrow(ProtocolError);
});

test('large messages have the large bound, small ones the small one, and no other type any', () => {
  expect(clientFrameLimit('Q')).toBe(FRAME_BYTES_MAX);
  expect(clientFrameLimit('S')).toBe(SMALL_FRAME_BYTES_MAX);
  for (const type of ['p', 'R', '\0', 'z']) expect(clientFrameLimit(type)).toBeUndefined();
});

test('COPY data and calls by number are taken without a look at their bodies', () => {
  expect(parsed(frame('d', Buffer.of(0xff, 0)))).toEqual({ kind: 'copy-data' });
  expect(parsed(frame('F', int32(1)))).toEqual({ kind: 'function-call' });
});
