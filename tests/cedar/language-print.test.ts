import { policyToJson as policyToCedarJson, templateToJson } from '@cedar-policy/cedar-wasm/nodejs';
import {
  type JsonPolicy,
  type Policy,
  parseExpr,
  parseJson,
  parsePolicies,
  policyFromJson,
  policyToJson,
  printExpr,
  printPolicies,
  printPolicy,
  slotsOf,
  stringifyJson,
} from '@sealrail/cedar';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expression, policyOrTemplate, treeOf } from './language-trees.ts';

function parseOne(text: string): Policy {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(`${JSON.stringify(parsed.errors)}\n${text}`);
  expect(parsed.policies).toHaveLength(1);
  return parsed.policies[0]!;
}

/** As cedar-wasm sees it, which rounds integers past 2^53. */
const rounded = (json: JsonPolicy): unknown => JSON.parse(stringifyJson(json));

describe('text and JSON carry a policy without changing it', () => {
  test('every tree prints as text that parses back to it', () => {
    fc.assert(
      fc.property(expression, (expr) => {
        const parsed = parseExpr(printExpr(expr));
        expect(parsed.ok ? treeOf(parsed.expr) : parsed.errors, printExpr(expr)).toEqual(
          treeOf(expr),
        );
      }),
      { numRuns: 5_000 },
    );
  });

  test('every policy and template comes back from its text and from its JSON', () => {
    fc.assert(
      fc.property(policyOrTemplate, (policy) => {
        expect(treeOf(parseOne(printPolicy(policy)))).toBe(treeOf(policy));
        const json = parseJson(stringifyJson(policyToJson(policy)));
        const back = policyFromJson(json.ok ? json.value : undefined);
        expect(back.ok ? sorted(back.policy) : back.errors).toEqual(sorted(policy));
      }),
      { numRuns: 1_500 },
    );
  });

  test('Cedar reads what is printed, and makes the same JSON of it', () => {
    fc.assert(
      fc.property(policyOrTemplate, (policy) => {
        const text = printPolicy(policy);
        const isTemplate = slotsOf(policy).length > 0;
        const cedar = isTemplate ? templateToJson(text) : policyToCedarJson(text);
        expect(cedar.type === 'success' ? cedar.json : cedar.errors, text).toEqual(
          rounded(policyToJson(policy)),
        );
      }),
      { numRuns: 1_500 },
    );
  });

  test('several policies are printed so that they are parsed as the same ones', () => {
    fc.assert(
      fc.property(fc.array(policyOrTemplate, { maxLength: 4 }), (policies) => {
        const parsed = parsePolicies(printPolicies(policies));
        expect(parsed.ok && parsed.policies.map(treeOf)).toEqual(policies.map(treeOf));
      }),
      { numRuns: 300 },
    );
  });
});

const nest = (before: string, after: string, times: number, core = '1'): string =>
  before.repeat(times) + core + after.repeat(times);

describe('the deepest and longest that the parser takes', () => {
  test.each([
    ['&&', `true${' && true'.repeat(999)}`],
    ['+ and -', `1${' + 1 - 2'.repeat(499)} == 1`],
    ['attributes', `context${'.a'.repeat(999)}`],
    ['methods', `[1]${'.contains(1)'.repeat(998)}`],
    ['signs', nest('!!!!(', ')', 199)],
    ['parentheses', nest('(1 + ', ')', 199)],
    ['sets', nest('[', ']', 199)],
    ['records', nest('{ a: ', ' }', 199)],
    ['if', nest('if true then ', ' else 0', 199)],
    ['chains inside of brackets', nest('(true && true || !(', '))', 99)],
  ])('%s come back from text and from JSON, and no stack overflows', (_, text) => {
    const policy = parseOne(`permit (principal, action, resource) when { ${text} };`);
    const printed = printPolicy(policy);
    expect(printPolicy(parseOne(printed))).toBe(printed);
    const json = parseJson(stringifyJson(policyToJson(policy)));
    const back = policyFromJson(json.ok ? json.value : json.errors);
    expect(back.ok ? printPolicy(back.policy) : back.errors).toBe(printed);
  });
});

/** Members of a record have no order in JSON, where whole numbers come first. */
function sorted(policy: Policy): string {
  return JSON.stringify(JSON.parse(treeOf(policy)), (key, value: unknown) =>
    (key === 'members' || key === 'annotations') && Array.isArray(value)
      ? [...value].sort(([a], [b]) => (a < b ? -1 : 1))
      : value,
  );
}
