/** Reading entries back: from a log that may be somebody else's, so every byte is suspect. */
import { decodeUtf8 } from '@sealrail/tlog';
import { SealrailError } from '../errors.ts';
import { parseCanonical } from './canonical.ts';
import { ENTRY_BYTES_MAX, ENTRY_KINDS, ENTRY_VERSION, type Entry, type Json } from './entry.ts';

const HASH = /^[0-9a-f]{64}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/**
 * Canonical bytes of one entry. Checks the encoding, the version and the common fields; fields that this
 * reader does not know stay as they are. Throws ENTRY_INVALID.
 */
export function parseEntry(bytes: Uint8Array): Entry {
  if (bytes.length > ENTRY_BYTES_MAX) throw invalid(`${bytes.length} bytes`);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalid('not UTF-8');
  const entry = parseCanonical(text);
  if (!isRecord(entry)) throw invalid('not an object');
  if (entry.v !== ENTRY_VERSION) {
    throw invalid(`version ${JSON.stringify(entry.v)}, and this reader knows ${ENTRY_VERSION}`);
  }
  const problem = commonProblem(entry);
  if (problem !== undefined) throw invalid(problem);
  return entry as unknown as Entry;
}

function commonProblem(entry: Readonly<Record<string, Json | undefined>>): string | undefined {
  const { id, kind, time, source, seq, prev } = entry;
  if (typeof id !== 'string' || !UUID_V7.test(id)) return 'id is no UUIDv7';
  if (!ENTRY_KINDS.some((known) => known === kind)) return 'kind is unknown';
  if (typeof time !== 'string' || !TIME.test(time)) return 'time is not RFC 3339 with microseconds';
  if (typeof seq !== 'number' || seq < 0) return 'seq is no count';
  if (typeof prev !== 'string' || !HASH.test(prev)) return 'prev is no hash';
  if (!isRecord(source)) return 'source is missing';
  if (typeof source.id !== 'string' || source.id === '') return 'source.id is missing';
  if (typeof source.type !== 'string' || typeof source.version !== 'string') {
    return 'source.type or source.version is missing';
  }
  if (typeof source.epoch !== 'number' || source.epoch < 0) return 'source.epoch is no count';
  return undefined;
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && !Array.isArray(value);
}

const invalid = (what: string) => new SealrailError('ENTRY_INVALID', `not an entry: ${what}`);
