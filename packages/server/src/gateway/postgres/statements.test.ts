import { describe, expect, test } from 'vitest';
import { NAMES_LENGTH_MAX, NAMES_MAX, NameMap } from './statements.ts';

const open = () => new NameMap<string>((value) => value.length);
const change = (name: string | undefined, value: string | undefined, group?: number) => ({
  name,
  value,
  group,
});

describe('a name', () => {
  test('counts when the server has confirmed it', () => {
    const names = open();
    const made = change('a', 'SELECT 1', 7);
    names.begin(made);
    expect(names.look('a', 8)).toEqual({ kind: 'unsettled' });
    names.commit(made);
    expect(names.look('a', 8)).toEqual({ kind: 'known', value: 'SELECT 1' });
  });

  test('is certain to the messages of its own group: they are discarded if it failed', () => {
    const names = open();
    names.begin(change('a', 'SELECT 1', 7));
    expect(names.look('a', 7)).toEqual({ kind: 'known', value: 'SELECT 1' });
  });

  test('of a Query is never certain before it is answered: its failure discards nothing', () => {
    const names = open();
    names.begin(change('a', 'SELECT 1', undefined));
    expect(names.look('a', undefined)).toEqual({ kind: 'unsettled' });
    expect(names.look('a', 7)).toEqual({ kind: 'unsettled' });
  });

  test('that could not be made leaves what was there: the old text is what would run', () => {
    const names = open();
    const old = change('a', 'SELECT 1', 1);
    names.begin(old);
    names.commit(old);
    const failed = change('a', 'DELETE FROM t', 2);
    names.begin(failed);
    names.abandon(failed);
    expect(names.look('a', 3)).toEqual({ kind: 'known', value: 'SELECT 1' });
  });

  test('is gone when its end is confirmed, and all are when all end', () => {
    const names = open();
    for (const name of ['a', 'b', 'c']) {
      const made = change(name, name, 1);
      names.begin(made);
      names.commit(made);
    }
    const dropped = change('a', undefined, 2);
    names.begin(dropped);
    expect(names.look('a', 2)).toEqual({ kind: 'unknown' });
    expect(names.commit(dropped)).toEqual(['a']);
    const all = change(undefined, undefined, 3);
    names.begin(all);
    expect(names.look('b', 3)).toEqual({ kind: 'unsettled' });
    expect(names.commit(all)).toEqual(['b', 'c']);
    expect(names.look('b', 4)).toEqual({ kind: 'unknown' });
  });

  test('comes to mean something else in another version', () => {
    const names = open();
    const before = names.version;
    const made = change('a', 'SELECT 1', 1);
    names.begin(made);
    expect(names.version).toBe(before);
    names.commit(made);
    expect(names.version).toBeGreaterThan(before);
  });
});

describe('bounds', () => {
  test(`${NAMES_MAX} names fit, and not one more`, () => {
    const names = open();
    for (let at = 0; at < NAMES_MAX; at++) {
      expect(names.hasRoomFor('x')).toBe(true);
      const made = change(`n${at}`, 'x', 1);
      names.begin(made);
      names.commit(made);
    }
    expect(names.hasRoomFor('x')).toBe(false);
  });

  test('texts fit up to their bound together, and what goes makes room', () => {
    const names = open();
    const made = change('a', 'x'.repeat(NAMES_LENGTH_MAX), 1);
    expect(names.hasRoomFor(made.value ?? '')).toBe(true);
    names.begin(made);
    expect(names.hasRoomFor('x')).toBe(false);
    names.abandon(made);
    expect(names.hasRoomFor('x')).toBe(true);
    names.begin(made);
    names.commit(made);
    expect(names.hasRoomFor('x')).toBe(false);
    names.clear(() => true);
    expect(names.hasRoomFor(made.value ?? '')).toBe(true);
  });
});
