import { expect, test } from 'vitest';
import type { Effect } from './judge.ts';
import { NameChanges } from './name-changes.ts';
import { type Names, openNames, type Portal } from './statements.ts';
import { openUnit } from './unit.ts';

const portal: Portal = {
  text: 'DECLARE c CURSOR FOR SELECT 1',
  bySql: true,
  binds: [],
  madeFrom: '',
  unit: openUnit('d'),
  held: false,
  plan: undefined,
  described: { known: false },
};

function changes(names: Names, ...effects: readonly Effect[]) {
  const gone: Portal[] = [];
  const options = { names, effects, group: undefined, cursor: () => portal };
  const made = new NameChanges({ ...options, gone: (portals) => gone.push(...portals) });
  return { made, gone };
}
const textOf = (names: Names, name: string) => {
  const found = names.prepared.look(name, undefined);
  return found.kind === 'known' ? found.value.text : found.kind;
};
const prepare = (name: string, text: string): Effect => ({ kind: 'prepare', name, text });

test('a PREPARE stands although a later statement of its message failed: no rollback undoes it', () => {
  const names = openNames();
  const { made } = changes(names, prepare('a', 'SELECT 1'), prepare('b', 'SELECT 2'));
  made.tag('PREPARE');
  made.over();
  expect(textOf(names, 'a')).toBe('SELECT 1');
  expect(textOf(names, 'b')).toBe('unknown');
});

test('a name that is deallocated and prepared anew in a failing message stands for the new text', () => {
  const names = openNames();
  changes(names, prepare('a', 'SELECT 1')).made.tag('PREPARE');
  const effects: readonly Effect[] = [
    { kind: 'deallocate', name: 'a' },
    prepare('a', 'SELECT 2'),
    { kind: 'other' },
  ];
  const { made } = changes(names, ...effects);
  expect(textOf(names, 'a')).toBe('unsettled');
  made.tag('DEALLOCATE');
  made.tag('PREPARE');
  made.over();
  expect(textOf(names, 'a')).toBe('SELECT 2');
});

test('cursors come and go by their tags, and DISCARD ALL takes everything', () => {
  const names = openNames();
  const { made } = changes(names, { kind: 'declare', name: 'c' }, prepare('a', 'SELECT 1'));
  made.tag('BEGIN');
  made.tag('DECLARE CURSOR');
  made.tag('PREPARE');
  made.over();
  expect(names.portals.look('c', undefined).kind).toBe('known');
  const discard = changes(names, { kind: 'discard-all' });
  discard.made.tag('DISCARD ALL');
  discard.made.over();
  expect(names.portals.look('c', undefined).kind).toBe('unknown');
  expect(textOf(names, 'a')).toBe('unknown');
  expect(discard.gone).toEqual([portal]);
});

test('a tag that nothing foretold leaves no name standing: what it did is not known', () => {
  const names = openNames();
  changes(names, prepare('a', 'SELECT 1')).made.tag('PREPARE');
  const { made } = changes(names, { kind: 'other' });
  made.tag('PREPARE');
  expect(textOf(names, 'a')).toBe('unknown');
});
