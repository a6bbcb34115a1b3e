/** Sessions with a witness: requests in order, and the status of each answer, with the size of a 409. */
import { readFileSync } from 'node:fs';
import { encodeUtf8, parseVkey, sha256 } from '@sealrail/tlog';
import { TestWitness } from '../../packages/tlog/testing/witnesses.ts';
import type { Case } from './suite.ts';

interface Session {
  readonly id: string;
  readonly requests: readonly string[];
  readonly expected: readonly string[];
}

interface Vectors {
  /** The one log that the witness knows. */
  readonly log: string;
  readonly cases: readonly Session[];
}

export function witnessCases(): Case[] {
  const file = new URL('./tlog/witness.json', import.meta.url);
  const { log, cases } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
  return cases.map(({ id, requests, expected }) => ({
    id,
    expected: expected.join(', '),
    run: async () => {
      const witness = new TestWitness('w1', parseVkey(log, sha256));
      const answers: string[] = [];
      for (const request of requests) {
        const { status, body } = await witness.answer(encodeUtf8(request));
        answers.push(status === 409 ? `409 ${body.trimEnd()}` : String(status));
      }
      return answers.join(', ');
    },
  }));
}
