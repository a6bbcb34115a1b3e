/** The parsers that take text from outside, each with the texts that are damaged and who decides on them. */
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import {
  parseJson,
  parsePolicies,
  parseSchema,
  resolveSchema,
  SchemaError,
  schemaFromJson,
} from '../../packages/cedar/src/index.ts';
import { corpus } from '../corpora.ts';
import { generatedTests, handwrittenTests } from './corpus.ts';
import type { Dice } from './dice.ts';
import { type Json, parseExact } from './exact-json.ts';
import type { Target } from './fuzz.ts';
import { mutate } from './mutate.ts';
import { mutateJson } from './mutate-json.ts';
import { somePolicySet } from './policy-sets.ts';
import { valueTargets } from './value-targets.ts';

/** Of the corpus every so many, which is some hundreds of short ones. */
const CORPUS_STEP = 20;
const TEXT_LENGTH_MAX = 3_000;

/** Texts to damage: the corpus where it is here, and one that has every word of the language. */
interface Texts {
  readonly policies: readonly string[];
  readonly schemas: readonly string[];
  readonly schemaJson: readonly Json[];
}

function readTexts(): Texts {
  const policies = ['@id("a") permit (principal, action, resource) when { true };'];
  const schemas = [EVERY_WORD_OF_SCHEMAS];
  const folder = corpus('cedar');
  if (folder) {
    let at = 0;
    for (const test of generatedTests(folder))
      if (at++ % CORPUS_STEP === 0) {
        if (test.policies.length < TEXT_LENGTH_MAX) policies.push(test.policies);
        if (test.schema.length < TEXT_LENGTH_MAX) schemas.push(test.schema);
      }
    for (const test of handwrittenTests(folder)) {
      policies.push(test.policies);
      schemas.push(test.schema);
    }
  }
  return { policies, schemas, schemaJson: schemas.map(schemaToJson) };
}

const EVERY_WORD_OF_SCHEMAS = `namespace A {
  type T = { a: Long, "b"?: Set<T2> }; type T2 = String;
  entity E in [F, B::G] { x: T, y?: __cedar::Bool } tags Set<String>; entity F; entity N enum ["a", "b"];
  action x, "y z" in [w, Action::"v"] appliesTo {
    principal: [E], resource: [F, E], context: { q: ipaddr, r?: decimal, s: datetime, t: duration }
  };
  action w; action v;
}
namespace B { @doc("x") entity G, H = { @a("b") f: A::E }; }`;

const POLICY_WORDS = [
  ...['permit', 'forbid', 'when', 'unless', 'principal', 'action', 'resource', 'context'],
  ...['in', 'is', 'has', 'like', 'if', 'then', 'else', 'true', 'false', '&&', '||', '==', '!='],
  ...['<', '<=', '=', '!', '-', '+', '*', '::', '.', '?principal', '?resource', '@id("a")', '@a'],
  ...['ip("1.1.1.1")', 'decimal("1.0")', '.contains(', '.isEmpty()', '.getTag("a")', 'User::"a"'],
  ...['[', '{', '(', ')', '}', ']', ';', ',', '__cedar', '//', '/*', '"\\u{0}"', '"\\*"', 'A::B'],
];

const SCHEMA_WORDS = [
  ...['entity', 'action', 'type', 'namespace', 'in', 'appliesTo', 'principal', 'resource'],
  ...['context', 'tags', 'enum', 'Set', 'Set<', 'Record', 'Entity', 'Long', 'Bool', 'Boolean'],
  ...['String', 'ipaddr', 'decimal', 'datetime', 'duration', '__cedar', '__cedar::Long', '{', '}'],
  ...['[', ']', '<', '>', ',', ';', ':', '::', '?', '=', '@doc("x")', '@a', '"a"', 'attributes'],
  ...['A', 'A::B', 'Action', 'Extension', 'if', 'true', '//'],
];

const SCHEMA_JSON_WORDS = [
  ...['entityTypes', 'actions', 'commonTypes', 'annotations', 'shape', 'tags', 'memberOfTypes'],
  ...['memberOf', 'appliesTo', 'principalTypes', 'resourceTypes', 'context', 'attributes'],
  ...['required', 'additionalAttributes', 'enum', 'element', 'name', 'type', 'Set', 'Record'],
  ...['Entity', 'EntityOrCommon', 'Extension', 'Long', 'Boolean', 'Bool', 'String', 'ipaddr'],
  ...['decimal', '__cedar', '__cedar::Long', 'A', 'A::B', 'id', 'Action', 'B::G', 'a b', ' A'],
];

const JSON_WORDS = [
  '{"a":',
  '"',
  '\\u0041',
  '\\ud83d',
  'true',
  'null',
  '1e3',
  '-',
  '.5',
  '[[',
  ',',
];

export function parserTargets(): readonly Target[] {
  const { policies, schemas, schemaJson } = readTexts();
  const schemaJsonTexts = schemaJson.map((json) => JSON.stringify(json));
  return [
    {
      name: 'policies',
      make: (dice) =>
        mutate(dice, dice.chance(60) ? dice.pick(policies) : somePolicies(dice), {
          words: POLICY_WORDS,
          others: policies,
        }),
      ours: (text) => parsePolicies(text).ok,
      cedar: (text) => ifUnicode(text, () => wasm.policySetTextToParts(text).type === 'success'),
    },
    {
      name: 'schema',
      make: (dice) => mutate(dice, dice.pick(schemas), { words: SCHEMA_WORDS, others: schemas }),
      ours: (text) => takesSchema(() => parseSchema(text)),
      cedar: (text) => ifUnicode(text, () => wasm.checkParseSchema(text).type === 'success'),
    },
    {
      name: 'schema JSON',
      make: (dice) => JSON.stringify(mutateJson(dice, dice.pick(schemaJson), SCHEMA_JSON_WORDS)),
      ours: (text) => takesSchema(() => schemaFromJson(JSON.parse(text))),
      cedar: cedarTakesSchemaJson,
    },
    {
      name: 'JSON',
      make: (dice) =>
        mutate(dice, dice.pick(schemaJsonTexts), { words: JSON_WORDS, others: schemaJsonTexts }),
      ours: (text) => parseJson(text).ok,
      cedar: platformTakes,
    },
    ...valueTargets(),
  ];
}

const somePolicies = (dice: Dice): string => {
  const { policies, templates } = somePolicySet(dice);
  return [...policies, ...templates]
    .slice(0, 3)
    .map(({ text }) => text)
    .join('\n');
};

/** Half a surrogate pair does not reach Cedar, whose strings are UTF-8, and ours refuses it. */
const ifUnicode = (text: string, ask: () => boolean): boolean => text.isWellFormed() && ask();

function takesSchema(read: () => Parameters<typeof resolveSchema>[0]): boolean {
  try {
    resolveSchema(read());
    return true;
  } catch (error) {
    if (error instanceof SchemaError) return false;
    throw error;
  }
}

function schemaToJson(text: string): Json {
  const answer = wasm.schemaToJson(text);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.json as unknown as Json;
}

/** Where an object stands Cedar also reads an array of its members' values, by accident of its JSON library. */
function cedarTakesSchemaJson(text: string): boolean | undefined {
  const taken = wasm.checkParseSchema(parseExact(text) as unknown as wasm.Schema);
  if (taken.type === 'failure') return false;
  try {
    schemaFromJson(JSON.parse(text));
  } catch (error) {
    if (error instanceof SchemaError && /expected an object$/.test(error.message)) return undefined;
  }
  return true;
}

/** The platform's own reader, which differs only where ours says why it refuses. */
function platformTakes(text: string): boolean | undefined {
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  const parsed = parseJson(text);
  return !parsed.ok && /twice|surrogate/.test(parsed.errors[0]?.message ?? '') ? undefined : true;
}
