/** Requests and entities against their schema: our verdict is Cedar's, on the corpus and on damaged corpus. */
import { readFileSync } from 'node:fs';
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import {
  CedarError,
  type Json as CedarJson,
  compileSchema,
  type Entity,
  entitiesFromJson,
  entitiesToJson,
  parseJson,
  parseSchema,
  prepareEntities,
  type Request,
  type ResolvedSchema,
  recordFromJson,
  resolveSchema,
  stringifyJson,
  uidFromJson,
  valueToJson,
} from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { generatedTests } from './corpus.ts';
import { Dice } from './dice.ts';
import { type Json, parseExact } from './exact-json.ts';
import { mutateJson } from './mutate-json.ts';

const folder = corpus('cedar');
const seed = Number(process.env.SEALRAIL_SEED ?? 20261125);

/** A request with its entities, as JSON. */
interface Asked {
  readonly principal: Json;
  readonly action: Json;
  readonly resource: Json;
  readonly context: Json;
  readonly entities: Json;
}

describe.skipIf(folder === undefined)('requests and entities against a schema', () => {
  test('all 62,472 requests of the corpus fit, and so do their entities', () => {
    let requests = 0;
    for (const corpusTest of generatedTests(folder as string)) {
      const schema = resolveSchema(parseSchema(corpusTest.schema));
      const validator = compileSchema(schema);
      const entities = entitiesFromJson(parsed(corpusTest.entities), schema);
      expect(validator.validateEntities(entities)).toBeUndefined();
      for (const { principal, action, resource, context } of corpusTest.requests) {
        const request = readRequest(
          {
            principal: { ...principal },
            action: { ...action },
            resource: { ...resource },
            context: parsed(context),
          },
          schema,
        );
        expect(validator.validateRequest(request)).toBeUndefined();
        requests += 1;
      }
    }
    expect(requests).toBe(62_472);
  });

  test(`damaged ones are refused where Cedar refuses them, and nowhere else (seed ${seed})`, () => {
    const dice = new Dice(seed);
    const verdicts = new Verdicts();
    let at = 0;
    for (const corpusTest of generatedTests(folder as string)) {
      if (at++ % TESTS_STEP !== 0) continue;
      if (corpusTest.entities.length > ENTITIES_LENGTH_MAX) continue;
      const schema = resolveSchema(parseSchema(corpusTest.schema));
      wasm.preparseSchema('damaged', corpusTest.schema);
      const words = wordsOf(schema);
      for (let mutant = 0; mutant < MUTANTS; mutant += 1) {
        const { principal, action, resource, context } = dice.pick(corpusTest.requests);
        const asked = {
          principal: { ...principal },
          action: { ...action },
          resource: { ...resource },
          context: parseExact(context),
          entities: parseExact(corpusTest.entities),
        };
        verdicts.compare(damage(dice, asked, words), schema);
      }
    }
    // Damage that is always seen, or never, would compare nothing.
    expect(Math.min(verdicts.refused, verdicts.taken)).toBeGreaterThan(200);
  });
});

test(`damaged SQL actions are refused where Cedar refuses them, and nowhere else (seed ${seed})`, () => {
  const text = readFileSync(
    new URL('../../packages/sdk/schema/guard.cedarschema', import.meta.url),
    'utf8',
  );
  const schema = resolveSchema(parseSchema(text));
  const dice = new Dice(seed);
  const verdicts = new Verdicts();
  wasm.preparseSchema('damaged', text);
  const words = wordsOf(schema);
  verdicts.compare(SQL_ACTION, schema);
  expect(verdicts.taken).toBe(1);
  for (let mutant = 0; mutant < SQL_MUTANTS; mutant += 1) {
    verdicts.compare(damage(dice, SQL_ACTION, words), schema);
  }
  expect(Math.min(verdicts.refused, verdicts.taken)).toBeGreaterThan(SQL_MUTANTS / 20);
});

const TESTS_STEP = 20;
const MUTANTS = 6;
const SQL_MUTANTS = 1_000;
const ENTITIES_LENGTH_MAX = 20_000;

function parsed(text: string): CedarJson {
  const result = parseJson(text);
  if (!result.ok) throw new Error(result.errors[0]?.message);
  return result.value;
}

/** Names, ids and attributes that mean something in this schema, so that damage goes deeper than typos. */
function wordsOf(schema: ResolvedSchema): readonly string[] {
  const words = [
    'type',
    'id',
    '__entity',
    '__extn',
    'fn',
    'arg',
    'uid',
    'attrs',
    'parents',
    'tags',
  ];
  for (const [name, type] of schema.entityTypes) {
    words.push(name);
    if (type.kind === 'standard') words.push(...type.shape.attributes.keys());
    else words.push(...type.ids);
  }
  for (const [type, ids] of schema.actions) words.push(type, ...ids.keys());
  return words;
}

function damage(dice: Dice, asked: Asked, words: readonly string[]): Asked {
  const part = dice.pick([
    'principal',
    'action',
    'resource',
    'context',
    'context',
    'entities',
    'entities',
    'entities',
  ] as const);
  return { ...asked, [part]: mutateJson(dice, asked[part], words) };
}

/** Ours beside Cedar's, and how many there were of each. */
class Verdicts {
  refused = 0;
  taken = 0;

  constructor() {
    wasm.preparsePolicySet('all', { staticPolicies: 'permit(principal, action, resource);' });
  }

  compare(asked: Asked, schema: ResolvedSchema): void {
    const read = readOrSkip(asked, schema);
    if (read === undefined) return;
    const ours = problemOf(read, schema);
    const json = writeJson(read);
    const theirs = cedarProblemOf(json);
    const told = `${JSON.stringify(json)}\n${ours}\n${theirs}`;
    expect(ours === undefined, told).toBe(theirs === undefined);
    if (theirs === undefined) this.taken += 1;
    else this.refused += 1;
  }
}

interface Read {
  readonly request: Request;
  readonly entities: readonly Entity[];
}

/** What is no value at all, the reader of JSON refuses, which has tests of its own. */
function readOrSkip(asked: Asked, schema: ResolvedSchema): Read | undefined {
  try {
    const json = parsed(JSON.stringify(asked)) as Record<keyof Asked, CedarJson>;
    const entities = entitiesFromJson(json.entities, schema);
    prepareEntities(entities);
    const read = { entities, request: readRequest(json, schema) };
    writeJson(read);
    return read;
  } catch (error) {
    if (error instanceof CedarError) return undefined;
    throw error;
  }
}

function readRequest(
  json: Readonly<Record<Exclude<keyof Asked, 'entities'>, CedarJson>>,
  schema: ResolvedSchema,
): Request {
  const action = uidFromJson(json.action);
  const declared = schema.actions.get(action.type)?.get(action.id);
  return {
    principal: uidFromJson(json.principal),
    action,
    resource: uidFromJson(json.resource),
    context: recordFromJson(json.context, declared?.context),
  };
}

/** With every escape written out, so that both sides judge the same values. */
function writeJson({ request, entities }: Read): Asked {
  const { principal, action, resource, context } = request;
  const json = {
    principal: { ...principal },
    action: { ...action },
    resource: { ...resource },
    context: valueToJson(context),
    entities: entitiesToJson(entities),
  };
  return parseExact(stringifyJson(json)) as object as Asked;
}

function problemOf({ request, entities }: Read, schema: ResolvedSchema): string | undefined {
  const validator = compileSchema(schema);
  return validator.validateEntities(entities) ?? validator.validateRequest(request);
}

function cedarProblemOf(asked: Asked): string | undefined {
  const answer = wasm.statefulIsAuthorized({
    ...(asked as object as Pick<wasm.StatefulAuthorizationCall, keyof Asked>),
    preparsedSchemaName: 'damaged',
    preparsedPolicySetId: 'all',
    validateRequest: true,
  });
  return answer.type === 'success' ? undefined : answer.errors[0]?.message;
}

const uid = (type: string, id: string) => ({ type, id });
const ref = (type: string, id: string) => ({ __entity: { type, id } });

/** A DELETE as the gateway asks about it, with everything optional there. */
const SQL_ACTION: Asked = {
  principal: uid('Agent', 'bot'),
  action: uid('Action', 'sql.delete'),
  resource: uid('Table', 'shop.public.customers'),
  context: {
    meta: {
      now: { __extn: { fn: 'datetime', arg: '2026-11-25T10:00:00Z' } },
      hour: 10,
      weekday: 3,
      holiday: false,
      caller: {
        onBehalfOf: ref('Human', 'ann'),
        chainProved: true,
        hops: 1,
        agents: [ref('Agent', 'other')],
        services: [],
        proof: ref('Proof', 'token'),
        mfaAgeSec: 60,
        ip: { __extn: { fn: 'ip', arg: '10.0.0.1' } },
        session: 's',
      },
      detected: { doubts: [], secrets: ['private-key'], personal: [], injection: 0, bytes: 99 },
      history: {
        denied1m: 0,
        calls1m: 1,
        calls1h: 2,
        rows1h: 3,
        bytesOut1h: 4,
        failed5m: 0,
        taints: ['x'],
        hosts1h: 0,
      },
      ticket: 'T-1',
      purpose: 'support',
      approval: { by: [ref('Human', 'eve')], count: 1, ageSec: 5 },
      breakGlass: { ticket: 'T-2', ageSec: 3, secondPerson: ref('Human', 'eve') },
    },
    sql: {
      doubts: [ref('Doubt', 'dynamic')],
      dialect: 'postgres',
      statements: 1,
      template: 'DELETE FROM customers WHERE id = $1',
      scope: ref('Scope', 'key'),
      volatility: ref('Volatility', 'stable'),
      readOnly: false,
      risks: [ref('SqlRisk', 'lock')],
      tablesRead: [],
      tablesWritten: [ref('Table', 'shop.public.customers')],
      routines: [],
      limit: 1,
      estimatedRows: 1,
      returnsRows: false,
      crossJoin: false,
      literals: 1,
      literalKinds: ['number'],
      parameters: 0,
      inTransaction: true,
    },
    access: {
      columns: ['id'],
      shown: [],
      shownClasses: [],
      derivedClasses: ['id'],
      written: ['id'],
      writtenClasses: [],
      allColumns: true,
    },
  },
  entities: [
    {
      uid: uid('Agent', 'bot'),
      attrs: { model: 'm', trust: 50 },
      parents: [uid('Role', 'app-writer'), uid('Group', 'bots')],
      tags: { team: 'shop' },
    },
    { uid: uid('Group', 'bots'), attrs: {}, parents: [uid('Group', 'all')] },
    {
      uid: uid('Table', 'shop.public.customers'),
      attrs: { classes: ['email'], rows: 10, appendOnly: false },
      parents: [uid('Schema', 'shop.public'), uid('Env', 'prod')],
    },
    { uid: uid('Schema', 'shop.public'), attrs: {}, parents: [uid('Database', 'shop')] },
    { uid: uid('Database', 'shop'), attrs: { engine: 'postgres' }, parents: [uid('Env', 'prod')] },
    { uid: uid('Env', 'prod'), attrs: {}, parents: [] },
    {
      uid: uid('Action', 'sql.delete'),
      attrs: {},
      parents: [uid('Action', 'sql.any'), uid('Action', 'write'), uid('Action', 'any')],
    },
  ],
};
