/** How commands talk: data on stdout, talk on stderr, colours only for a terminal that wants them. */
import { styleText } from 'node:util';
import type { Writes } from './verify-report.ts';

export const EXIT = {
  ok: 0,
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
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** True where a person sits at a terminal. */
  readonly interactive: boolean;
  readonly color: boolean;
}

export type Command = (args: readonly string[], io: Io) => Promise<number>;

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

export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    out: (line) => process.stdout.write(`${line}\n`),
    say: (line) => process.stderr.write(`${line}\n`),
    env: process.env,
    cwd: process.cwd(),
    interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  };
}
