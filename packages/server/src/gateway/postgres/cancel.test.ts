import { expect, test } from 'vitest';
import { CANCELS_PER_SECOND_MAX, CancelKeys } from './cancel.ts';

const upstream = { pid: 4711, key: Buffer.from('upst') };

test('only the key of that very session leads to the upstream, and only while it lives', () => {
  const keys = new CancelKeys(() => 0);
  const { key, release } = keys.issue(upstream, 0);
  const other = keys.issue({ pid: 4711, key: Buffer.from('othr') }, 0);
  expect(keys.take(4711, key)).toEqual(upstream.key);
  expect(keys.take(4711, other.key)?.toString()).toBe('othr');
  expect(keys.take(4712, key)).toBeUndefined();
  expect(keys.take(4711, Buffer.alloc(4))).toBeUndefined();
  // The upstream's own key is not the gateway's: whoever knows it gets nowhere here.
  expect(keys.take(4711, upstream.key)).toBeUndefined();
  release();
  expect(keys.take(4711, key)).toBeUndefined();
  expect(keys.take(4711, other.key)).toBeDefined();
});

test('a key has four bytes in protocol 3.0 and thirty-two from 3.2 on', () => {
  const keys = new CancelKeys(() => 0);
  expect(keys.issue(upstream, 0).key.length).toBe(4);
  expect(keys.issue(upstream, 2).key.length).toBe(32);
});

test('a session is cancelled at most so often in a second', () => {
  let nowMs = 5_000;
  const keys = new CancelKeys(() => nowMs);
  const { key } = keys.issue(upstream, 2);
  for (let at = 0; at < CANCELS_PER_SECOND_MAX; at++) expect(keys.take(4711, key)).toBeDefined();
  expect(keys.take(4711, key)).toBeUndefined();
  nowMs += 1_000;
  expect(keys.take(4711, key)).toBeDefined();
});
