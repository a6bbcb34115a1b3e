/**
 * A Query as messages of the extended protocol: only there can the server be told to stop after so many rows.
 * Its answers are those of a Query once what confirms our own messages is left out.
 */
import type { SqlReading } from '@sealrail/facts';
import { RESERVED_NAME } from './denial.ts';
import { cstring, frame, int32 } from './frame.ts';

/** Reads that stand alone in their message; of anything else the server has to see what it was sent. */
export const isUnfoldable = ({ facts }: SqlReading): boolean =>
  isBoundedRead({ facts }) && facts.statements === 1 && facts.parameters === 0;

/** What may be left unfinished: its rows are all that there is of it. */
export const isBoundedRead = ({ facts: { kinds, readOnly } }: Pick<SqlReading, 'facts'>): boolean =>
  kinds[0] === 'SelectStmt' && readOnly;

const RESERVED = cstring(RESERVED_NAME);
const NOTHING = Buffer.alloc(2);
const closing = (what: 'S' | 'P'): Buffer => frame('C', Buffer.from(what), RESERVED);

/** The name is free whatever became of the last one: closing what is not there is no error. */
export const unfoldedQuery = (text: string, rowsMax: number): Buffer =>
  Buffer.concat([
    closing('S'),
    frame('P', RESERVED, cstring(text), NOTHING),
    frame('B', RESERVED, RESERVED, NOTHING, NOTHING, NOTHING),
    describePortal(RESERVED_NAME),
    executeUpTo(RESERVED_NAME, rowsMax),
    closing('P'),
    closing('S'),
    frame('S'),
  ]);

export const describePortal = (portal: string): Buffer =>
  frame('D', Buffer.from('P'), cstring(portal));

export const executeUpTo = (portal: string, rowsMax: number): Buffer =>
  frame('E', cstring(portal), int32(rowsMax));
