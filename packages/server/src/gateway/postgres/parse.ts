/**
 * PostgreSQL's own parser (libpg-query, WebAssembly) behind the parse port: one for each server line in use.
 *
 * A RangeError inside it leaves its stack pointer where it was, and some thirty of them disable the module
 * for good: a 40 KB query sent thirty times would be a kill switch (postgres-gateway.md section 1). So an
 * instance is given up at its first fault. A second one stands by, since making one is not synchronous;
 * until there is another, texts are denied, never let through.
 */
import { createRequire } from 'node:module';
import { type ParseOutcome, type ParsePort, TEXT_BYTES_MAX } from '@sealrail/facts';

/** Major versions of PostgreSQL whose grammar is at hand. */
export const SERVER_LINES = [15, 16, 17, 18] as const;
export type ServerLine = (typeof SERVER_LINES)[number];

const PACKAGES: Readonly<Record<ServerLine, string>> = {
  15: 'libpg-query-15',
  16: 'libpg-query-16',
  17: 'libpg-query-17',
  18: 'libpg-query',
};

/** The line whose grammar a server speaks; undefined where there is none at hand. */
export function serverLine(serverVersion: string): ServerLine | undefined {
  const major = Number(/^\d+/.exec(serverVersion)?.[0]);
  return SERVER_LINES.find((line) => line === major);
}

/** One sentence for whoever starts a gateway before a server that it cannot read for. */
export function unsupportedServer(serverVersion: string): string {
  const lines = `${SERVER_LINES[0]} to ${SERVER_LINES.at(-1)}`;
  return `PostgreSQL ${serverVersion} is not supported: the grammars at hand are those of ${lines}`;
}

export interface Parser extends ParsePort {
  readonly line: ServerLine;
  /** Instances given up so far. */
  readonly faults: number;
  /** Resolves when an instance stands by again; rejects where none can be made. */
  ready(): Promise<void>;
}

interface LibPgQuery {
  loadModule(): Promise<void>;
  parseSync(text: string): unknown;
}

/**
 * A fresh instance. The package keeps one for itself, so it is loaded anew; by a `require` of its own,
 * because a module remembers what it has loaded, and given-up instances would never be freed.
 */
async function instantiate(line: ServerLine): Promise<LibPgQuery> {
  const require = createRequire(import.meta.url);
  const entry = require.resolve(PACKAGES[line]);
  const folder = entry.slice(0, entry.lastIndexOf('/') + 1);
  for (const path of Object.keys(require.cache)) {
    if (path.startsWith(folder)) delete require.cache[path];
  }
  const library: unknown = require(entry);
  if (!isLibPgQuery(library))
    throw new Error(`${PACKAGES[line]} is not the parser that is expected`);
  await library.loadModule();
  return library;
}

const isLibPgQuery = (value: unknown): value is LibPgQuery =>
  typeof value === 'object' && value !== null && 'parseSync' in value && 'loadModule' in value;

/** A text that every grammar reads: what an instance is tried with before it is relied on. */
const PROBE = 'SELECT 1';

/** Loads the grammar of that line. Throws where it cannot be loaded; the port itself never throws. */
export async function openParser(line: ServerLine): Promise<Parser> {
  const make = async (): Promise<LibPgQuery> => {
    const made = await instantiate(line);
    made.parseSync(PROBE);
    return made;
  };
  let current: LibPgQuery | undefined = await make();
  let spare: LibPgQuery | undefined = await make();
  let making: Promise<void> = Promise.resolve();
  let faults = 0;

  const replace = (): void => {
    faults++;
    current = spare;
    spare = undefined;
    making = making.then(async () => {
      current ??= await make();
      spare ??= await make();
    });
    // Whoever asks `ready` hears of it; texts are denied in the meantime.
    making.catch(() => undefined);
  };

  const parse = (text: string): ParseOutcome => {
    if (Buffer.byteLength(text) > TEXT_BYTES_MAX) {
      return { kind: 'fault', doubt: 'too-large', message: `more than ${TEXT_BYTES_MAX} bytes` };
    }
    if (!text.isWellFormed()) {
      return { kind: 'fault', doubt: 'encoding', message: 'half a UTF-16 pair' };
    }
    // It refuses what the server answers as an empty query.
    if (text === '') return { kind: 'tree', version: line * 10_000, stmts: [] };
    if (!current) {
      // Not a word about this text, so said in the one way that nobody keeps: the last one was too deep.
      return { kind: 'fault', doubt: 'too-deep', message: 'the parser is being replaced' };
    }
    try {
      return treeOf(current.parseSync(text));
    } catch (error) {
      const refused = syntaxError(error);
      if (refused) return refused;
      replace();
      return { kind: 'fault', ...faultOf(error) };
    }
  };
  return Object.defineProperties(parse, {
    line: { value: line },
    faults: { get: () => faults },
    ready: { value: () => making },
  }) as Parser;
}

function treeOf(tree: unknown): ParseOutcome {
  if (typeof tree === 'object' && tree !== null && 'version' in tree && 'stmts' in tree) {
    const { version, stmts } = tree;
    if (typeof version === 'number' && Array.isArray(stmts))
      return { kind: 'tree', version, stmts };
  }
  return { kind: 'fault', doubt: 'detector-failed', message: 'the parser gave no tree' };
}

/** The parser's own refusal; its position counts characters from 0, and 0 also stands for none. */
function syntaxError(error: unknown): ParseOutcome | undefined {
  if (!(error instanceof Error) || !('sqlDetails' in error)) return undefined;
  const details: unknown = error.sqlDetails;
  if (typeof details !== 'object' || details === null) return undefined;
  const at = 'cursorPosition' in details ? details.cursorPosition : undefined;
  const { message } = error;
  const known = typeof at === 'number' && (at > 0 || / at or near /.test(message));
  return { kind: 'syntax-error', message, ...(known ? { position: at + 1 } : {}) };
}

function faultOf(error: unknown): {
  readonly doubt: 'too-deep' | 'detector-failed';
  readonly message: string;
} {
  const message = error instanceof Error ? error.message : String(error);
  return { doubt: error instanceof RangeError ? 'too-deep' : 'detector-failed', message };
}
