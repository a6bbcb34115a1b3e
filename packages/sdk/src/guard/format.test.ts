import { parsePolicies, printPolicies } from '@sealrail/cedar';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPolicyText } from './format.ts';

const formatted = (text: string): string => {
  const made = formatPolicyText(text);
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.text;
};
const meaning = (text: string): string => {
  const parsed = parsePolicies(text);
  return parsed.ok ? printPolicies(parsed.policies) : '';
};

const POLICY = `@id("a") @message("// no comment; here")
permit (principal is Agent in Group::"a\\"b", action in [Action::"x", Action::"y"], resource == T::"t")
when { context.a.b has c && [1, 2, -9223372036854775808].contains(3) } unless { if context.x then 1 < 2 else "é*" like "*\\*" };
forbid (principal, action, resource) when { !(context.n * 2 - 1 == 0 || ip("127.0.0.1").isLoopback()) };
`;

test('a layout says the same, keeps every comment, and is left alone the next time', () => {
  const spaces = [...POLICY.matchAll(/ /g)].length;
  fc.assert(
    fc.property(fc.array(fc.nat(spaces - 1), { maxLength: 6 }), (places) => {
      // In strings too: there it is no comment, and has to stay what it was.
      let at = -1;
      const text = POLICY.replace(/ /g, (space) =>
        places.includes(++at) ? ` // note ${at}\n` : space,
      );
      fc.pre(parsePolicies(text).ok);
      const once = formatted(text);
      expect(meaning(once)).toBe(meaning(text));
      for (const place of places) expect(once).toContain(`// note ${place}`);
      expect(formatted(once)).toBe(once);
    }),
  );
});

test('a text without a policy stays as it is', () => {
  for (const text of ['', '// nothing yet\n\n']) expect(formatted(text)).toBe(text);
});

test('everything that does not parse is said, and what Cedar could not bear is not handed to it', () => {
  expect(formatPolicyText('permit (principal, acton, resource);\nforbid (x);')).toMatchObject({
    ok: false,
    problems: [{ line: 1 }, { line: 2 }],
  });
  const deep = `permit (principal, action, resource) when { ${'('.repeat(300)}true${')'.repeat(300)} };`;
  expect(formatPolicyText(deep)).toMatchObject({ ok: false, problems: [{ line: 1 }] });
  expect(formatted('permit(principal,action,resource);')).toContain('permit (');
});
