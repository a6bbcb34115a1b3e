/**
 * PostgreSQL's own parser (libpg-query, WebAssembly) behind the parse port: one for each server line in use.
 *
 * A RangeError inside it does not restore the module's stack pointer, and some thirty of them disable the
 * module for good: so the instance is given up at the first fault, and the next text gets a fresh one.
 */
import { createRequire } from 'node:module';
import type { ParseOutcome, ParsePort } from '@sealrail/facts';

/** Major versions of PostgreSQL whose grammar is at hand. */
export const SERVER_LINES = [15, 16, 17, 18] as const;
export type ServerLine = (typeof SERVER_LINES)[number];

const PACKAGES: Readonly<Record<ServerLine, string>> = {
  15: 'libpg-query-15',
  16: 'libpg-query-16',
  17: 'libpg-query-17',
  18: 'libpg-query',
};

interface LibPgQuery {
  loadModule(): Promise<void>;
  parseSync(text: string): { version: number; stmts?: unknown[] };
}

interface SqlDetails {
  readonly message: string;
  readonly cursorPosition: number;
}

const require = createRequire(import.meta.url);

/** A fresh instance: the package keeps one module for itself, so its own copy is forgotten first. */
async function instantiate(line: ServerLine): Promise<LibPgQuery> {
  const entry = require.resolve(PACKAGES[line]);
  const folder = entry.slice(0, entry.lastIndexOf('/'));
  for (const path of Object.keys(require.cache))
    if (path.startsWith(folder)) delete require.cache[path];
  const library = require(entry) as LibPgQuery;
  await library.loadModule();
  return library;
}

/** Expressions nested beyond the parser's or our own stack; the text is judged by its nesting before. */
const NESTING_MAX = 2_000;

/** Counts what nests or chains; a cheap upper bound that keeps the parser's recursion within its stack. */
function nests(text: string): boolean {
  if (text.length <= NESTING_MAX) return false;
  let depth = 0;
  let deepest = 0;
  let operators = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x28 || char === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x29 || char === 0x5d) depth--;
    else if (
      char === 0x2b ||
      char === 0x2d ||
      char === 0x2a ||
      char === 0x2f ||
      char === 0x7c ||
      char === 0x3d
    )
      operators++;
  }
  return deepest > NESTING_MAX || operators > 20 * NESTING_MAX;
}

/** Of the JavaScript stack, or of the module's own memory (WebAssembly.RuntimeError). */
const isFault = (error: unknown): boolean =>
  error instanceof RangeError ||
  (error instanceof Error && error.constructor.name === 'RuntimeError');

export async function openParser(line: ServerLine): Promise<ParsePort> {
  let library: LibPgQuery | undefined = await instantiate(line);
  return (text): ParseOutcome => {
    if (!library)
      return { kind: 'fault', doubt: 'too-deep', message: 'the parser is being replaced' };
    if (text.trim() === '') return { kind: 'tree', version: line, stmts: [] };
    if (nests(text)) return { kind: 'fault', doubt: 'too-deep', message: 'nested too deeply' };
    try {
      const tree = library.parseSync(text);
      return { kind: 'tree', version: tree.version, stmts: tree.stmts ?? [] };
    } catch (error) {
      const details = (error as { sqlDetails?: SqlDetails }).sqlDetails;
      if (details) {
        const position =
          details.cursorPosition >= 0 ? { position: details.cursorPosition + 1 } : {};
        return { kind: 'syntax-error', message: details.message, ...position };
      }
      if (isFault(error)) {
        library = undefined;
        void instantiate(line).then((fresh) => {
          library = fresh;
        });
        return { kind: 'fault', doubt: 'too-deep', message: 'the parser gave up' };
      }
      // Only a text of comments is left to say nothing: PostgreSQL answers it as an empty query.
      const message = error instanceof Error ? error.message : String(error);
      if (/empty/i.test(message)) return { kind: 'tree', version: line, stmts: [] };
      return { kind: 'fault', doubt: 'opaque-code', message };
    }
  };
}

/** The line whose grammar a server speaks; undefined where there is none at hand. */
export function serverLine(serverVersion: string): ServerLine | undefined {
  const major = Number(/^\d+/.exec(serverVersion)?.[0]);
  return SERVER_LINES.find((line) => line === major);
}
