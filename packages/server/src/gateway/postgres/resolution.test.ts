import { expect, test } from 'vitest';
import { Resolution } from './resolution.ts';

const set = (name: string) => ({ kind: 'set', name }) as const;
const reset = (name: string) => ({ kind: 'reset', name }) as const;

test('a search_path that was set means nothing certain until it is reset for good', () => {
  const resolution = new Resolution();
  resolution.happened([set('search_path')], true);
  expect(resolution.namesKnown).toBe(false);
  // A ROLLBACK could bring the other path back.
  resolution.happened([reset('search_path')], false);
  expect(resolution.namesKnown).toBe(false);
  resolution.happened([reset('search_path'), { kind: 'other' }], true);
  expect(resolution.namesKnown).toBe(false);
  resolution.happened([reset('search_path')], true);
  expect(resolution.namesKnown).toBe(true);
});

test.each(['temporary objects', 'role', 'session_authorization', 'all'])(
  'after %s only DISCARD ALL makes names known again',
  (name) => {
    const resolution = new Resolution();
    resolution.happened([set(name)], true);
    resolution.happened([reset('all')], true);
    expect(resolution.namesKnown).toBe(false);
    resolution.discarded();
    expect(resolution.namesKnown).toBe(true);
  },
);

test('settings that name nothing change nothing', () => {
  const resolution = new Resolution();
  resolution.happened([set('statement_timeout'), { kind: 'begin' }], true);
  expect(resolution.namesKnown).toBe(true);
});

test('DDL is unseen until its transaction is over, and then the catalog is read again, once', () => {
  const resolution = new Resolution();
  expect(resolution.ended()).toBe(false);
  resolution.happened([{ kind: 'ddl' }], true);
  expect(resolution.uncommitted).toBe(true);
  expect(resolution.ended()).toBe(true);
  expect(resolution.uncommitted).toBe(false);
  expect(resolution.ended()).toBe(false);
});
