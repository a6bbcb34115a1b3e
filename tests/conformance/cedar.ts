/**
 * Cedar's corpus against our engine: decision, reasons and errors of every request, and the JSON form of
 * every policy as cedar-wasm writes it. Tests come one by one, so that memory holds one test and not 139 MB.
 */
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import {
  actionEntities,
  authorize,
  type CompiledPolicies,
  compilePolicies,
  compileSchema,
  type Entities,
  EntityUid,
  entitiesFromJson,
  type Json,
  type Policy,
  parseJson,
  parsePolicies,
  parseSchema,
  policyToJson,
  prepareEntities,
  type Request,
  type ResolvedSchema,
  recordFromJson,
  resolveSchema,
  schemaToJson,
  stringifyJson,
} from '../../packages/cedar/src/index.ts';
import {
  type CorpusRequest,
  type CorpusTest,
  generatedTests,
  handwrittenTests,
} from '../cedar/corpus.ts';
import type { Case } from './suite.ts';

export const corpusCases = (folder: string): Iterable<Case> =>
  decisionCases(generatedTests(folder));
export const handwrittenCases = (folder: string): Iterable<Case> =>
  decisionCases(handwrittenTests(folder));

function* decisionCases(tests: Iterable<CorpusTest>): Generator<Case> {
  for (const test of tests) {
    // A test that cannot be prepared differs in each of its requests.
    const prepare = once(() => prepareTest(test));
    for (const [at, request] of test.requests.entries())
      yield {
        id: `${test.id}#${at}`,
        expected: describeAnswer(request),
        run: () => describeAnswer(answer(prepare(), request)),
      };
  }
}

type Answer = Pick<CorpusRequest, 'decision' | 'reason' | 'errors'>;

/** Ids sorted: Cedar's come in no order. */
const describeAnswer = ({ decision, reason, errors }: Answer): string =>
  `${decision} by [${reason.toSorted()}], errors in [${errors.toSorted()}]`;

interface Prepared {
  readonly policies: CompiledPolicies;
  readonly entities: Entities;
  readonly schema: ResolvedSchema;
}

function prepareTest(test: CorpusTest): Prepared {
  const schema = resolveSchema(parseSchema(test.schema));
  const policies = policiesOf(test.policies);
  const entities = entitiesFromJson(json(test.entities), schema);
  // Actions are known from the schema; where a test repeats them, its entity stands.
  const known = new Set(entities.map(({ uid }) => JSON.stringify([uid.type, uid.id])));
  const actions = actionEntities(schema).filter(
    ({ uid }) => !known.has(JSON.stringify([uid.type, uid.id])),
  );
  return {
    policies: compilePolicies(policies.map((policy, at) => ({ id: `policy${at}`, policy }))),
    entities: prepareEntities([...entities, ...actions]),
    schema,
  };
}

function answer({ policies, entities, schema }: Prepared, request: CorpusRequest): Answer {
  const { decision, permits, forbids, errors } = authorize(
    policies,
    requestOf(request, schema),
    entities,
  );
  return {
    decision,
    reason: forbids.length > 0 ? forbids : permits,
    errors: errors.map(({ policy }) => policy),
  };
}

function requestOf(request: CorpusRequest, schema: ResolvedSchema): Request {
  const uid = ({ type, id }: { type: string; id: string }) => new EntityUid(type, id);
  const action = schema.actions.get(request.action.type)?.get(request.action.id);
  return {
    principal: uid(request.principal),
    action: uid(request.action),
    resource: uid(request.resource),
    context: recordFromJson(json(request.context), action?.context),
  };
}

/** Each schema as cedar-wasm reads it; and the entities and requests of its test, which Cedar accepts, fit it. */
export function* schemaCases(folder: string): Generator<Case> {
  for (const test of generatedTests(folder))
    yield {
      id: test.id,
      expected: `${cedarSchemaJson(test.schema)}; all fits`,
      run: () => `${canonical(schemaToJson(parseSchema(test.schema)))}; ${misfitOf(test)}`,
    };
}

function misfitOf(test: CorpusTest): string {
  const schema = resolveSchema(parseSchema(test.schema));
  const validator = compileSchema(schema);
  const problems = [
    validator.validateEntities(entitiesFromJson(json(test.entities), schema)),
    ...test.requests.map((request) => validator.validateRequest(requestOf(request, schema))),
  ];
  return problems.find((problem) => problem !== undefined) ?? 'all fits';
}

function cedarSchemaJson(text: string): string {
  const answer = wasm.schemaToJson(text);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return canonical(answer.json);
}

/**
 * Of 7,809 policies, against cedar-wasm's `policyToJson`. That one rounds integers past 2^53, so both sides
 * are compared rounded, and ours by its long integers with the policy's text.
 */
export function* policyJsonCases(folder: string): Generator<Case> {
  for (const { id, policies } of generatedTests(folder))
    yield {
      id,
      expected: `${cedarJson(policies)} with [${longIntegers(policies)}]`,
      run: () => {
        const text = ourJson(policies);
        return `${canonical(JSON.parse(text))} with [${longIntegers(text)}]`;
      },
    };
}

function cedarJson(text: string): string {
  const answer = wasm.policyToJson(text);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return canonical(answer.json);
}

function ourJson(text: string): string {
  const [policy] = policiesOf(text);
  if (policy === undefined) throw new Error('no policy');
  return stringifyJson(policyToJson(policy) as unknown as Json);
}

const STRING = /"(?:[^"\\]|\\.)*"/gs;

const longIntegers = (text: string): readonly string[] =>
  [...text.replace(STRING, '""').matchAll(/\b\d{16,}\b/g)].map(([digits]) => digits).sort();

/** Members in one order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

function policiesOf(text: string): readonly Policy[] {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return parsed.policies;
}

function json(text: string): Json {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return parsed.value;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
