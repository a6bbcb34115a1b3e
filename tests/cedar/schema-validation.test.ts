/** Requests and entities against their schema: our verdict is Cedar's, on the corpus and on damaged corpus. */
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
import { type CorpusTest, generatedTests } from './corpus.ts';
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
    wasm.preparsePolicySet('all', { staticPolicies: 'permit(principal, action, resource);' });
    let refused = 0;
    let taken = 0;
    let at = 0;
    for (const corpusTest of generatedTests(folder as string)) {
      if (at++ % TESTS_STEP !== 0) continue;
      if (corpusTest.entities.length > ENTITIES_LENGTH_MAX) continue;
      const schema = resolveSchema(parseSchema(corpusTest.schema));
      wasm.preparseSchema('damaged', corpusTest.schema);
      const words = wordsOf(schema);
      for (let mutant = 0; mutant < MUTANTS; mutant += 1) {
        const asked = damage(dice, corpusTest, words);
        const read = readOrSkip(asked, schema);
        if (read === undefined) continue;
        const ours = problemOf(read, schema);
        const json = writeJson(read);
        const theirs = cedarProblemOf(json);
        const told = `${corpusTest.id} mutant ${mutant}\n${JSON.stringify(json)}\n${ours}\n${theirs}`;
        expect(ours === undefined, told).toBe(theirs === undefined);
        if (theirs === undefined) taken += 1;
        else refused += 1;
      }
    }
    // Damage that is always seen, or never, would compare nothing.
    expect(Math.min(refused, taken)).toBeGreaterThan(400);
  });
});

const TESTS_STEP = 12;
const MUTANTS = 6;
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

function damage(dice: Dice, { requests, entities }: CorpusTest, words: readonly string[]): Asked {
  const { principal, action, resource, context } = dice.pick(requests);
  const asked = {
    principal: { ...principal },
    action: { ...action },
    resource: { ...resource },
    context: parseExact(context),
    entities: parseExact(entities),
  };
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
