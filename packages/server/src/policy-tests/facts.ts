/**
 * The context of a request, from nothing but what a case changes. Every required fact has a value that is
 * harmless, of the type that the schema gives it; what a case writes goes in its place, and what the schema
 * does not have is a problem with a suggestion. Pure.
 */
import {
  parseDatetime,
  parseDecimal,
  parseDuration,
  parseIp,
  type RecordType,
  type Type,
} from '@sealrail/cedar';
import { type CedarValue, isCedarRecord } from '@sealrail/sdk';
import { nearest } from '../config/nearest.ts';
import type { Entities } from './entities.ts';

export type Facts = Readonly<Record<string, CedarValue>>;
export type Path = readonly PropertyKey[];
export type Problem = (path: Path, message: string, hint?: string, atKey?: string) => void;

/** Where the harmless value is not the empty one. */
const ORDINARY: Readonly<Record<string, CedarValue>> = {
  'meta.holiday': false,
  'meta.caller.chainProved': true,
  'meta.caller.proof': 'scram',
  'meta.caller.session': 'test',
  'sql.dialect': 'postgres',
  'sql.statements': 1,
  'sql.scope': 'no-write',
  'sql.volatility': 'immutable',
  'http.method': 'GET',
  'http.path': '/',
  'http.pathFolded': '/',
  'http.scheme': 'https',
  'http.port': 443,
  'http.zone': 'public',
  'change.testsPassed': true,
  'change.signed': true,
  'change.reviewedByOther': true,
  'change.digest': '0'.repeat(64),
};

/** `at` is where the facts stand in the context: `meta.caller`. */
export function defaultFacts(type: RecordType, entities: Entities, at = ''): Facts {
  const made: Record<string, CedarValue> = {};
  for (const [name, member] of type.attributes) {
    if (!member.required) continue;
    const path = at === '' ? name : `${at}.${name}`;
    made[name] = defaultFact(member.type, entities, path);
  }
  return made;
}

function defaultFact(type: Type, entities: Entities, path: string): CedarValue {
  const ordinary = Object.hasOwn(ORDINARY, path) ? ORDINARY[path] : undefined;
  switch (type.kind) {
    case 'string':
      return ordinary ?? '';
    case 'long':
      return ordinary ?? 0;
    case 'boolean':
      return ordinary ?? false;
    case 'set':
      return [];
    case 'record':
      return defaultFacts(type, entities, path);
    case 'entity':
      return entities.some(type.name, typeof ordinary === 'string' ? ordinary : '');
    case 'extension':
      return extension(type.name, ORDINARY_EXTENSIONS[type.name]) ?? '';
  }
}

type ExtensionName = Extract<Type, { kind: 'extension' }>['name'];

const ORDINARY_EXTENSIONS: Readonly<Record<ExtensionName, string>> = {
  ipaddr: '127.0.0.1',
  decimal: '0.0',
  datetime: '2026-11-25T12:00:00.000Z',
  duration: '0ms',
};

const PARSERS: Readonly<Record<ExtensionName, (text: string) => CedarValue | undefined>> = {
  ipaddr: parseIp,
  decimal: parseDecimal,
  datetime: parseDatetime,
  duration: parseDuration,
};

const extension = (name: ExtensionName, text: string): CedarValue | undefined =>
  PARSERS[name](text);

/** `facts` with what a case writes in its place; `given` is plain YAML, `path` where it stands. */
export function overrideFacts(
  facts: Facts,
  given: Readonly<Record<string, unknown>>,
  type: RecordType,
  path: Path,
  entities: Entities,
): Facts {
  const made: Record<string, CedarValue> = { ...facts };
  for (const [name, value] of Object.entries(given)) {
    const member = type.attributes.get(name);
    if (member === undefined) {
      const known = [...type.attributes.keys()];
      const meant = nearest(name, known);
      const hint = meant ? `did you mean ${meant}?` : `known here: ${known.join(', ')}`;
      entities.problem(path, `there is no fact ${JSON.stringify(name)}`, hint, name);
      continue;
    }
    const before = Object.hasOwn(facts, name) ? facts[name] : undefined;
    const after = factOf(value, member.type, [...path, name], entities, before);
    if (after !== undefined) made[name] = after;
  }
  return made;
}

/** One value of YAML as a value of Cedar; undefined where it is none of this type, which was said then. */
function factOf(
  value: unknown,
  type: Type,
  path: Path,
  entities: Entities,
  before?: CedarValue,
): CedarValue | undefined {
  const refuse = (what: string): undefined => {
    entities.problem(path, `${String(path.at(-1))} must be ${what}`);
    return undefined;
  };
  switch (type.kind) {
    case 'string':
      return typeof value === 'string' ? value : refuse('a text');
    case 'long':
      return typeof value === 'number' && Number.isSafeInteger(value)
        ? value
        : refuse('a whole number');
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse('true or false');
    case 'extension':
      return (
        (typeof value === 'string' ? extension(type.name, value) : undefined) ??
        refuse(`a text such as ${ORDINARY_EXTENSIONS[type.name]}`)
      );
    case 'set': {
      if (!Array.isArray(value)) return refuse('a list');
      const items = value.map((one, at) => factOf(one, type.element, [...path, at], entities));
      return items.filter((item) => item !== undefined);
    }
    case 'record': {
      if (!isSection(value)) return refuse('a section with keys');
      const from = isCedarRecord(before) ? before : defaultFacts(type, entities, pathName(path));
      return overrideFacts(from, value, type, path, entities);
    }
    case 'entity': {
      if (isSection(value) && entities.hasTags(type.name))
        return entities.tagged(type.name, value, path);
      if (typeof value !== 'string') return refuse(`the id of one of type ${type.name}`);
      return entities.named(type.name, value, path);
    }
  }
}

/** `facts.meta.caller` of a case is `meta.caller` of the context. */
const pathName = (path: Path): string => path.slice(path.lastIndexOf('facts') + 1).join('.');

export const isSection = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
