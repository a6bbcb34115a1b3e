/** What does not fit into an entry stands by digest in the side store: an entry is always small. */
import { hash } from 'node:crypto';
import { SealrailError } from '../errors.ts';
import { encodeCanonical, joinMembers } from './canonical.ts';
import { ENTRY_BYTES_MAX, type Json, type Payload } from './entry.ts';

/** A member whose canonical text is larger moves out. */
export const MEMBER_BYTES_MAX = 8_192;
/**
 * The bound of a second pass, where many members below the first one add up to too much: with the at most
 * 25 members that any kind has, an entry of members this small fits twice.
 */
export const MEMBER_BYTES_MAX_WHEN_FULL = 1_024;

export interface FittedEntry {
  readonly bytes: Buffer;
  /** To be on disk before the entry is appended. */
  readonly payloads: readonly Buffer[];
}

/**
 * Canonical bytes of an entry of at most ENTRY_BYTES_MAX, whatever its members hold. The members of
 * `decision` move one by one, so that verdict and code always stand in the entry itself.
 */
export function fitEntry(entry: Readonly<Record<string, Json | undefined>>): FittedEntry {
  // In an entry that is no larger than a member may be, no member is too large: nearly every one is.
  const bytes = Buffer.from(encodeCanonical(entry));
  if (bytes.length <= MEMBER_BYTES_MAX) return { bytes, payloads: [] };
  const whole = encodeEach(entry, '/');
  for (const memberBytesMax of [MEMBER_BYTES_MAX, MEMBER_BYTES_MAX_WHEN_FULL]) {
    const fitted = moveLarge(whole, memberBytesMax);
    if (fitted.bytes.length <= ENTRY_BYTES_MAX) return fitted;
  }
  throw new SealrailError('ENTRY_TOO_LARGE', `an entry with ${whole.length} members does not fit`, {
    hint: 'the members that may be large are statement, values, facts, meta, resources and detail',
  });
}

interface Member {
  readonly at: string;
  readonly text: string;
}

function encodeEach(record: Readonly<Record<string, Json | undefined>>, prefix: string): Member[] {
  const members: Member[] = [];
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined) continue;
    if (prefix === '/' && name === 'decision' && typeof value === 'object') {
      const inner = value as Readonly<Record<string, Json | undefined>>;
      members.push(...encodeEach(inner, '/decision/'));
    } else {
      members.push({ at: prefix + name, text: encodeCanonical(value) });
    }
  }
  return members;
}

function moveLarge(members: readonly Member[], memberBytesMax: number): FittedEntry {
  const outer = new Map<string, string>();
  const decision = new Map<string, string>();
  const named: Payload[] = [];
  const payloads: Buffer[] = [];
  for (const { at, text } of members) {
    const large = isLarger(text, memberBytesMax);
    if (large) {
      const payload = Buffer.from(text);
      payloads.push(payload);
      named.push({ at, digest: hash('sha256', payload), bytes: payload.length });
    }
    const stays = large ? emptyLike(text) : text;
    if (at.startsWith('/decision/')) decision.set(at.slice('/decision/'.length), stays);
    else outer.set(at.slice(1), stays);
  }
  if (decision.size > 0) outer.set('decision', joinMembers(decision));
  if (named.length > 0) outer.set('payloads', encodeCanonical(named as unknown as Json));
  return { bytes: Buffer.from(joinMembers(outer)), payloads };
}

/** A UTF-16 code unit has at most three bytes of UTF-8: mostly nothing has to be counted. */
const isLarger = (text: string, bytesMax: number): boolean =>
  text.length > bytesMax || (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax);

/** An empty value of the same type, so that a reader that knows no payloads still finds what it expects. */
function emptyLike(text: string): string {
  if (text.startsWith('[')) return '[]';
  return text.startsWith('{') ? '{}' : '""';
}
