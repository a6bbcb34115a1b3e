import { describe, expect, test } from 'vitest';
import { parseVerifier, ScramClient, ScramServer } from '../gateway/postgres/scram.ts';
import {
  PASSWORD_LENGTH_MAX,
  PASSWORD_LENGTH_MIN,
  passwordProblem,
  randomPassword,
  scramVerifier,
} from './password.ts';

/** True where a client with this password gets in, and believes the server. */
async function getsIn(password: string, verifierText: string): Promise<boolean> {
  const verifier = parseVerifier(verifierText);
  if (!verifier) throw new Error('no verifier');
  const client = new ScramClient(password, 'clientnonce');
  const server = new ScramServer(verifier, 'servernonce');
  const answer = server.final(await client.final(server.first(client.first())));
  return answer !== undefined && client.verify(answer);
}

describe('passwords', () => {
  test('a verifier lets its own password in, and no other', async () => {
    const verifier = scramVerifier('correct horse');
    expect(await getsIn('correct horse', verifier)).toBe(true);
    expect(await getsIn('correct horsf', verifier)).toBe(false);
  });

  test('a verifier is the one that PostgreSQL stores for the same password and salt', () => {
    // RFC 7677 §3: user "user", password "pencil".
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    expect(scramVerifier('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
  });

  test('two verifiers of one password have nothing in common', () => {
    expect(scramVerifier('correct horse')).not.toBe(scramVerifier('correct horse'));
  });

  test('lengths at both bounds pass, one more or less does not', () => {
    for (const length of [PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX])
      expect(passwordProblem('x'.repeat(length))).toBeUndefined();
    for (const length of [PASSWORD_LENGTH_MIN - 1, PASSWORD_LENGTH_MAX + 1])
      expect(passwordProblem('x'.repeat(length))).toContain('8 to 256');
  });

  test.each(['pässword', 'passwörter1', 'tab\tinside', 'nul\0inside'])(
    '%j is refused: clients would prepare it differently',
    (password) => {
      expect(passwordProblem(password)).toContain('ASCII');
    },
  );

  test('random ones are usable and differ', () => {
    const many = Array.from({ length: 100 }, randomPassword);
    expect(new Set(many).size).toBe(100);
    expect(many.every((password) => passwordProblem(password) === undefined)).toBe(true);
  });
});
