import { describe, expect, test } from 'vitest';
import { formatParseError } from './error.ts';
import { ERRORS_MAX, NESTING_MAX, NODES_MAX, TREE_DEPTH_MAX } from './limits.ts';
import { parseExpr, parsePolicies } from './policy.ts';

const problems = (text: string, limits = {}): string[] => {
  const parsed = parsePolicies(text, limits);
  return parsed.ok ? [] : parsed.errors.map(formatParseError);
};
const problem = (expression: string): string =>
  problems(`permit (principal, action, resource)\nwhen { ${expression} };`).join('\n');

describe('an error says where, what was found, and what would be right', () => {
  test.each([
    ['principle.name == "a"', '2:8: there is no variable `principle` (did you mean `principal`?)'],
    ['context.a = 1', '2:18: expected an operator, found `=` (equality is written `==`)'],
    ['context.tags.contain("a")', '2:21: there is no method `contain` (did you mean `contains`?)'],
    ['Decimal("1.0") == 1', '2:8: there is no function `Decimal` (did you mean `decimal`?)'],
    ['isIpv4(context.ip)', '2:8: `isIpv4` is a method, not a function (write `value.isIpv4(…)`)'],
    [
      'context.a has in',
      '2:22: `in` is reserved (an attribute of that name is written `["in"]`, and `has "in"`)',
    ],
    [
      'principal is "User"',
      '2:21: expected an entity type, found "User" (a type is written without quotes)',
    ],
    ['if context.a then 1', '2:28: expected `else`, found `}` (every `if` needs its `else`)'],
    [
      '1 < 2 < 3',
      '2:14: comparisons cannot be chained (put one of them in parentheses, or join two with `&&`)',
    ],
    ['9223372036854775808 == 1', '2:8: the integer is above 9223372036854775807'],
    [
      'User::alice == principal',
      '2:20: expected `::` and an id in quotes, found `==` (an entity is `User::alice::"id"`)',
    ],
    ['"a" like b', '2:17: expected a pattern in quotes after `like`, found `b`'],
    ['"\\d" == "a"', '2:9: `\\d` is no escape (a backslash itself is written `\\\\`)'],
    ['"never closed };', '2:8: this string has no closing quote'],
    ['true && ;', '2:16: expected an expression, found `;`'],
    ['{ "a": 1, a: 2 }', '2:18: the record has `a` twice'],
    [
      'context.a and context.b',
      '2:18: expected an operator or `}`, found `and` (`and` is written `&&`)',
    ],
    [
      'context.a == null',
      '2:21: there is no variable `null` (Cedar has no null: `has` asks whether something is there)',
    ],
    [
      "context.a == 'b'",
      "2:21: expected an expression, found `'` (strings stand in double quotes)",
    ],
    ['context.a == 😀', '2:21: expected an expression, found U+1F600'],
    ['context.a == toString', '2:21: there is no variable `toString`'],
  ])('%s', (expression, expected) => {
    expect(problem(expression)).toBe(expected);
  });

  test.each([
    [
      'permitt (principal, action, resource);',
      '1:1: expected `permit` or `forbid`, found `permitt` (did you mean `permit`?)',
    ],
    [
      'permit (action, principal, resource);',
      '1:9: expected `principal`, found `action` (the order is principal, action, resource)',
    ],
    ['permit (principal, action);', '1:26: expected `,` and `resource`, found `)`'],
    [
      'permit (principal == ?resource, action, resource);',
      '1:22: expected an entity or `?principal`, found `?resource`',
    ],
    [
      'permit (principal, action, resource) wen { true };',
      '1:38: expected `when`, `unless` or `;`, found `wen` (did you mean `when`?)',
    ],
    [
      'permit (principal, action, resource)',
      '1:37: expected `;`, `when` or `unless`, found the end of the text (a policy ends with a semicolon)',
    ],
    [
      '@id("a") @id("b") permit (principal, action, resource);',
      '1:11: the annotation `@id` is there twice',
    ],
  ])('%s', (text, expected) => {
    expect(problems(text)).toEqual([expected]);
  });

  test('one text shows all that is wrong with it, policy by policy', () => {
    const text = [
      'permit (principal, action, resource) when { foo };',
      'forbid (principal, action, resource) when { a && b };',
      'permit (principal, action, resource) when { ( };',
      'permit (principal, action, resource);',
      'forbid (principal, action, resource',
    ].join('\n');
    expect(problems(text).map((error) => error.split(':', 2).join(':'))).toEqual([
      ...['1:45', '2:45', '2:50', '3:47', '5:36'],
    ]);
  });

  test('no policy is returned of a text with an error: the rest of a set allows more than all of it', () => {
    const parsed = parsePolicies('permit (principal, action, resource); forbid (principal);');
    expect(parsed.ok).toBe(false);
    expect('policies' in parsed).toBe(false);
  });

  test('places count lines and UTF-16 units, as editors do', () => {
    const parsed = parseExpr('"😀" ==\n\n  foo');
    expect(!parsed.ok && parsed.errors[0]).toMatchObject({
      line: 3,
      column: 3,
      start: 11,
      end: 14,
    });
  });

  test('half a surrogate pair is refused, since it has no bytes that could be hashed', () => {
    expect(problem('"\ud800" == "a"')).toBe('2:9: the text has half a surrogate pair');
  });
});

const nested = (depth: number): string => `${'('.repeat(depth)}1${')'.repeat(depth)}`;

describe('every limit is an error and never an overflow', () => {
  const takes = (text: string, limits = {}): boolean => parseExpr(text, limits).ok;

  test('nesting', () => {
    expect(takes(nested(NESTING_MAX - 1))).toBe(true);
    expect(takes(nested(NESTING_MAX))).toBe(false);
    const shapes = [
      '(',
      '[',
      '{a:',
      '!(',
      '-(',
      'if ',
      'if 1 then ',
      'ip(',
      'a.b(',
      '1 + (',
      'a[(',
    ];
    for (const shape of shapes) expect(takes(shape.repeat(100_000)), shape).toBe(false);
    expect(problems(`permit (principal == ${'('.repeat(100_000)}`)[0]).toMatch(/nested deeper/);
    expect(takes('((1))', { nestingMax: 3 })).toBe(true);
    expect(takes('((1))', { nestingMax: 2 })).toBe(false);
  });

  test('depth of the tree, which a chain has without any brackets', () => {
    const chain = (operators: number): string => `1${' + 1'.repeat(operators)}`;
    expect(takes(chain(TREE_DEPTH_MAX - 1))).toBe(true);
    expect(takes(chain(TREE_DEPTH_MAX))).toBe(false);
    expect(takes(`principal${'.a'.repeat(TREE_DEPTH_MAX - 1)}`)).toBe(true);
    expect(takes(`principal${'.a'.repeat(TREE_DEPTH_MAX)}`)).toBe(false);
    expect(takes(`principal${'.contains(1)'.repeat(1_000_000)}`)).toBe(false);
    expect(takes('1 + 1', { treeDepthMax: 2 })).toBe(true);
    expect(takes('1 + 1', { treeDepthMax: 1 })).toBe(false);
  });

  test('nodes', () => {
    const set = (size: number): string => `[${'1,'.repeat(size)}]`;
    expect(takes(set(NODES_MAX - 1))).toBe(true);
    expect(takes(set(NODES_MAX))).toBe(false);
    expect(takes(`principal has a${'.a'.repeat(NODES_MAX)}`)).toBe(false);
    expect(takes('[1, 1]', { nodesMax: 3 })).toBe(true);
    expect(takes('[1, 1]', { nodesMax: 2 })).toBe(false);
  });

  test('length, policies and errors', () => {
    expect(takes('1 + 1', { textLengthMax: 5 })).toBe(true);
    expect(takes('1 + 1', { textLengthMax: 4 })).toBe(false);
    const policy = 'permit (principal, action, resource);';
    expect(problems(policy.repeat(2), { policiesMax: 2 })).toEqual([]);
    expect(problems(policy.repeat(3), { policiesMax: 2 })).toEqual(['1:75: more than 2 policies']);
    expect(problems('permit;'.repeat(1_000))).toHaveLength(ERRORS_MAX);
    expect(problem(`${'a'.repeat(1_000_000)} == 1`).length).toBeLessThan(1_000);
  });

  test('limits are lowered and never raised', () => {
    expect(takes(nested(NESTING_MAX), { nestingMax: 1_000_000 })).toBe(false);
  });
});
