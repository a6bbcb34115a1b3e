import { policySetTextToParts } from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { formatParseError } from './error.ts';
import { parsePolicies } from './policy.ts';

const when = (expression: string): string =>
  `permit (principal, action, resource) when { ${expression} };`;

/** Each of these is a rule of the grammar or a check at the edge of one; Cedar says which side it is on. */
const EXPRESSIONS = [
  ...['!!!principal', '!!!!principal', '!!!!!principal', '! !true', '!-1', '-!1', '-principal'],
  ...['--1', '---1', '-----1', '-(1)', '- 1', '- -1', '1--1', '1+-1', '-1.foo', '-[1]', '-"a"'],
  ...['9223372036854775807', '9223372036854775808', '-9223372036854775808', '007'],
  ...['--9223372036854775808', '-9223372036854775809', '-(9223372036854775808)'],
  ...['18446744073709551616', '-9223372036854775808.foo', '00000000000000000000000001', '1.0'],
  ...['1*2*3*principal*context', '1/2', '1%2', '1 - 2 - 3', '1 + 2 * 3'],
  ...['Foo::principal', 'principal::"a"', 'A::B::"c"', 'A :: B :: "c"', 'if::"a"', 'a::if::"a"'],
  ...['principal is principal', 'principal is (User)', 'principal is "User"', 'principal is A::B'],
  ...['principal is if', 'principal is __cedar', 'principal is __cedar::String', '1 is A'],
  ...['principal is A in B::"a"', 'principal is A in B::"a" in c', 'principal is A::"b"'],
  ...['principal is A in B::"a" && true', 'principal is A == 1', '1 is A+1', '1 is A is B'],
  ...['__cedar::A::"x" == 1', 'a::__cedar::A::"x" == 1', 'principal.__cedar', '{__cedar:1}'],
  ...['principal has __cedar', 'principal has a.b', 'principal has principal.context'],
  ...['principal has "a"', 'principal has "a".b', 'principal has a["b"]', 'principal has (a)'],
  ...['principal has if', 'principal has is', 'principal has when', 'principal has a.if'],
  ...['principal has a::b', 'principal has a()', '1 has a+1', 'principal has a && true'],
  ...['principal has a has b', 'principal has in', 'principal has true', 'principal has 1'],
  ...['principal.is', 'principal.if', 'principal.when', 'principal["if"]', 'principal[("if")]'],
  ...['principal[0]', 'principal["a" ]', 'principal . a', 'principal\n.\na', '"a".b', '"a"["b"]'],
  ...['true.foo', 'true::foo == 1', '{}.a', '{"a":1}["a"]', '(principal).a', 'principal.'],
  ...['{a:1,}', '{a:1,"a":2}', '{a:1,a:2}', '{if:1}', '{(a):1}', '{("a"):1}', '{principal:1}'],
  ...['{A::b:1}', '{is:1}', '{,}', '{}', '{a}', '{a:}', '{1:1}', '{"\\u{61}":1,a:2}', '{"":1}'],
  ...['[1,]', '[,]', '[]', '[1 2]', '[1,,2]', '()', '(1,2)', '(1)', '((1))', '(1'],
  ...['ip("1",)', 'ip()', 'ip("1","2")', 'decimal()', 'principal.ip("a")', 'isIpv4(principal)'],
  ...['principal.isIpv4()', 'principal.isIpv4(1,2)', 'principal.lessThan()', 'offset(1)'],
  ...['principal.contains()', 'principal.contains(1,2)', 'principal.contains(1,)', 'contains(1)'],
  ...['principal.isEmpty(1)', 'principal.isEmpty()', 'principal.getTag()', 'principal.hasTag("a")'],
  ...['principal.containsAll(1)', 'principal.containsAny()', 'principal.isIpv4', 'principal.ip'],
  ...['foo(1)', 'principal.foo(1)', 'A::ip("a")', 'principal(1)', '(ip)("a")', 'ip', '[ip]'],
  ...['(principal.isIpv4)()', '"a"("b")', '"a".contains(1)', '1.contains(2)', 'true.isEmpty()'],
  ...['datetime("x").offset(duration("y"))', 'datetime("x").toDate()', 'error("x")', 'like("x")'],
  ...['unknown("x")', 'unknown()', 'principal.unknown("x")', 'partial("x")'],
  ...['1 < 2 < 3', '1 == 2 == 3', '1 in 2 in 3', '1 = 2', '1 < 2 == 3', '(1 < 2) == true'],
  ...['1 has a has b', '1 like "a" like "b"', '1 == 2 has a', '1 has a == 2', '1 + 2 has a'],
  ...['a', 'principle', '1 || if true then 1 else 2', 'if true then 1else 2', '1then', '1 2'],
  ...[
    'if 1 then 2',
    'if 1 then 2 else 3 || 4',
    '(if 1 then 2 else 3).a',
    'if',
    'then',
    '!if 1 then 2',
  ],
  ...[
    'principal like "a\\*b*"',
    'principal like ("a")',
    'principal like context',
    '1 like "a"+"b"',
  ],
  ...['1 like "\\x2a\\u{2a}"', '1 like "**"', '1 like ""', '1 like "\\x80"', '1 like "a\rb"'],
  ...['"\\*"', '"\\x7f"', '"\\x80"', '"\\x7"', '"\\x"', '"\\u{1_0}"', '"\\u{_10}"', '"\\u{1_}"'],
  ...['"\\u{d800}"', '"\\u{10ffff}"', '"\\u{110000}"', '"\\u{0000041}"', '"\\u{000041}"'],
  ...['"\\u{}"', '"\\u41"', '"\\u{41"', '"\\u"', '"\\U{41}"', '"\\\'"', '"\'"', '"\\""', "'a'"],
  ...['"a\nb"', '"a\rb"', '"a\r\nb"', '"a\tb"', '"a\\\nb"', '"a\\\rb"', '"\\b"', '"\\é"', '"\0"'],
  ...[
    '"\u2028"',
    '"😀"',
    '"\\😀"',
    '"',
    '"a',
    '?principal',
    '?other',
    '?',
    'principal == ?principal',
  ],
  ...['\u00a0true', '\ufefftrue', '\u0085true', '\u3000true', '\u180etrue', '\u200btrue'],
  ...[
    'true//x\n',
    'true//x\r&& true',
    'true//x\u2028&& true',
    'true /* */',
    'true / true',
    'tru//\ne',
  ],
  ...['User::{a:1}', 'User::', 'User::1', '::"a"', 'User:"a"', 'User::"a"::"b"', 'User::"a".b'],
  ...[
    '1 & 2',
    '1 | 2',
    '1 && 2 || 3',
    '~1',
    '#',
    '$a',
    'é',
    'a-b',
    'principal->a',
    'true;',
    'true}',
  ],
];

const scope = (principal: string, action = 'action', resource = 'resource'): string =>
  `permit (${principal}, ${action}, ${resource});`;
const POLICIES = [
  ...['principal', 'principal,', 'principal:User', 'principal is User', 'principal is (User)'],
  ...['principal == User::"a"', 'principal == (User::"a")', 'principal == ((?principal))'],
  ...['principal == ?principal', 'principal == ?resource', 'principal == ?other', 'principal in 1'],
  ...['principal in [User::"a"]', 'principal in []', 'principal is User in ?principal'],
  ...['principal is User == User::"a"', 'principal is User in [User::"a"]', 'principal is "User"'],
  ...['principal is ?principal', 'principal is User in principal', 'principal != User::"a"'],
  ...['principal = User::"a"', 'principal < User::"a"', 'principal has a', 'principal like "a"'],
  ...['principal in principal::"a"', 'principal in if::"a"', 'principal in a::__cedar::"a"'],
  ...['principal in Foo::principal', 'principal in "a"', 'principal in User', 'principal in'],
  ...['principal == User::"a" || true', 'principal == (User::"a" )', 'principal is', '"principal"'],
  ...[
    'principal is principal',
    'principal is A::B in C::D::"e"',
    'action',
    'resource',
    'context',
    '',
  ],
].map((principal) => scope(principal));
POLICIES.push(
  ...[
    ...[
      'action in []',
      'action in [Action::"a",]',
      'action in ([(Action::"a")])',
      'action in [[]]',
    ],
    ...[
      'action == [Action::"a"]',
      'action == User::"a"',
      'action in A::B::Action::"a"',
      'action in',
    ],
    ...['action in Action::B::"a"', 'action is Action', 'action == ?action', 'action in [?action]'],
    ...['action == ?principal', 'action in Action::"a"', 'action == (Action::"a")', 'action: A'],
    ...[
      'action in [Action::"a" Action::"b"]',
      'action in [Action::"a", User::"b"]',
      'action in [,]',
    ],
    ...['action in (Action::"a")', 'action in ([])', 'action != Action::"a"', 'action in [Action]'],
    ...['action in XAction::"a"', 'action in action::"a"', 'action in [Action::"a"],', 'action,'],
  ].map((action) => scope('principal', action)),
  ...[
    ...[
      'resource in ?resource',
      'resource == ?principal',
      'resource is T in ?resource',
      'principal',
    ],
    ...['resource,', 'resource, context', 'resource,,', 'resource == ?resource,', 'action', ''],
  ].map((resource) => scope('principal', 'action', resource)),
  ...[
    '@if',
    '@a("x") @a("y")',
    '@a @a',
    '@__cedar',
    '@a()',
    '@a("x",)',
    '@a("\\*")',
    '@a("\\n")',
  ].map((annotation) => `${annotation} ${scope('principal')}`),
  ...[
    ' @ a ( "x" ) ',
    '@a::b',
    '@a(b)',
    '@"a"',
    '@',
    '@a("x")@b("y")',
    '@1',
    '@a(1)',
    '@a\n("x")',
  ].map((annotation) => `${annotation} ${scope('principal')}`),
  ...['when {true} unless {false} when {1}', 'when {}', 'unless {}', 'advice {1}', 'when true'].map(
    (conditions) => `forbid (principal, action, resource) ${conditions};`,
  ),
  ...['when {1} and {2}', 'when {1},', 'when {1} when', 'when', '{1}', 'when {{}}', 'when (1)'].map(
    (conditions) => `forbid (principal, action, resource) ${conditions};`,
  ),
  ...['', ' ', '// hi', '\u0085', ';', 'permit', 'permit;', 'permit()', 'permit principal;', '@a'],
  ...['foo(principal,action,resource);', 'Permit(principal,action,resource);', '\0', '"a"', 'when'],
  `${scope('principal')};`,
  `${scope('principal')} x`,
  scope('principal').slice(0, -1),
  `${scope('principal')}${scope('principal == ?principal')}`,
  `${scope('principal')}\u2029${scope('foo')}`,
);

const texts = [...EXPRESSIONS.map(when), ...POLICIES];

describe('what Cedar accepts is accepted, and nothing else', () => {
  test.each(texts)('%j', (text) => {
    const parsed = parsePolicies(text);
    const said = parsed.ok ? 'accepted' : parsed.errors.map(formatParseError).join('\n');
    const cedar = policySetTextToParts(text);
    expect(parsed.ok, said).toBe(cedar.type === 'success');
  });
});
