/** What an answer holds, and what a set of policies holds on to. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { prepareEntities } from '../entities/entities.ts';
import { parseExpr, parsePolicies } from '../syntax/policy.ts';
import { EntityUid, type Request, type Value } from '../value.ts';
import { authorize, compileExpr, compilePolicies } from './authorize.ts';
import { CedarError } from './error.ts';

const user = new EntityUid('User', 'ann');
const asking = (context: Record<string, Value> = {}): Request => ({
  principal: user,
  action: new EntityUid('Action', 'read'),
  resource: new EntityUid('Doc', 'secret-name'),
  context,
});
const none = prepareEntities([]);

function compile(text: string, ids?: readonly string[]) {
  const parsed = parsePolicies(text);
  if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
  return compilePolicies(
    parsed.policies.map((policy, at) => ({ id: ids?.[at] ?? `p${at}`, policy })),
  );
}

describe('an answer', () => {
  test('names all satisfied permits and all satisfied forbids in the order of the set', () => {
    const texts = Array.from({ length: 120 }, (_, at) => {
      const effect = at % 2 ? 'permit' : 'forbid';
      const scope = at % 3 ? 'principal' : 'principal == User::"ann"';
      return `${effect}(${scope}, action, resource) when { context.n >= ${at % 7} };`;
    });
    const answer = authorize(compile(texts.join('\n')), asking({ n: 3 }), none);
    const holding = texts.map((_, at) => at).filter((at) => at % 7 <= 3);
    expect(answer.decision).toBe('deny');
    expect(answer.permits).toEqual(holding.filter((at) => at % 2).map((at) => `p${at}`));
    expect(answer.forbids).toEqual(holding.filter((at) => !(at % 2)).map((at) => `p${at}`));
    expect(answer.errors).toEqual([]);
  });

  test('is deny without a permit, and a policy that errs counts as not satisfied', () => {
    expect(authorize(compile(''), asking(), none)).toEqual({
      decision: 'deny',
      permits: [],
      forbids: [],
      errors: [],
    });
    const answer = authorize(
      compile(
        'permit(principal,action,resource); forbid(principal,action,resource) when {context.x};',
      ),
      asking(),
      none,
    );
    expect(answer).toEqual({
      decision: 'allow',
      permits: ['p0'],
      forbids: [],
      errors: [{ policy: 'p1', message: 'context has no attribute `x`' }],
    });
  });

  test('says of an error what happened and where, and no value of the request', () => {
    const conditions: readonly (readonly [string, RegExp])[] = [
      ['context.a.b.c == 1', /context\.a.*no attribute `b`/],
      ['resource.owner == 1', /resource .*type Doc .*does not exist.*`owner`/],
      ['context.s > 3', /`>` takes a long, datetime or duration, not a value of type string/],
      ['context.s.contains("x")', /`contains` on context\.s takes a set, .*string/],
      ['context.s in Doc::"x"', /`in` on context\.s takes an entity, .*string/],
      ['context.n like "*"', /`like` on context\.n takes a string, .*long/],
      ['context.n && true', /takes a bool, .*long/],
      ['context.n + 9223372036854775807 > 1', /`\+` overflows/],
      ['ip(context.s).isIpv4()', /`ip`: the text is no IP address/],
      ['principal.getTag("t") == 1', /`getTag` on principal: .*User does not exist/],
    ];
    for (const [condition, message] of conditions) {
      const set = compile(`permit(principal, action, resource) when { ${condition} };`);
      const answer = authorize(set, asking({ s: 'secret', n: 424242, a: { z: 1 } }), none);
      expect(answer.errors[0]?.message).toMatch(message);
      expect(answer.errors[0]?.message).not.toMatch(/secret|424242/);
    }
  });

  test('is the same for every request, whatever was asked between', () => {
    const set = compile('permit(principal,action,resource) when { context.n > 1 };');
    const first = authorize(set, asking({ n: 2 }), none);
    authorize(set, asking({ n: 0 }), none);
    authorize(set, asking(), none);
    expect(authorize(set, asking({ n: 2 }), none)).toEqual(first);
  });
});

describe('a set of policies', () => {
  test('refuses one id for two policies, and a template', () => {
    const two = 'permit(principal,action,resource);'.repeat(2);
    expect(() => compile(two, ['same', 'same'])).toThrow(CedarError);
    expect(() => compile('permit(principal == ?principal, action, resource);')).toThrow(/linked/);
  });

  test('that is no longer used is freed, after it has answered', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const text = Array.from(
      { length: 50 },
      (_, at) =>
        `permit(principal in Group::"g${at}", action, resource) when { context.n > ${at} };`,
    ).join('\n');
    const entities = prepareEntities([
      { uid: user, parents: [new EntityUid('Group', 'g1')], attrs: {} },
    ]);
    const kept = compile(text);
    const sets = Array.from({ length: 20 }, () => {
      const set = compile(text);
      authorize(set, asking({ n: 9 }), entities);
      return new WeakRef(set.root);
    });
    authorize(kept, asking({ n: 9 }), entities);
    // A WeakRef holds its target until the turn ends in which it was made.
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
    expect(sets.filter((set) => set.deref() !== undefined)).toEqual([]);
    expect(authorize(kept, asking({ n: 9 }), entities).permits).toEqual(['p1']);
  });
});

test('an expression that stands alone gives its value or why it has none', () => {
  const evaluate = (text: string, context: Record<string, Value>) => {
    const parsed = parseExpr(text);
    if (!parsed.ok) throw new Error(parsed.errors[0]?.message);
    return compileExpr(parsed.expr)(asking(context), none);
  };
  expect(evaluate('context.rows * 2', { rows: 21 })).toEqual({ value: 42 });
  expect(evaluate('context.rows * 2', {})).toEqual({ error: 'context has no attribute `rows`' });
  expect(evaluate('"a"', {})).toEqual({ value: 'a' });
});
