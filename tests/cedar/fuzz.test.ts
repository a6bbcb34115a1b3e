/** What reaches a parser is hostile: a bounded part of what `npm run soak -- cedar` does at length. */
import { describe, expect, test } from 'vitest';
import { fuzzSeed } from './fuzz.ts';
import { parserTargets } from './targets.ts';

const TEXTS = 3_000;
/** Of 3 s on a quiet machine. */
const TIMEOUT_MS = 300_000;
const seed = Number(process.env.SEALRAIL_SEED ?? 1);

describe('a damaged text', () => {
  test.each(parserTargets().map((target) => [target.name, target] as const))(
    'of %s is taken or refused as Cedar does, and by no other error than the documented one',
    (_, target) => {
      let taken = 0;
      for (let at = 0; at < TEXTS; at++) if (fuzzSeed(target, seed * TEXTS + at)) taken++;
      // Damage that nothing survives would only show that everything is refused.
      expect(taken).toBeGreaterThan(TEXTS / 100);
      expect(taken).toBeLessThan(TEXTS);
    },
    TIMEOUT_MS,
  );
});
