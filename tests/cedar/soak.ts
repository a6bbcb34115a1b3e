/**
 * `npm run soak -- cedar`: random policy sets until a million requests agree with Cedar's answers, and damaged
 * texts for every parser. A seed is one set, so a run that was stopped goes on from the seed that it said
 * last (SEALRAIL_SEED) with the requests that are left (SEALRAIL_REQUESTS); the last figures stand in SOAK.md.
 */
import { compareSeed } from './differential.ts';
import { fuzzSeed } from './fuzz.ts';
import { parserTargets } from './targets.ts';

const REQUESTS = Number(process.env.SEALRAIL_REQUESTS ?? 1_000_000);
const TEXTS = 100_000;
const SAY_EVERY_SETS = 500;

export function soakCedar({
  seed,
  say,
}: {
  readonly seed: number;
  readonly say: (line: string) => void;
}): object {
  let requests = 0;
  let sets = 0;
  while (requests < REQUESTS) {
    requests += compareSeed(seed + sets++);
    if (sets % SAY_EVERY_SETS === 0)
      say(`${requests} requests of ${sets} sets agree; the next seed is ${seed + sets}`);
  }
  const taken: Record<string, number> = {};
  for (const target of parserTargets()) {
    taken[target.name] = 0;
    for (let at = 0; at < TEXTS; at++)
      if (fuzzSeed(target, seed + at)) taken[target.name] = (taken[target.name] ?? 0) + 1;
    say(`${TEXTS} texts for ${target.name}, ${taken[target.name]} of them good`);
  }
  return { requests, sets, differences: 0, texts: TEXTS, taken };
}
