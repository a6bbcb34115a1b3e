/** How verbs of `policy` put things into a line. */
import type { Changes } from '../../policy/replay-tally.ts';
import type { PolicyChange } from '../../policy/set-changes.ts';
import { type Io, paint, printable } from '../io.ts';

const STATEMENT_LENGTH_MAX = 80;

export function shortStatement(statement: string): string {
  const text = printable(statement.replace(/\s+/g, ' '));
  return text.length > STATEMENT_LENGTH_MAX ? `${text.slice(0, STATEMENT_LENGTH_MAX - 1)}…` : text;
}

/** `2 allow→deny, 1 deny→allow` */
export const changesText = (changes: Changes): string =>
  Object.entries(changes)
    .map(([change, count]) => `${count} ${change}`)
    .join(', ');

const MARKS = { added: '+', removed: '-', changed: '~' } as const;

/** What became of one policy, and whether that loosens. */
export function changeLine(
  { id, effect, change, loosens, tightens }: PolicyChange,
  io: Io,
): string {
  const said = [...loosens.map((one) => `${one} (loosens)`), ...tightens];
  const text = said.length > 0 ? said.join('; ') : 'decides the same, says it otherwise';
  const mark = paint(io, loosens.length > 0 ? 'yellow' : 'green', MARKS[change]);
  return `${mark} ${effect} ${id}: ${printable(text)}`;
}
