/** The same decision where there is much of something: entities, policies, text to parse. */
import {
  authorize,
  type Entities,
  type Entity,
  EntityUid,
  prepareEntities,
  type Request,
} from '../../packages/cedar/src/index.ts';
import type { Row } from '../run.ts';
import { askWasm, callOf, prepareWasm } from './cedar-call.ts';
import { compileText, openOurs, requestOf } from './ours.ts';
import { median, timeRounds } from './timing.ts';
import { cedarText, makeActions, makeRules } from './workload.ts';

const MANY_POLICIES = 10_000;
const PARSED_POLICIES = 1_000;
const PARSE_MS_MAX = 150;
const PARSE_ROUNDS = 7;
const ENTITIES = 100_000;
const DEPTH = 10;
const ROUNDS = 3;
const BUDGET_MS = 300;

export const scaleRows = (): Row[] => [manyPoliciesRow(), ...manyEntitiesRows(), ...parseRows()];

function manyPoliciesRow(): Row {
  const rules = makeRules(MANY_POLICIES);
  const actions = makeActions();
  const { fromAction } = openOurs(rules);
  prepareWasm(rules);
  const calls = actions.map(callOf);
  const [ours = [], theirs = []] = timeRounds(
    [
      { name: 'ours', deciders: actions.map((action) => () => fromAction(action)) },
      { name: 'cedar-wasm', deciders: calls.map((call) => () => askWasm(call)) },
    ],
    { rounds: ROUNDS, budgetMs: BUDGET_MS },
  );
  return {
    name: `${MANY_POLICIES} policies: from an action, against cedar-wasm, p50`,
    value: median(ours.map(({ p50Us }) => p50Us)),
    unit: 'µs',
    baseline: median(theirs.map(({ p50Us }) => p50Us)),
    ratio: median(ours.map(({ p50Us }, at) => (theirs[at]?.p50Us ?? 0) / p50Us)),
    ok: true,
  };
}

/** Beside 100 entities of the same depth: what an entity costs that nobody asks about should be nothing. */
function manyEntitiesRows(): Row[] {
  const many = deepEntities(ENTITIES);
  const started = performance.now();
  const prepared = prepareEntities(many);
  const prepareMs = performance.now() - started;
  const policies = compileText(makeRules(100).map(cedarText));
  const few = prepareEntities(deepEntities(100));
  const actions = makeActions();
  const askAll = (entities: Entities, count: number) =>
    actions.map((action, at) => {
      const resource = new EntityUid('Table', `${((at * 7_919) % (count / DEPTH)) * DEPTH}`);
      return () => {
        const request: Request = { ...requestOf(action), resource };
        return authorize(policies, request, entities);
      };
    });
  const [large = [], small = []] = timeRounds(
    [
      { name: 'many', deciders: askAll(prepared, ENTITIES) },
      { name: 'few', deciders: askAll(few, 100) },
    ],
    { rounds: ROUNDS, budgetMs: BUDGET_MS },
  );
  return [
    {
      name: `${ENTITIES} entities of depth ${DEPTH}, 100 policies: from an action, against 100 entities, p50 (ratio at most)`,
      value: median(large.map(({ p50Us }) => p50Us)),
      unit: 'µs',
      baseline: median(small.map(({ p50Us }) => p50Us)),
      ratio: median(large.map(({ p50Us }, at) => p50Us / (small[at]?.p50Us ?? 1))),
      ok: true,
    },
    { name: `${ENTITIES} entities prepared`, value: prepareMs, unit: 'ms', ok: true },
  ];
}

/** Chains of ten: every tenth is a table at the bottom, and the last of each a schema that policies name. */
function deepEntities(count: number): Entity[] {
  return Array.from({ length: count }, (_, at) => {
    const level = at % DEPTH;
    const type = level === 0 ? 'Table' : level === DEPTH - 1 ? 'Schema' : 'Folder';
    const parentType = level === DEPTH - 2 ? 'Schema' : 'Folder';
    const parentId = level === DEPTH - 2 ? schemaId(at + 1) : `${at + 1}`;
    return {
      uid: new EntityUid(type, level === DEPTH - 1 ? schemaId(at) : `${at}`),
      parents: level === DEPTH - 1 ? [] : [new EntityUid(parentType, parentId)],
      attrs: { rows: at },
    };
  });
}

const schemaId = (at: number): string => `s${Math.floor(at / DEPTH)}`;

function parseRows(): Row[] {
  const rules = makeRules(PARSED_POLICIES);
  const texts = rules.map(cedarText);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < PARSE_ROUNDS; round++) {
    ours.push(timeMs(() => compileText(texts)));
    theirs.push(timeMs(() => prepareWasm(rules)));
  }
  const value = median(ours);
  return [
    {
      name: `${PARSED_POLICIES} policies parsed and compiled (at most)`,
      value,
      unit: 'ms',
      floor: PARSE_MS_MAX,
      ok: value <= PARSE_MS_MAX,
    },
    {
      name: `${PARSED_POLICIES} policies parsed and compiled, against cedar-wasm`,
      value,
      unit: 'ms',
      baseline: median(theirs),
      ratio: median(theirs.map((ms, at) => ms / (ours[at] ?? 1))),
      ok: true,
    },
  ];
}

function timeMs(run: () => void): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}
