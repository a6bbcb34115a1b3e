import type { Denial } from '@sealrail/sdk';
import { expect, test } from 'vitest';
import {
  denialFields,
  IDENTIFIER_BYTES_MAX,
  poisonedId,
  poisonParse,
  poisonQuery,
  poisonText,
} from './denial.ts';
import { parseMessage } from './messages.ts';

const ID = '01931234-5678-7abc-8def-0123456789ab';
const denial: Denial = {
  code: 'forbidden',
  message: 'this statement writes every row of the table',
  hint: 'name the rows in WHERE',
  decisionId: ID,
  policy: 'sql-unscoped-write',
  retryable: false,
};

test('the whole id fits into an identifier: the server would cut a longer one off', () => {
  const identifier = /"(.*)"/.exec(poisonText(ID))?.[1] ?? '';
  expect(Buffer.byteLength(identifier)).toBeLessThanOrEqual(IDENTIFIER_BYTES_MAX);
  expect(identifier.endsWith(ID)).toBe(true);
});

test('an error is ours only if its text names the decision', () => {
  expect(poisonedId(`relation "sealrail denied ${ID}" does not exist`)).toBe(ID);
  expect(poisonedId(`Relation »sealrail denied ${ID}« existiert nicht`)).toBe(ID);
  expect(poisonedId('relation "sealrail" does not exist')).toBeUndefined();
});

test('what stands for a denied message is a well-formed message of the same kind', () => {
  const frameOf = (bytes: Buffer) => ({
    type: String.fromCharCode(bytes[0] ?? 0),
    body: bytes.subarray(5),
    bytes,
  });
  expect(parseMessage(frameOf(poisonQuery(ID)))).toEqual({ kind: 'query', text: poisonText(ID) });
  expect(parseMessage(frameOf(poisonParse('s1', ID)))).toEqual({
    kind: 'parse',
    name: 's1',
    text: poisonText(ID),
  });
});

test('a denial names policy, reason, decision and way out', () => {
  expect(denialFields({ denial, reading: undefined })).toEqual({
    code: '42501',
    message: 'denied by policy sql-unscoped-write: this statement writes every row of the table',
    detail: `decision ${ID}`,
    hint: 'name the rows in WHERE',
  });
  const docs = 'http://127.0.0.1:7070/entries/1';
  expect(denialFields({ denial: { ...denial, docs }, reading: undefined }).detail).toContain(docs);
});

const facts = (doubts: readonly string[]) => ({ doubts }) as never;

test.each([
  ['needs-approval', [], 'SR001'],
  ['forbidden', [], '42501'],
  ['no-permit', [], '42501'],
  ['not-understood', ['unresolved-name'], '42501'],
  ['not-understood', ['too-large'], '54000'],
  ['not-understood', ['too-deep'], '54000'],
  ['rejected', [], '42501'],
] as const)('%s with %j has the SQLSTATE %s', (code, doubts, sqlstate) => {
  const reading = { kind: 'statement', facts: facts(doubts), literals: [], effects: [] } as const;
  expect(denialFields({ denial: { ...denial, code }, reading }).code).toBe(sqlstate);
});

test('a syntax error is told in the words and at the place of the server itself', () => {
  const message = 'syntax error at or near "FORM"';
  const reading = { kind: 'syntax-error', message, position: 8, facts: facts(['syntax']) } as const;
  const fields = denialFields({ denial: { ...denial, code: 'not-understood' }, reading });
  expect(fields).toMatchObject({ code: '42601', message, position: 8 });
});
