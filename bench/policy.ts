/**
 * A policy decision from an action, beside cedar-wasm on the same JSON calls and three other engines on
 * facts that were flattened for them. Equal answers are checked before anything is timed; one thread.
 */
import { isDeepStrictEqual } from 'node:util';
import { askWasm, callOf, prepareWasm, type Verdict } from './policy/cedar-call.ts';
import { detectRows } from './policy/detect.ts';
import { openOurs } from './policy/ours.ts';
import { replayRows } from './policy/replay.ts';
import { casbinRival, caslRival, celRival, type Rival } from './policy/rivals.ts';
import { scaleRows } from './policy/scale.ts';
import { type Latency, median, type Side, timeRounds } from './policy/timing.ts';
import { type Action, makeActions, makeRules, type Rule } from './policy/workload.ts';
import type { Row } from './run.ts';

interface Floors {
  readonly policies: number;
  readonly p50UsMax: number;
  readonly wasmRatioMin: number;
}

const FLOORS: readonly Floors[] = [
  { policies: 10, p50UsMax: 3, wasmRatioMin: 75 },
  { policies: 100, p50UsMax: 6, wasmRatioMin: 75 },
  { policies: 1_000, p50UsMax: 25, wasmRatioMin: 100 },
];
const P99_RATIO_MAX = 5;
const ROUNDS = 5;
const BUDGET_MS = 300;

export async function benchPolicy(say: (line: string) => void): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const floors of FLOORS) {
    say(`${floors.policies} policies`);
    rows.push(...(await decisionRows(floors)));
  }
  say('many entities, many policies, parsing');
  rows.push(...scaleRows());
  say('replay');
  rows.push(...(await replayRows()));
  say('detectors');
  rows.push(...detectRows());
  return rows;
}

async function decisionRows({ policies, p50UsMax, wasmRatioMin }: Floors): Promise<Row[]> {
  const rules = makeRules(policies);
  const actions = makeActions();
  const { native, json, wasm } = openEngines(rules, actions);
  const rivals = [
    celRival(rules, actions),
    caslRival(rules, actions),
    await casbinRival(rules, actions),
  ];
  const agreements = rivals.map((rival) => agreementOf(rival, native));
  const sides: readonly Side[] = [native, json, wasm, ...rivals];
  const [ours = [], fromJson = [], theirs = [], ...others] = timeRounds(sides, {
    rounds: ROUNDS,
    budgetMs: BUDGET_MS,
  });
  const at = `${policies} policies`;
  const p50Us = median(ours.map((round) => round.p50Us));
  const p99Us = median(ours.map((round) => round.p99Us));
  const tail = median(ours.map((round) => round.p99Us / round.p50Us));
  return [
    {
      name: `${at}: from an action to the decision, p50 (at most)`,
      value: p50Us,
      unit: 'µs',
      floor: p50UsMax,
      ok: p50Us <= p50UsMax,
    },
    {
      name: `${at}: its p99, against its p50 (ratio at most)`,
      value: p99Us,
      unit: 'µs',
      baseline: p50Us,
      ratio: tail,
      floor: P99_RATIO_MAX,
      ok: tail <= P99_RATIO_MAX,
    },
    compareRow(`${at}: from an action, against cedar-wasm`, ours, theirs, wasmRatioMin),
    compareRow(`${at}: from the same JSON call, against cedar-wasm`, fromJson, theirs),
    ...rivals.map(({ name }, index) =>
      compareRow(
        `${at}: from an action, against ${name}, which agrees on ${agreements[index]} of ${actions.length}`,
        ours,
        others[index] ?? [],
      ),
    ),
  ];
}

/** How many times faster: of rounds side by side, and the median of those. */
function compareRow(
  name: string,
  ours: readonly Latency[],
  theirs: readonly Latency[],
  floor?: number,
): Row {
  const ratio = median(ours.map((round, at) => (theirs[at]?.p50Us ?? 0) / round.p50Us));
  return {
    name: `${name}, p50`,
    value: median(ours.map((round) => round.p50Us)),
    unit: 'µs',
    baseline: median(theirs.map((round) => round.p50Us)),
    ratio,
    ...(floor === undefined ? {} : { floor }),
    ok: floor === undefined || ratio >= floor,
  };
}

interface Engines {
  readonly native: DecidingSide;
  readonly json: Side;
  readonly wasm: Side;
}

interface DecidingSide extends Side {
  readonly deciders: readonly (() => Verdict)[];
}

/** A figure of an engine that answers something else would mean nothing, so that ends the run. */
function openEngines(rules: readonly Rule[], actions: readonly Action[]): Engines {
  prepareWasm(rules);
  const calls = actions.map(callOf);
  const { fromAction, fromCall } = openOurs(rules);
  for (const [at, action] of actions.entries()) {
    const call = callOf(action);
    const expected = askWasm(call);
    for (const got of [fromAction(action), fromCall(call)])
      if (!isDeepStrictEqual(sorted(got), sorted(expected)))
        throw new Error(
          `request ${at}: cedar-wasm answers ${JSON.stringify(expected)}, ours ${JSON.stringify(got)}`,
        );
  }
  return {
    native: { name: 'ours', deciders: actions.map((action) => () => fromAction(action)) },
    json: { name: 'ours from JSON', deciders: calls.map((call) => () => fromCall(call)) },
    wasm: { name: 'cedar-wasm', deciders: calls.map((call) => () => askWasm(call)) },
  };
}

const sorted = ({ decision, reason, errors }: Verdict): Verdict => ({
  decision,
  reason: reason.toSorted(),
  errors: errors.toSorted(),
});

const agreementOf = (rival: Rival, native: DecidingSide): number =>
  rival.deciders.filter((decide, at) => decide() === (native.deciders[at]?.().decision === 'allow'))
    .length;
