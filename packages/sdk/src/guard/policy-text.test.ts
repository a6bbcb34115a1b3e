import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePolicies, printPolicies } from '@sealrail/cedar';
import { describe, expect, test } from 'vitest';
import { corpus } from '../../../../tests/corpora.ts';
import { fromByteOffset, normalizePolicy, positionAt } from './policy-text.ts';

describe('the text of a policy', () => {
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

  test('the normal form means the same', () => {
    const texts = files(join(corpus('cedar') ?? '', 'tests'));
    expect(texts.length).toBeGreaterThan(5);
    const meaning = (text: string): string | undefined => {
      const parsed = parsePolicies(text);
      return parsed.ok ? printPolicies(parsed.policies) : undefined;
    };
    for (const text of texts) expect(meaning(normalizePolicy(text))).toBe(meaning(text));
  });
});
