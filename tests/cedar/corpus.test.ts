/** The reader of the corpus, since a suite over half of it would look just as green. */
import { describe, expect, test } from 'vitest';
import { corpus } from '../corpora.ts';
import { generatedTests, handwrittenTests } from './corpus.ts';
import { exactInteger, parseExact } from './exact-json.ts';

const folder = corpus('cedar');

describe.skipIf(!folder)("Cedar's corpus", () => {
  test('holds 7,809 generated tests with 62,472 requests, and no integer of them is rounded', () => {
    let tests = 0;
    let requests = 0;
    let valid = 0;
    let wide = 0;
    for (const { shouldValidate, requests: asked } of generatedTests(folder ?? '')) {
      tests++;
      requests += asked.length;
      if (shouldValidate) valid++;
      wide += asked.filter(({ context }) => /\b9223372036854775807\b/.test(context)).length;
    }
    expect({ tests, requests, valid }).toEqual({ tests: 7_809, requests: 62_472, valid: 6_190 });
    expect(wide).toBeGreaterThan(0);
  });

  test('holds 22 tests written by hand with 74 requests', () => {
    const tests = [...handwrittenTests(folder ?? '')];
    expect(tests).toHaveLength(22);
    expect(tests.reduce((sum, { requests }) => sum + requests.length, 0)).toBe(74);
  });
});

test('exact JSON keeps every digit of a Long', () => {
  const text = '{"a":[9007199254740993,-9223372036854775808,1],"__proto__":{"b":9007199254740993}}';
  expect(JSON.stringify(parseExact(text))).toBe(text);
  expect(JSON.stringify({ a: exactInteger(2n ** 63n - 1n) })).toBe('{"a":9223372036854775807}');
});
