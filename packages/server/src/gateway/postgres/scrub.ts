/**
 * Errors and notices print values: "Failing row contains (…)", "Key (email)=(…) already exists", the text
 * that did not convert. To whoever would see a column masked they are said in fixed words.
 */
import { type ErrorFields, errorResponse, noticeResponse, readErrorFields } from './frame.ts';

const WITHHELD = 'withheld: it could show a value that is masked for you';
/** Data exceptions, violated constraints, and what a function raises: their message holds values, too. */
const SPEAKS_OF_VALUES = /^(22|23|P0)/;

/** An ErrorResponse or NoticeResponse without anything of a row in it; codes, names and positions stay. */
export function scrubbed(type: 'E' | 'N', body: Buffer): Buffer {
  const fields = readErrorFields(body);
  const code = fields.get('C') ?? '';
  // A NOTICE has class 00, and whatever text a function wanted it to have.
  const quiet = type === 'N' || SPEAKS_OF_VALUES.test(code);
  const kept = ['c', 't', 'd', 'n', 's', 'P'].flatMap((letter): [string, string][] => {
    const value = fields.get(letter);
    return value === undefined ? [] : [[letter, value]];
  });
  const respond = type === 'E' ? errorResponse : noticeResponse;
  return respond({
    severity: (fields.get('V') ?? 'ERROR') as NonNullable<ErrorFields['severity']>,
    code,
    message: quiet ? `${nameOf(code)} (${WITHHELD})` : (fields.get('M') ?? ''),
    ...(fields.has('D') ? { detail: WITHHELD } : {}),
    hint: fields.get('H') ?? '',
    more: kept,
  });
}

const NAMES: Readonly<Record<string, string>> = {
  '23502': 'null value in a column that must not be null',
  '23503': 'a foreign key constraint is violated',
  '23505': 'duplicate key value violates a unique constraint',
  '23514': 'a check constraint is violated',
  '23P01': 'an exclusion constraint is violated',
};

function nameOf(code: string): string {
  const name = NAMES[code];
  if (name !== undefined) return name;
  if (code.startsWith('22')) return 'a value is not fit for what was done with it';
  return code.startsWith('23') ? 'a constraint is violated' : 'a message of the database';
}
