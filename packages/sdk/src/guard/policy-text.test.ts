import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { corpus } from '../../../../tests/corpora.ts';
import {
  asPermit,
  fromByteOffset,
  normalizePolicy,
  type PolicyText,
  positionAt,
  splitPolicies,
} from './policy-text.ts';

const TRICKY = `// forbid (principal, action, resource);
@id("a;b") @note("permit \\" forbid;") // ;
permit (principal, action, resource) when { "; forbid (" == "//" };
@forbid @permit("x")
forbid(principal,action,resource)unless{1<=2&&context.a like"*\\*;"};`;

const each = (text: string): [PolicyText, string][] =>
  (splitPolicies(text) ?? []).map((at) => [at, text.slice(at.start, at.end)]);
const meaning = (text: string) => {
  const answer = policyToJson(text);
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.json;
};

describe('telling policies apart', () => {
  test('strings, comments and annotations that look like policies are none', () => {
    const found = each(TRICKY);
    expect(found.map(([{ effect }]) => effect)).toEqual(['permit', 'forbid']);
    for (const [{ effect }, text] of found) expect(meaning(text).effect).toBe(effect);
  });

  test.each([
    ['a policy without an end', 'permit (principal, action, resource)'],
    ['something else than a policy', 'deny (principal, action, resource);'],
    ['nothing before the end', ';'],
  ])('%s is not told apart', (_name, text) => {
    expect(splitPolicies(text)).toBeUndefined();
  });

  test('the other effect keeps everything else', () => {
    for (const [at, text] of each(TRICKY)) {
      expect(meaning(asPermit(text, at))).toEqual({ ...meaning(text), effect: 'permit' });
    }
  });

  test('layout and comments do not change the normal form, strings do', () => {
    const a = 'permit(principal,action,resource)when{"a b"==context.x};';
    const b = '// why\npermit ( principal , action,\n\tresource ) when { "a b" == context.x } ;';
    expect(normalizePolicy(b)).toBe(normalizePolicy(a));
    expect(normalizePolicy(a.replace('a b', 'a  b'))).not.toBe(normalizePolicy(a));
    expect(normalizePolicy(normalizePolicy(a))).toBe(normalizePolicy(a));
  });

  test('positions are told in characters, from offsets in bytes', () => {
    const text = '// 😀é\nab';
    const offset = fromByteOffset(text, Buffer.byteLength('// 😀é\na'));
    expect(positionAt(text, offset)).toEqual({ line: 2, column: 2 });
    expect(positionAt(text, text.indexOf('é'))).toEqual({ line: 1, column: 5 });
  });
});

describe.skipIf(!corpus('cedar'))('over Cedar’s own example policies', () => {
  const files = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.cedar'))
      .map((name) => readFileSync(join(folder, name), 'utf8'));

  test('the same policies are found, and the normal form means the same', () => {
    const texts = files(join(corpus('cedar') ?? '', 'tests'));
    expect(texts.length).toBeGreaterThan(5);
    for (const text of texts) {
      const parts = policySetTextToParts(text);
      if (parts.type === 'failure') continue;
      const split = each(text);
      expect(split).toHaveLength(parts.policies.length + parts.policy_templates.length);
      for (const [at, one] of split) {
        if (/\?(principal|resource)/.test(one)) continue;
        expect(meaning(one).effect).toBe(at.effect);
        expect(meaning(normalizePolicy(one))).toEqual(meaning(one));
      }
    }
  });
});
