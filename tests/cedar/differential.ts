/**
 * Three answers to one question: ours with the index, ours without it, and Cedar's. A difference is made as
 * small as it gets, so that what is printed is the bug and not the sixty policies around it.
 */
import { Dice } from './dice.ts';
import { type Ask, openOracle } from './oracle.ts';
import { type OurAsk, openOurs } from './ours.ts';
import { type PolicySet, somePolicySet } from './policy-sets.ts';
import { type JsonEntity, type JsonRequest, someRequest, someWorld } from './world.ts';

export interface Question {
  readonly set: PolicySet;
  readonly entities: readonly JsonEntity[];
  readonly request: JsonRequest;
}

const REQUESTS_MIN = 20;
const REQUESTS_MAX = 40;

/** One random set over one random world, asked some requests; throws on the first difference. */
export function compareSeed(seed: number): number {
  const dice = new Dice(seed);
  const entities = someWorld(dice);
  const set = somePolicySet(dice);
  const requests = dice.times(REQUESTS_MIN, REQUESTS_MAX, () => someRequest(dice));
  compare(set, entities, requests, `seed ${seed}`);
  return requests.length;
}

/** Only with the index against without it, which takes a tenth of the time: so on ten times as many. */
export function compareIndex(seed: number): number {
  const dice = new Dice(seed);
  const entities = someWorld(dice);
  const set = somePolicySet(dice);
  const indexed = openOurs(set, entities, { index: true });
  const unindexed = openOurs(set, entities, { index: false });
  const requests = dice.times(REQUESTS_MAX, REQUESTS_MAX * 3, () => someRequest(dice));
  for (const request of requests) {
    const full = JSON.stringify(indexed.answer(request));
    const plain = JSON.stringify(unindexed.answer(request));
    if (full === plain) continue;
    throw new Error(`seed ${seed}: ${report(shrink({ set, entities, request }))}`);
  }
  return requests.length;
}

export function compare(
  set: PolicySet,
  entities: readonly JsonEntity[],
  requests: readonly JsonRequest[],
  origin: string,
): void {
  const asks = open(set, entities);
  for (const request of requests) {
    if (difference(asks, request) === undefined) continue;
    const question = shrink({ set, entities, request });
    throw new Error(`${origin}: ${report(question)}`);
  }
}

interface Asks {
  readonly indexed: OurAsk;
  readonly unindexed: OurAsk;
  readonly cedar: Ask;
}

const open = (set: PolicySet, entities: readonly JsonEntity[]): Asks => ({
  indexed: openOurs(set, entities, { index: true }),
  unindexed: openOurs(set, entities, { index: false }),
  cedar: openOracle(set, entities),
});

function difference({ indexed, unindexed, cedar }: Asks, request: JsonRequest): string | undefined {
  const expected = JSON.stringify(cedar(request));
  const got = JSON.stringify(indexed.verdict(request));
  const full = JSON.stringify(indexed.answer(request));
  const plain = JSON.stringify(unindexed.answer(request));
  if (got === expected && full === plain) return undefined;
  return `Cedar ${expected}\nindexed ${full}\nunindexed ${plain}`;
}

/** Takes away policies, links, entities and context one by one for as long as the answers still differ. */
function shrink(question: Question): Question {
  let smallest = question;
  for (let again = true; again; ) {
    again = false;
    for (const smaller of smallerOnes(smallest)) {
      if (!differs(smaller)) continue;
      smallest = smaller;
      again = true;
      break;
    }
  }
  return smallest;
}

function* smallerOnes({ set, entities, request }: Question): Generator<Question> {
  const { policies, templates, links } = set;
  if (policies.length > 1)
    for (const kept of halves(policies))
      yield { set: { ...set, policies: kept }, entities, request };
  for (const at of links.keys())
    yield { set: { policies, templates, links: links.toSpliced(at, 1) }, entities, request };
  if (links.length === 0 && templates.length > 0)
    yield { set: { policies, templates: [], links }, entities, request };
  for (const kept of halves(entities)) yield { set, entities: kept, request };
  for (const at of policies.keys())
    yield { set: { ...set, policies: policies.toSpliced(at, 1) }, entities, request };
  for (const at of entities.keys()) yield { set, entities: entities.toSpliced(at, 1), request };
  for (const name of Object.keys(request.context)) {
    const context = Object.fromEntries(
      Object.entries(request.context).filter(([other]) => other !== name),
    );
    yield { set, entities, request: { ...request, context } };
  }
}

const halves = <T>(items: readonly T[]): (readonly T[])[] =>
  items.length < 2 ? [] : [items.slice(0, items.length >> 1), items.slice(items.length >> 1)];

/** What one side refuses is another question than the one that is being made smaller. */
function differs({ set, entities, request }: Question): boolean {
  try {
    return difference(open(set, entities), request) !== undefined;
  } catch {
    return false;
  }
}

const report = ({ set, entities, request }: Question): string =>
  [
    difference(open(set, entities), request),
    ...set.policies.map(({ id, text }) => `${JSON.stringify(id)}: ${text}`),
    ...set.templates.map(({ id, text }) => `template ${JSON.stringify(id)}: ${text}`),
    ...set.links.map((link) => `link ${JSON.stringify(link)}`),
    `entities ${JSON.stringify(entities)}`,
    `request ${JSON.stringify(request)}`,
  ].join('\n');
