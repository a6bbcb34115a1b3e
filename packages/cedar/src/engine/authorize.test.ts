/** The evaluator, each case decided by Cedar's own engine too. */
import {
  type CedarValueJson,
  type EntityJson,
  isAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import { describe, expect, test } from 'vitest';
import { prepareEntities } from '../entities/entities.ts';
import { entitiesFromJson, recordFromJson } from '../entities/from-json.ts';
import type { Json } from '../json/json.ts';
import { parsePolicies } from '../syntax/policy.ts';
import { EntityUid } from '../value.ts';
import { authorize, compilePolicies } from './authorize.ts';

const uid = (type: string, id: string) => ({ type, id });
const entities: EntityJson[] = [
  {
    uid: uid('User', 'ann'),
    attrs: {
      age: 41,
      name: 'Ann',
      boss: { __entity: uid('User', 'bob') },
      ghost: { __entity: uid('User', 'nobody') },
      roles: ['dev', 'ops'],
      address: { city: 'Rome', zip: { code: 7 } },
      constructor: 'own',
    },
    parents: [uid('Group', 'dev')],
    tags: { team: 'red', level: 3 },
  },
  { uid: uid('User', 'bob'), attrs: { age: 60 }, parents: [] },
  { uid: uid('Group', 'dev'), attrs: {}, parents: [uid('Group', 'all'), uid('Group', 'lost')] },
  { uid: uid('Group', 'all'), attrs: {}, parents: [] },
  { uid: uid('Doc', 'd'), attrs: { owner: { __entity: uid('User', 'ann') } }, parents: [] },
];
const context: Record<string, CedarValueJson> = {
  n: 5,
  max: 9007199254740991,
  s: 'a*b',
  set: [1, 2, 2, 'x', { a: 1 }],
  rec: { a: { b: true }, 'odd name': 1 },
  ip: { __extn: { fn: 'ip', arg: '10.1.0.0/16' } },
  at: { __extn: { fn: 'datetime', arg: '2026-01-02' } },
  user: { __entity: uid('User', 'ann') },
};

/** Condition by condition: whether it holds, or that it errs. */
function ours(condition: string): string {
  const parsed = parsePolicies(`permit(principal, action, resource) when { ${condition} };`);
  if (!parsed.ok) return `parse: ${parsed.errors[0]?.message}`;
  const compiled = compilePolicies(parsed.policies.map((policy) => ({ id: 'p', policy })));
  const request = {
    principal: new EntityUid('User', 'ann'),
    action: new EntityUid('Action', 'read'),
    resource: new EntityUid('Doc', 'd'),
    context: recordFromJson(context as Json),
  };
  const answer = authorize(
    compiled,
    request,
    prepareEntities(entitiesFromJson(entities as unknown as Json)),
  );
  return answer.errors.length > 0 ? 'error' : answer.decision;
}

function theirs(condition: string): string {
  const answer = isAuthorized({
    principal: uid('User', 'ann'),
    action: uid('Action', 'read'),
    resource: uid('Doc', 'd'),
    context,
    policies: {
      staticPolicies: { p: `permit(principal, action, resource) when { ${condition} };` },
    },
    entities,
  });
  if (answer.type === 'failure') return `failure: ${answer.errors[0]?.message}`;
  return answer.response.diagnostics.errors.length > 0 ? 'error' : answer.response.decision;
}

const conditions = `
true
1
"x"
!true
!1
!(1 == 1)
-context.n == -5
-(-9223372036854775808) == 1
9223372036854775807 + 1 == 1
9223372036854775807 - 1 + 1 == 9223372036854775807
-9223372036854775808 - 1 == 0
3037000500 * 3037000500 == 1
3037000499 * 3037000499 == 9223372030926249001
context.max + 1 == 9007199254740992
context.max + 1 - 1 == context.max
context.n * -1 == -5
context.n + "x" == 1
context.n < 6 && context.n <= 5 && context.n > 4 && context.n >= 5
context.n < "6"
"a" < "b"
true < false
context.s == 5
context.s == "a*b"
context.s != "a*b"
context.rec == {"a": {"b": true}, "odd name": 1}
context.rec == {"a": {"b": true}}
context.rec["odd name"] == 1
context.set == [{"a": 1}, "x", 2, 1]
context.set == [1, 2, "x"]
[1, [2, 3], [3, 2, 2]] == [[2, 3], 1]
[] == []
context.nope == 1
context.nope == context.nope
context has nope
context has n && context.n == 5
context has rec.a.b
context has rec.a.c
context has rec.x.y
context has n.x
context.n has x
context.s has x
context.set has x
[] has x
principal has age
principal has nope
principal has boss.age
principal has ghost.age
principal has address.zip.code
principal has constructor
context has constructor
context has toString
context has __proto__
principal.constructor == "own"
context.constructor == 1
principal.ghost has age
principal.ghost.age == 1
principal.boss.age == 60
principal.nope == 1
User::"nobody".age == 1
User::"bob".age == 60
principal.address.zip.code == 7
principal.address.zip.code.x == 1
principal.age.x == 1
principal in Group::"dev"
principal in Group::"all"
principal in Group::"lost"
principal in Group::"nope"
principal in principal
principal in User::"bob"
principal in [Group::"nope", Group::"all"]
principal in []
principal in [Group::"all", 1]
principal in [1, Group::"all"]
principal in 1
principal in {}
1 in principal
1 in []
"x" in ["x"]
User::"nobody" in User::"nobody"
User::"nobody" in Group::"dev"
context.user in Group::"all"
resource.owner in Group::"all"
principal in [resource, Group::"all"]
principal in context.set
principal is User
principal is Group
principal is User in Group::"all"
principal is Group in 1
principal is User in 1
1 is User
context.s like "a*b"
context.s like "a\\*b"
context.s like "*"
context.s like ""
context.n like "*"
"aXbXc" like "a*b*c"
"abab" like "*ab"
"ab" like "ab*ab"
"" like "*"
"a" like "**a**"
context.set.contains(2)
context.set.contains({"a": 1})
context.set.contains({"a": 2})
context.set.contains(context.nope)
context.s.contains("a")
[1, 2].contains(2)
[1, 2].contains("2")
[principal].contains(User::"ann")
[ip("10.0.0.1")].contains(ip("10.0.0.1/32"))
context.set.containsAll([1, 2])
context.set.containsAll([])
context.set.containsAll([1, 3])
context.set.containsAll(1)
context.set.containsAny([7, "x"])
context.set.containsAny([])
1.containsAny([1])
[].containsAll([])
[].isEmpty()
context.set.isEmpty()
context.n.isEmpty()
principal.hasTag("team") && principal.getTag("team") == "red"
principal.hasTag("nope")
principal.hasTag("constructor")
principal.getTag("nope") == 1
principal.getTag(1) == 1
principal.hasTag(1)
User::"nobody".hasTag("x")
User::"nobody".getTag("x") == 1
1.hasTag("x")
context.rec.hasTag("x")
false && 1
true && 1
1 && true
true || 1
false || 1
1 || true
false && context.nope
true || context.nope
context.nope || true
context.nope && false
true && true && false && context.nope
false || false || true || context.nope
true && (true && (1 == 1))
if true then true else context.nope
if false then context.nope else true
if 1 then true else true
if true then 1 else true
(if context.n == 5 then 1 else 2) == 1
if false then false else if context.n == 5 then true else context.nope
context.ip.isInRange(ip("10.0.0.0/8"))
context.ip.isInRange(ip("10.1.0.0/17"))
context.ip.isIpv4() && !context.ip.isIpv6()
ip("127.0.0.1").isLoopback() && ip("::1").isLoopback()
ip("127.0.0.0/8").isLoopback()
ip("127.0.0.0/7").isLoopback()
ip("::1/127").isLoopback()
ip("::1/0").isLoopback()
ip("::/127").isLoopback()
ip("224.0.0.0/4").isMulticast() && !ip("224.0.0.0/3").isMulticast()
ip("ff00::/8").isMulticast() && !ip("ff00::/7").isMulticast()
ip("10.0.0.1/24") == ip("10.0.0.2/24")
ip("::ffff:a00:1").isInRange(ip("10.0.0.0/8"))
ip("10.0.0.1") < ip("10.0.0.2")
ip(context.s) == ip("1.1.1.1")
ip(context.n) == ip("1.1.1.1")
ip(if context.n == 5 then "1.1.1.1" else "x") == ip("1.1.1.1")
ip("1.1.1.1", "x") == 1
ip() == 1
context.s.isIpv4()
decimal("1.5").lessThan(decimal("1.50"))
decimal("1.5").lessThanOrEqual(decimal("1.50"))
decimal("-0.5").greaterThan(decimal("-0.51"))
decimal("1.0").greaterThanOrEqual(decimal("1.0001"))
decimal("1.0").lessThan(decimal("1.0"), decimal("1.0"))
decimal("1.0").lessThan()
decimal("1.0").lessThan(1)
decimal("1.0") < decimal("2.0")
decimal("1.0") == decimal("1.0000")
decimal("1.0") == 1
context.at < datetime("2026-01-02T00:00:00.001Z")
context.at <= datetime("2026-01-02T01:00:00+0100")
context.at < duration("1d")
context.at < 5
duration("1d") > duration("23h59m")
duration("1d") == duration("24h")
duration("1d") == datetime("1970-01-02")
context.at.offset(duration("-1d")) == datetime("2026-01-01")
context.at.offset(1) == 1
context.at.durationSince(datetime("2026-01-01")) == duration("1d")
datetime("1969-12-31T23:00:00Z").toTime() == duration("23h")
datetime("1969-12-31T23:00:00Z").toDate() == datetime("1969-12-31")
datetime("1970-01-01").offset(duration("-9223372036854775808ms")).toDate() == 1
datetime("1970-01-01").offset(duration("9223372036854775807ms")).toTime() == duration("7h12m55s807ms")
datetime("1970-01-02").offset(duration("9223372036854775807ms")) == 1
datetime("1970-01-01").offset(duration("-9223372036854775808ms")).durationSince(datetime("1970-01-02")) == 1
duration("-1h1m1s1ms").toHours() == -1 && duration("-59m59s").toHours() == 0
duration("-1500ms").toSeconds() == -1
duration("9223372036854775807ms").toDays() == 106751991167
duration("-9223372036854775808ms").toMilliseconds() == -9223372036854775808
duration("-9223372036854775808ms").toSeconds() == -9223372036854775
`
  .split('\n')
  .filter((line) => line !== '');

describe('a condition is decided as Cedar decides it', () => {
  test.each(conditions)('%s', (condition) => {
    expect(ours(condition)).toBe(theirs(condition));
  });
});
