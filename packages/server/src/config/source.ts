/** A YAML file that knows where each of its values stands, so that every problem can say its place. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml';
import type { z } from 'zod';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { nearest } from './nearest.ts';

export const FILE_BYTES_MAX = 1 << 20;

/** Names of the keys that are known at a path; empty where any may stand. */
export type KnownKeys = (path: readonly PropertyKey[]) => readonly string[];

const OTHERS_WRITE = 0o002;

/** Whoever may write the configuration decides who may do what: that must not be everybody. */
export function checkWritable(path: string, stat: Stats): ConfigProblem | undefined {
  return (stat.mode & OTHERS_WRITE) === 0
    ? undefined
    : { file: path, message: 'can be written by everybody', hint: `chmod o-w ${path}` };
}

function readText(file: string, madeBy: string): string {
  const fail = (message: string, hint: string): never => {
    throw new ConfigError([{ file, message, hint }]);
  };
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return fail('is no file', 'name the configuration file itself');
    if (stat.size > FILE_BYTES_MAX)
      return fail(`has ${stat.size} bytes`, `a configuration has at most ${FILE_BYTES_MAX}`);
    const open = checkWritable(file, stat);
    if (open) throw new ConfigError([open]);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? fail('there is no such file', `${madeBy} writes one`)
      : fail(`cannot be read: ${code}`, 'it has to be readable by the user that runs Sealrail');
  }
}

export class YamlSource {
  readonly file: string;
  readonly #problems: ConfigProblem[] = [];
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** Throws ConfigError where the file cannot be read; what is wrong inside is kept with its place. */
  constructor(file: string, madeBy = 'sealrail init') {
    this.file = file;
    this.#document = parseDocument(readText(file, madeBy), {
      lineCounter: this.#lines,
      uniqueKeys: true,
    });
    // One mistake in the layout makes many of what follows it: the first is the one to mend.
    const [first] = [...this.#document.errors, ...this.#document.warnings];
    if (first) this.#push(first.pos[0], plain(first.message));
    this.#refuseTricks();
  }

  /** Aliases make a small file a large one; a key `__proto__` is dropped by readers without a word. */
  #refuseTricks(): void {
    visit(this.#document, (_key, node) => {
      if (isAlias(node)) this.#push(node.range?.[0], 'aliases are not supported');
      else if (isScalar(node) && node.value === '__proto__')
        this.#push(node.range?.[0], '"__proto__" is no name');
    });
  }

  #push(offset: number | undefined, message: string, hint?: string): void {
    const { line, col } = this.#lines.linePos(offset ?? 0);
    const place = { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
    this.#problems.push({ ...place, message, ...(hint === undefined ? {} : { hint }) });
  }

  get isWrong(): boolean {
    return this.#problems.length > 0;
  }

  /** Everything that is wrong, in the order in which one reads the file, and what is wrong elsewhere. */
  error(elsewhere: readonly ConfigProblem[] = []): ConfigError {
    const inOrder = this.#problems.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    return new ConfigError([...inOrder, ...elsewhere]);
  }

  /** Where the value of a path stands; 1-based. */
  placeOf(path: readonly PropertyKey[]): { readonly line: number; readonly column: number } {
    const node = this.#node(path);
    const { line, col } = this.#lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0);
    return { line, column: col };
  }

  /** At the value of a path, or at the nearest thing above it that is there; at a key where one is given. */
  add(path: readonly PropertyKey[], message: string, hint?: string, atKey?: string): void {
    let depth = path.length;
    let node: unknown = this.#node(path);
    while (!isNode(node) && depth > 0) node = this.#node(path.slice(0, --depth));
    const pair =
      atKey !== undefined && isMap(node)
        ? node.items.find(({ key }) => isScalar(key) && String(key.value) === atKey)
        : undefined;
    const at = pair && isNode(pair.key) ? pair.key : isNode(node) ? node : undefined;
    this.#push(at?.range?.[0], message, hint);
  }

  #node(path: readonly PropertyKey[]): unknown {
    return this.#document.getIn(
      path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
      true,
    );
  }

  /** The file in this shape; undefined where something is wrong with it. */
  check<T>(shape: z.ZodType<T>, known: KnownKeys): T | undefined {
    if (this.#problems.length > 0) return undefined;
    const result = shape.safeParse(this.#document.toJS({ maxAliasCount: 0 }) ?? {});
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#addIssue(issue, known);
    return undefined;
  }

  #addIssue(issue: z.core.$ZodIssue, known: KnownKeys): void {
    const { path } = issue;
    const what = path.map(String).join('.') || 'the file';
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys)
          this.add(path, `unknown key ${JSON.stringify(key)}`, suggestion(key, known(path)), key);
        return;
      case 'invalid_key':
        this.add(
          path.slice(0, -1),
          `${what}: ${issue.issues[0]?.message ?? issue.message}`,
          undefined,
          String(path.at(-1)),
        );
        return;
      case 'invalid_value':
        this.add(
          path,
          `${what} must be ${issue.values.map(String).join(', ')}`.replace(/, ([^,]*)$/, ' or $1'),
        );
        return;
      case 'invalid_type':
        if (!isNode(this.#node(path))) this.add(path, `${what} is missing`);
        else this.add(path, `${what} must be ${TYPES[issue.expected] ?? issue.expected}`);
        return;
      default:
        this.add(path, `${what}: ${issue.message}`);
    }
  }
}

/** The parser's own text, without the place that it adds: it stands before the message already. */
const plain = (message: string): string =>
  (message.split('\n')[0] ?? message).replace(/(?: at line \d+, column \d+)?:?$/, '');

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  array: 'a list',
  object: 'a section with keys',
  record: 'a section with names',
};

function suggestion(key: string, known: readonly string[]): string | undefined {
  const meant = nearest(key, known);
  if (meant !== undefined) return `did you mean ${JSON.stringify(meant)}?`;
  return known.length > 0 ? `known here: ${known.join(', ')}` : undefined;
}
