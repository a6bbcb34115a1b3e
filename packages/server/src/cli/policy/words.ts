/** How verbs of `policy` put a statement into a line. */
import { printable } from '../io.ts';

const STATEMENT_LENGTH_MAX = 80;

export function shortStatement(statement: string): string {
  const text = printable(statement.replace(/\s+/g, ' '));
  return text.length > STATEMENT_LENGTH_MAX ? `${text.slice(0, STATEMENT_LENGTH_MAX - 1)}…` : text;
}
