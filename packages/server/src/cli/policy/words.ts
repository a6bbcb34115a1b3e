/** How verbs of `policy` put things into a line. */
import type { Changes } from '../../policy/replay-tally.ts';
import { printable } from '../io.ts';

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
