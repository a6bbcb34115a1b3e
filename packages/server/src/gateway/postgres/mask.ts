/**
 * What is shown in place of a value: always one that is valid for its column's type, in its format, and that
 * says nothing of the value but what the method is for. A type that a method has nothing for gets NULL.
 */
import { hash } from 'node:crypto';
import type { MaskMethod } from '@sealrail/sdk';
import type { ResultField } from './row-description.ts';

/** Of one value; undefined is NULL on both sides. */
export type Mask = (value: Buffer | undefined) => Buffer | undefined;

/** What stands for a text. */
export const CONSTANT = '•••';
/** Characters of a keyed hash as text: two of a prefix, and 128 bits. */
export const HASH_LENGTH = 24;
/** A column that holds less of a hash would take different values for the same. */
export const HASH_LENGTH_MIN = 12;
/** Values of which more than this would be known by their last characters show none. */
const SHOWN_LENGTH_MAX = 4;

const OID = {
  bytea: 17,
  name: 19,
  int8: 20,
  text: 25,
  json: 114,
  bpchar: 1042,
  varchar: 1043,
  uuid: 2950,
  jsonb: 3802,
} as const;
const TEXTS: ReadonlySet<number> = new Set([OID.text, OID.varchar, OID.bpchar, OID.name]);

const NULL: Mask = () => undefined;

export interface MaskOptions {
  readonly method: MaskMethod;
  /** Of this log and target: equal values have equal hashes under it, and under no other. */
  readonly key: Uint8Array;
}

export function maskFor(field: ResultField, { method, key }: MaskOptions): Mask {
  switch (method) {
    case 'null':
      return NULL;
    case 'constant':
      return constantFor(field);
    case 'hash':
      return hashFor(field, key);
    case 'partial':
      return partialFor(field);
  }
}

// ---------------------------------------------------------------- constant

/** NULL too: which rows have no value is something that a column says. */
function constantFor(field: ResultField): Mask {
  const constant = constantOf(field);
  return () => constant;
}

function constantOf(field: ResultField): Buffer | undefined {
  const { type, binary } = field;
  if (TEXTS.has(type)) return textOf(CONSTANT, field);
  const json = Buffer.from(`"${CONSTANT}"`);
  if (type === OID.json) return json;
  if (type === OID.jsonb) return binary ? Buffer.concat([Buffer.of(1), json]) : json;
  if (type === OID.uuid) return uuidOf(Buffer.alloc(16), binary);
  if (type === OID.bytea) return binary ? Buffer.alloc(0) : Buffer.from('\\x');
  return undefined;
}

/** `varchar(n)` and `char(n)` count characters; undefined where there is no such bound. */
const lengthOf = ({ type, modifier }: ResultField): number | undefined =>
  (type === OID.varchar || type === OID.bpchar) && modifier >= 4 ? modifier - 4 : undefined;

/** Both formats of a text are its bytes. */
function textOf(text: string, field: ResultField): Buffer {
  const length = lengthOf(field);
  if (length === undefined) return Buffer.from(text);
  const cut = [...text].slice(0, length).join('');
  const missing = length - [...cut].length;
  return Buffer.from(field.type === OID.bpchar ? cut + ' '.repeat(missing) : cut);
}

// ---------------------------------------------------------------- partial

/** An address keeps its first letter and its domain, a long text its end. NULL stays what it is. */
function partialFor(field: ResultField): Mask {
  if (!TEXTS.has(field.type)) {
    const constant = constantOf(field);
    return (value) => (value === undefined ? undefined : constant);
  }
  return (value) =>
    value === undefined ? undefined : textOf(partOf(value.toString('utf8').trimEnd()), field);
}

function partOf(text: string): string {
  const characters = [...text];
  const at = characters.lastIndexOf('@');
  if (at > 1) return `${characters[0]}${CONSTANT}${characters.slice(at).join('')}`;
  const shown = Math.min(SHOWN_LENGTH_MAX, Math.floor(characters.length / 3));
  return shown === 0 ? CONSTANT : `${CONSTANT}${characters.slice(-shown).join('')}`;
}

// ---------------------------------------------------------------- hash

/** The same for the same value whatever the format, and for a text whatever its type: joins still match. */
function hashFor(field: ResultField, key: Uint8Array): Mask {
  const digest = digestFor(field, key);
  return digest === undefined ? NULL : (value) => (value === undefined ? undefined : digest(value));
}

function digestFor(field: ResultField, key: Uint8Array): ((value: Buffer) => Buffer) | undefined {
  const { type, binary } = field;
  const hmac = hmacWith(key);
  if (TEXTS.has(type)) {
    if ((lengthOf(field) ?? HASH_LENGTH) < HASH_LENGTH_MIN) return undefined;
    const own = (value: Buffer): Buffer => (type === OID.bpchar ? withoutPadding(value) : value);
    return (value) => textOf(hashText(hmac('text', own(value))), field);
  }
  switch (type) {
    case OID.uuid:
      return (value) => uuidOf(hmac('uuid', uuidBytes(value, binary)).subarray(0, 16), binary);
    case OID.bytea:
      return (value) => byteaOf(hmac('bytea', byteaBytes(value, binary)), binary);
    case OID.int8:
      return (value) => int8Of(hmac('int8', int8Bytes(value, binary)), binary);
    default:
      return undefined;
  }
}

/** Of SHA-256, whose blocks have so many bytes (RFC 2104). */
const BLOCK_BYTES = 64;

/** In two calls of the one-shot hash: node's own HMAC costs an object each time, some ten times as much. */
function hmacWith(key: Uint8Array): (kind: string, value: Buffer) => Buffer {
  const block = (pad: number): Buffer => {
    const bytes = Buffer.alloc(BLOCK_BYTES, pad);
    for (const [at, byte] of key.subarray(0, BLOCK_BYTES).entries()) bytes[at] = byte ^ pad;
    return bytes;
  };
  const [inner, outer] = [block(0x36), block(0x5c)];
  const digest = (...parts: readonly Uint8Array[]): Buffer =>
    hash('sha256', Buffer.concat(parts), 'buffer');
  return (kind, value) => digest(outer, digest(inner, Buffer.from(`${kind}\0`), value));
}

const hashText = (digest: Buffer): string =>
  `h_${digest.toString('base64url')}`.slice(0, HASH_LENGTH);

/** `char(n)` fills up with blanks, which mean nothing. */
function withoutPadding(value: Buffer): Buffer {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0x20) end--;
  return value.subarray(0, end);
}

const uuidBytes = (value: Buffer, binary: boolean): Buffer =>
  binary ? value : Buffer.from(value.toString('latin1').replaceAll('-', ''), 'hex');

function uuidOf(bytes: Buffer, binary: boolean): Buffer {
  if (binary) return bytes;
  const hex = bytes.toString('hex');
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return Buffer.from([...groups, hex.slice(20)].join('-'));
}

const byteaOf = (bytes: Buffer, binary: boolean): Buffer =>
  binary ? bytes : Buffer.from(`\\x${bytes.toString('hex')}`);

/** As text in hex, or as it was before: bytes that cannot be printed as `\ooo`, a backslash doubled. */
function byteaBytes(value: Buffer, binary: boolean): Buffer {
  if (binary) return value;
  const text = value.toString('latin1');
  if (text.startsWith('\\x')) return Buffer.from(text.slice(2), 'hex');
  const plain = text.replaceAll(/\\(\\|[0-3][0-7]{2})/g, (_, escaped: string) =>
    escaped === '\\' ? '\\' : String.fromCharCode(Number.parseInt(escaped, 8)),
  );
  return Buffer.from(plain, 'latin1');
}

function int8Bytes(value: Buffer, binary: boolean): Buffer {
  if (binary) return value;
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(value.toString('latin1'))));
  return bytes;
}

/** Never negative: a sign would be read as one. */
function int8Of(digest: Buffer, binary: boolean): Buffer {
  const number = BigInt.asUintN(63, digest.readBigUInt64BE(0));
  if (!binary) return Buffer.from(String(number));
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(number);
  return bytes;
}
