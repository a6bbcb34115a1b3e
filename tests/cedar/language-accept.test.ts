/** Near misses: a policy of the grammar with one or two tokens wrong is what people write. */
import { policySetTextToParts } from '@cedar-policy/cedar-wasm/nodejs';
import { formatParseError, parsePolicies, printPolicies } from '@sealrail/cedar';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policyOrTemplate } from './language-trees.ts';

const TOKENS = [
  ...['permit', 'forbid', 'when', 'unless', 'principal', 'action', 'resource', 'context', 'User'],
  ...['if', 'then', 'else', 'in', 'is', 'has', 'like', 'true', 'false', '__cedar', 'unless', 'a'],
  ...['?principal', '?resource', '?other', '?', '@', '.', ',', ';', ':', '::', '(', ')', '{', '}'],
  ...['[', ']', '==', '!=', '<', '<=', '>=', '>', '||', '&&', '+', '-', '*', '/', '%', '!', '='],
  ...['|', '&', '0', '1', '007', '9223372036854775807', '9223372036854775808', '"a"', '"\\*"'],
  ...['18446744073709551615', '18446744073709551616', '"\\u{1F600}"', '"\\u{d800}"', '"', '\\'],
  ...['contains', 'isEmpty', 'ip', 'isIpv4', 'getTag', 'foo', '//', '// x\n', '/* x */', '#', '\0'],
  ...['"\\x7f"', '"\\x80"', '"\r"', '"\n"', "'a'", 'é', '\ufeff', '\u0085', '\u00a0', 'Action'],
];
const BLANKS = [
  '',
  '',
  ' ',
  ' ',
  '\n',
  '\t',
  '\r\n',
  '\u0085',
  '\u2028',
  '\u3000',
  '// ;}"\n',
  '\v',
];

const SPLIT = /"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|\d+|\?\w+|::|==|!=|<=|>=|\|\||&&|[^\s]/gu;

interface Edit {
  readonly kind: 'drop' | 'double' | 'swap' | 'replace' | 'insert';
  readonly at: number;
  readonly token: string;
}
const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('drop', 'double', 'swap', 'replace', 'insert'),
  at: fc.nat(),
  token: fc.constantFrom(...TOKENS),
});

function applyEdit(tokens: readonly string[], { kind, at, token }: Edit): readonly string[] {
  const index = at % Math.max(1, tokens.length);
  const here = tokens[index] ?? '';
  const next = tokens[index + 1] ?? '';
  switch (kind) {
    case 'drop':
      return tokens.toSpliced(index, 1);
    case 'double':
      return tokens.toSpliced(index, 0, here);
    case 'swap':
      return tokens.toSpliced(index, 2, next, here);
    case 'replace':
      return tokens.toSpliced(index, 1, token);
    case 'insert':
      return tokens.toSpliced(index, 0, token);
  }
}

const texts = fc
  .record({
    policies: fc.array(policyOrTemplate, { minLength: 1, maxLength: 2 }),
    edits: fc.array(edit, { maxLength: 2 }),
    blanks: fc.array(fc.constantFrom(...BLANKS), { minLength: 1, maxLength: 20 }),
  })
  .map(({ policies, edits, blanks }) => {
    const tokens = edits.reduce(applyEdit, printPolicies(policies).match(SPLIT) ?? []);
    return tokens
      .map((token, index) => {
        const blank = blanks[index % blanks.length] ?? '';
        // Two words without a blank between them would be one.
        const isGlued = blank === '' && /\w$/.test(token) && /^\w/.test(tokens[index + 1] ?? '');
        return `${token}${isGlued ? ' ' : blank}`;
      })
      .join('');
  });

test('a policy with a wrong token is refused exactly when Cedar refuses it', () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const parsed = parsePolicies(text);
      const said = parsed.ok ? 'accepted' : parsed.errors.map(formatParseError).join('\n');
      expect(parsed.ok, `${text}\n${said}`).toBe(policySetTextToParts(text).type === 'success');
      if (parsed.ok) accepted++;
      else refused++;
    }),
    { numRuns: Number(process.env.SEALRAIL_RUNS ?? 3_000) },
  );
  // Neither side may be empty, or nothing was compared.
  expect(Math.min(accepted, refused)).toBeGreaterThan(100);
});
