/** What may not matter to a decision: order, spelling, what things are called, and how a policy was written. */
import { describe, expect, test } from 'vitest';
import {
  authorize,
  compilePolicies,
  entitiesFromJson,
  type Policy,
  type PolicyEntry,
  parsePolicies,
  policyFromJson,
  policyToJson,
  prepareEntities,
  printPolicy,
} from '../../packages/cedar/src/index.ts';
import { Dice } from './dice.ts';
import { entriesOf, lossless, requestOf } from './ours.ts';
import { somePolicySet } from './policy-sets.ts';
import { someRequest, someWorld } from './world.ts';

const SETS = 150;
const REQUESTS = 20;
const seed = Number(process.env.SEALRAIL_SEED ?? 1);

/** Runs on many random sets; the seed stands in what fails. */
function onSets(check: (dice: Dice, at: string) => void): void {
  for (let at = 0; at < SETS; at++)
    check(new Dice(seed * 10_000 + at), `seed ${seed * 10_000 + at}`);
}

/** All that an answer says, whatever the order of the set. */
function ask(entries: readonly PolicyEntry[], entities: Parameters<typeof prepareEntities>[0]) {
  const compiled = compilePolicies(entries);
  const prepared = prepareEntities(entities);
  return (request: Parameters<typeof authorize>[1]) => {
    const { decision, permits, forbids, errors } = authorize(compiled, request, prepared);
    return {
      decision,
      permits: permits.toSorted(),
      forbids: forbids.toSorted(),
      errors: errors.map(({ policy, message }) => `${policy}: ${message}`).toSorted(),
    };
  };
}

/** Of 3 s on a quiet machine. */
const TIMEOUT_MS = 300_000;

describe('a decision', { timeout: TIMEOUT_MS }, () => {
  test('does not depend on the order of policies or of entities', () => {
    onSets((dice, at) => {
      const entries = entriesOf(somePolicySet(dice));
      const entities = entitiesFromJson(lossless(someWorld(dice)));
      const one = ask(entries, entities);
      const other = ask(shuffle(dice, entries), shuffle(dice, entities));
      for (const request of dice.times(REQUESTS, REQUESTS, () => requestOf(someRequest(dice))))
        expect(other(request), at).toEqual(one(request));
    });
  });

  test('names policies in the order of the set', () => {
    onSets((dice, at) => {
      const entries = entriesOf(somePolicySet(dice));
      const compiled = compilePolicies(entries);
      const entities = prepareEntities(entitiesFromJson(lossless(someWorld(dice))));
      const order = entries.map(({ id }) => id);
      const inOrder = (ids: readonly string[]) => order.filter((id) => ids.includes(id));
      for (const request of dice.times(REQUESTS, REQUESTS, () => requestOf(someRequest(dice)))) {
        const { permits, forbids, errors } = authorize(compiled, request, entities);
        expect(permits, at).toEqual(inOrder(permits));
        expect(forbids, at).toEqual(inOrder(forbids));
        const failed = errors.map(({ policy }) => policy);
        expect(failed, at).toEqual(inOrder(failed));
      }
    });
  });

  test('is the same for a policy that was printed, or written as JSON, and read again', () => {
    onSets((dice, at) => {
      const entries = entriesOf(somePolicySet(dice));
      const entities = entitiesFromJson(lossless(someWorld(dice)));
      const one = ask(entries, entities);
      const printed = ask(rewrite(entries, throughText), entities);
      const written = ask(rewrite(entries, throughJson), entities);
      for (const request of dice.times(REQUESTS, REQUESTS, () => requestOf(someRequest(dice)))) {
        const { errors, ...expected } = one(request);
        expect(printed(request), at).toMatchObject(expected);
        expect(written(request), at).toMatchObject(expected);
        expect(printed(request).errors, at).toHaveLength(errors.length);
        expect(written(request).errors, at).toHaveLength(errors.length);
      }
    });
  });

  test('of a set is that of its policies asked one by one, so that none hides or shields another', () => {
    onSets((dice, at) => {
      const entries = entriesOf(somePolicySet(dice));
      const entities = entitiesFromJson(lossless(someWorld(dice)));
      const all = ask(entries, entities);
      const each = entries.map((entry) => ask([entry], entities));
      for (const request of dice.times(REQUESTS, REQUESTS, () => requestOf(someRequest(dice)))) {
        const answers = each.map((one) => one(request));
        const { decision: _, ...expected } = all(request);
        expect(expected, at).toEqual({
          permits: answers.flatMap(({ permits }) => permits).toSorted(),
          forbids: answers.flatMap(({ forbids }) => forbids).toSorted(),
          errors: answers.flatMap(({ errors }) => errors).toSorted(),
        });
      }
    });
  });

  test('is never changed by what else was asked before', () => {
    onSets((dice, at) => {
      const one = ask(entriesOf(somePolicySet(dice)), entitiesFromJson(lossless(someWorld(dice))));
      const requests = dice.times(REQUESTS, REQUESTS, () => requestOf(someRequest(dice)));
      const first = requests.map(one);
      expect(requests.toReversed().map(one).toReversed(), at).toEqual(first);
    });
  });
});

function shuffle<T>(dice: Dice, items: readonly T[]): T[] {
  return items
    .map((item) => [dice.below(2 ** 30), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

const rewrite = (entries: readonly PolicyEntry[], through: (policy: Policy) => Policy) =>
  entries.map(({ id, policy }) => ({ id, policy: through(policy) }));

function throughText(policy: Policy): Policy {
  const parsed = parsePolicies(printPolicy(policy));
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return parsed.policies[0] as Policy;
}

function throughJson(policy: Policy): Policy {
  const read = policyFromJson(policyToJson(policy));
  if (!read.ok) throw new Error(JSON.stringify(read.errors));
  return read.policy;
}
