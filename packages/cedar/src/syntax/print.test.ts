import { describe, expect, test } from 'vitest';
import { EntityUid } from '../value.ts';
import { linkTemplate, slotsOf } from './link.ts';
import { parseExpr, parsePolicies } from './policy.ts';
import { printPolicies, printPolicy } from './print.ts';
import { printExpr } from './print-expression.ts';

const reprint = (text: string): string => {
  const parsed = parseExpr(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]!.message);
  return printExpr(parsed.expr);
};
const reprintPolicy = (text: string): string => {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]!.message);
  return printPolicies(parsed.policies);
};

describe('the canonical text', () => {
  test.each([
    ['((a.b))', 'principal.b'],
    ['(1 + 2) + 3', '1 + 2 + 3'],
    ['1 + (2 + 3)', '1 + (2 + 3)'],
    ['(1 * 2) + 3', '1 * 2 + 3'],
    ['(1 + 2) * 3', '(1 + 2) * 3'],
    ['(1 == 1) == true', '(1 == 1) == true'],
    ['(true && false) || true', 'true && false || true'],
    ['true && (false || true)', 'true && (false || true)'],
    ['!(true)', '!true'],
    ['!(principal.b)', '!principal.b'],
    ['!(1 == 2)', '!(1 == 2)'],
    ['!(-1)', '!(-1)'],
    ['-(1)', '-(1)'],
    ['(-1)["a"]', '(-1).a'],
    ['(if true then 1 else 2) + 1', '(if true then 1 else 2) + 1'],
    [
      'if (true) then (1) else (if true then 2 else 3)',
      'if true then 1 else if true then 2 else 3',
    ],
    ['principal["a"]["b c"]["if"]', 'principal.a["b c"]["if"]'],
    ['{"a": 1, "b c": 2,}', '{ a: 1, "b c": 2 }'],
    ['principal has "a"', 'principal has a'],
    ['principal has "b c"', 'principal has "b c"'],
    ['"\\u{41}\\x42\\u{202e}" like "*\\**"', '"AB\\u{202e}" like "*\\**"'],
    ['ip( "1.1.1.1", ).isInRange(ip("1.0.0.0/8"))', 'ip("1.1.1.1").isInRange(ip("1.0.0.0/8"))'],
  ])('%s', (text, expected) => {
    expect(reprint(text.replaceAll(/\ba\.b\b/g, 'principal.b'))).toBe(expected);
  });

  test('has the policy on few lines, and a long condition on one a term', () => {
    const text = `@id("a")@flag forbid(principal is User in Group::"g",action in [Action::"a",Action::"b"],resource)
      when{principal.first=="xxxxxxxxxxxxxxxxxxxxxxxxxxxxx"&&(principal.second||principal.third)&&resource.fourth=="yyyyyyyyy"}
      unless { context.a };permit(principal,action in[Action::"a"],resource==R::"r");`;
    expect(reprintPolicy(text)).toBe(`@id("a")
@flag
forbid (principal is User in Group::"g", action in [Action::"a", Action::"b"], resource)
when {
  principal.first == "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx" &&
  (principal.second || principal.third) &&
  resource.fourth == "yyyyyyyyy"
}
unless { context.a };

permit (principal, action in Action::"a", resource == R::"r");
`);
    expect(reprintPolicy(reprintPolicy(text))).toBe(reprintPolicy(text));
    expect(reprintPolicy('')).toBe('');
  });
});

describe('a template', () => {
  const alice = new EntityUid('User', 'alice');
  const photo = new EntityUid('Photo', 'p');
  const read = (text: string) => {
    const parsed = parsePolicies(text);
    if (!parsed.ok) throw new Error(parsed.errors[0]!.message);
    return parsed.policies[0]!;
  };
  const both = read('permit (principal is User in ?principal, action, resource == ?resource);');
  const link = (values: object, template = both) => {
    const linked = linkTemplate(template, values);
    return linked.ok ? printPolicy(linked.policy) : linked.message;
  };

  test('is a policy once an entity stands in each slot', () => {
    expect(slotsOf(both)).toEqual(['?principal', '?resource']);
    expect(link({ '?principal': alice, '?resource': photo })).toBe(
      'permit (principal is User in User::"alice", action, resource == Photo::"p");',
    );
  });

  test('is none while a slot is open, and takes nothing for a slot that it does not have', () => {
    expect(link({ '?principal': alice })).toBe('no entity for ?resource');
    expect(link({})).toBe('no entity for ?principal, ?resource');
    const half = read('permit (principal in ?principal, action, resource);');
    expect(link({ '?principal': alice, '?resource': photo }, half)).toBe(
      'the template has no ?resource',
    );
    expect(link({ '?principal': alice }, read('permit (principal, action, resource);'))).toBe(
      'this is a policy and no template: it has no slots',
    );
  });
});
