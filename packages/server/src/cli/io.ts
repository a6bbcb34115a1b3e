/** How commands talk: data on stdout, talk on stderr, colours only for a terminal that wants them. */
import { styleText } from 'node:util';
import type { Writes } from './verify-report.ts';

export const EXIT = {
  ok: 0,
  /** The server's own error about a statement that was allowed; what a check of files found. */
  failed: 1,
  usage: 64,
  verification: 65,
  unavailable: 69,
  pending: 75,
  denied: 77,
  configuration: 78,
} as const;

export interface Io {
  readonly stdout: Writes;
  readonly stderr: Writes;
  /** A line of data. */
  out(line: string): void;
  /** A line of talk. */
  say(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Asks the person at the terminal, without showing what is typed; undefined where nobody sits there. */
  readonly askSecret: ((question: string) => Promise<string>) | undefined;
  readonly color: boolean;
  /** Shows a line in the place of the one before; absent where stderr is no terminal. */
  readonly showStatus?: (line: string) => void;
}

export interface Command {
  /** As one calls it, after `sealrail`: `up [-c FILE]`. */
  readonly line: string;
  /** One line in the list of commands. */
  readonly does: string;
  /** Options and an example, for `--help`; absent where the command has a help of its own. */
  readonly help?: string;
  readonly run: (args: readonly string[], io: Io) => Promise<number>;
  /** Where the first argument chooses what is done: each verb is a command of its own, by its name. */
  readonly verbs?: ReadonlyMap<string, Command>;
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** Ends a command with a sentence and an exit code. */
export class CliError extends Error {
  readonly exit: number;
  readonly hint: string | undefined;
  constructor(exit: number, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}

export const usage = (message: string, hint?: string): CliError =>
  new CliError(EXIT.usage, message, hint);

export function paint(io: Io, style: Parameters<typeof styleText>[0], text: string): string {
  return io.color ? styleText(style, text, { validateStream: false }) : text;
}

/** C0 and C1 controls, and what turns the direction of a line around. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Text from a database or a log as one line of a terminal. Whoever wrote it chose its bytes: an escape
 * sequence in a statement must not repaint the screen of whoever reads about it.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (one) => {
    const code = one.charCodeAt(0);
    const short = { 9: '\\t', 10: '\\n', 13: '\\r' }[code];
    return short ?? `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
