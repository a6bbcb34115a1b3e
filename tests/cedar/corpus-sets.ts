/**
 * The corpus has one policy a test; those that share a schema make sets of many, which speak of the same
 * entities and are asked each other's requests.
 */
import { type CorpusTest, generatedTests } from './corpus.ts';
import { Dice } from './dice.ts';
import type { Question } from './differential.ts';
import { parseExact } from './exact-json.ts';
import type { JsonEntity, JsonRequest } from './world.ts';

export interface Questions extends Omit<Question, 'request'> {
  readonly requests: readonly JsonRequest[];
  /** The tests that the set is made of. */
  readonly origin: string;
}

const POLICIES_MAX = 40;
const REQUESTS = 20;

export function* corpusSets(folder: string, seed: number): Generator<Questions> {
  const dice = new Dice(seed);
  const bySchema = Map.groupBy(generatedTests(folder), ({ schema }) => schema);
  for (const tests of bySchema.values())
    for (let at = 0; at + 1 < tests.length; at += POLICIES_MAX)
      yield questionsOf(tests.slice(at, at + POLICIES_MAX), dice);
}

function questionsOf(tests: readonly CorpusTest[], dice: Dice): Questions {
  return {
    set: {
      policies: tests.map(({ id, policies }) => ({ id, text: policies })),
      templates: [],
      links: [],
    },
    entities: parseExact(dice.pick(tests).entities) as unknown as readonly JsonEntity[],
    requests: dice.times(REQUESTS, REQUESTS, () => {
      const { principal, action, resource, context } = dice.pick(dice.pick(tests).requests);
      return {
        principal,
        action,
        resource,
        context: parseExact(context) as JsonRequest['context'],
      };
    }),
    origin: `the corpus from ${tests[0]?.id}`,
  };
}
