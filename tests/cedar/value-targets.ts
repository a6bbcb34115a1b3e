/** Parsers of values: extension types, entities, and policies in JSON; see targets.ts for the languages. */
import * as wasm from '@cedar-policy/cedar-wasm/nodejs';
import {
  CedarError,
  entitiesFromJson,
  parseDatetime,
  parseDecimal,
  parseDuration,
  parseIp,
  parseJson,
  policyFromJson,
  policyToJson,
  prepareEntities,
  stringifyJson,
  type Value,
  valueToJson,
} from '../../packages/cedar/src/index.ts';
import type { Dice } from './dice.ts';
import { type Json, parseExact } from './exact-json.ts';
import type { Target } from './fuzz.ts';
import { mutate } from './mutate.ts';
import { mutateJson } from './mutate-json.ts';
import { entriesOf } from './ours.ts';
import { somePolicySet } from './policy-sets.ts';
import { EXTENSION_TEXTS, type ExtensionFunction, someWorld } from './world.ts';

export const valueTargets = (): readonly Target[] => [
  ...EXTENSIONS.map(([name, parse]) => extensionTarget(name, parse)),
  {
    name: 'entities',
    make: (dice) =>
      JSON.stringify(mutateJson(dice, someWorld(dice) as unknown as Json, ENTITY_WORDS)),
    ours: takesEntities,
    cedar: (text) => {
      // Partial evaluation alone has `unknown`, and ours has none of it: the package's README says so.
      if (text.includes('"fn":"unknown"')) return undefined;
      const entities = parseExact(text) as unknown as wasm.Entities;
      return wasm.checkParseEntities({ entities }).type === 'success';
    },
  },
  {
    name: 'policy JSON',
    make: (dice) => JSON.stringify(mutateJson(dice, somePolicyJson(dice), POLICY_JSON_WORDS)),
    ours: (text) => {
      const parsed = parseJson(text);
      return parsed.ok && policyFromJson(parsed.value).ok;
    },
    cedar: cedarTakesPolicyJson,
  },
];

const EXTENSIONS: readonly (readonly [ExtensionFunction, (text: string) => Value | undefined])[] = [
  ['ip', parseIp],
  ['decimal', parseDecimal],
  ['datetime', parseDatetime],
  ['duration', parseDuration],
];

const EXTENSION_WORDS = [
  ...[
    '/',
    '/0',
    '/32',
    '/128',
    '/33',
    '.',
    '..',
    ':',
    '::',
    '::1',
    'ffff',
    'ff02::1',
    '255',
    '256',
  ],
  ...[
    '-',
    '+',
    '.0',
    '.12345',
    'T',
    'Z',
    '.000',
    '+0100',
    '-2359',
    '+2400',
    '-02-29',
    '9999',
    '60',
  ],
  ...['d', 'h', 'm', 's', 'ms', '1d', '2h', '3m', '4s', '5ms', '9223372036854775807ms', '\u0661'],
];
const EXTENSION_SEEDS: Readonly<Record<ExtensionFunction, readonly string[]>> = {
  ip: [...EXTENSION_TEXTS.ip, '2001:db8::ff00:42:8329', '1:2:3:4:5:6:7:8/64', '::ffff:1.2.3.4'],
  decimal: [...EXTENSION_TEXTS.decimal, '-922337203685477.5808', '0.0001', '00.10'],
  datetime: [...EXTENSION_TEXTS.datetime, '0000-01-01', '2024-02-29T23:59:59.999-2359'],
  duration: [...EXTENSION_TEXTS.duration, '-106751991167d7h12m55s808ms', '106751991167d', '1ms'],
};

/** Cedar is asked twice: whether it takes the text, and whether our reading, written anew, is the same value. */
function extensionTarget(
  name: ExtensionFunction,
  parse: (text: string) => Value | undefined,
): Target {
  const seeds = EXTENSION_SEEDS[name];
  return {
    name,
    make: (dice) => mutate(dice, dice.pick(seeds), { words: EXTENSION_WORDS, others: seeds }),
    ours: (text) => parse(text) !== undefined,
    cedar: (text) => {
      if (!text.isWellFormed()) return false;
      const value = parse(text);
      const answer = askExtension(name, text, value);
      if (answer === undefined) return false;
      if (value !== undefined && !answer)
        throw new Error(`${name} ${JSON.stringify(text)} is another value to Cedar`);
      return true;
    },
  };
}

const EXTENSION_SET = 'extensions';
const EXTENSION_POLICIES = Object.fromEntries(
  EXTENSIONS.map(([name]) => [
    name,
    `permit (principal, action == Action::"${name}", resource) when { ${name}(context.text) == (if context has again then context.again else 0) };`,
  ]),
);
let prepared = false;

/** Undefined where Cedar refuses the text; else whether it equals the value that we made of it. */
function askExtension(
  name: ExtensionFunction,
  text: string,
  value: Value | undefined,
): boolean | undefined {
  if (!prepared) wasm.preparsePolicySet(EXTENSION_SET, { staticPolicies: EXTENSION_POLICIES });
  prepared = true;
  const context = value === undefined ? { text } : { text, again: valueToJson(value) };
  const answer = wasm.statefulIsAuthorized({
    principal: { type: 'A', id: 'a' },
    action: { type: 'Action', id: name },
    resource: { type: 'A', id: 'a' },
    context: context as wasm.Context,
    entities: [],
    preparsedPolicySetId: EXTENSION_SET,
  });
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  if (answer.response.diagnostics.errors.length > 0) return undefined;
  return answer.response.decision === 'allow';
}

const ENTITY_WORDS = [
  ...['uid', 'attrs', 'parents', 'tags', 'type', 'id', '__entity', '__extn', '__expr', 'fn', 'arg'],
  ...['args', 'ip', 'decimal', 'datetime', 'duration', 'offset', 'contains', 'User', 'App::Doc'],
  ...['Action', 'App::Action', 'a b', 'User ', '__cedar', '1.0', '10.0.0.1', '2024-10-15', '1h'],
];

function takesEntities(text: string): boolean {
  const parsed = parseJson(text);
  if (!parsed.ok) return false;
  try {
    prepareEntities(entitiesFromJson(parsed.value));
    return true;
  } catch (error) {
    if (error instanceof CedarError) return false;
    throw error;
  }
}

const POLICY_JSON_WORDS = [
  ...[
    'effect',
    'permit',
    'forbid',
    'principal',
    'action',
    'resource',
    'conditions',
    'kind',
    'when',
  ],
  ...['body', 'op', 'All', '==', 'in', 'is', 'entity', 'entities', 'slot', '?principal', 'Value'],
  ...['Var', 'Slot', '!', 'neg', '&&', 'left', 'right', 'arg', 'has', 'attr', 'like', 'pattern'],
  ...['Wildcard', 'Literal', 'entity_type', 'if-then-else', 'if', 'then', 'else', 'Set', 'Record'],
  ...['ip', 'isIpv4', 'lessThan', 'contains', '__entity', '__extn', 'type', 'id', 'annotations'],
];

function somePolicyJson(dice: Dice): Json {
  const set = somePolicySet(dice);
  const { policy } = dice.pick(entriesOf({ ...set, policies: set.policies.slice(0, 3) }));
  return parseExact(stringifyJson(policyToJson(policy) as never));
}

function cedarTakesPolicyJson(text: string): boolean | undefined {
  const parsed = parseJson(text);
  const ours = parsed.ok ? policyFromJson(parsed.value) : undefined;
  // As with schemas, Cedar reads an array of values where an object stands.
  if (ours?.ok === false && /expected an object, found a list/.test(ours.errors[0]?.message ?? ''))
    return undefined;
  const policy = parseExact(text) as unknown as wasm.Policy;
  return [wasm.policyToText, wasm.templateToText].some((toText) => {
    try {
      const answer = toText(policy);
      // It prints what it could not read again, such as a call of a method that there is not.
      return answer.type === 'success' && wasm.policySetTextToParts(answer.text).type === 'success';
    } catch {
      return false;
    }
  });
}
