/**
 * JSON that loses nothing: integers past 2^53 are bigints, other numbers stay text, `__proto__` is a member
 * like any other. What two readers could take differently is refused, so that nobody signs one meaning and
 * enforces another: a name twice in one object (Cedar refuses it too) and half a surrogate pair. RFC 8259.
 */

import { locateError, type ParseError } from '../syntax/error.ts';
import type { JsonPolicy, JsonPolicySet } from './policy-json.ts';

/** A number that no Long can be: with a fraction or an exponent, minus zero, or of endless digits. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json =
  | null
  | boolean
  | string
  | number
  | bigint
  | JsonNumber
  | readonly Json[]
  | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Twice the deepest policy (`TREE_DEPTH_MAX`) and what stands around it. */
export const JSON_DEPTH_MAX = 2_100;
export const JSON_LENGTH_MAX = 67_108_864;
/** Longer integers stay text: turning digits into a bigint costs their square. */
const INTEGER_DIGITS_MAX = 40;

export interface JsonLimits {
  readonly lengthMax: number;
  readonly depthMax: number;
}

export type ParsedJson =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly errors: readonly ParseError[] };

/** JSON text to its value. Limits can be lowered. Throws nothing. */
export function parseJson(text: string, limits: Partial<JsonLimits> = {}): ParsedJson {
  const lengthMax = Math.min(JSON_LENGTH_MAX, limits.lengthMax ?? JSON_LENGTH_MAX);
  const depthMax = Math.min(JSON_DEPTH_MAX, limits.depthMax ?? JSON_DEPTH_MAX);
  const reader = new JsonReader(text, depthMax);
  try {
    if (text.length > lengthMax) throw new JsonFailure(`longer than ${lengthMax}`, 0);
    if (!text.isWellFormed()) {
      throw new JsonFailure('half a surrogate pair', text.search(LONE_SURROGATE));
    }
    return { ok: true, value: reader.read() };
  } catch (failure) {
    if (!(failure instanceof JsonFailure)) throw failure;
    return { ok: false, errors: [locateError(text, failure.message, failure.at, failure.at + 1)] };
  }
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

class JsonFailure extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** An array or an object that is not closed yet, and the name that the next value gets. */
type Open = { readonly items: Json[] } | { readonly members: Record<string, Json>; name: string };

class JsonReader {
  readonly #text: string;
  readonly #depthMax: number;
  #at = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  /** A loop with a stack of its own, so that no depth can overflow the engine's. */
  read(): Json {
    const open: Open[] = [];
    for (;;) {
      let value = this.#readStart(open);
      if (value === undefined) continue;
      // A value closes everything that ends right behind it.
      for (;;) {
        const parent = open.at(-1);
        if (parent === undefined) {
          this.#skipBlanks();
          if (this.#at < this.#text.length) throw this.#unexpected('the end of the text');
          return value;
        }
        this.#addTo(parent, value);
        this.#skipBlanks();
        const close = 'items' in parent ? ']' : '}';
        if (this.#take(',')) {
          if (!('items' in parent)) parent.name = this.#readName(parent.members);
          break;
        }
        if (!this.#take(close)) throw this.#unexpected(`\`,\` or \`${close}\``);
        open.pop();
        value = 'items' in parent ? parent.items : parent.members;
      }
    }
  }

  /** A whole value, or undefined where an array or an object with something inside began. */
  #readStart(open: Open[]): Json | undefined {
    this.#skipBlanks();
    const char = this.#text[this.#at];
    if (char === '[' || char === '{') {
      if (open.length >= this.#depthMax) {
        throw new JsonFailure(`nested deeper than ${this.#depthMax} levels`, this.#at);
      }
      this.#at++;
      this.#skipBlanks();
      if (char === '[') {
        if (this.#take(']')) return [];
        open.push({ items: [] });
      } else {
        if (this.#take('}')) return {};
        const members = {};
        open.push({ members, name: this.#readName(members) });
      }
      return undefined;
    }
    if (char === '"') return this.#readString();
    if (this.#takeWord('true')) return true;
    if (this.#takeWord('false')) return false;
    if (this.#takeWord('null')) return null;
    return this.#readNumber();
  }

  #addTo(parent: Open, value: Json): void {
    if ('items' in parent) parent.items.push(value);
    else setMember(parent.members, parent.name, value);
  }

  #readName(members: object): string {
    this.#skipBlanks();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#unexpected('a name in quotes');
    const name = this.#readString();
    if (Object.hasOwn(members, name)) {
      throw new JsonFailure(`the object has ${JSON.stringify(name)} twice`, start);
    }
    this.#skipBlanks();
    if (!this.#take(':')) throw this.#unexpected('`:`');
    return name;
  }

  #readString(): string {
    const text = this.#text;
    const start = this.#at;
    let end = start + 1;
    let isPlain = true;
    for (;;) {
      const code = text.charCodeAt(end);
      if (code === 34) break;
      if (Number.isNaN(code)) throw new JsonFailure('this string has no closing quote', start);
      if (code < 32) throw new JsonFailure('a control character must be escaped', end);
      if (code === 92) {
        isPlain = false;
        end++;
      }
      end++;
    }
    this.#at = end + 1;
    if (isPlain) return text.slice(start + 1, end);
    const value = this.#unescape(start, end + 1);
    if (!value.isWellFormed()) throw new JsonFailure('half a surrogate pair', start);
    return value;
  }

  #unescape(start: number, end: number): string {
    try {
      return JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      throw new JsonFailure('this string has a wrong escape', start);
    }
  }

  #readNumber(): number | bigint | JsonNumber {
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (found === null) throw this.#unexpected('a value');
    this.#at += found[0].length;
    return numberOf(found[0]);
  }

  #skipBlanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #unexpected(wanted: string): JsonFailure {
    const found = this.#text[this.#at];
    return new JsonFailure(
      `expected ${wanted}, found ${found === undefined ? 'the end of the text' : `\`${found}\``}`,
      this.#at,
    );
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function numberOf(text: string): number | bigint | JsonNumber {
  if (text.length > INTEGER_DIGITS_MAX || text === '-0' || /[.eE]/.test(text)) {
    return new JsonNumber(text);
  }
  const near = Number(text);
  return Number.isSafeInteger(near) ? near : BigInt(text);
}

/** Assignment would take `__proto__` for the prototype. */
function setMember(members: Record<string, Json>, name: string, value: Json): void {
  if (name !== '__proto__') members[name] = value;
  else
    Object.defineProperty(members, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
}

/** The value as JSON text without blanks, members in their own order. Numbers must be safe integers. */
export function stringifyJson(value: Json | JsonPolicy | JsonPolicySet): string {
  // A loop, as in reading: what was read at any depth can be written.
  const open: Written[] = [];
  let text = '';
  let next = value as Json | undefined;
  while (next !== undefined) {
    if (isScalar(next)) text += scalarText(next);
    else {
      text += Array.isArray(next) ? '[' : '{';
      open.push(writtenOf(next));
    }
    next = undefined;
    for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
      const { names, values, index } = frame;
      if (index < values.length) {
        if (index > 0) text += ',';
        if (names !== undefined) text += `${JSON.stringify(names[index])}:`;
        frame.index++;
        next = values[index] ?? null;
        break;
      }
      text += names === undefined ? ']' : '}';
      open.pop();
    }
  }
  return text;
}

/** An array or an object of which `index` values are written. */
interface Written {
  readonly names?: readonly string[];
  readonly values: readonly Json[];
  index: number;
}

/** A member that is undefined is not there, as for the platform. */
function writtenOf(value: readonly Json[] | JsonObject): Written {
  if (Array.isArray(value)) return { values: value, index: 0 };
  const object = value as JsonObject;
  const names = Object.keys(object).filter((name) => object[name] !== undefined);
  return { names, values: names.map((name) => object[name]!), index: 0 };
}

type Scalar = null | boolean | string | number | bigint | JsonNumber;

const isScalar = (value: Json): value is Scalar =>
  typeof value !== 'object' || value === null || value instanceof JsonNumber;

function scalarText(value: Scalar): string {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof JsonNumber) return value.text;
  return JSON.stringify(value);
}
