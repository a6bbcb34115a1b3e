/**
 * Which secrets and personal data a client sends: in the text with its literals and comments, and in the
 * values it binds. Kinds only; nothing is kept, and no value leaves this file.
 */
import { type DetectedKind, type DetectedKinds, openScanner, sortKinds } from '@sealrail/facts';
import { BINARY } from './messages.ts';

/**
 * Characters of one message that are looked at. Above it the rest is a doubt: scanning holds up everybody
 * else. A bulk insert of 60,000 values of 100 characters is below it.
 */
export const DETECT_LENGTH_MAX = 8 << 20;
/** What keeps one value from being read together with the next. */
const BETWEEN = '\0';

export interface Sent {
  readonly text: string;
  readonly binds?: readonly (string | null)[];
  /** What the data of a COPY has brought so far. */
  readonly copied?: DetectedKinds;
}

export function detectSent({ text, binds = [], copied }: Sent): DetectedKinds {
  const known = new Set<DetectedKind>([...(copied?.secrets ?? []), ...(copied?.personal ?? [])]);
  const scanner = openScanner({ known });
  let left = DETECT_LENGTH_MAX;
  const push = (value: string): void => {
    if (left > 0) scanner.push(value.length > left ? value.slice(0, left) : value);
    left -= value.length;
  };
  push(text);
  for (const value of binds) {
    if (value === null) continue;
    push(BETWEEN);
    if (!value.startsWith(BINARY)) {
      push(value);
      continue;
    }
    const bytes = Buffer.from(value.slice(BINARY.length), 'base64');
    push(bytes.toString());
    for (const number of binaryNumbers(bytes)) push(BETWEEN + number);
  }
  scanner.end();
  const failed = left < 0 || scanner.doubts.length > 0 || (copied?.doubts.length ?? 0) > 0;
  return { ...sortKinds(known), doubts: failed ? ['detector-failed'] : [] };
}

/** No card has more digits; a binary float of everyday size would be read as 19. */
const NUMBER_MAX = 10n ** 16n;
const NUMERIC_DIGITS_MAX = 8;
/** A longer value is no number. */
export const NUMBER_BYTES_MAX = 8 + 2 * NUMERIC_DIGITS_MAX;
const ARRAY_HEADER_BYTES = 20;

/**
 * What a value of unknown type is as a number: int8, or numeric, or an array of them. The types are the
 * server's to know; read as another type than it is, it is a number without the check digits of anything.
 */
export function* binaryNumbers(bytes: Buffer): Generator<string> {
  if (bytes.length === 8) {
    const number = bytes.readBigInt64BE();
    if (number > 0n && number < NUMBER_MAX) yield String(number);
    return;
  }
  const numeric = numericOf(bytes);
  if (numeric !== undefined) yield numeric;
  else yield* elementNumbers(bytes);
}

/** Base 10,000 with its weight, its sign and its scale in front (numeric_send). */
function numericOf(bytes: Buffer): string | undefined {
  if (bytes.length < 10) return undefined;
  const count = bytes.readInt16BE(0);
  const weight = bytes.readInt16BE(2);
  const fits = count <= NUMERIC_DIGITS_MAX && bytes.length === 8 + 2 * count;
  if (!fits || bytes.readInt16BE(4) !== 0 || weight + 1 < count || weight >= NUMERIC_DIGITS_MAX)
    return undefined;
  let digits = '';
  for (let at = 0; at <= weight; at++) {
    const group = at < count ? bytes.readInt16BE(8 + 2 * at) : 0;
    digits += String(group).padStart(4, '0');
  }
  return digits.replace(/^0+/, '');
}

/** Of an array with one dimension (array_send): each element behind its length. */
function* elementNumbers(bytes: Buffer): Generator<string> {
  if (bytes.length < ARRAY_HEADER_BYTES || bytes.readInt32BE(0) !== 1) return;
  for (let at = ARRAY_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) continue;
    const element = bytes.subarray(at, at + length);
    if (element.length >= 8 && element.length <= NUMBER_BYTES_MAX) yield* binaryNumbers(element);
    at += length;
  }
}
