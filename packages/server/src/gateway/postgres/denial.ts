/** Denials as PostgreSQL says them: the statement is replaced by one that fails, and its error is rewritten. */
import { cstring, type ErrorFields, frame, noticeResponse } from './frame.ts';
import type { Denied } from './pipeline.ts';

/** Statement name for what stands in place of a denied Bind or Execute; a client may not use it. */
export const RESERVED_NAME = 'sealrail';
/** Bytes of an identifier; a longer one is cut off, and with it the decision's id. */
export const IDENTIFIER_BYTES_MAX = 63;

const MARK = 'sealrail denied ';
const ID_LENGTH = 36;

/**
 * Fails at analysis, whatever the state of the session: so a transaction fails as it would by any error,
 * 25P02 goes before it, and the server's own log names the decision.
 */
export const poisonText = (decisionId: string): string => `SELECT FROM "${MARK}${decisionId}"`;

export const poisonQuery = (decisionId: string): Buffer =>
  frame('Q', cstring(poisonText(decisionId)));

export const poisonParse = (name: string, decisionId: string): Buffer =>
  frame('P', cstring(name), cstring(poisonText(decisionId)), Buffer.alloc(2));

/** Ends a COPY: the server puts the text into its error, and rolls back what has come of it. */
export const poisonCopy = (decisionId: string): Buffer =>
  frame('f', cstring(`${MARK}${decisionId}`));

/** The decision whose poison this error's message carries: never guessed from its place in the stream. */
export function poisonedId(message: string): string | undefined {
  const at = message.indexOf(MARK);
  return at < 0 ? undefined : message.slice(at + MARK.length, at + MARK.length + ID_LENGTH);
}

/** DESIGN section 8: M names policy and reason, D the decision, H what to do instead. */
export function denialFields({ denial, reading, code }: Denied): ErrorFields {
  const { decisionId, docs, policy, message, hint, retryAfterMs, requests = [] } = denial;
  const wait = retryAfterMs === undefined ? '' : `\nretryAfterMs ${retryAfterMs}`;
  const detail = `decision ${decisionId}${docs === undefined ? '' : `\n${docs}`}${wait}${requests
    .map((id) => `\nrequest ${id}`)
    .join('')}`;
  if (reading?.kind === 'syntax-error' && denial.code === 'not-understood') {
    // As the server itself would have said it, had it been asked.
    const { message: problem, position } = reading;
    const at = position === undefined ? {} : { position };
    return { code: '42601', message: problem, detail, ...at };
  }
  const word = denial.code === 'needs-approval' ? 'held' : 'denied';
  const by = policy === undefined ? word : `${word} by policy ${policy}`;
  return {
    code: code ?? sqlstate(denial.code, reading),
    message: `${by}: ${message}`,
    detail,
    hint,
  };
}

/** Before the error, where people are asked: a person at a terminal reads it, a driver need not. */
export function denialNotice({ denial }: Denied): Buffer | undefined {
  const { requests = [], answerAt } = denial;
  if (answerAt === undefined) return undefined;
  const what = requests.length === 1 ? `request ${requests[0]} waits` : 'these requests wait';
  return noticeResponse({
    severity: 'NOTICE',
    code: '00000',
    message: `${what} to be approved at ${answerAt}`,
    ...(requests.length === 1 ? {} : { detail: requests.join('\n') }),
  });
}

/** 08 and 40 are avoided, and 53 and 58: drivers take those for passing troubles, and try again. */
function sqlstate(code: Denied['denial']['code'], reading: Denied['reading']): string {
  if (code === 'needs-approval') return 'SR001';
  const doubts = reading?.facts.doubts ?? [];
  const size = doubts.includes('too-large') || doubts.includes('too-deep');
  return code === 'not-understood' && size ? '54000' : '42501';
}
