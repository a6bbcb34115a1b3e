/**
 * `meta` of many entries: its members are read one by one, and a text that was read before is not read again.
 * Sessions, callers and histories come back; the time of each decision does not.
 */
import {
  type CedarRecord,
  Datetime,
  parseDatetime,
  recordFromJson,
  type Value,
} from '@sealrail/cedar';

/** Texts that are kept; past it all of them are forgotten. */
export const MEMBERS_KEPT_MAX = 20_000;

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const OPENING: ReadonlySet<number> = new Set([91, 123]);
const CLOSING: ReadonlySet<number> = new Set([93, 125]);

/** The texts of these members, with their names, in one: two records with the same one differ in others only. */
export function membersText(text: string, names: ReadonlySet<string>): string {
  if (names.size === 0) return '';
  let joined = '';
  for (let from = 1; from < text.length - 1; ) {
    const end = memberEnd(text, from);
    const nameEnd = stringEnd(text, from);
    if (names.has(text.slice(from + 1, nameEnd))) joined += text.slice(from, end + 1);
    from = end + 1;
  }
  return joined;
}

export class MetaReader {
  /** By member with its name: `"hour":12`. */
  readonly #known = new Map<string, readonly [name: string, value: Value]>();

  /** Canonical JSON of a record. Throws SyntaxError for what is no JSON, CedarError for what is no record. */
  read(text: string): CedarRecord {
    const record: Record<string, Value> = {};
    let from = 1;
    while (from < text.length - 1) {
      const end = memberEnd(text, from);
      const [name, value] = this.#member(text.slice(from, end));
      record[name] = value;
      from = end + 1;
    }
    return record;
  }

  #member(text: string): readonly [name: string, value: Value] {
    const now = nowOf(text);
    if (now !== undefined) return ['now', now];
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const record = recordFromJson(JSON.parse(`{${text}}`));
    const [[name, value] = ['', ''], ...others] = Object.entries(record);
    // A slice that is not one member was cut in the wrong place: no canonical text.
    if (others.length > 0 || name === '' || name === '__proto__')
      throw new SyntaxError('no member');
    if (this.#known.size >= MEMBERS_KEPT_MAX) this.#known.clear();
    this.#known.set(text, [name, value]);
    return [name, value];
  }
}

/** The one member that never comes back: kept, it would push out those that do. */
function nowOf(text: string): Value | undefined {
  if (!text.startsWith(NOW) || !text.endsWith(NOW_END)) return undefined;
  const arg = text.slice(NOW.length, -NOW_END.length);
  // What has no other reading than itself in JSON.
  const parsed = /^[\d.:TZ-]+$/.test(arg) ? parseDatetime(arg) : undefined;
  return parsed instanceof Datetime ? parsed : undefined;
}

const NOW = '"now":{"__extn":{"arg":"';
const NOW_END = '","fn":"datetime"}}';

/** Where the member that begins at `from` ends: at the comma behind it, or at the end of the record. */
function memberEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length - 1; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at);
    else if (OPENING.has(code)) depth++;
    else if (CLOSING.has(code)) depth--;
    else if (code === COMMA && depth === 0) return at;
  }
  return text.length - 1;
}

function stringEnd(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at > 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at < 0 ? text.length : at;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
