/**
 * The corpus has one policy a test and so cannot see what an index, a shared subexpression or a bucket loses:
 * random sets can. `npm run soak -- cedar` asks a million such requests; this is a part of it.
 */
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { corpusSets } from './corpus-sets.ts';
import { compare, compareIndex, compareSeed } from './differential.ts';

const REQUESTS = 20_000;
const INDEX_REQUESTS = 100_000;
/** Of 20 s on a quiet machine. */
const TIMEOUT_MS = 300_000;
const seed = Number(process.env.SEALRAIL_SEED ?? 1);

describe('random policy sets', () => {
  test(
    'are decided with the index as without it, and as by Cedar: decision, reasons and errors',
    () => {
      let requests = 0;
      for (let at = 0; requests < REQUESTS; at++) requests += compareSeed(seed * 100_000 + at);
      expect(requests).toBeGreaterThanOrEqual(REQUESTS);
    },
    TIMEOUT_MS,
  );
});

test(
  'the index answers a great many random requests as without it, messages and order included',
  () => {
    let requests = 0;
    for (let at = 0; requests < INDEX_REQUESTS; at++) requests += compareIndex(seed * 100_000 + at);
    expect(requests).toBeGreaterThanOrEqual(INDEX_REQUESTS);
  },
  TIMEOUT_MS,
);

const folder = corpus('cedar');

describe.skipIf(!folder)('policies of the corpus that share a schema', () => {
  test(
    'are decided together as by Cedar, with the index as without it',
    () => {
      let policies = 0;
      for (const { set, entities, requests, origin } of corpusSets(folder ?? '', seed)) {
        compare(set, entities, requests, origin);
        policies += set.policies.length;
      }
      expect(policies).toBeGreaterThan(3_000);
    },
    TIMEOUT_MS,
  );
});
