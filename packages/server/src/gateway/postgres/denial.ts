/** Denials as PostgreSQL says them: the statement is replaced by one that fails, and its error is rewritten. */
import type { SqlReading } from '@sealrail/facts';
import type { Denial } from '@sealrail/sdk';
import { cstring, type ErrorFields, frame } from './frame.ts';

/** Statement name for what stands in place of a denied Bind or Execute; a client's own use of it is denied. */
export const RESERVED_NAME = 'sealrail';

const MARK = 'sealrail denied ';

/**
 * Fails at analysis, whatever the state of the session: so a transaction fails as it would by any error,
 * 25P02 goes before it, and the server's own log names the decision. An identifier has at most 63 bytes.
 */
export const poisonText = (decisionId: string): string => `SELECT FROM "${MARK}${decisionId}"`;

export const poisonQuery = (decisionId: string): Buffer =>
  frame('Q', cstring(poisonText(decisionId)));

export const poisonParse = (name: string, decisionId: string): Buffer =>
  frame('P', cstring(name), cstring(poisonText(decisionId)), Buffer.alloc(2));

/** The decision whose poison this error's message carries: never guessed from its place in the stream. */
export function deniedId(message: string): string | undefined {
  const at = message.indexOf(MARK);
  return at < 0 ? undefined : message.slice(at + MARK.length, at + MARK.length + 36);
}

function sqlstate(denial: Denial, doubts: readonly string[]): string {
  if (denial.code === 'needs-approval') return 'SR001';
  if (
    denial.code === 'not-understood' &&
    (doubts.includes('too-large') || doubts.includes('too-deep'))
  )
    return '54000';
  return '42501';
}

/** DESIGN section 8: M names policy and reason, D the decision, H what to do instead. */
export function denialFields(denial: Denial, reading: SqlReading | undefined): ErrorFields {
  const detail = `decision ${denial.decisionId}${denial.docs === undefined ? '' : `\n${denial.docs}`}`;
  if (reading?.kind === 'syntax-error' && denial.code === 'not-understood') {
    const { message, position } = reading;
    return { code: '42601', message, detail, ...(position === undefined ? {} : { position }) };
  }
  return {
    code: sqlstate(denial, reading?.facts.doubts ?? []),
    message:
      denial.policy === undefined
        ? `denied: ${denial.message}`
        : `denied by policy ${denial.policy}: ${denial.message}`,
    detail,
    hint: denial.hint,
  };
}
