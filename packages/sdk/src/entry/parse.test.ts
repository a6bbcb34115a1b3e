import { describe, expect, test } from 'vitest';
import { recorderForTest } from '../../testing/recorder.ts';
import { encodeCanonical } from './canonical.ts';
import { ENTRY_BYTES_MAX, type Json } from './entry.ts';
import { parseEntry } from './parse.ts';

const { log, recorder } = recorderForTest();
await recorder.record({ kind: 'system', event: 'start', detail: {} }, {}).durable;
const good = log.read(0) as unknown as Record<string, Json | undefined>;
const encode = (entry: Record<string, Json | undefined>) => Buffer.from(encodeCanonical(entry));

describe('reading an entry', () => {
  test('fields that this reader does not know stay', () => {
    expect(parseEntry(encode({ ...good, later: { a: 1 } }))).toMatchObject({ later: { a: 1 } });
  });

  test('the largest entry is read, one byte more is not', () => {
    const room = ENTRY_BYTES_MAX - encode({ ...good, pad: '' }).length;
    expect(parseEntry(encode({ ...good, pad: 'x'.repeat(room) })).v).toBe(1);
    expect(() => parseEntry(encode({ ...good, pad: 'x'.repeat(room + 1) }))).toThrow(/65536 bytes/);
  });

  test.each<[string, Uint8Array]>([
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), encode(good)])],
    ['an array', Buffer.from('[]')],
    ['another version', encode({ ...good, v: 2 })],
    ['an unknown kind', encode({ ...good, kind: 'guess' })],
    ['a UUID of another version', encode({ ...good, id: '6ba7b810-9dad-11d1-80b4-00c04fd430c8' })],
    ['a time without microseconds', encode({ ...good, time: '2025-11-25T12:00:00Z' })],
    ['a negative number', encode({ ...good, seq: -1 })],
    ['a predecessor that is no hash', encode({ ...good, prev: 'ab' })],
    ['no source', encode({ ...good, source: undefined })],
    ['a source without an id', encode({ ...good, source: { type: 'a', version: '1', epoch: 1 } })],
    [
      'a source without an epoch',
      encode({ ...good, source: { id: 'a', type: 'a', version: '1' } }),
    ],
    ['a source without a version', encode({ ...good, source: { id: 'a', type: 'a', epoch: 1 } })],
  ])('refuses %s', (_name, bytes) => {
    expect(() => parseEntry(bytes)).toThrow(expect.objectContaining({ code: 'ENTRY_INVALID' }));
  });
});
