import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

const KNOWN = ['listen', 'upstream', 'env', 'mode'];

test.each([
  ['lisen', 'listen'],
  ['UPSTREAM', 'upstream'],
  ['upsteram', 'upstream'],
  ['envs', 'env'],
])('%s was meant to be %s', (word, meant) => {
  expect(nearest(word, KNOWN)).toBe(meant);
});

test('what resembles nothing gets no suggestion, however long it is', () => {
  expect(nearest('frobnicate', KNOWN)).toBeUndefined();
  expect(nearest('x'.repeat(1_000_000), KNOWN)).toBeUndefined();
  expect(nearest('env', [])).toBeUndefined();
});
